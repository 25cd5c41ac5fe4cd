// SPDX-License-Identifier: GPL-2.0-only

//! The driver's files that need no kernel, for tests on the host.

#![no_std]

/// As in the module, where this is source that is compiled with it.
mod lib {
    pub(crate) use driver_model as model;
}

#[path = "../model/mod.rs"]
mod model;

pub use model::*;
