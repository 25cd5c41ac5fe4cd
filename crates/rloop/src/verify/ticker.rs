// SPDX-License-Identifier: MIT OR Apache-2.0

//! A user-driven timer, driven.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::utimer::UserTimer;

/// A thread that lets a timer tick, faster or slower than it says.
pub struct Ticker {
    thread: Option<JoinHandle<(UserTimer, u64)>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// How late a tick was at worst, in nanoseconds.
    worst: AtomicU64,
}

impl Ticker {
    /// Lets `timer` tick every `tick` of a time that goes `ppm` faster than ours.
    pub fn start(timer: UserTimer, tick: Duration, ppm: i32) -> Self {
        let shared = Arc::<Shared>::default();
        let (seen, start) = (shared.clone(), Instant::now());
        let tick = tick.div_f64(1.0 + f64::from(ppm) / 1e6);
        let thread = thread::spawn(move || {
            let mut ticks = 0u64;
            while !seen.stop.load(Ordering::Relaxed) {
                // From the start, so that nothing adds up.
                let due = start + Duration::from_secs_f64((ticks + 1) as f64 * tick.as_secs_f64());
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if timer.tick().is_err() {
                    break;
                }
                let late = due.elapsed().as_nanos();
                let late = u64::try_from(late).unwrap_or(u64::MAX);
                seen.worst.fetch_max(late, Ordering::Relaxed);
                ticks += 1;
            }
            (timer, ticks)
        });
        Self {
            thread: Some(thread),
            shared,
        }
    }

    /// How late a tick was at worst so far.
    pub fn worst(&self) -> Duration {
        Duration::from_nanos(self.shared.worst.load(Ordering::Relaxed))
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

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
