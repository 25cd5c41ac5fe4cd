// SPDX-License-Identifier: GPL-2.0-only

//! pcie-edu: a driver of QEMU's teaching device edu, and of the whole life of a PCI device.
//!
//! See `docs/using/pcie-edu.md`.

use kernel::prelude::*;

mod device;
mod edu;
mod faults;
mod file;
mod job;
#[path = "../../lib/mod.rs"]
mod lib;
#[path = "../model/mod.rs"]
mod model;
mod number;

use edu::{config, Edu};
use faults::Files;
use lib::kernel::pci::Registration;

module! {
    type: PcieEdu,
    name: "pcie_edu",
    authors: ["the rloop developers"],
    description: "Driver of QEMU's edu device",
    license: "GPL v2",
}

/// The loaded module. Dropping it (`rmmod`) unbinds its devices.
#[pin_data]
struct PcieEdu {
    #[pin]
    driver: Registration<Edu>,
    // After the devices, whose own are in its directory.
    _faults: Files,
}

impl kernel::InPlaceModule for PcieEdu {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // A parameter that is not allowed is told of here, before there is a device.
            _: { config()?; },
            // Before the devices.
            _faults: Files::new()?,
            driver <- Registration::new(kernel::c_str!("pcie_edu"), module),
        }? Error)
    }
}
