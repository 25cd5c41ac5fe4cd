// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sound cards of this machine, of whatever driver.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use alsa::ctl::Ctl;
use serde::Serialize;

use super::root::Root;
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

    /// An error if it has gone; `during` says meanwhile.
    pub fn gone(&self, during: String) -> Option<Error> {
        (!self.is_there()).then(|| Error::Gone {
            card: self.shown(),
            during,
        })
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
pub fn module_of(root: &Root, number: u32) -> Option<String> {
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
///
/// # Errors
/// What alsa-lib makes of it.
pub fn open(index: u32) -> Result<Ctl, alsa::Error> {
    // It would write lines of its own to standard error.
    let _silence = alsa::Output::local_error_handler();
    Ctl::new(&format!("hw:{index}"), true)
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
