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
#[cfg(CONFIG_CONFIGFS_FS)]
mod dynamic;
mod fault_dirs;
mod faults;
#[expect(
    unreachable_pub,
    reason = "parts of it are crates of their own as well, for tests on the host"
)]
#[allow(dead_code, reason = "each driver needs a part of it")]
#[path = "../../lib/mod.rs"]
mod lib;
mod master;
#[expect(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]
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

use card::{LoopbackCard, DEVICE};
use fault_dirs::FaultDirs;
use lib::alsa::parameters::{written, CARDS};
use lib::kernel::parent::Parent;
use lib::model::parameters::BadParameter;
use model::params::{parse, parse_enable, Written};

module! {
    type: Loopback,
    name: "snd_rloop",
    authors: ["the rloop developers"],
    description: "Virtual loopback sound card",
    license: "GPL v2",
}

/// The loaded module. Dropping it (`rmmod`) removes its cards.
struct Loopback {
    #[cfg(CONFIG_CONFIGFS_FS)]
    _directories: lib::kernel::configfs::Subsystem<dynamic::CardDirectory>,
    _cards: KVec<LoopbackCard>,
}

impl kernel::Module for Loopback {
    fn init(module: &'static ThisModule) -> Result<Self> {
        // All parameters are read before the first card is made.
        let mut configs = KVec::new();
        for slot in 0..CARDS {
            // As in every ALSA driver, the first card is made unless it is switched off, the others
            // if they are switched on.
            let enable = parse_enable(written("enable", slot)?).map_err(refuse)?;
            // What is wrong for a card that is not made is wrong nevertheless.
            let written = Written::collect(|name| written(name, slot))?;
            let config = parse(&written, CARDS).map_err(refuse)?;
            if enable.unwrap_or(slot == 0) {
                configs.push((slot, config), GFP_KERNEL)?;
            }
        }

        let faults = FaultDirs::new(c_str!("snd_rloop"))?;
        let (mut cards, mut refused) = (KVec::new(), Ok(()));
        for (slot, config) in &configs {
            let made = Parent::new(DEVICE, Some(*slot))
                .and_then(|parent| LoopbackCard::new(module, &faults, *slot, parent, config));
            match made {
                Ok(card) => cards.push(card, GFP_KERNEL)?,
                Err(error) if error == ENOMEM => return Err(error),
                // As with snd-aloop, one that can't be had is no reason to have none.
                Err(error) => {
                    refused = Err(error);
                    // Where there is no room for one with any number, there is none for others.
                    if config.index == -1 && error != EINVAL {
                        break;
                    }
                }
            }
        }
        if cards.is_empty() {
            refused?;
        }
        match configs.len() {
            wanted if wanted == cards.len() => pr_info!("module loaded, {wanted} card(s)\n"),
            wanted => pr_warn!("module loaded, {} card(s) of {wanted}\n", cards.len()),
        }
        Ok(Self {
            #[cfg(CONFIG_CONFIGFS_FS)]
            _directories: dynamic::register(module, &faults)?,
            _cards: cards,
        })
    }
}

/// Logs a parameter that is not allowed; `EINVAL`.
fn refuse(bad: BadParameter<'_>) -> Error {
    pr_err!("{}\n", format_args!("{bad}"));
    EINVAL
}
