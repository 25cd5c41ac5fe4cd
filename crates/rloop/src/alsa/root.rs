// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where the system tells of sound cards. Tests put another directory in the place of `/`.

use std::path::{Path, PathBuf};

/// The root of the file system.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Root {
    /// Another one.
    #[cfg(test)]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// A file, `path` being relative to the root.
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// The devices.
    pub fn devices(&self) -> PathBuf {
        self.join("dev/snd")
    }

    /// ALSA's files, which containers do not see as a rule.
    pub fn proc(&self) -> PathBuf {
        self.join("proc/asound")
    }

    /// The kernel's objects.
    pub fn class(&self) -> PathBuf {
        self.join("sys/class/sound")
    }
}
