// SPDX-License-Identifier: MIT OR Apache-2.0

//! Drivers of PCI devices.

use super::family::Family;

mod bench;
mod pcie_edu;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "pci",
    about: "PCI devices",
    drivers: &[pcie_edu::ENTRY],
    has_cards: false,
    bench: Some(bench::command),
};
