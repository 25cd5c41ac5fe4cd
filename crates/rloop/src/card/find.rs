// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which loopback cards there are.
//!
//! What can be seen of a card depends on who looks: a user may not open its devices, a container has some of the devices
//! and not the others, mostly no `/proc/asound`, and sometimes other numbers.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use alsa::Direction as AlsaDirection;
use alsa::ctl::{CardInfo, Ctl, DeviceIter};

use super::{Card, Driver, Topology, trouble};
use crate::error::Error;
use crate::root::Root;

/// alsa-lib knows no card beyond this one.
const LAST: u32 = 31;

/// A card as the system shows it, without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) index: u32,
    pub(super) id: Option<String>,
    pub(super) module: Option<String>,
    /// Whether it has a control device here.
    pub(super) node: bool,
}

impl Seen {
    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        match &self.id {
            Some(id) => format!("card {} ({id})", self.index),
            None => format!("card {}", self.index),
        }
    }
}

/// The numbers in the names of a directory's entries that begin with `prefix`.
fn numbers(dir: &Path, prefix: &str) -> BTreeSet<u32> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix(prefix)?
                .parse()
                .ok()
        })
        .collect()
}

/// All cards.
pub(super) fn seen(root: &Root) -> Vec<Seen> {
    let nodes = numbers(&root.devices(), "controlC");
    let mut indices = nodes.clone();
    indices.extend(numbers(&root.proc(), "card"));
    indices.extend(numbers(&root.class(), "card"));
    let id = |index| {
        let card = format!("card{index}/id");
        let files = [root.proc().join(&card), root.class().join(&card)];
        let id = files
            .iter()
            .find_map(|file| fs::read_to_string(file).ok())?;
        Some(id.trim().to_owned())
    };
    indices
        .into_iter()
        .map(|index| Seen {
            index,
            id: id(index),
            module: module_of(root, index),
            node: nodes.contains(&index),
        })
        .collect()
}

