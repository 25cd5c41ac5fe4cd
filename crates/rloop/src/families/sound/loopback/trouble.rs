// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why there is no loopback card, or why one can't do what is asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::card::{Card, Driver};
use crate::alsa::card::Seen;
use crate::alsa::root::Root;
use crate::alsa::trouble::GIVE;
use crate::error::Error;

/// The files by which snd-rloop does wrong on demand.
pub fn fault_files(root: &Root, card: &Card) -> PathBuf {
    root.join(format!("sys/kernel/debug/snd_rloop/card{}", card.number))
}

/// Why there is no card.
pub fn no_card(root: &Root, seen: &[Seen]) -> Error {
    let modprobe = "`modprobe snd-rloop` makes one, as root".to_owned();
    let others: Vec<String> = seen
        .iter()
        .map(|seen| {
            let module = seen.module.as_deref().unwrap_or("an unknown driver");
            format!("{}, {module}", seen.shown())
        })
        .collect();
    let (found, advice) = if root.join("sys/module/snd_rloop").exists() {
        (
            "the module snd-rloop is loaded and has none now".to_owned(),
            "make one in /sys/kernel/config/rloop, or load the module anew with enable=1"
                .to_owned(),
        )
    } else if !others.is_empty() {
        (
            format!("there are only others here: {}", others.join("; ")),
            modprobe,
        )
    } else if root.proc().exists() || root.devices().exists() {
        ("there is no sound card at all here".to_owned(), modprobe)
    } else {
        (
            "there is neither /proc/asound nor /dev/snd here".to_owned(),
            format!("{modprobe}; {GIVE}"),
        )
    };
    Error::NoCard { found, advice }
}

/// Whether `card` can do wrong on demand.
///
/// # Errors
/// Why not.
pub fn faults(root: &Root, card: &Card) -> Result<(), Error> {
    let no = |why: String, advice: &str| {
        let advice = advice.to_owned();
        Err(Error::NoFaults { why, advice })
    };
    if card.driver != Driver::SndRloop {
        let why = format!("{} is one of {}", card.shown(), card.driver.name());
        return no(why, "only cards of snd-rloop do wrong on demand");
    }
    let debugfs = root.join("sys/kernel/debug");
    let dir = fault_files(root, card);
    let shown = |path: &Path, e: &io::Error| format!("{} can't be read: {e}", path.display());
    match fs::read_dir(&debugfs).map(|mut entries| entries.next().is_none()) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return no(shown(&debugfs, &e), "run this as root");
        }
        Err(e) => {
            let advice = "the kernel has to have CONFIG_DEBUG_FS";
            return no(shown(&debugfs, &e), advice);
        }
        Ok(true) => {
            let why = format!("{} is empty", debugfs.display());
            return no(
                why,
                "`mount -t debugfs none /sys/kernel/debug` shows what is in it",
            );
        }
        Ok(false) => {}
    }
    match fs::read_dir(&dir) {
        Ok(_) => Ok(()),
        Err(e) => {
            let advice = "the module has to be built for a kernel with CONFIG_DEBUG_FS";
            no(shown(&dir, &e), advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alsa::card;
    use crate::alsa::trouble::tests::Fake;
    use crate::families::sound::loopback::Topology;

    fn card() -> Card {
        Card {
            card: card::Card {
                index: 0,
                number: 0,
                id: "rloop".into(),
                name: "Virtual Loopback".into(),
            },
            driver: Driver::SndRloop,
            topology: Topology::Cable,
            subdevices: 8,
            readers: 1,
        }
    }

    fn nothing(fake: &Fake, seen: &[Seen]) -> String {
        no_card(&fake.root(), seen).to_string()
    }

    #[test]
    fn no_card_is_not_no_sound_and_no_sound_is_not_no_module() {
        let fake = Fake::new("none");
        assert!(nothing(&fake, &[]).contains("neither /proc/asound nor /dev/snd"));
        fake.dir("proc/asound");
        assert!(nothing(&fake, &[]).contains("no sound card at all here"));
        let other = Seen {
            index: 0,
            id: Some("PCH".into()),
            module: Some("snd_hda_intel".into()),
            node: true,
        };
        let text = nothing(&fake, &[other]);
        assert!(text.contains("card 0 (PCH), snd_hda_intel"), "{text}");
        fake.dir("sys/module/snd_rloop");
        let text = nothing(&fake, &[]);
        assert!(text.contains("is loaded and has none now"), "{text}");
        assert!(!text.contains("modprobe"), "{text}");
    }

    #[test]
    fn what_faults_need_is_named() {
        let fake = Fake::new("faults");
        let why = |card: &Card| faults(&fake.root(), card).unwrap_err().to_string();
        let aloop = Card {
            driver: Driver::SndAloop,
            ..card()
        };
        assert!(why(&aloop).contains("is one of snd-aloop"));
        assert!(why(&card()).contains("CONFIG_DEBUG_FS"));
        fake.dir("sys/kernel/debug");
        assert!(why(&card()).contains("mount -t debugfs"));
        fake.dir("sys/kernel/debug/x86");
        assert!(why(&card()).contains("built for a kernel with"));
        fake.dir("sys/kernel/debug/snd_rloop/card0");
        assert!(faults(&fake.root(), &card()).is_ok());
    }
}
