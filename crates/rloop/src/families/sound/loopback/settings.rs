// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a user has set of each cable of a card. Checks and measurements begin with cables that are alike, but for their
//! clocks, which each looks at itself; and all is put back.

use std::fs;
use std::path::PathBuf;

use alsa::ctl::{Ctl, ElemId, ElemType};
use rig::output::complain;
use rig::verdict::{Problem, Verdict};

use super::card::{Card, Driver};
use super::elements::{
    DELAY, NOTIFY, PITCH, RATE_SHIFT, SWITCH, VOLUME, id, mixer_id, read, write,
};
use crate::error::Error;

/// The volume of 0 dB.
pub const VOLUME_FULL: i32 = 200;

/// An element that is not as it is to be.
struct Changed {
    id: ElemId,
    kind: ElemType,
    before: i32,
    what: String,
}

/// The settings of a card as they were, which they are again when this value goes. Nothing of the card is open
/// meanwhile: a check may unload the module.
pub struct Settings {
    card: Card,
    changed: Vec<Changed>,
    /// What the cables went by, and where that is set.
    source: Option<(PathBuf, String)>,
}

fn open(card: &Card) -> alsa::Result<Ctl> {
    Ctl::new(&format!("hw:{}", card.index), true)
}

/// Name, type and value of an element of a cable that nobody has set anything of.
type Neutral = (&'static str, ElemType, i32);

const OF_PLAYBACK: &[Neutral] = &[
    (DELAY, ElemType::Integer, 0),
    (PITCH, ElemType::Integer, 1_000_000),
];
const OF_CAPTURE: &[Neutral] = &[
    (NOTIFY, ElemType::Boolean, 0),
    // Another name of the pitch, or the only one.
    (RATE_SHIFT, ElemType::Integer, 100_000),
];
const OF_MIXER: &[Neutral] = &[
    (VOLUME, ElemType::Integer, VOLUME_FULL),
    (SWITCH, ElemType::Boolean, 1),
];

impl Settings {
    /// Sets all cables of `card` as they are if nobody has set anything.
    ///
    /// # Errors
    /// If an element can't be set, as when another program has locked it.
    pub fn neutral(card: &Card) -> Result<Self, Error> {
        let failed = |why: String| Error::Setting {
            card: card.shown(),
            why,
        };
        let ctl = open(card).map_err(|why| Error::Control {
            card: card.id.clone(),
            why,
        })?;
        let mut settings = Self {
            card: card.clone(),
            changed: Vec::new(),
            source: None,
        };
        settings
            .set_all(&ctl)
            .map_err(|problem| failed(problem.to_string()))?;
        Ok(settings)
    }

    fn set_all(&mut self, ctl: &Ctl) -> Verdict {
        for cable in self.card.cables() {
            for neutral in OF_PLAYBACK {
                self.set(ctl, id(neutral.0, cable.playback)?, *neutral)?;
            }
            for neutral in OF_CAPTURE {
                self.set(ctl, id(neutral.0, cable.capture)?, *neutral)?;
            }
            if self.card.driver == Driver::SndRloop {
                for neutral in OF_MIXER {
                    let number = self.card.cable_number(&cable);
                    self.set(ctl, mixer_id(neutral.0, number)?, *neutral)?;
                }
            }
        }
        self.set_source();
        Ok(())
    }

    /// Sets an element, if there is one and it has another value.
    fn set(&mut self, ctl: &Ctl, id: ElemId, (name, kind, neutral): Neutral) -> Verdict {
        let what = format!(
            "\"{name}\" (device {}, subdevice {}, index {})",
            id.get_device(),
            id.get_subdevice(),
            id.get_index()
        );
        let Ok(before) = read(ctl, &id, kind, &what) else {
            return Ok(());
        };
        if before != neutral {
            write(ctl, &id, kind, neutral, &what)?;
            self.changed.push(Changed {
                id,
                kind,
                before,
                what,
            });
        }
        Ok(())
    }

    /// Lets the cables go by their own clocks. Not everybody may; the checks of another clock say so.
    fn set_source(&mut self) {
        const OWN: &str = "hrtimer";
        if self.card.driver != Driver::SndRloop {
            return;
        }
        let path = self.card.proc_file("timer_source");
        let Ok(before) = fs::read_to_string(&path) else {
            return;
        };
        let before = before.trim();
        if before != OWN && fs::write(&path, OWN).is_ok() {
            self.source = Some((path, before.to_owned()));
        }
    }

    fn put_back(&mut self) -> Verdict {
        let mut result = Ok(());
        let changed = std::mem::take(&mut self.changed);
        if !changed.is_empty() {
            let ctl = open(&self.card);
            let ctl = ctl.map_err(|e| Problem::Failed(format!("the control device: {e}")))?;
            for Changed {
                id,
                kind,
                before,
                what,
            } in changed
            {
                result = result.and(write(&ctl, &id, kind, before, &what));
            }
        }
        if let Some((path, before)) = self.source.take() {
            let what = path.display().to_string();
            result = result
                .and(fs::write(&path, before).map_err(|e| Problem::Failed(format!("{what}: {e}"))));
        }
        result
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        let back = self.put_back();
        if !self.card.is_there() {
            return;
        }
        if let Err(problem) = back {
            complain(format_args!(
                "{}: not put back as it was: {problem}",
                self.card.shown()
            ));
        }
    }
}
