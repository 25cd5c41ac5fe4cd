// SPDX-License-Identifier: MIT OR Apache-2.0

//! The loopback cards of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use alsa::Direction as AlsaDirection;
use alsa::ctl::{Ctl, DeviceIter, ElemId, ElemIface, ElemType, ElemValue};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::pcm::{Address, Direction};

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
    fn from_module(name: &str) -> Option<Self> {
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
    /// Index, as in `hw:INDEX`.
    pub index: u32,
    /// Id, as in `hw:ID`.
    pub id: String,
    /// Its short name.
    pub name: String,
    /// Its driver.
    pub driver: Driver,
    /// How its ends are connected.
    pub topology: Topology,
    /// Playback subdevices of each device.
    pub subdevices: u32,
    /// Capture subdevices that hear each of them.
    pub readers: u32,
    /// Whether its first cable has no clock (`clock=free`).
    pub free: bool,
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

    /// A proc file of the card.
    pub fn proc_file(&self, name: &str) -> PathBuf {
        Path::new("/proc/asound")
            .join(format!("card{}", self.index))
            .join(name)
    }
}

/// The driver module of card `index`: by /proc/asound/modules or, where that is masked as in
/// containers, by the name of the device that is its parent.
fn module_of(index: u32, modules: Option<&str>) -> Option<String> {
    let listed = modules.and_then(|m| {
        m.lines().find_map(|line| {
            let (number, module) = line.trim().split_once(' ')?;
            (number == index.to_string()).then(|| module.trim().to_owned())
        })
    });
    listed.or_else(|| {
        let target = fs::read_link(format!("/sys/class/sound/card{index}/device")).ok()?;
        Some(
            target
                .file_name()?
                .to_str()?
                .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
                .to_owned(),
        )
    })
}

/// A loopback driver's name may carry a suffix in sysfs (`snd_rloop.0`, `snd_rloop-0`).
fn driver_of(module: &str) -> Option<Driver> {
    ["snd_rloop", "snd_aloop"]
        .into_iter()
        .find(|name| module.starts_with(name))
        .and_then(Driver::from_module)
}

/// Whether a card's first cable has no clock, as its control element `Cable Clock` tells.
fn is_free(index: u32) -> bool {
    let read = || -> Result<Option<u32>, alsa::Error> {
        let ctl = Ctl::new(&format!("hw:{index}"), true)?;
        let mut clock = ElemValue::new(ElemType::Enumerated)?;
        let mut id = ElemId::new(ElemIface::PCM);
        id.set_name(c"Cable Clock");
        clock.set_id(&id);
        ctl.elem_read(&mut clock)?;
        Ok(clock.get_enumerated(0))
    };
    // A card without the element has a clock.
    read().is_ok_and(|clock| clock == Some(1))
}

fn inspect(index: u32, driver: Driver) -> Result<Card, alsa::Error> {
    let ctl = Ctl::new(&format!("hw:{index}"), true)?;
    let info = ctl.card_info()?;
    let devices = DeviceIter::new(&ctl).count();
    let count = |direction| -> Result<u32, alsa::Error> {
        Ok(ctl.pcm_info(0, 0, direction)?.get_subdevices_count())
    };
    let (playback, capture) = (
        count(AlsaDirection::Playback)?,
        count(AlsaDirection::Capture)?,
    );
    Ok(Card {
        index,
        id: info.get_id()?.to_owned(),
        name: info.get_name()?.to_owned(),
        driver,
        topology: match devices {
            2.. => Topology::Crossed,
            _ if capture > playback => Topology::Fanout,
            _ => Topology::Cable,
        },
        subdevices: playback,
        readers: capture / playback.max(1),
        free: is_free(index),
    })
}

fn indices() -> Vec<u32> {
    alsa::card::Iter::new()
        .flatten()
        .filter_map(|c| u32::try_from(c.get_index()).ok())
        .collect()
}

/// All loopback cards, by index.
///
/// # Errors
/// If a control device can't be opened.
pub fn all() -> Result<Vec<Card>, Error> {
    let modules = fs::read_to_string("/proc/asound/modules").ok();
    indices()
        .into_iter()
        .filter_map(|i| Some((i, driver_of(&module_of(i, modules.as_deref())?)?)))
        .map(|(i, d)| {
            inspect(i, d).map_err(|source| Error::Control {
                card: i.to_string(),
                source,
            })
        })
        .collect()
}

/// The card that `given` names by id or index; without it the first of snd-rloop, else the first of snd-aloop.
///
/// # Errors
/// If there is no such card, or none at all, or it is no loopback card.
pub fn choose(given: Option<&str>) -> Result<Card, Error> {
    let cards = all()?;
    let Some(given) = given else {
        let first = |driver| cards.iter().find(|c| c.driver == driver).cloned();
        return first(Driver::SndRloop)
            .or_else(|| first(Driver::SndAloop))
            .ok_or(Error::NoCard);
    };
    if let Some(card) = cards
        .iter()
        .find(|c| c.id == given || c.index.to_string() == given)
    {
        return Ok(card.clone());
    }
    let known = cards
        .iter()
        .map(|c| format!("{} ({}, {})", c.id, c.index, c.driver.name()))
        .collect::<Vec<_>>();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let modules = fs::read_to_string("/proc/asound/modules").ok();
    let other = indices().into_iter().find(|i| {
        let id = fs::read_to_string(format!("/sys/class/sound/card{i}/id")).unwrap_or_default();
        i.to_string() == given || id.trim() == given
    });
    Err(match other {
        Some(index) => Error::NotLoopback {
            given: given.to_owned(),
            driver: module_of(index, modules.as_deref()).unwrap_or("unknown".to_owned()),
            known,
        },
        None => Error::UnknownCard {
            given: given.to_owned(),
            known,
        },
    })
}

/// The cards that `given` name, each once.
///
/// # Errors
/// As of [`choose`].
pub fn choose_all(given: &[String]) -> Result<Vec<Card>, Error> {
    let mut cards: Vec<Card> = Vec::new();
    for given in given {
        let card = choose(Some(given))?;
        if cards.iter().all(|c| c.index != card.index) {
            cards.push(card);
        }
    }
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_recognised() {
        let modules = " 0 snd_hda_intel\n 1 snd_rloop\n 12 snd_aloop\n";
        assert_eq!(
            module_of(1, Some(modules)).as_deref().and_then(driver_of),
            Some(Driver::SndRloop)
        );
        assert_eq!(
            module_of(12, Some(modules)).as_deref().and_then(driver_of),
            Some(Driver::SndAloop)
        );
        assert_eq!(
            module_of(0, Some(modules)).as_deref().and_then(driver_of),
            None
        );
        assert_eq!(driver_of("snd_rloop-"), Some(Driver::SndRloop));
    }

    #[test]
    fn cables_of_both_topologies() {
        let mut card = Card {
            index: 3,
            id: "Loopback".into(),
            name: "Loopback".into(),
            driver: Driver::SndRloop,
            topology: Topology::Cable,
            subdevices: 4,
            readers: 1,
            free: false,
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
