// SPDX-License-Identifier: GPL-2.0-only

//! snd-minivosc: a minimal virtual oscillator, the smallest sound card.
//!
//! It records, and what it records is a waveform. `docs/write-a-sound-driver.md` walks through this file and those
//! beside it.

use kernel::c_str;
use kernel::prelude::*;

mod card;
#[path = "../../lib/mod.rs"]
mod lib;
#[path = "../model/mod.rs"]
mod model;
mod recording;

use lib::alsa::cards::Cards;
use lib::alsa::fault_dirs::FaultDirs;

module! {
    type: Minivosc,
    name: "snd_minivosc",
    authors: ["the rloop developers"],
    description: "Minimal virtual oscillator",
    license: "GPL v2",
}

/// The loaded module. Dropping it (`rmmod`) removes its cards.
struct Minivosc {
    _cards: Cards<card::Oscillators>,
}

impl kernel::Module for Minivosc {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let faults = FaultDirs::new(c_str!("snd_minivosc"))?;
        let cards = Cards::load(module, card::Oscillators(faults))?;
        Ok(Self { _cards: cards })
    }
}
