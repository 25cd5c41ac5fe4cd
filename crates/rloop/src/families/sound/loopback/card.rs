// SPDX-License-Identifier: MIT OR Apache-2.0

//! A loopback card and its cables.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::alsa::card;
use crate::alsa::pcm::{Address, Direction, Pcm, Space};
use crate::alsa::root::Root;
use crate::alsa::trouble::not_usable;
use crate::error::Error;

/// The drivers that make loopback cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The driver of this project.
    SndRloop,
    /// The one in the Linux kernel.
    SndAloop,
}

impl Driver {
    /// The driver of a module of this name.
    pub fn from_module(name: &str) -> Option<Self> {
        match name {
            "snd_rloop" => Some(Self::SndRloop),
            "snd_aloop" => Some(Self::SndAloop),
            _ => None,
        }
    }

    /// The module's name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SndRloop => "snd-rloop",
            Self::SndAloop => "snd-aloop",
        }
    }
}

/// How the ends of a card are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// One device: its playback goes to its own capture.
    Cable,
    /// Two devices: the playback of each goes to the capture of the other.
    Crossed,
    /// One device: its one playback goes to every capture.
    Fanout,
}

/// A loopback card.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// Which one.
    #[serde(flatten)]
    pub card: card::Card,
    /// Its driver.
    pub driver: Driver,
    /// How its ends are connected.
    pub topology: Topology,
    /// Playback subdevices of each device.
    pub subdevices: u32,
    /// Capture subdevices that hear each of them.
    pub readers: u32,
}

/// A pair of ends: what is played into one is captured from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cable {
    /// The end that takes frames.
    pub playback: Address,
    /// The end that gives them back.
    pub capture: Address,
}

impl Card {
    fn address(&self, device: u32, subdevice: u32, direction: Direction) -> Address {
        Address {
            card: self.index,
            device,
            subdevice,
            direction,
        }
    }

    /// The cable into which `subdevice` of playback `device` plays.
    pub fn cable(&self, device: u32, subdevice: u32) -> Cable {
        let other = match self.topology {
            Topology::Cable | Topology::Fanout => device,
            Topology::Crossed => 1 - device,
        };
        Cable {
            playback: self.address(device, subdevice, Direction::Playback),
            capture: self.address(other, subdevice * self.readers, Direction::Capture),
        }
    }

    /// The capture ends of the first playback subdevice, each with the playback end.
    pub fn readers(&self) -> Vec<Cable> {
        let first = self.cable(0, 0);
        let capture = |subdevice| Address {
            subdevice,
            ..first.capture
        };
        (0..self.readers)
            .map(|n| Cable {
                capture: capture(n),
                ..first
            })
            .collect()
    }

    /// All cables, in the order of the driver's numbers.
    pub fn cables(&self) -> Vec<Cable> {
        let devices = match self.topology {
            Topology::Cable | Topology::Fanout => 1,
            Topology::Crossed => 2,
        };
        (0..devices)
            .flat_map(|d| (0..self.subdevices).map(move |s| self.cable(d, s)))
            .collect()
    }

    /// The number that snd-rloop gives to a cable in its proc files.
    pub fn cable_number(&self, cable: &Cable) -> u32 {
        cable.playback.device * self.subdevices + cable.playback.subdevice
    }
}

impl Deref for Card {
    type Target = card::Card;

    fn deref(&self) -> &card::Card {
        &self.card
    }
}

/// All ends of `card` must be free: gives what one of them offers.
///
/// # Errors
/// If one is in use, or can't be opened.
pub fn probe(card: &Card) -> Result<Space, Error> {
    let wrap = |why| not_usable(&Root::default(), card, why);
    for cable in card.cables() {
        for address in [cable.playback, cable.capture] {
            Pcm::open(address).map_err(wrap)?;
        }
    }
    Pcm::open(card.cable(0, 0).playback)
        .and_then(|pcm| pcm.space())
        .map_err(wrap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cables_of_both_topologies() {
        let mut card = Card {
            card: card::Card {
                index: 3,
                number: 3,
                id: "Loopback".into(),
                name: "Loopback".into(),
            },
            driver: Driver::SndRloop,
            topology: Topology::Cable,
            subdevices: 4,
            readers: 1,
        };
        assert_eq!(card.cables().len(), 4);
        assert_eq!(card.cable(0, 2).capture.device, 0);
        card.topology = Topology::Crossed;
        let cables = card.cables();
        assert_eq!(cables.len(), 8);
        assert_eq!(
            (cables[6].playback.device, cables[6].capture.device),
            (1, 0)
        );
        assert_eq!(card.cable_number(&cables[6]), 6);

        card = Card {
            topology: Topology::Fanout,
            subdevices: 1,
            readers: 8,
            ..card
        };
        assert_eq!(card.cables(), [card.cable(0, 0)]);
        let readers = card.readers();
        assert_eq!(readers.len(), 8);
        assert_eq!(
            (readers[7].playback.subdevice, readers[7].capture.subdevice),
            (0, 7)
        );
    }
}
