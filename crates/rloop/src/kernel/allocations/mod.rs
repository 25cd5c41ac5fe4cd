// SPDX-License-Identifier: MIT OR Apache-2.0

//! Allocations in the kernel that fail on demand (`CONFIG_FAULT_INJECTION`).
//!
//! Only those fail that a module is to blame for: it is among the callers. So neither the programs that
//! a check uses nor what the kernel does for any process is in the way.

mod modules;

pub use modules::module_file;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rig::output::complain;
use rig::watchdog::Watchdog;

/// The kinds of allocation, by their directories in debugfs.
const KINDS: [&str; 2] = ["failslab", "fail_page_alloc"];
/// More allocations than anything needs that a check does.
const MOST: u32 = 5_000;
/// How many callers the kernel looks at, which it allows no more of.
const CALLERS: &str = "32";

/// A call failed.
#[derive(Debug)]
pub struct Failure {
    /// The error number, positive.
    pub errno: i32,
    /// What failed.
    pub what: String,
}

impl From<crate::alsa::pcm::AlsaError> for Failure {
    fn from(error: crate::alsa::pcm::AlsaError) -> Self {
        Self {
            errno: of_library(error.call, error.errno),
            what: error.to_string(),
        }
    }
}

impl From<alsa::Error> for Failure {
    fn from(error: alsa::Error) -> Self {
        Self {
            errno: of_library(error.func(), error.errno()),
            what: error.to_string(),
        }
    }
}

/// What the kernel has said, by what alsa-lib says: whatever has kept it from looking at a card, it says
/// that there is none. And so does the kernel itself of a control device (`snd_ctl_open` in `sound/core/control.c`).
pub fn of_library(call: &str, errno: i32) -> i32 {
    match (call, errno) {
        ("snd_pcm_open" | "snd_ctl_open", libc::ENOENT | libc::ENODEV) => libc::ENOMEM,
        _ => errno,
    }
}

/// Gives the error of a file a place.
pub fn at(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| Failure {
        errno: error.raw_os_error().unwrap_or(libc::EIO),
        what: format!("{}: {error}", path.display()),
    }
}

/// The kernel's means of failing allocations, set up; what was there before returns when this goes.
pub struct Injection {
    before: Vec<(String, String)>,
}

impl Injection {
    /// Sets everything up; nothing fails yet.
    ///
    /// # Errors
    /// What is missing.
    pub fn new() -> Result<Self, String> {
        Self::within(&modules::range()?)
    }

    /// As [`Injection::new`], for code at these addresses.
    fn within(range: &Range<u64>) -> Result<Self, String> {
        let mut injection = Self { before: Vec::new() };
        let start = format!("{:#x}", range.start);
        let end = format!("{:#x}", range.end);
        for kind in KINDS {
            let settings = [
                // No faults but those that fail-nth counts, and they without a word in the log.
                ("probability", "0"),
                ("times", "-1"),
                ("verbose", "0"),
                ("task-filter", "1"),
                ("stacktrace-depth", CALLERS),
                ("require-start", &start),
                ("require-end", &end),
                // Those that may sleep are most.
                ("ignore-gfp-wait", "0"),
            ];
            for (name, value) in settings {
                injection.set(kind, name, value)?;
            }
        }
        injection.set("fail_page_alloc", "min-order", "0")?;
        injection.set("fail_page_alloc", "ignore-gfp-highmem", "0")?;
        Ok(injection)
    }

    fn set(&mut self, kind: &str, name: &str, value: &str) -> Result<(), String> {
        let path = file(kind, name);
        let problem = |e: io::Error| {
            format!(
                "needs root, debugfs, and a kernel with CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and \
                 CONFIG_FAULT_INJECTION_STACKTRACE_FILTER: {path}: {e}"
            )
        };
        let before = fs::read_to_string(&path).map_err(problem)?;
        fs::write(&path, value).map_err(problem)?;
        self.before.push((path, before.trim().to_owned()));
        Ok(())
    }

