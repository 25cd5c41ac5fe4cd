// SPDX-License-Identifier: GPL-2.0-only

//! vblk: a disk in memory that fails when told to, `/dev/vblk0`. See `docs/using/vblk.md`.

use kernel::prelude::*;

mod disk;
mod faults;
mod instance;
#[path = "../../lib/mod.rs"]
mod lib;
#[path = "../model/mod.rs"]
mod model;
mod store;
mod wrong;

use instance::Disks;
use lib::kernel::instances::Instances;

module! {
    type: Vblk,
    name: "vblk",
    authors: ["the rloop developers"],
    description: "Disk that fails when told to",
    license: "GPL v2",
}

/// The loaded module. Dropping it (`rmmod`) removes its disks.
struct Vblk {
    _instances: Instances<Disks>,
}

impl kernel::Module for Vblk {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let instances = Instances::load(module, Disks::new()?)?;
        Ok(Self {
            _instances: instances,
        })
    }
}
