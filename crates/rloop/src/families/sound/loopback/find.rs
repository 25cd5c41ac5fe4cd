// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which loopback cards there are.

use alsa::Direction;
use alsa::ctl::{CardInfo, DeviceIter};

use super::card::{Card, Driver, Topology};
use super::trouble;
use crate::alsa::card::seen;
use crate::alsa::find::{self, Found, Kind, Opened};
use crate::alsa::root::Root;
use crate::error::Error;

/// A loopback driver's name may carry a suffix in sysfs (`snd_rloop.0`, `snd_rloop-0`).
fn driver_of(module: &str) -> Option<Driver> {
    ["snd_rloop", "snd_aloop"]
        .into_iter()
        .find(|name| module.starts_with(name))
        .and_then(Driver::from_module)
}

/// By what a card says of itself, where nothing else does.
fn driver_by_info(info: &CardInfo) -> Option<Driver> {
    match (info.get_driver().ok()?, info.get_mixername().ok()?) {
        ("snd-rloop", _) => Some(Driver::SndRloop),
        ("Loopback", "Loopback Mixer") => Some(Driver::SndAloop),
        ("Loopback", _) => Some(Driver::SndRloop),
        _ => None,
    }
}

fn describe(opened: &Opened) -> Result<Option<Card>, alsa::Error> {
    let driver = match &opened.module {
        Some(module) => driver_of(module),
        None => driver_by_info(&opened.info),
    };
    let Some(driver) = driver else {
        return Ok(None);
    };
    let devices = DeviceIter::new(&opened.ctl).count();
    let count = |direction| -> Result<u32, alsa::Error> {
        let info = opened.ctl.pcm_info(0, 0, direction)?;
        Ok(info.get_subdevices_count())
    };
    let (playback, capture) = (count(Direction::Playback)?, count(Direction::Capture)?);
    Ok(Some(Card {
        card: opened.card.clone(),
        driver,
        topology: match devices {
            2.. => Topology::Crossed,
            _ if capture > playback => Topology::Fanout,
            _ => Topology::Cable,
        },
        subdevices: playback,
        readers: capture / playback.max(1),
    }))
}

fn find(root: &Root) -> Found<Card> {
    let kind = Kind {
        module: &|module| driver_of(module).is_some(),
        describe: &describe,
    };
    find::find(root, &kind)
}

/// All loopback cards, by index.
///
/// # Errors
/// If there is none, or one can't be opened.
pub fn all() -> Result<Vec<Card>, Error> {
    let root = Root::default();
    let cards = find(&root).all()?;
    match cards.is_empty() {
        true => Err(trouble::no_card(&root, &seen(&root))),
        false => Ok(cards),
    }
}

/// The card that `given` names by id or index; without it the first of snd-rloop, else the first of snd-aloop.
///
/// # Errors
/// If there is no such card, or none at all, or it is no loopback card, or can't be opened.
pub fn choose(given: Option<&str>) -> Result<Card, Error> {
    let Some(given) = given else {
        let cards = all()?;
        let first = |driver| cards.iter().find(|c| c.driver == driver).cloned();
        let first = first(Driver::SndRloop).or_else(|| first(Driver::SndAloop));
        let root = Root::default();
        return first.ok_or_else(|| trouble::no_card(&root, &seen(&root)));
    };
    let root = Root::default();
    let Found { cards, others } = find(&root);
    if let Some(card) = cards.iter().find(|c| c.is_named(given)) {
        return Ok(card.clone());
    }
    let mut others = others.into_iter();
    if let Some((_, error)) = others.find(|(seen, _)| seen.is_named(given)) {
        return Err(error);
    }
    let known: Vec<String> = cards
        .iter()
        .map(|c| format!("{} ({}, {})", c.id, c.index, c.driver.name()))
        .collect();
    let known = match known.is_empty() {
        true => "none".to_owned(),
        false => known.join(", "),
    };
    let given = given.to_owned();
    let all = seen(&root);
    Err(match all.into_iter().find(|seen| seen.is_named(&given)) {
        Some(seen) => Error::NotLoopback {
            given,
            driver: seen.module.unwrap_or("unknown".to_owned()),
            known,
        },
        None => Error::UnknownCard { given, known },
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
        assert_eq!(driver_of("snd_rloop"), Some(Driver::SndRloop));
        assert_eq!(driver_of("snd_aloop"), Some(Driver::SndAloop));
        assert_eq!(driver_of("snd_hda_intel"), None);
        assert_eq!(driver_of("snd_rloop-"), Some(Driver::SndRloop));
    }
}
