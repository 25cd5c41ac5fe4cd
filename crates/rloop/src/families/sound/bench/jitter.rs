// SPDX-License-Identifier: MIT OR Apache-2.0

//! Wake-up jitter: when poll returns, against when the period was over.

use std::time::Duration;

use super::figures::Jitter;
use super::given::Bench;
use crate::alsa::pcm::{Config, Pcm, frames_time, time_frames, wait};
use rig::clock::{now, seconds, whole_second};
use rig::stats::{Spread, room, round};

use rig::verdict::{Problem, Verdict, fail};

/// The periods that are tried, in frames at 48 kHz.
pub const PERIODS: [u64; 5] = [16, 32, 64, 256, 1024];
/// No card has more periods in a buffer.
const MOST_PERIODS: u64 = 1024;
/// After so long without a wake-up a card is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Wakes a recorder for periods of `period` frames.
pub fn measure(bench: &Bench<'_>, period: u64) -> Verdict<Jitter> {
    let config = Config::default();
    // A buffer of a second, that nothing is lost while the program is held up.
    let periods = (u64::from(config.rate) / period).clamp(4, MOST_PERIODS);
    let config = config.with_buffer(period, periods);
    let mut pcm = Pcm::open(bench.cable()?.capture)?;
    pcm.configure(&config)?;
    let mut frames = vec![0; config.buffer as usize * config.frame_bytes()];
    let (mut done, mut wakeups) = (0u64, 0u64);
    // Memory that is looked for meanwhile would show as jitter.
    let mut late = room(
        2 * time_frames(bench.part(3), config.rate) as usize / period as usize,
        1.0,
    );
    whole_second();
    let before = now();
    pcm.start()?;
    let start = (before + now()) / 2;
    let end = now() + bench.part(3);
    while now() < end {
        if wait(&[&pcm], PATIENCE)? != [true] {
            return fail(format!("not woken for {PATIENCE:?}"));
        }
        let woken = now();
        wakeups += 1;
        let passed = done + pcm.avail()? / period;
        let asked = now();
        let mut taken = 0;
        for number in done + 1..=passed {
            let due = start + frames_time(number * period, config.rate);
            // It ended between the return of poll and the question: that is the next wake-up's.
            if due > woken && due <= asked {
                break;
            }
            late.push((seconds(woken) - seconds(due)) * 1e6);
            taken += 1;
        }
        done += taken;
        let bytes = (taken * period) as usize * config.frame_bytes();
        pcm.read(&mut frames[..bytes])?;
    }
    let late_us = Spread::of(&late)
        .ok_or_else(|| Problem::Failed("not one period came to its end".to_owned()))?;
    Ok(Jitter {
        periods: late.len(),
        wakeups,
        late_us: rounded(&late_us),
    })
}

/// To a tenth of a µs.
pub fn rounded(s: &Spread) -> Spread {
    Spread {
        count: s.count,
        min: round(s.min, 1),
        p50: round(s.p50, 1),
        p99: round(s.p99, 1),
        p999: round(s.p999, 1),
        max: round(s.max, 1),
    }
}
