// SPDX-License-Identifier: MIT OR Apache-2.0

//! Notices that a call never comes back, and says which.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How often it looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Knows what is being done, and since when. It watches until it is dropped.
pub struct Watchdog {
    doing: Mutex<(String, Instant)>,
}

impl Watchdog {
    /// Starts to watch, in a thread of its own. After a step that takes longer than `limit`,
    /// `last_words` is told what hangs, and the process ends with exit code 1.
    pub fn start(limit: Duration, last_words: impl FnOnce(&str) + Send + 'static) -> Arc<Self> {
        let dog = Arc::new(Self {
            doing: Mutex::new(("starting".to_owned(), Instant::now())),
        });
        let watched = Arc::downgrade(&dog);
        thread::spawn(move || {
            if let Some(what) = watch(&watched, limit, PAUSE) {
                last_words(&format!("hangs for {limit:?} in: {what}"));
                // A thread that is stuck in the kernel can't be ended; the process can try.
                process::exit(1);
            }
        });
        dog
    }

    /// Says what begins now.
    pub fn step(&self, what: impl Into<String>) {
        *self.lock() = (what.into(), Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, (String, Instant)> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The step that took longer than `limit`; none if the watchdog went before.
fn watch(watched: &Weak<Watchdog>, limit: Duration, pause: Duration) -> Option<String> {
    loop {
        thread::sleep(pause);
        let (what, since) = watched.upgrade()?.lock().clone();
        if since.elapsed() > limit {
            return Some(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn dog() -> Arc<Watchdog> {
        Arc::new(Watchdog {
            doing: Mutex::new(("sleep".to_owned(), Instant::now())),
        })
    }

    #[test]
    fn a_step_that_hangs_is_named() {
        let dog = dog();
        let watched = Arc::downgrade(&dog);
        assert_eq!(watch(&watched, SOON, SOON).as_deref(), Some("sleep"));
    }

    #[test]
    fn what_is_no_longer_done_hangs_no_more() {
        let watched = Arc::downgrade(&dog());
        assert_eq!(watch(&watched, SOON, SOON), None);
    }
}
