// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who turns all there is to be turned of the cards, while threads use their streams.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use alsa::ctl::{Ctl, ElemType};

use crate::alsa::pcm::Address;
use crate::alsa::root::Root;
use crate::error::Error;
use crate::families::sound::loopback::elements::{
    CAPTURE_PITCH, CLOCK, DELAY, FREE, NOTIFY, PITCH, PLAYBACK_PITCH, RATE_SHIFT, TIMER, filled,
    id, value, write,
};
use crate::families::sound::loopback::{self, Card, Driver, fault_files};
use crate::families::stress::Options;
use rig::random::Random;
use rig::verdict::{Problem, Verdict, fail};
use rig::watchdog::Watchdog;

/// A control element that each cable may have, at one of its ends.
struct Element {
    name: &'static str,
    of_player: bool,
    kind: ElemType,
    /// From the least to the most that is tried. The longest delay would let a drain last for too long.
    values: (i32, i32),
    /// The errors with which it may be refused.
    refusals: &'static [i32],
}

const fn integer(name: &'static str, of_player: bool, values: (i32, i32)) -> Element {
    Element {
        name,
        of_player,
        kind: ElemType::Integer,
        values,
        refusals: &[],
    }
}

const ELEMENTS: &[Element] = &[
    integer(PITCH, true, (800_000, 1_250_000)),
    integer(CAPTURE_PITCH, false, (800_000, 1_250_000)),
    integer(PLAYBACK_PITCH, true, (999_900, 1_000_100)),
    integer(RATE_SHIFT, false, (80_000, 120_000)),
    Element {
        // There may be no memory for it.
        refusals: &[libc::ENOMEM],
        ..integer(DELAY, true, (0, 2_000))
    },
    Element {
        kind: ElemType::Boolean,
        ..integer(NOTIFY, false, (0, 1))
    },
    Element {
        kind: ElemType::Enumerated,
        // Somebody may have the cable open.
        refusals: &[libc::EBUSY],
        ..integer(CLOCK, true, (TIMER, FREE))
    },
];

/// The faults that count frames, which wait until somebody hears them.
const COUNTED: [&str; 3] = ["drop", "double", "flip"];
/// How late wake-ups come at most, in microseconds.
const JITTER: u64 = 2_000;

/// Something to be turned, and how it was.
struct Knob {
    ctl: Rc<Ctl>,
    element: &'static Element,
    at: Address,
    before: i32,
}

/// A card's file `timer_source`, and what was in it.
struct Source {
    card: u32,
    path: PathBuf,
    before: String,
}

/// Turns knobs at random, and in the end back.
pub struct Operator {
    random: Random,
    watchdog: Arc<Watchdog>,
    failing_allocations: bool,
    knobs: Vec<Knob>,
    sources: Vec<Source>,
    /// Directories of faults, one for each cable.
    faults: Vec<PathBuf>,
    /// The clock that stands still.
    frozen: Option<PathBuf>,
    turned: u64,
}

impl Operator {
    /// An operator for those of `cards` that are snd-rloop's; if `options` say so it also lets them do wrong.
    ///
    /// # Errors
    /// If a control device can't be opened, or there are to be faults and can't be.
    pub fn new(
        cards: &[Card],
        options: &Options,
        seed: u64,
        watchdog: Arc<Watchdog>,
    ) -> Result<Self, Error> {
        let mut operator = Self {
            random: Random::new(seed),
            watchdog,
            failing_allocations: options.failing_allocations,
            knobs: Vec::new(),
            sources: Vec::new(),
            faults: Vec::new(),
            frozen: None,
            turned: 0,
        };
        for card in cards.iter().filter(|card| card.driver == Driver::SndRloop) {
            operator.find_knobs(card)?;
            let path = card.proc_file("timer_source");
            // Not everybody may.
            if fs::OpenOptions::new().write(true).open(&path).is_ok() {
                let source = fs::read_to_string(&path).map_err(Error::file(&path))?;
                operator.sources.push(Source {
                    card: card.number,
                    path,
                    before: source,
                });
            }
            if options.faults {
                operator.find_faults(card)?;
            }
        }
        if options.faults && operator.faults.is_empty() {
            return Err(Error::NoFaults {
                why: "no card of snd-rloop is under stress".to_owned(),
                advice: "only such do wrong on demand".to_owned(),
            });
        }
        Ok(operator)
    }

    fn find_knobs(&mut self, card: &Card) -> Result<(), Error> {
        let ctl = Ctl::new(&format!("hw:{}", card.index), true);
        let ctl = Rc::new(ctl.map_err(|why| Error::Control {
            card: card.id.clone(),
            why,
        })?);
        for cable in card.cables() {
            for element in ELEMENTS {
                let at = if element.of_player {
                    cable.playback
                } else {
                    cable.capture
                };
                // Which of them there are depends on the topology.
                if let Ok(before) = value(&ctl, element.name, element.kind, at) {
                    self.knobs.push(Knob {
                        ctl: ctl.clone(),
                        element,
                        at,
                        before,
                    });
                }
            }
        }
        Ok(())
    }

