// SPDX-License-Identifier: MIT OR Apache-2.0

//! Lines in the kernel's log, for those who look at the kernel from elsewhere while it is measured.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::error::Error;
use rig::verdict::{Problem, Verdict};

const PATH: &str = "/dev/kmsg";

/// The kernel's log.
pub struct KernelLog(File);

impl KernelLog {
    /// # Errors
    /// Where only root may write to it.
    pub fn open() -> Result<Self, Error> {
        let path = Path::new(PATH);
        let file = File::options().write(true).open(path);
        file.map(Self).map_err(Error::file(path))
    }

    /// Says `what`, as information.
    pub fn say(&self, what: &str) -> Verdict {
        // The kernel takes a line by one write.
        let line = format!("<6>rloop bench: {what}\n");
        let written = (&self.0).write_all(line.as_bytes());
        written.map_err(|e| Problem::Skipped(format!("{PATH}: {e}")))
    }
}
