// SPDX-License-Identifier: MIT OR Apache-2.0

//! A user-driven timer, driven.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::alsa::utimer::UserTimer;

/// A thread that lets a timer tick, faster or slower than it says.
pub struct Ticker {
    thread: Option<JoinHandle<(UserTimer, u64)>>,
    shared: Arc<Shared>,
}

struct Shared {
    stop: AtomicBool,
    start: Instant,
    /// When the next tick is due, in nanoseconds after `start`.
    due: AtomicU64,
    /// How late a tick was at worst, in nanoseconds.
    worst: AtomicU64,
}

impl Ticker {
    /// Lets `timer` tick every `tick` of a time that goes `ppm` faster than ours.
    pub fn start(timer: UserTimer, tick: Duration, ppm: i32) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            start: Instant::now(),
            due: AtomicU64::new(u64::MAX),
            worst: AtomicU64::new(0),
        });
        let seen = shared.clone();
        let tick = tick.div_f64(1.0 + f64::from(ppm) / 1e6);
        let thread = thread::spawn(move || {
            let mut ticks = 0u64;
            while !seen.stop.load(Ordering::Relaxed) {
                // From the start, so that nothing adds up.
                let due = Duration::from_secs_f64((ticks + 1) as f64 * tick.as_secs_f64());
                seen.due.store(nanoseconds(due), Ordering::Relaxed);
                thread::sleep(due.saturating_sub(seen.start.elapsed()));
                if timer.tick().is_err() {
                    break;
                }
                let late = seen.start.elapsed().saturating_sub(due);
                seen.worst.fetch_max(nanoseconds(late), Ordering::Relaxed);
                ticks += 1;
            }
            (timer, ticks)
        });
        Self {
            thread: Some(thread),
            shared,
        }
    }

    /// How late a tick was at worst so far, or is now.
    pub fn worst(&self) -> Duration {
        let due = self.shared.due.load(Ordering::Relaxed);
        let late = nanoseconds(self.shared.start.elapsed()).saturating_sub(due);
        Duration::from_nanos(self.shared.worst.load(Ordering::Relaxed).max(late))
    }

    /// Stops ticking. Gives the timer back, unless the thread has panicked, and how often it has
    /// ticked.
    pub fn stop(mut self) -> (UserTimer, u64) {
        self.shared.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => unreachable!("it is stopped once"),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