    fn find_faults(&mut self, card: &Card) -> Result<(), Error> {
        let root = Root::default();
        loopback::faults(&root, card)?;
        let path = fault_files(&root, card);
        for entry in fs::read_dir(&path).map_err(Error::file(&path))? {
            self.faults.push(entry.map_err(Error::file(&path))?.path());
        }
        // Beside the directories of the cables there are files.
        self.faults.retain(|path| path.is_dir());
        Ok(())
    }

    /// How often something was turned.
    pub fn turned(&self) -> u64 {
        self.turned
    }

    /// Turns one thing.
    ///
    /// # Errors
    /// If the card refuses what it allows.
    pub fn turn(&mut self) -> Verdict {
        self.thaw()?;
        let turned = match self.random.between(0, 9) {
            0 if !self.sources.is_empty() => self.turn_source(),
            1..=3 if !self.faults.is_empty() => self.make_fault(),
            _ if !self.knobs.is_empty() => self.turn_knob(),
            _ => return Ok(()),
        };
        self.turned += 1;
        self.watchdog.step("between changes of settings");
        turned
    }

    /// Lets the clock that stands still go on: what waits for it can end then.
    ///
    /// # Errors
    /// If the card refuses that.
    pub fn thaw(&mut self) -> Verdict {
        let Some(path) = self.frozen.take() else {
            return Ok(());
        };
        self.watchdog.step(format!("0 to {}", path.display()));
        // There may be no memory for it, but a clock must not stand still for ever.
        loop {
            match fs::write(&path, "0") {
                Err(e) if self.lacks_memory(&e) => {}
                other => return other.map_err(unexpected(&path)),
            }
        }
    }

    fn turn_knob(&mut self) -> Verdict {
        let at = self.random.between(0, self.knobs.len() as u64 - 1) as usize;
        let Knob {
            ctl, element, at, ..
        } = &self.knobs[at];
        let (least, most) = element.values;
        let number = least + self.random.between(0, (most - least) as u64) as i32;
        let what = format!("\"{}\" of {at} to {number}", element.name);
        self.watchdog.step(what.clone());
        let filled = filled(&id(element.name, *at)?, element.kind, number, &what)?;
        match ctl.elem_write(&filled) {
            Ok(_) => Ok(()),
            Err(e) if element.refusals.contains(&e.errno()) => Ok(()),
            // Somebody has locked it.
            Err(e) if e.errno() == libc::EPERM => Ok(()),
            Err(e) if self.failing_allocations && e.errno() == libc::ENOMEM => Ok(()),
            Err(e) => fail(format!("{what}: {e}")),
        }
    }

    fn turn_source(&mut self) -> Verdict {
        let at = self.random.between(0, self.sources.len() as u64 - 1) as usize;
        let other = self.random.between(0, 3) as u32;
        let source = match self.random.between(0, 3) {
            0 => "hrtimer".to_owned(),
            1 => "jiffies".to_owned(),
            // Of another card, which may be there.
            n if other != self.sources[at].card => format!("hw:{other},0,{}", n % 2),
            _ => return Ok(()),
        };
        self.write(&self.sources[at].path, &source)
    }

    fn make_fault(&mut self) -> Verdict {
        let at = self.random.between(0, self.faults.len() as u64 - 1) as usize;
        let dir = self.faults[at].clone();
        let number = self.random.between(0, 9);
        match self.random.between(0, 5) {
            kind @ 0..=2 => self.write(&dir.join(COUNTED[kind as usize]), &number.to_string()),
            3 => {
                let jitter = self.random.between(0, JITTER).to_string();
                self.write(&dir.join("jitter"), &jitter)
            }
            4 => {
                let path = dir.join("freeze");
                self.write(&path, "1")?;
                self.frozen = Some(path);
                Ok(())
            }
            _ => {
                let end = self.random.pick(&["playback", "capture"]);
                self.write(&dir.join("xrun"), end)
            }
        }
    }

    fn write(&self, path: &Path, text: &str) -> Verdict {
        self.watchdog.step(format!("{text} to {}", path.display()));
        match fs::write(path, text) {
            Err(e) if self.lacks_memory(&e) => Ok(()),
            other => other.map_err(unexpected(path)),
        }
    }

    fn lacks_memory(&self, error: &std::io::Error) -> bool {
        self.failing_allocations && error.raw_os_error() == Some(libc::ENOMEM)
    }

    /// Turns everything back. Nobody must have a stream open, and no allocation fails any more.
    ///
    /// # Errors
    /// What can't be.
    pub fn rest(mut self) -> Verdict {
        self.failing_allocations = false;
        self.thaw()?;
        for dir in &self.faults {
            for name in COUNTED.iter().chain(&["jitter"]) {
                self.write(&dir.join(name), "0")?;
            }
        }
        for source in &self.sources {
            self.write(&source.path, &source.before)?;
        }
        for knob in &self.knobs {
            let Knob {
                ctl,
                element,
                at,
                before,
            } = knob;
            let what = format!("\"{}\" of {at} back to {before}", element.name);
            self.watchdog.step(what.clone());
            write(ctl, &id(element.name, *at)?, element.kind, *before, &what)?;
        }
        Ok(())
    }
}

fn unexpected(path: &Path) -> impl Fn(std::io::Error) -> Problem + '_ {
    move |e| Problem::Failed(format!("{}: {e}", path.display()))
}
