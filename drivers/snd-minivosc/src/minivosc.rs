// SPDX-License-Identifier: GPL-2.0-only

//! snd-minivosc: a minimal virtual oscillator, the smallest sound card.
//!
//! It records, and what it records is a waveform. `docs/using/snd-minivosc.md` walks through this file and `card.rs`.

use kernel::c_str;
use kernel::prelude::*;

mod card;
#[expect(
    unreachable_pub,
    reason = "parts of it are crates of their own as well, for tests on the host"
)]
#[allow(dead_code, reason = "each driver needs a part of it")]
#[path = "../../lib/mod.rs"]
mod lib;
#[expect(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]
#[path = "../model/mod.rs"]
mod model;

use card::Oscillator;
use lib::alsa::parameters::{written, CARDS};
use lib::kernel::parent::Parent;
use lib::model::number::truth;
use lib::model::parameters::{switch, BadParameter};
use model::params::{parse, Written};

module! {
    type: Minivosc,
    name: "snd_minivosc",
    authors: ["the rloop developers"],
    description: "Minimal virtual oscillator",
    license: "GPL v2",
}

/// The loaded module: its cards go when it does.
struct Minivosc {
    _cards: KVec<Oscillator>,
}

impl kernel::Module for Minivosc {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let mut cards = KVec::new();
        for slot in 0..CARDS {
            // As in every ALSA driver, the first card is made unless it is switched off, the
            // others if they are switched on.
            let enable = switch("enable", written("enable", slot)?, truth).map_err(refuse)?;
            let written = Written::collect(|name| written(name, slot))?;
            let config = parse(&written, CARDS).map_err(refuse)?;
            if enable.unwrap_or(slot == 0) {
                let parent = Parent::new(c_str!("snd_minivosc"), Some(slot))?;
                cards.push(Oscillator::new(module, parent, &config)?, GFP_KERNEL)?;
            }
        }
        Ok(Self { _cards: cards })
    }
}

fn refuse(bad: BadParameter<'_>) -> Error {
    pr_err!("{}\n", format_args!("{bad}"));
    EINVAL
}
