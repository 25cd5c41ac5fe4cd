// SPDX-License-Identifier: MIT OR Apache-2.0

//! A buffer: its node, what it says of itself, and how more of them are made.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use rig::verdict::{Verdict, fail};

use super::DRIVER;
use crate::kernel::device::{self, Driver};
pub use crate::kernel::made::failed;

/// The driver.
#[derive(Clone, Debug)]
pub struct Circbuf;

impl Driver for Circbuf {
    const NAME: &'static str = DRIVER;
}

/// A buffer.
pub type Device = device::Device<Circbuf>;
/// A buffer made in configfs. Dropping this removes it.
pub type Made = device::Made<Circbuf>;

/// For what a node is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Only reading.
    Reading,
    /// Only writing.
    Writing,
    /// Both.
    Both,
}

impl Device {
    /// The one that the module makes by itself.
    pub fn first() -> Self {
        Self::named(DRIVER)
    }

    /// Opens it; `flags` as of `open(2)`.
    ///
    /// # Errors
    /// What `open` says.
    pub fn open(&self, what: For, flags: i32) -> Verdict<File> {
        let mut options = OpenOptions::new();
        options.read(what != For::Writing);
        options.write(what != For::Reading);
        let node = self.node();
        let file = options.custom_flags(flags).open(&node);
        file.map_err(|e| failed("open", &node, &e))
    }

    /// Opens it for both, so that no call sleeps.
    ///
    /// # Errors
    /// What `open` says.
    pub fn nonblocking(&self) -> Verdict<File> {
        self.open(For::Both, libc::O_NONBLOCK)
    }
}

/// What a buffer says of itself: a number for each key.
#[derive(Clone, Debug, Default)]
pub struct State(pub BTreeMap<String, u64>);

impl State {
    /// The state of the buffer that `file` is open on.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of(file: &File) -> Verdict<Self> {
        let path = PathBuf::from(format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
        let text = fs::read_to_string(&path).map_err(|e| failed("read", &path, &e))?;
        let pairs = text.lines().filter_map(|line| line.split_once(":\t"));
        let numbers = pairs.filter_map(|(key, value)| Some((key, value.trim().parse().ok()?)));
        let own = numbers.filter(|(key, _)| !["pos", "flags", "mnt_id", "ino"].contains(key));
        Ok(Self(own.map(|(k, v)| (k.to_owned(), v)).collect()))
    }

    /// The number after `key`.
    ///
    /// # Errors
    /// If there is none.
    pub fn number(&self, key: &str) -> Verdict<u64> {
        match self.0.get(key) {
            Some(number) => Ok(*number),
            None => fail(format!("fdinfo has no number after {key}:")),
        }
    }
}

impl Made {
    /// Makes one of this size.
    ///
    /// # Errors
    /// As [`Made::named`].
    pub fn of_size(bytes: usize) -> Verdict<Self> {
        Self::new(&[("buffer_size", &bytes.to_string())])
    }
}