    /// Lets the first allocation that `attempt` needs fail, then the one `step` after that, and so on,
    /// until there are no more. Each time the attempt must end well, or with ENOMEM; at last, when nothing
    /// fails, it must succeed. So must each on the way as far as the one before it came. Returns the
    /// number of allocations that failed, and how many of them were of no consequence.
    ///
    /// # Errors
    /// What went otherwise.
    pub fn each(
        &self,
        watchdog: &Watchdog,
        what: &str,
        step: usize,
        mut attempt: impl FnMut() -> Result<(), Failure>,
    ) -> Result<(u32, u32), String> {
        let path = Path::new("/proc/thread-self/fail-nth");
        let problem = |e: io::Error| format!("{}: {e}", path.display());
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(problem)?;
        let (mut failed, mut harmless) = (0, 0);
        for nth in (1..=MOST).step_by(step) {
            watchdog.step(format!("{what}, allocation {nth}"));
            file.write_all_at(nth.to_string().as_bytes(), 0)
                .map_err(problem)?;
            let result = attempt();
            let mut left = [0; 16];
            let read = file.read_at(&mut left, 0);
            file.write_all_at(b"0", 0).map_err(problem)?;
            let left = String::from_utf8_lossy(&left[..read.map_err(problem)?]).into_owned();
            failed += 1;
            match (left.trim() == "0", result) {
                (false, Ok(())) => return Ok((failed - 1, harmless)),
                (false, Err(Failure { what, .. })) => {
                    return Err(format!("{what}, with no allocation that failed"));
                }
                (true, Ok(())) => harmless += 1,
                (true, Err(Failure { errno, .. })) if errno == libc::ENOMEM => {}
                (true, Err(Failure { what, .. })) => {
                    return Err(format!(
                        "{what}, when allocation {nth} failed: expected success or ENOMEM"
                    ));
                }
            }
        }
        Err(format!("allocation {MOST} was not the last"))
    }

    /// The same, but one in a hundred allocations fails that are made for the main thread, or for what
    /// that starts from now on: threads and processes. Only the main thread may call this.
    ///
    /// # Errors
    /// What is missing.
    pub fn at_random() -> Result<Self, String> {
        let mut injection = Self::new()?;
        make_it_fail(true)?;
        injection
            .before
            .push((MAKE_IT_FAIL.to_owned(), "0".to_owned()));
        for kind in KINDS {
            injection.set(kind, "probability", "1")?;
        }
        Ok(injection)
    }

    /// One in a hundred allocations fails that `module`, as the kernel calls it, is to blame for, whoever they are made
    /// for: interrupts, too.
    ///
    /// # Errors
    /// What is missing.
    pub fn of_module(module: &str) -> Result<Self, String> {
        let mut injection = Self::within(&modules::range_of(module)?)?;
        for kind in KINDS {
            injection.set(kind, "task-filter", "0")?;
            injection.set(kind, "probability", "1")?;
        }
        Ok(injection)
    }

    /// Allocations of [`Injection::of_module`] fail where the module is now, which was loaded anew.
    ///
    /// # Errors
    /// What is missing.
    pub fn follow(module: &str) -> Result<(), String> {
        Self::point(&modules::range_of(module)?)
    }

    /// No allocations of [`Injection::of_module`] fail until they do again, by [`Injection::follow`].
    ///
    /// # Errors
    /// What is missing.
    pub fn pause() -> Result<(), String> {
        Self::point(&(0..0))
    }

    /// Allocations fail that code at these addresses is to blame for.
    fn point(range: &Range<u64>) -> Result<(), String> {
        for kind in KINDS {
            for (name, address) in [("require-start", range.start), ("require-end", range.end)] {
                let path = file(kind, name);
                fs::write(&path, format!("{address:#x}")).map_err(|e| format!("{path}: {e}"))?;
            }
        }
        Ok(())
    }
}

/// A file of a kind of allocations.
fn file(kind: &str, name: &str) -> String {
    format!("/sys/kernel/debug/{kind}/{name}")
}

const MAKE_IT_FAIL: &str = "/proc/self/make-it-fail";

/// Whether allocations may fail from now on that are made for the main thread, and for what that starts. Only the
/// main thread may call this.
///
/// # Errors
/// What keeps it from that.
pub fn make_it_fail(yes: bool) -> Result<(), String> {
    let text = if yes { "1" } else { "0" };
    fs::write(MAKE_IT_FAIL, text).map_err(|e| format!("{MAKE_IT_FAIL}: {e}"))
}

impl Drop for Injection {
    fn drop(&mut self) {
        for (path, before) in self.before.iter().rev() {
            if let Err(error) = fs::write(path, before) {
                complain(format_args!("{path} back to {before}: {error}"));
            }
        }
    }
}
