// SPDX-License-Identifier: GPL-2.0-only

//! sad: a device file that is heard, `cat file > /dev/sad`.
//!
//! What is written to a node leaves sample by sample, and is recorded by a sound card. See `docs/using/sad.md`.

use kernel::prelude::*;

mod device;
mod faults;
mod instance;
#[path = "../../lib/mod.rs"]
mod lib;
#[path = "../model/mod.rs"]
mod model;
mod nodes;
mod port;
mod recording;
mod status;

use instance::Devices;
use lib::alsa::cards::Cards;

module! {
    type: Sad,
    name: "sad",
    authors: ["the rloop developers"],
    description: "Device file that is heard",
    license: "GPL v2",
}

/// The loaded module. Dropping it (`rmmod`) removes its devices.
struct Sad {
    _devices: Cards<Devices>,
}

impl kernel::Module for Sad {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let devices = Cards::load(module, Devices::new())?;
        Ok(Self { _devices: devices })
    }
}
