// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of network devices.

use super::family::Family;

mod bench;
mod netdrv;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "net",
    about: "network devices",
    drivers: &[netdrv::ENTRY],
    has_cards: false,
    bench: Some(bench::command),
};
