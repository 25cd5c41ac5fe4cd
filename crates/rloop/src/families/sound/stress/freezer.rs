// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who freezes all programs for a moment now and then, as a suspend does, wherever they are.

use std::time::{Duration, Instant};

use crate::kernel::suspend::{Level, Suspender};
use rig::random::Random;

/// The time from one freeze to the next, in milliseconds.
const PAUSE: (u64, u64) = (20, 500);

/// Freezes this and all other programs at random times.
pub struct Freezer {
    suspender: Suspender,
    random: Random,
    next: Instant,
    times: u64,
    longest: Duration,
}

impl Freezer {
    /// A freezer whose times `seed` selects.
    ///
    /// # Errors
    /// What is missing.
    pub fn new(seed: u64) -> Result<Self, String> {
        Ok(Self {
            suspender: Suspender::new()?,
            random: Random::new(seed),
            next: Instant::now(),
            times: 0,
            longest: Duration::ZERO,
        })
    }

    /// Freezes and thaws, if it is time.
    ///
    /// # Errors
    /// If a program could not be frozen.
    pub fn turn(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        if begin < self.next {
            return Ok(());
        }
        self.suspender.suspend(Level::Freezer).map_err(|e| {
            format!(
                "freeze {}, after {:?}: {e}",
                self.times + 1,
                begin.elapsed()
            )
        })?;
        self.times += 1;
        self.longest = self.longest.max(begin.elapsed());
        self.next = Instant::now() + Duration::from_millis(self.random.between(PAUSE.0, PAUSE.1));
        Ok(())
    }

    /// What there is to be said of it.
    pub fn note(&self) -> String {
        format!(
            "all programs frozen {} times, for {:?} at most",
            self.times, self.longest
        )
    }
}
