// SPDX-License-Identifier: GPL-2.0-only

//! snd-rloop: a virtual sound card whose input hears what its output plays.
//!
//! This file makes cards of the module's parameters. See `docs/design/model.md` for the
//! architecture.

use kernel::c_str;
use kernel::prelude::*;

mod bandwidth;
mod cable;
mod cable_ends;
mod card;
mod controls;
mod faults;
#[path = "../../lib/mod.rs"]
mod lib;
mod master;
#[cfg_attr(
    not(CONFIG_CONFIGFS_FS),
    allow(dead_code, reason = "some of it is for configfs")
)]
#[path = "../model/mod.rs"]
mod model;
mod shared_cable;
mod status;
mod timer_source;
mod volume;

use lib::alsa::cards::Cards;
use lib::alsa::fault_dirs::FaultDirs;

module! {
    type: Loopback,
    name: "snd_rloop",
    authors: ["the rloop developers"],
    description: "Virtual loopback sound card",
    license: "GPL v2",
}

/// The loaded module. Dropping it (`rmmod`) removes its cards.
struct Loopback {
    _cards: Cards<card::Loopbacks>,
}

impl kernel::Module for Loopback {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let faults = FaultDirs::new(c_str!("snd_rloop"))?;
        let cards = Cards::load(module, card::Loopbacks { faults })?;
        Ok(Self { _cards: cards })
    }
}
