// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The drivers' models: the very files that the modules compile. The tool asks them what a program has to hear.

#![no_std]

/// As in a module, where this is source that is compiled with it.
mod lib {
    pub(crate) use super::shared as model;
}

#[path = "../../../drivers/lib/model/mod.rs"]
pub mod shared;

#[path = "../../../drivers/netdrv/model/mod.rs"]
pub mod netdrv;

#[path = "../../../drivers/snd-minivosc/model/mod.rs"]
pub mod snd_minivosc;

#[path = "../../../drivers/virtio-loopback/model/mod.rs"]
pub mod virtio_loopback;
