// SPDX-License-Identifier: MIT OR Apache-2.0

//! A disk: its node, what it says of itself, and how more of them are made.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rig::verdict::{Verdict, fail};

use super::{DRIVER, NODE};
use crate::kernel::device::{self, Driver};
pub use crate::kernel::made::failed;

/// The driver.
#[derive(Clone, Debug)]
pub struct Vblk;

impl Driver for Vblk {
    const NAME: &'static str = DRIVER;
}

/// A disk.
pub type Device = device::Device<Vblk>;
/// A disk made in configfs. Dropping this removes it.
pub type Made = device::Made<Vblk>;

impl Device {
    /// The one that the module makes by itself.
    pub fn first() -> Self {
        Self::named(NODE.trim_start_matches("/dev/"))
    }

    /// Opens it for reading and writing; `flags` as of `open(2)`.
    ///
    /// # Errors
    /// What `open` says.
    pub fn open(&self, flags: i32) -> Verdict<File> {
        let mut options = OpenOptions::new();
        let node = self.node();
        let file = options
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(&node);
        file.map_err(|e| failed("open", &node, &e))
    }

    /// Opens it for I/O that passes the page cache by.
    ///
    /// # Errors
    /// What `open` says.
    pub fn direct(&self) -> Verdict<File> {
        self.open(libc::O_DIRECT)
    }

    /// What sysfs says of it, as text.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn attribute(&self, name: &str) -> Verdict<String> {
        let path = Path::new("/sys/block").join(&self.name).join(name);
        let text = fs::read_to_string(&path).map_err(|e| failed("read", &path, &e))?;
        Ok(text.trim().to_owned())
    }

    /// A number that it says of itself.
    ///
    /// # Errors
    /// If there is none of that name; a reason to skip where there is no debugfs.
    pub fn number(&self, key: &str) -> Verdict<u64> {
        match State::of(self)?.0.get(key) {
            Some(number) => Ok(*number),
            None => fail(format!("the state has no {key}")),
        }
    }
}

/// What a disk says of itself: a number for each key.
#[derive(Clone, Debug, Default)]
pub struct State(pub BTreeMap<String, u64>);

impl State {
    /// That of `device`.
    ///
    /// # Errors
    /// A reason to skip where there is no debugfs.
    pub fn of(device: &Device) -> Verdict<Self> {
        let text = device.faults()?.left("state")?;
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        let numbers = pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?)));
        Ok(Self(numbers.collect()))
    }
}
