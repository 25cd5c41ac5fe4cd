// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers that are the kernel's end of a virtio device.

use super::family::Family;

mod bench;
mod virtio_loopback;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "virtio",
    about: "virtio devices whose other end is a program",
    drivers: &[virtio_loopback::ENTRY],
    has_cards: false,
    bench: Some(bench::command),
};
