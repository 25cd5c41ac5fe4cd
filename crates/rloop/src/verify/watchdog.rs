// SPDX-License-Identifier: MIT OR Apache-2.0

//! Notices that a call never comes back, and says which.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Knows what is being done, and since when.
pub struct Watchdog {
    doing: Mutex<(String, Instant)>,
}

impl Watchdog {
    /// Starts to watch, in a thread that lives as long as the process. A step that takes longer
    /// than `limit` ends the process with exit code 1.
    pub fn start(limit: Duration) -> Arc<Self> {
        let dog = Arc::new(Self {
            doing: Mutex::new(("starting".to_owned(), Instant::now())),
        });
        let watching = Arc::clone(&dog);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_secs(1));
                let (what, since) = watching.lock().clone();
                if since.elapsed() > limit {
                    eprintln!("rloop: hangs for {limit:?} in: {what}");
                    // A thread that is stuck in the kernel can't be ended; the process can try.
                    process::exit(1);
                }
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
