// SPDX-License-Identifier: MIT OR Apache-2.0

//! A disk: its node, what it says of itself, and how more of them are made.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rig::verdict::{Problem, Verdict, Within as _, fail, skip};

use super::DRIVER;
use crate::kernel::faults::Faults;

/// A disk.
#[derive(Clone, Debug)]
pub struct Device {
    /// The name of its node.
    pub name: String,
}

/// A system call's error as a failure.
pub fn failed(call: &str, path: &Path, error: &io::Error) -> Problem {
    Problem::Failed(format!("{call} {}: {error}", path.display()))
}

impl Device {
    /// The one that the module makes by itself.
    pub fn first() -> Self {
        Self {
            name: "vblk0".to_owned(),
        }
    }

    /// Its node.
    pub fn node(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }

    /// Whether it is still there.
    pub fn is_there(&self) -> bool {
        self.node().exists()
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
        Faults::of(DRIVER, &self.name)
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

/// A disk made in configfs, which goes when this value does.
pub struct Made {
    /// The disk.
    pub device: Device,
    dir: PathBuf,
}

impl Made {
    /// Makes one of these parameters, its directory being called `name`.
    ///
    /// # Errors
    /// If it can't be made; a reason to skip where there is no configfs.
    pub fn named(name: &str, parameters: &[(&str, &str)]) -> Verdict<Self> {
        let parent = Path::new("/sys/kernel/config").join(DRIVER);
        if !parent.exists() {
            return skip(format!("{} is not there: configfs, root", parent.display()));
        }
        let dir = parent.join(name);
        fs::create_dir(&dir).map_err(|e| failed("mkdir", &dir, &e))?;
        let made = Self {
            device: Device {
                name: format!("{DRIVER}-{name}"),
            },
            dir,
        };
        for (file, value) in parameters.iter().chain(&[("enable", "1")]) {
            made.set(file, value)?;
        }
        Ok(made)
    }

    /// Makes one of these parameters.
    ///
    /// # Errors
    /// As [`Made::named`].
    pub fn new(parameters: &[(&str, &str)]) -> Verdict<Self> {
        Self::named(&format!("check{}", std::process::id()), parameters)
    }

    /// Writes an attribute.
    ///
    /// # Errors
    /// What `write` says.
    pub fn set(&self, file: &str, value: &str) -> Verdict {
        let path = self.dir.join(file);
        fs::write(&path, value).map_err(|e| failed("write", &path, &e))
    }

    /// Takes it away, which must succeed.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn remove(self) -> Verdict {
        self.set("enable", "0").within(|| "disable".to_owned())?;
        fs::remove_dir(&self.dir).map_err(|e| failed("rmdir", &self.dir, &e))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::write(self.dir.join("enable"), "0");
        let _ = fs::remove_dir(&self.dir);
    }
}
