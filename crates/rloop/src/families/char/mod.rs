// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of character devices.

use super::family::Family;

mod bench;
mod circbuf;
mod ready;
mod sad;
mod signals;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "char",
    about: "character devices",
    drivers: &[sad::ENTRY, circbuf::ENTRY],
    has_cards: false,
    bench: Some(bench::command),
};
