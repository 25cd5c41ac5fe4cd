// SPDX-License-Identifier: MIT OR Apache-2.0

//! Suspends that come back by themselves, before the machine sleeps (`CONFIG_PM_DEBUG`,
//! `Documentation/power/basic-pm-debugging.rst`).

use std::fs;
use std::path::Path;
use std::time::Duration;

use rig::output::complain;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

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
const CLOCKS: &str = "/sys/class/rtc";

/// Whether the kernel has a clock that wakes the machine for a timer: it has given that a device called "alarmtimer"
/// (`kernel/time/alarmtimer.c`).
pub fn wakes() -> bool {
    let entries = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
    entries(Path::new(CLOCKS)).any(|clock| {
        entries(&clock.path()).any(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("alarmtimer")
        })
    })
}

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
        self.freeze(level.name())
    }

    /// Has the machine sleep, idle, until its clock wakes it after `time`: for less than two seconds the kernel does not
    /// begin. To be asked for where [`wakes`] says so, or it sleeps until somebody comes.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn sleep(&self, time: Duration) -> Result<(), String> {
        let alarm = timerfd_create(TimerfdClockId::BoottimeAlarm, TimerfdFlags::empty())
            .map_err(|e| format!("a timer that wakes the machine: {e}"))?;
        let problem = |e: &dyn std::fmt::Display| {
            format!("a timer that wakes the machine after {time:?}: {e}")
        };
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: time.try_into().map_err(|e| problem(&e))?,
        };
        timerfd_settime(&alarm, TimerfdTimerFlags::empty(), &once).map_err(|e| problem(&e))?;
        self.freeze("none")
    }

    fn freeze(&self, test: &str) -> Result<(), String> {
        fs::write(TEST, test).map_err(|e| format!("{test} to {TEST}: {e}"))?;
        fs::write(STATE, "freeze")
            .map_err(|e| format!("a suspend (pm_test {test}): {e}; see the kernel's log (dmesg)"))
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
