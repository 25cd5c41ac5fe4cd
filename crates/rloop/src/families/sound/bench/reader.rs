// SPDX-License-Identifier: MIT OR Apache-2.0

//! Positions with the time at which they were read.

use std::time::Duration;

use crate::alsa::pcm::{Address, Config, Pcm, Stop};
use rig::clock::{now, seconds};
use rig::stats::{median, room};
use rig::verdict::Verdict;

/// A position, and the clock before and after it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Before the call.
    pub before: Duration,
    /// Frames since the start.
    pub frame: i64,
    /// After it.
    pub after: Duration,
}

impl Reading {
    /// As a point of a line: seconds since `origin`, in the middle of the call, and frames.
    pub fn point(&self, origin: Duration) -> (f64, f64) {
        let middle = (seconds(self.before) + seconds(self.after)) / 2.0;
        (middle - seconds(origin), self.frame as f64)
    }

    /// What the call took.
    pub fn took(&self) -> Duration {
        self.after.saturating_sub(self.before)
    }
}

/// How much longer than the median a call may take.
const HELD_UP: f64 = 4.0;

/// So many readings tell how many there will be, and so many times that is made room for.
const FEW: u32 = 100;
const SPARE: f64 = 1.5;

/// Those of `readings` whose calls were not held up: in the middle of a long call is no position.
pub fn prompt(readings: &[Reading]) -> Vec<Reading> {
    let took: Vec<f64> = readings.iter().map(|r| seconds(r.took())).collect();
    let longest = median(&took) * HELD_UP;
    readings
        .iter()
        .filter(|r| seconds(r.took()) <= longest)
        .copied()
        .collect()
}

/// A stream that runs over whatever it has, for ever.
pub struct Reader {
    pcm: Pcm,
    offset: i64,
}

impl Reader {
    /// Opens and starts the end at `address`.
    pub fn start(address: Address, config: &Config) -> Verdict<Self> {
        let config = Config {
            stop: Stop::Never,
            ..*config
        };
        let mut pcm = Pcm::open(address)?;
        pcm.configure(&config)?;
        pcm.start()?;
        // An empty playback buffer has all of its frames available from the start.
        let offset = if pcm.is_playback() { config.buffer } else { 0 };
        Ok(Self {
            pcm,
            offset: offset as i64,
        })
    }

    /// Asks for the position.
    pub fn read(&self) -> Verdict<Reading> {
        let before = now();
        let avail = self.pcm.avail()?;
        Ok(Reading {
            before,
            frame: avail as i64 - self.offset,
            after: now(),
        })
    }

    /// Reads for as long as `time`, as fast as can be.
    pub fn read_for(&self, time: Duration) -> Verdict<Vec<Reading>> {
        let begin = now();
        let first = self.read()?;
        for _ in 1..FEW {
            self.read()?;
        }
        let each = seconds(now().saturating_sub(begin)).max(1e-6) / f64::from(FEW);
        // Memory that is looked for meanwhile would hold up a reading.
        let mut readings = room((seconds(time) / each * SPARE) as usize, first);
        let end = now() + time;
        while now() < end {
            readings.push(self.read()?);
        }
        Ok(readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_held_up_says_nothing() {
        let mut readings: Vec<Reading> = (0..100)
            .map(|i| Reading {
                before: Duration::from_millis(i),
                frame: 48 * i as i64,
                after: Duration::from_millis(i) + Duration::from_micros(5),
            })
            .collect();
        readings[7].after += Duration::from_micros(900);
        let kept = prompt(&readings);
        assert_eq!(kept.len(), 99);
        assert!(kept.iter().all(|r| r.frame != 48 * 7));
    }
}
