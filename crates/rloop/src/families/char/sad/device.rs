// SPDX-License-Identifier: MIT OR Apache-2.0

//! A device: its nodes, its card, what it says of itself, and how more of them are made.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rig::verdict::{Verdict, fail};

use super::DRIVER;
use crate::alsa::find::of_driver;
use crate::alsa::pcm::{Address, Direction};
use crate::alsa::root::Root;
use crate::error::Error;
use crate::kernel::faults::Faults;
pub use crate::kernel::made::failed;
use crate::kernel::made::{self, own_name};

/// What the last close does with what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It waits for it to leave.
    Waits,
    /// It drops it.
    Drops,
    /// It lets it leave.
    Leaves,
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device {
    /// What the names of its nodes end in.
    suffix: String,
    /// The index of its card.
    pub card: u32,
    /// Samples per second.
    pub rate: u32,
    /// What is written.
    pub format: String,
    /// How many samples can wait.
    pub capacity: u64,
}

/// What a device says of itself.
#[derive(Clone, Debug)]
pub struct State {
    /// As it stands.
    pub text: String,
    /// What comes after each key.
    pub values: BTreeMap<String, String>,
}

impl State {
    /// The number after `key`.
    ///
    /// # Errors
    /// If there is none.
    pub fn number(&self, key: &str) -> Verdict<u64> {
        let value = self.values.get(key);
        let word = value.and_then(|value| value.split(' ').next());
        match word.and_then(|word| word.parse().ok()) {
            Some(number) => Ok(number),
            None => fail(format!("the converter's file has no number after {key}:")),
        }
    }

    /// The sum over the histogram.
    pub fn ticks(&self) -> u64 {
        let buckets = self
            .values
            .iter()
            .filter(|(key, _)| key.starts_with("up to") || *key == "longer");
        buckets.filter_map(|(_, n)| n.parse::<u64>().ok()).sum()
    }
}

impl Device {
    /// The one that the module makes by itself.
    ///
    /// # Errors
    /// If its card can't be used.
    pub fn first() -> Result<Self, Error> {
        let cards = of_driver(DRIVER)?;
        let class = Root::default().class();
        let first = |index: u32| {
            let parent = fs::read_link(class.join(format!("card{index}/device")));
            parent.is_ok_and(|link| link.ends_with("sad.0"))
        };
        let card = cards.iter().find(|card| first(card.number));
        let card = card.or(cards.first()).map_or(0, |card| card.index);
        let mut device = Self {
            suffix: String::new(),
            card,
            rate: 8_000,
            format: "MU_LAW".to_owned(),
            capacity: 8_192,
        };
        if let Ok(state) = device.state() {
            device.learn(&state);
        }
        Ok(device)
    }

    fn learn(&mut self, state: &State) {
        let value = |key: &str| state.values.get(key).cloned().unwrap_or_default();
        self.rate = value("rate").parse().unwrap_or(self.rate);
        self.format = value("format");
        let capacity = value("waiting");
        let capacity = capacity.rsplit(' ').next().and_then(|n| n.parse().ok());
        self.capacity = capacity.unwrap_or(self.capacity);
    }

    /// Whether it is still there.
    pub fn is_there(&self) -> bool {
        self.node(Kind::Waits).exists()
    }

    /// The stream that records it.
    pub fn recording(&self) -> Address {
        Address {
            card: self.card,
            device: 0,
            subdevice: 0,
            direction: Direction::Capture,
        }
    }

    /// The time from one sample to the next.
    pub fn tick(&self) -> Duration {
        Duration::from_nanos(1_000_000_000 / u64::from(self.rate.max(1)))
    }

    /// The time that so many samples take.
    pub fn time(&self, samples: u64) -> Duration {
        Duration::from_nanos(samples * 1_000_000_000 / u64::from(self.rate.max(1)))
    }

    /// A node.
    pub fn node(&self, kind: Kind) -> PathBuf {
        let name = match kind {
            Kind::Waits => "sad",
            Kind::Drops => "sadnb",
            Kind::Leaves => "sadbg",
        };
        PathBuf::from(format!("/dev/{name}{}", self.suffix))
    }

    /// Opens a node; `flags` as of `open(2)`, `O_RDONLY` for one that is read.
    ///
    /// # Errors
    /// What `open` says.
    pub fn open(&self, kind: Kind, read: bool, flags: i32) -> Verdict<File> {
        let node = self.node(kind);
        let mut options = OpenOptions::new();
        options.read(read).write(!read).custom_flags(flags);
        options.open(&node).map_err(|e| failed("open", &node, &e))
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// If that can't be read.
    pub fn state(&self) -> Verdict<State> {
        let dir = Root::default().proc().join(format!("card{}", self.card));
        let path = dir.join("converter");
        let text = fs::read_to_string(&path).map_err(|e| failed("read", &path, &e))?;
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        let values = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(State {
            values: values.collect(),
            text,
        })
    }

    /// Waits until nothing is left, for as long as that may take.
    ///
    /// # Errors
    /// If something is left then.
    pub fn settle(&self) -> Verdict {
        let end = Instant::now() + self.time(self.capacity) * 2 + Duration::from_secs(1);
        loop {
            match self.state()?.number("waiting")? {
                0 => return Ok(()),
                left if Instant::now() > end => {
                    return fail(format!("{left} samples are left and do not leave"));
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Lets something go wrong.
    ///
    /// # Errors
    /// If debugfs is not there.
    pub fn fault(&self, file: &str, value: &str) -> Verdict {
        self.faults()?.ask(file, value)
    }

    /// Its faults.
    ///
    /// # Errors
    /// A reason to skip if the files are not there.
    pub fn faults(&self) -> Verdict<Faults> {
        Faults::of(DRIVER, &format!("sad{}", self.suffix))
    }
}

/// A device made in configfs. Dropping this removes it.
pub type Made = made::Made<Device>;

impl Made {
    /// Makes one of these parameters.
    ///
    /// # Errors
    /// If it can't be made; a reason to skip where there is no configfs.
    pub fn new(parameters: &[(&str, &str)]) -> Verdict<Self> {
        Self::named(&own_name(), parameters)
    }

    /// Makes one of this name, where there are several.
    ///
    /// # Errors
    /// As [`Made::new`].
    pub fn named(name: &str, parameters: &[(&str, &str)]) -> Verdict<Self> {
        let device = Device {
            suffix: format!("-{name}"),
            card: 0,
            rate: 8_000,
            format: String::new(),
            capacity: 0,
        };
        let mut made = Self::of(DRIVER, name, parameters, device)?;
        made.device.card = made.get("card")?.parse().unwrap_or(0);
        let state = made.device.state()?;
        made.device.learn(&state);
        Ok(made)
    }
}
