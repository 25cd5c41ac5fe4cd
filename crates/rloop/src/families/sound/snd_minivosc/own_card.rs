// SPDX-License-Identifier: MIT OR Apache-2.0

//! Cards of the checks' own, made in configfs: what they are made of is known, and nobody else uses them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rig::verdict::{Problem, Verdict, fail, skip};

use crate::alsa::pcm::{Address, Direction, Pcm};

/// Where cards are made.
const ROOT: &str = "/sys/kernel/config/snd-minivosc";
/// The directory, and the card's id.
const NAME: &str = "rloopcheck";

/// A card's directory, and the card if it is enabled. Both go with this value.
pub struct OwnCard(PathBuf);

impl OwnCard {
    /// Makes a directory, without a card.
    pub fn new() -> Verdict<Self> {
        Self::named(NAME)
    }

    /// The same by another name, where there are several.
    pub fn named(name: &str) -> Verdict<Self> {
        let dir = Path::new(ROOT).join(name);
        if dir.exists() {
            // Of a run that was killed.
            drop(Self(dir.clone()));
        }
        match fs::create_dir(&dir) {
            Ok(()) => Ok(Self(dir)),
            Err(e) => skip(format!(
                "no card can be made in {ROOT} ({e}): configfs must be mounted, and root must ask"
            )),
        }
    }

    /// Makes a card with these parameters.
    pub fn with(parameters: &[(&str, &str)]) -> Verdict<(Self, Address)> {
        let card = Self::new()?;
        for (name, value) in parameters {
            card.want(name, value)?;
        }
        let at = card.enable()?;
        Ok((card, at))
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Writes an attribute.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, name: &str, value: impl AsRef<[u8]>) -> io::Result<()> {
        fs::write(self.0.join(name), value)
    }

    /// Writes an attribute that takes this value.
    pub fn want(&self, name: &str, value: impl AsRef<[u8]>) -> Verdict {
        let failed = |e| Problem::Failed(format!("{name} was not taken: {e}"));
        self.write(name, value).map_err(failed)
    }

    /// Reads an attribute.
    pub fn read(&self, name: &str) -> Verdict<String> {
        let text = fs::read_to_string(self.0.join(name));
        let text = text.map_err(|e| Problem::Failed(format!("{name} can't be read: {e}")))?;
        Ok(text.trim_end().to_owned())
    }

    /// Makes the card.
    pub fn enable(&self) -> Verdict<Address> {
        self.want("enable", "1")?;
        let Ok(card) = self.read("card")?.parse() else {
            return fail("enabled, the card has no number");
        };
        Ok(Address {
            card,
            device: 0,
            subdevice: 0,
            direction: Direction::Capture,
        })
    }

    /// Makes the card, and opens its stream.
    pub fn open(parameters: &[(&str, &str)]) -> Verdict<(Self, Pcm)> {
        let (card, at) = Self::with(parameters)?;
        Ok((card, Pcm::open(at)?))
    }
}

impl Drop for OwnCard {
    fn drop(&mut self) {
        // There is nobody to tell, and the next one says what it finds.
        let _ = self.write("enable", "0");
        let _ = fs::remove_dir(&self.0);
    }
}
