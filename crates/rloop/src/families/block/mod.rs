// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of block devices.

use super::family::Family;

mod bench;
mod vblk;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "block",
    about: "disks",
    drivers: &[vblk::ENTRY],
    has_cards: false,
    bench: Some(bench::command),
};
