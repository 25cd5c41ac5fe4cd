// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sound cards of this machine, of whatever driver.
//!
//! What can be seen of a card depends on who looks: a user may not open its devices, a container has some of the devices
//! and not the others, mostly no `/proc/asound`, and sometimes other numbers.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use alsa::ctl::{CardInfo, Ctl};
use serde::Serialize;

use super::root::Root;
use super::trouble;
use crate::error::Error;

/// alsa-lib knows no card beyond this one.
pub const LAST: u32 = 31;

/// A sound card that can be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Index, as in `hw:INDEX`.
    pub index: u32,
    /// Its number in `/proc` and `/sys`: another one than the index where a container has been given its devices under
    /// other names.
    pub number: u32,
    /// Id, as in `hw:ID`.
    pub id: String,
    /// Its short name.
    pub name: String,
}

impl Card {
    /// What messages call it.
    pub fn shown(&self) -> String {
        format!("card {} ({})", self.index, self.id)
    }

    /// Whether `given` is its id or its index.
    pub fn is_named(&self, given: &str) -> bool {
        self.id == given || self.index.to_string() == given
    }

    /// Whether it is still there.
    pub fn is_there(&self) -> bool {
        let id = || -> Result<String, alsa::Error> {
            let info = open(self.index)?.card_info()?;
            Ok(info.get_id()?.to_owned())
        };
        match id() {
            Ok(id) => id == self.id,
            Err(e) => ![libc::ENODEV, libc::ENXIO, libc::ENOENT].contains(&e.errno()),
        }
    }

    /// A proc file of the card.
    pub fn proc_file(&self, name: &str) -> PathBuf {
        let dir = format!("card{}", self.number);
        Root::default().proc().join(dir).join(name)
    }
}

/// A card as the system shows it, without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Index, as in `hw:INDEX`.
    pub index: u32,
    /// Id, if that can be seen.
    pub id: Option<String>,
    /// The module of its driver, if that can be seen.
    pub module: Option<String>,
    /// Whether it has a control device here.
    pub node: bool,
}

impl Seen {
    /// What messages call it.
    pub fn shown(&self) -> String {
        match &self.id {
            Some(id) => format!("card {} ({id})", self.index),
            None => format!("card {}", self.index),
        }
    }

    /// Whether `given` is its id or its index.
    pub fn is_named(&self, given: &str) -> bool {
        self.id.as_deref() == Some(given) || self.index.to_string() == given
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
pub fn seen(root: &Root) -> Vec<Seen> {
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

/// Opens the control device of a card. What alsa-lib says of that is one error among others here.
fn open(index: u32) -> Result<Ctl, alsa::Error> {
    // It would write lines of its own to standard error.
    let _silence = alsa::Output::local_error_handler();
    Ctl::new(&format!("hw:{index}"), true)
}

/// A card that has been opened, with what it says of itself.
pub struct Opened {
    /// The card.
    pub card: Card,
    /// The module of its driver, if that can be seen.
    pub module: Option<String>,
    /// Its control device.
    pub ctl: Ctl,
    /// What it says of itself.
    pub info: CardInfo,
}

/// What a driver's cards are recognised by.
pub struct Kind<'a, T> {
    /// Whether a module of this name makes such cards.
    pub module: &'a dyn Fn(&str) -> bool,
    /// What there is to be known of a card, if it is one of those.
    pub describe: &'a dyn Fn(&Opened) -> alsa::Result<Option<T>>,
}

/// The cards of one kind, and those that may be some but can't be used, with the reason.
pub struct Found<T> {
    /// Those that can be used, by index.
    pub cards: Vec<T>,
    /// The others.
    pub others: Vec<(Seen, Error)>,
}

impl<T> Found<T> {
    /// All cards.
    ///
    /// # Errors
    /// Why one that is here can't be used.
    pub fn all(mut self) -> Result<Vec<T>, Error> {
        // Cards whose devices are not here are somebody else's, if there are such as can be used.
        if !self.cards.is_empty() {
            self.others
                .retain(|(seen, _)| seen.node && seen.index <= LAST);
        }
        match self.others.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.cards),
        }
    }
}

/// The card, if it is of this kind.
fn inspect<T>(root: &Root, seen: &Seen, kind: &Kind<'_, T>) -> Result<Option<T>, Error> {
    let device = root.devices().join(format!("controlC{}", seen.index));
    let wrong = |e: alsa::Error| {
        // alsa-lib says of a device that may not be opened that it is not there.
        let opened = File::options().read(true).write(true).open(&device);
        let errno = opened.err().and_then(|e| e.raw_os_error());
        trouble::not_opened(root, &seen.shown(), &device, errno.unwrap_or(e.errno()))
    };
    let failed = |why| Error::Control {
        card: seen.index.to_string(),
        why,
    };
    let ctl = open(seen.index).map_err(wrong)?;
    let info = ctl.card_info().map_err(wrong)?;
    let number = u32::try_from(info.get_card().get_index()).unwrap_or(seen.index);
    let opened = Opened {
        card: Card {
            index: seen.index,
            number,
            id: info.get_id().map_err(failed)?.to_owned(),
            name: info.get_name().map_err(failed)?.to_owned(),
        },
        module: module_of(root, number),
        ctl,
        info,
    };
    (kind.describe)(&opened).map_err(failed)
}

/// Looks for cards of one kind.
pub fn find<T>(root: &Root, kind: &Kind<'_, T>) -> Found<T> {
    let mut found = Found {
        cards: Vec::new(),
        others: Vec::new(),
    };
    for seen in seen(root) {
        // Without a module's name it may be any card.
        let likely = seen.module.as_deref().is_none_or(kind.module);
        if seen.index > LAST {
            if likely {
                let error = trouble::beyond(&seen, LAST);
                found.others.push((seen, error));
            }
        } else if seen.node {
            match inspect(root, &seen, kind) {
                Ok(card) => found.cards.extend(card),
                Err(error) if likely => found.others.push((seen, error)),
                Err(_) => {}
            }
        } else if likely && seen.module.is_some() {
            let error = trouble::no_node(root, &seen);
            found.others.push((seen, error));
        }
    }
    found
}

/// All cards of the driver that ALSA calls `driver`, which is a module of that name.
///
/// # Errors
/// Why one that is here can't be used.
pub fn of_driver(driver: &str) -> Result<Vec<Card>, Error> {
    let module = driver.replace('-', "_");
    let kind = Kind {
        module: &|name| name.starts_with(&module),
        describe: &|opened: &Opened| {
            Ok((opened.info.get_driver()? == driver).then(|| opened.card.clone()))
        },
    };
    find(&Root::default(), &kind).all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alsa::trouble::tests::Fake;

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
}
