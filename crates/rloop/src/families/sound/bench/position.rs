// SPDX-License-Identifier: MIT OR Apache-2.0

//! Position granularity: how a position moves when it is read as fast as can be.

use std::time::Duration;

use super::figures::Position;
use super::given::Bench;
use super::reader::{Reader, Reading, prompt};
use crate::alsa::pcm::Config;
use rig::clock::{seconds, whole_second};
use rig::stats::{Line, farthest, median, rms, round, thin};
use rig::verdict::{Verdict, ensure};

/// How long it is read.
const TIME: Duration = Duration::from_millis(1500);
/// How much of it is shown, in ms, and by how many points.
const SHOWN_MS: f64 = 30.0;
const SHOWN_POINTS: usize = 400;

/// Reads the position of a player.
pub fn measure(bench: &Bench<'_>) -> Verdict<Position> {
    // Two seconds: ALSA loses count if nobody looks for longer than a buffer.
    let config = Config::default().with_buffer(24_000, 4);
    let cable = bench.cable()?;
    whole_second();
    let reader = Reader::start(cable.playback, &config)?;
    let readings = reader.read_for(TIME)?;
    ensure(readings.len() > 2, || {
        "the position could not be read three times in 1.5 s".to_owned()
    })?;
    Ok(judge(&readings, config.rate))
}

fn judge(readings: &[Reading], rate: u32) -> Position {
    let origin = readings.first().map_or(Duration::ZERO, |r| r.before);
    let points: Vec<_> = prompt(readings).iter().map(|r| r.point(origin)).collect();
    let residuals = Line::fit(&points).map_or(Vec::new(), |line| line.residuals(&points));
    let calls: Vec<f64> = readings.iter().map(|r| seconds(r.took()) * 1e6).collect();
    let curve: Vec<_> = points
        .iter()
        .zip(&residuals)
        .map(|((time, _), above)| (time * 1e3, *above))
        .filter(|(ms, _)| *ms <= SHOWN_MS)
        .map(|(ms, above)| (round(ms, 3), round(above, 3)))
        .collect();
    let steps = steps(readings, rate);
    Position {
        readings: readings.len(),
        call_us: round(median(&calls), 2),
        least_step: steps.iter().map(|s| s.frames).min().unwrap_or(0),
        largest_step: steps.iter().map(|s| s.frames).max().unwrap_or(0),
        excess: round(steps.iter().map(|s| s.excess).fold(0.0, f64::max), 3),
        rms: round(rms(&residuals), 3),
        farthest: round(farthest(&residuals), 3),
        curve: thin(&curve, SHOWN_POINTS),
    }
}

/// From one position to the next one that differs.
struct Step {
    frames: u64,
    /// By how many frames it exceeds the time from before the one reading to after the other: at
    /// least so much of it is the card's.
    excess: f64,
}

fn steps(readings: &[Reading], rate: u32) -> Vec<Step> {
    readings
        .windows(2)
        .filter_map(|pair| {
            let frames = u64::try_from(pair[1].frame - pair[0].frame).ok()?;
            let time = pair[1].after.saturating_sub(pair[0].before);
            (frames > 0).then(|| Step {
                frames,
                excess: frames as f64 - seconds(time) * f64::from(rate),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings of 3 µs, one every 5 µs, of a card that moves by `step` frames at a time.
    fn card(step: i64) -> Vec<Reading> {
        (0..50_000u32)
            .map(|i| {
                let before = Duration::from_secs(77) + Duration::from_micros(5) * i;
                let frame = i64::from(i) * 5 * 48_000 / 1_000_000;
                Reading {
                    before,
                    frame: frame / step * step,
                    after: before + Duration::from_micros(3),
                }
            })
            .collect()
    }

    #[test]
    fn a_card_that_counts_ticks_is_seen_through() {
        let position = judge(&card(192), 48_000);
        assert_eq!((position.least_step, position.largest_step), (192, 192));
        assert!((position.excess - 191.6).abs() < 0.1, "{position:?}");
        assert!((position.rms - 55.4).abs() < 1.0, "{position:?}");
    }

    #[test]
    fn a_card_that_is_exact_is_within_a_frame() {
        let position = judge(&card(1), 48_000);
        assert_eq!((position.least_step, position.largest_step), (1, 1));
        assert!(position.excess <= 1.0 && position.farthest < 1.0);
    }

    #[test]
    fn a_reading_that_was_held_up_is_no_fault_of_the_card() {
        let mut readings = card(1);
        readings.drain(1000..2000);
        let position = judge(&readings, 48_000);
        assert!(position.largest_step > 200);
        assert!(position.excess <= 1.0, "{}", position.excess);
    }
}
