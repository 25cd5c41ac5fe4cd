// SPDX-License-Identifier: MIT OR Apache-2.0

//! Devices that are made in configfs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rig::verdict::{Problem, Verdict, Within as _, skip};

/// A system call's error as a failure.
pub fn failed(call: &str, path: &Path, error: &io::Error) -> Problem {
    Problem::Failed(format!("{call} {}: {error}", path.display()))
}

/// A device made in configfs. Dropping this removes it.
pub struct Made<D> {
    /// The device.
    pub device: D,
    dir: PathBuf,
}

/// What a directory may be called that nobody else makes.
pub fn own_name() -> String {
    format!("check{}", std::process::id())
}

impl<D> Made<D> {
    /// Makes `device` of these parameters, in the directory `name` of the driver's.
    ///
    /// # Errors
    /// If it can't be made; a reason to skip where there is no configfs.
    pub fn of(driver: &str, name: &str, parameters: &[(&str, &str)], device: D) -> Verdict<Self> {
        let parent = Path::new("/sys/kernel/config").join(driver);
        if !parent.exists() {
            return skip(format!("{} is not there: configfs, root", parent.display()));
        }
        let dir = parent.join(name);
        fs::create_dir(&dir).map_err(|e| failed("mkdir", &dir, &e))?;
        let made = Self { device, dir };
        for (file, value) in parameters.iter().chain(&[("enable", "1")]) {
            made.set(file, value)?;
        }
        Ok(made)
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads an attribute.
    ///
    /// # Errors
    /// What `read` says.
    pub fn get(&self, file: &str) -> Verdict<String> {
        let path = self.dir.join(file);
        let text = fs::read_to_string(&path).map_err(|e| failed("read", &path, &e))?;
        Ok(text.trim().to_owned())
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

impl<D> Drop for Made<D> {
    fn drop(&mut self) {
        let _ = fs::write(self.dir.join("enable"), "0");
        let _ = fs::remove_dir(&self.dir);
    }
}
