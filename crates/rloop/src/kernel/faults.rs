// SPDX-License-Identifier: MIT OR Apache-2.0

//! The files in debugfs by which a driver does wrong on demand.

use std::fs;
use std::io;
use std::path::PathBuf;

use driver_models::shared::plan::Plan;
use rig::verdict::{Problem, Verdict, ensure, skip};

/// What is no plan of those to come that go wrong.
const NO_PLANS: [&str; 9] = [
    "-1",
    "x",
    "0-3",
    "4-3",
    "1/10",
    "0/10 1",
    "11/10 1",
    "1/10 -1",
    "4294967296",
];

/// Whether each of so many that come goes wrong by a plan.
pub fn wrong(plan: &str, count: usize) -> Vec<bool> {
    let mut plan = Plan::parse(plan).unwrap_or_default();
    (0..count).map(|_| plan.next_is_wrong()).collect()
}

/// Those of one device.
pub struct Faults(PathBuf);

impl Faults {
    /// The files in `/sys/kernel/debug/MODULE/DEVICE`, which may have parts, with slashes in between.
    ///
    /// # Errors
    /// A reason to skip if they are not there.
    pub fn of(module: &str, device: &str) -> Verdict<Self> {
        let dir = PathBuf::from(format!("/sys/kernel/debug/{module}/{device}"));
        match dir.exists() {
            true => Ok(Self(dir)),
            false => skip(format!("{} is not there: debugfs, root", dir.display())),
        }
    }

    /// The file `fault`.
    pub fn file(&self, fault: &str) -> PathBuf {
        self.0.join(fault)
    }

    /// Whether all of `files` are there: the kernel goes on without one that it finds no memory for.
    pub fn have(&self, files: &[&str]) -> bool {
        files.iter().all(|file| self.file(file).exists())
    }

    /// Asks for a fault.
    ///
    /// # Errors
    /// If it is refused.
    pub fn ask(&self, fault: &str, value: &str) -> Verdict {
        let path = self.file(fault);
        fs::write(&path, value).map_err(|e| {
            let path = path.display();
            Problem::Failed(format!("{path}: {value}: {e}"))
        })
    }

    /// What is left of a fault.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn left(&self, fault: &str) -> Verdict<String> {
        let path = self.file(fault);
        let text = fs::read_to_string(&path)
            .map_err(|e| Problem::Failed(format!("{}: {e}", path.display())))?;
        Ok(text.trim_end().to_owned())
    }

    /// What is no plan is refused by these files with `EINVAL`.
    ///
    /// # Errors
    /// What was not.
    pub fn refuse_no_plans(&self, files: &[&str]) -> Verdict {
        files.iter().try_for_each(|file| {
            let bad = NO_PLANS.map(|value| (*file, value));
            self.refuse(&bad)
        })
    }

    /// Values that no fault has are refused with `EINVAL`.
    ///
    /// # Errors
    /// Which was not.
    pub fn refuse(&self, bad: &[(&str, &str)]) -> Verdict {
        for (fault, value) in bad {
            // An empty write does not get as far as the driver.
            let came = fs::write(self.file(fault), format!("{value}\n"));
            let errno = came.as_ref().err().and_then(io::Error::raw_os_error);
            ensure(errno == Some(libc::EINVAL), || {
                format!("\"{value}\" to {fault}: expected EINVAL, came {came:?}")
            })?;
        }
        Ok(())
    }
}
