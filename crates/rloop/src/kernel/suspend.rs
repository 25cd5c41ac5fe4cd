// SPDX-License-Identifier: MIT OR Apache-2.0

//! Suspends that come back by themselves, before the machine sleeps (`CONFIG_PM_DEBUG`,
//! `Documentation/power/basic-pm-debugging.rst`).

use std::fs;
use std::path::Path;

use rig::output::complain;

/// How far a suspend goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Programs are frozen.
    Freezer,
    /// And devices suspended: streams that run are then in the state SUSPENDED.
    Devices,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Freezer => "freezer",
            Self::Devices => "devices",
        }
    }
}

const STATE: &str = "/sys/power/state";
const TEST: &str = "/sys/power/pm_test";

/// The kernel's means of such suspends, set up; what was there before returns when this goes.
pub struct Suspender {
    before: Vec<(&'static str, String)>,
}

impl Suspender {
    /// Sets everything up; nothing is suspended yet.
    ///
    /// # Errors
    /// What is missing.
    pub fn new() -> Result<Self, String> {
        let problem = |path: &str, e: std::io::Error| {
            format!("needs root, and a kernel with CONFIG_SUSPEND and CONFIG_PM_DEBUG: {path}: {e}")
        };
        let test = fs::read_to_string(TEST).map_err(|e| problem(TEST, e))?;
        // The level that is chosen has brackets.
        let chosen = test.split(['[', ']']).nth(1).unwrap_or("none").to_owned();
        let mut suspender = Self {
            before: vec![(TEST, chosen)],
        };
        for (path, value) in [
            // Not even the second that is the shortest pause otherwise.
            ("/sys/module/suspend/parameters/pm_test_delay", "0"),
            ("/sys/power/sync_on_suspend", "0"),
        ] {
            // Without these it takes longer.
            if let Ok(before) = fs::read_to_string(path) {
                fs::write(path, value).map_err(|e| problem(path, e))?;
                suspender.before.push((path, before.trim().to_owned()));
            }
        }
        match Path::new(STATE).exists() {
            true => Ok(suspender),
            false => Err(format!("there is no {STATE}")),
        }
    }

    /// Suspends and comes back. Other threads and programs do nothing meanwhile.
    ///
    /// # Errors
    /// What the kernel says: of a program that does not freeze it says more in its log.
    pub fn suspend(&self, level: Level) -> Result<(), String> {
        let name = level.name();
        fs::write(TEST, name).map_err(|e| format!("{name} to {TEST}: {e}"))?;
        fs::write(STATE, "freeze")
            .map_err(|e| format!("a suspend that tests {name}: {e}; see the kernel's log (dmesg)"))
    }
}

impl Drop for Suspender {
    fn drop(&mut self) {
        for (path, before) in self.before.iter().rev() {
            if let Err(error) = fs::write(path, before) {
                complain(format_args!("{path} back to {before}: {error}"));
            }
        }
    }
}
