// SPDX-License-Identifier: MIT OR Apache-2.0

//! Devices with one node, of drivers whose devices are made in configfs.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rig::verdict::{Problem, Verdict, Within as _, ensure, fail, skip};

use super::faults::Faults;
use super::made::{self, own_name};

/// A driver.
pub trait Driver {
    /// Its name, with which those of its nodes begin, and its directories in configfs and debugfs.
    const NAME: &'static str;
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device<D> {
    /// The name of its node.
    pub name: String,
    driver: PhantomData<D>,
}

impl<D: Driver> Device<D> {
    /// That whose node is called `name`.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            driver: PhantomData,
        }
    }

    /// That which is made in the directory `name` of configfs.
    pub fn made_as(name: &str) -> Self {
        Self::named(format!("{}-{name}", D::NAME))
    }

    /// All that have a name in `dir`: the one that the module makes by itself, which has `first` after the driver's
    /// name, and those that are made in configfs.
    pub fn all(dir: &str, first: &str) -> Vec<Self> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_ours = |name: &String| {
            let rest = name.strip_prefix(D::NAME);
            rest.is_some_and(|rest| rest == first || rest.starts_with('-'))
        };
        let mut names: Vec<String> = names.filter(is_ours).collect();
        names.sort();
        names.into_iter().map(Self::named).collect()
    }

    /// Its node.
    pub fn node(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }

    /// Whether it is still there.
    pub fn is_there(&self) -> bool {
        self.node().exists()
    }

    /// Lets something go wrong.
    ///
    /// # Errors
    /// What `write` says; a reason to skip where there is no debugfs.
    pub fn fault(&self, file: &str, value: &str) -> Verdict {
        self.faults()?.ask(file, value)
    }

    /// Its faults.
    ///
    /// # Errors
    /// A reason to skip if the files are not there.
    pub fn faults(&self) -> Verdict<Faults> {
        Faults::of(D::NAME, &self.name)
    }
}

/// A device made in configfs. Dropping this removes it.
pub type Made<D> = made::Made<Device<D>>;

impl<D: Driver> Made<D> {
    /// Makes one of these parameters, its directory being called `name`.
    ///
    /// # Errors
    /// If it can't be made; a reason to skip where there is no configfs.
    pub fn named(name: &str, parameters: &[(&str, &str)]) -> Verdict<Self> {
        Self::of(D::NAME, name, parameters, Device::made_as(name))
    }

    /// Makes one of these parameters.
    ///
    /// # Errors
    /// As [`Made::named`].
    pub fn new(parameters: &[(&str, &str)]) -> Verdict<Self> {
        Self::named(&own_name(), parameters)
    }

    /// Makes it again and again, while somebody unplugs it as soon as there is a file for that, and perhaps no node yet:
    /// that takes it away, or says ENODEV. Returns how often it said so.
    ///
    /// # Errors
    /// If it is there afterwards; a reason to skip if the node was always there before.
    pub fn unplugged_coming(&self) -> Verdict<u64>
    where
        D: Sync,
    {
        const ROUNDS: u32 = 50;
        let mut early = 0;
        for _ in 0..ROUNDS {
            self.set("enable", "0").within(|| "disable".to_owned())?;
            let over = AtomicBool::new(false);
            early += thread::scope(|scope| {
                let other = scope.spawn(|| unplug_coming(&self.device, &over));
                let made = self.set("enable", "1").within(|| "enable".to_owned());
                over.store(made.is_err(), Ordering::Relaxed);
                let early = other.join();
                made?;
                early.map_err(|_| Problem::Failed("a thread has panicked".to_owned()))?
            })?;
            ensure(!self.device.is_there(), || {
                "the node is there, though it was unplugged as it came".to_owned()
            })?;
        }
        match early {
            0 => skip("it was never unplugged before its node had come"),
            early => Ok(early),
        }
    }
}

/// Unplugs a device that is about to come, until that succeeds or is `over`. Returns how often it had no node.
fn unplug_coming<D: Driver>(device: &Device<D>, over: &AtomicBool) -> Verdict<u64> {
    let path = Path::new("/sys/kernel/debug")
        .join(D::NAME)
        .join(&device.name)
        .join("unplug");
    let mut early = 0;
    while !over.load(Ordering::Relaxed) {
        let file = OpenOptions::new().write(true).open(&path);
        match file.and_then(|mut file| file.write_all(b"1")) {
            Ok(()) => return Ok(early),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) if e.raw_os_error() == Some(libc::ENODEV) => early += 1,
            Err(e) => return fail(format!("{}: {e}", path.display())),
        }
    }
    Ok(early)
}
