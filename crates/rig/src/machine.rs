// SPDX-License-Identifier: MIT OR Apache-2.0

//! How punctual this machine is: what can be asked of anything depends on it.

use std::thread;
use std::time::{Duration, Instant};

/// How late sleeps end.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The 90th percentile: what a program meets nearly always.
    pub usual: Duration,
    /// The worst of all.
    pub worst: Duration,
}

impl Machine {
    /// Measures for a tenth of a second.
    pub fn measure() -> Self {
        const NAP: Duration = Duration::from_micros(500);
        let mut late: Vec<Duration> = (0..100)
            .map(|_| {
                let before = Instant::now();
                thread::sleep(NAP);
                before.elapsed().saturating_sub(NAP)
            })
            .collect();
        late.sort_unstable();
        Self {
            usual: late[late.len() * 9 / 10],
            worst: late[late.len() - 1],
        }
    }

    /// The worse of two measurements: something else may have begun to run.
    pub fn again(&self) -> Self {
        let now = Self::measure();
        Self {
            usual: self.usual.max(now.usual),
            worst: self.worst.max(now.worst),
        }
    }

    /// Whether a program on this machine can be expected to be back in time every `interval` most of the time.
    pub fn can_serve(&self, interval: Duration) -> bool {
        interval > self.usual * 4 && interval > self.worst * 3
    }
}