/// The driver module of card `number`: by /proc/asound/modules or, where that is masked as in containers, by the name
/// of the device that is its parent.
fn module_of(root: &Root, number: u32) -> Option<String> {
    let modules = fs::read_to_string(root.proc().join("modules")).unwrap_or_default();
    let listed = modules.lines().find_map(|line| {
        let (card, module) = line.trim().split_once(' ')?;
        (card == number.to_string()).then(|| module.trim().to_owned())
    });
    listed.or_else(|| {
        let target = fs::read_link(root.class().join(format!("card{number}/device"))).ok()?;
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

/// By what a card says of itself, where nothing else does.
fn driver_by_info(info: &CardInfo) -> Option<Driver> {
    match (info.get_driver().ok()?, info.get_mixername().ok()?) {
        ("snd-rloop", _) => Some(Driver::SndRloop),
        ("Loopback", "Loopback Mixer") => Some(Driver::SndAloop),
        ("Loopback", _) => Some(Driver::SndRloop),
        _ => None,
    }
}

/// Opens the control device of a card. What alsa-lib says of that is one error among others here.
fn open(index: u32) -> Result<Ctl, alsa::Error> {
    // It would write lines of its own to standard error.
    let _silence = alsa::Output::local_error_handler();
    Ctl::new(&format!("hw:{index}"), true)
}

/// The card, if it is a loopback card.
fn inspect(root: &Root, seen: &Seen) -> Result<Option<Card>, Error> {
    let device = root.devices().join(format!("controlC{}", seen.index));
    let wrong = |e: alsa::Error| {
        // alsa-lib says of a device that may not be opened that it is not there.
        let opened = File::options().read(true).write(true).open(&device);
        let errno = opened.err().and_then(|e| e.raw_os_error());
        trouble::not_opened(root, &seen.shown(), &device, errno.unwrap_or(e.errno()))
    };
    let ctl = open(seen.index).map_err(wrong)?;
    let info = ctl.card_info().map_err(wrong)?;
    let number = u32::try_from(info.get_card().get_index()).unwrap_or(seen.index);
    let driver = match module_of(root, number) {
        Some(module) => driver_of(&module),
        None => driver_by_info(&info),
    };
    driver
        .map(|driver| describe(seen.index, number, driver, &ctl, &info))
        .transpose()
        .map_err(|why| Error::Control {
            card: seen.index.to_string(),
            why,
        })
}

fn describe(
    index: u32,
    number: u32,
    driver: Driver,
    ctl: &Ctl,
    info: &CardInfo,
) -> Result<Card, alsa::Error> {
    let devices = DeviceIter::new(ctl).count();
    let count = |direction| -> Result<u32, alsa::Error> {
        Ok(ctl.pcm_info(0, 0, direction)?.get_subdevices_count())
    };
    let (playback, capture) = (
        count(AlsaDirection::Playback)?,
        count(AlsaDirection::Capture)?,
    );
    Ok(Card {
        index,
        number,
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
    })
}

/// Whether `card` is still there.
pub(super) fn is_there(card: &Card) -> bool {
    let id = || -> Result<String, alsa::Error> {
        let info = open(card.index)?.card_info()?;
        Ok(info.get_id()?.to_owned())
    };
    match id() {
        Ok(id) => id == card.id,
        Err(e) => ![libc::ENODEV, libc::ENXIO, libc::ENOENT].contains(&e.errno()),
    }
}

/// Loopback cards, and those that may be some but can't be used, with the reason.
struct Found {
    cards: Vec<Card>,
    others: Vec<(Seen, Error)>,
}

fn find(root: &Root) -> Found {
    let mut found = Found {
        cards: Vec::new(),
        others: Vec::new(),
    };
    for seen in seen(root) {
        // Without a module's name it may be any card.
        let loopback = seen
            .module
            .as_deref()
            .is_none_or(|m| driver_of(m).is_some());
        if seen.index > LAST {
            if loopback {
                let error = trouble::beyond(&seen, LAST);
                found.others.push((seen, error));
            }
        } else if seen.node {
            match inspect(root, &seen) {
                Ok(card) => found.cards.extend(card),
                Err(error) if loopback => found.others.push((seen, error)),
                Err(_) => {}
            }
        } else if loopback && seen.module.is_some() {
            let error = trouble::no_node(root, &seen);
            found.others.push((seen, error));
        }
    }
    found
}

/// All loopback cards, by index.
///
/// # Errors
/// If there is none, or one can't be opened.
pub fn all() -> Result<Vec<Card>, Error> {
    let root = Root::default();
    let Found { cards, mut others } = find(&root);
    // Cards whose devices are not here are somebody else's, if there are such as can be used.
    if !cards.is_empty() {
        others.retain(|(seen, _)| seen.node && seen.index <= LAST);
    }
    match others.into_iter().next() {
        Some((_, error)) => Err(error),
        None if cards.is_empty() => Err(trouble::no_card(&root, &seen(&root))),
        None => Ok(cards),
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
    let is = |index: u32, id: Option<&str>| id == Some(given) || index.to_string() == given;
    if let Some(card) = cards.iter().find(|c| is(c.index, Some(&c.id))) {
        return Ok(card.clone());
    }
    let of_others = others
        .into_iter()
        .find(|(seen, _)| is(seen.index, seen.id.as_deref()));
    if let Some((_, error)) = of_others {
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
    Err(match all.into_iter().find(|s| is_named(s, &given)) {
        Some(seen) => Error::NotLoopback {
            given,
            driver: seen.module.unwrap_or("unknown".to_owned()),
            known,
        },
        None => Error::UnknownCard { given, known },
    })
}

fn is_named(seen: &Seen, given: &str) -> bool {
    seen.id.as_deref() == Some(given) || seen.index.to_string() == given
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
    use crate::card::trouble::tests::Fake;

    #[test]
    fn a_card_is_seen_by_whatever_there_is_of_it() {
        let fake = Fake::new("seen");
        fake.file("dev/snd/controlC0", "");
        fake.file("dev/snd/pcmC0D0p", "");
        fake.file("dev/snd/timer", "");
        fake.file("proc/asound/card1/id", "rloop\n");
        fake.file("proc/asound/cards", "");
        fake.file("proc/asound/modules", " 0 snd_hda_intel\n 1 snd_rloop\n");
        fake.file("sys/class/sound/card12/id", "Loopback\n");
        fake.link("sys/class/sound/card12/device", "../../snd_aloop.0");
        let one = |index, id: Option<&str>, module: &str, node| Seen {
            index,
            id: id.map(str::to_owned),
            module: Some(module.to_owned()),
            node,
        };
        assert_eq!(
            seen(&fake.root()),
            [
                one(0, None, "snd_hda_intel", true),
                one(1, Some("rloop"), "snd_rloop", false),
                one(12, Some("Loopback"), "snd_aloop", false),
            ]
        );
    }

    #[test]
    fn drivers_are_recognised() {
        assert_eq!(driver_of("snd_rloop"), Some(Driver::SndRloop));
        assert_eq!(driver_of("snd_aloop"), Some(Driver::SndAloop));
        assert_eq!(driver_of("snd_hda_intel"), None);
        assert_eq!(driver_of("snd_rloop-"), Some(Driver::SndRloop));
    }
}
