// SPDX-License-Identifier: MIT OR Apache-2.0

//! Loop delay: from the player to the recorder, at each of many starts.

use std::time::Duration;

use super::figures::Delay;
use super::given::Bench;
use crate::alsa::pcm::Config;
use crate::alsa::signal::Sequence;
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::{Player, Recorder, pump};
use rig::clock::{now, seconds, sleep_until, whole_second};
use rig::stats::{Spread, median, round};
use rig::verdict::{Blame, OrFail, Problem, Verdict, Within};

/// How many starts may be spoilt by an xrun, of a hundred.
const SPOILT: u32 = 10;

/// One start.
struct Start {
    /// Frames that the recorder heard before the first of the player's.
    silence: u64,
    /// The least and the most time between the two starts.
    apart: (Duration, Duration),
}

impl Start {
    /// The least and the greatest delay in frames that fit what is known.
    fn bounds(&self, rate: u32) -> (f64, f64) {
        let frames = |time| self.silence as f64 - seconds(time) * f64::from(rate);
        (frames(self.apart.1), frames(self.apart.0))
    }
}

/// Starts a recorder, and some time later a player, again and again.
pub fn measure(bench: &Bench<'_>) -> Verdict<Delay> {
    let config = Config::default().with_buffer(480, 32);
    let cable = bench.cable()?;
    let mut recorder = Recorder::open(&cable, &config)?;
    let seq = Sequence::new(3, config.format, config.channels);
    let mut player = Player::open(&cable, &config, seq)?;
    whole_second();
    let (mut starts, mut spoilt) = (Vec::new(), 0);
    let mut number = 0;
    while starts.len() < bench.starts as usize {
        number += 1;
        if number % 50 == 1 {
            bench.say(&format!("start {number} of {}", bench.starts));
        }
        match start(&mut player, &mut recorder, number) {
            Ok(start) => starts.push(start),
            Err(Problem::Again(Blame::Either, _)) if spoilt * 100 <= bench.starts * SPOILT => {
                spoilt += 1
            }
            Err(other) => return Err(other).within(|| format!("start {number}")),
        }
    }
    Ok(judge(&starts, config.rate))
}

fn start(player: &mut Player, recorder: &mut Recorder, number: u32) -> Verdict<Start> {
    let config = player.config;
    recorder.pcm.stop()?;
    recorder.pcm.prepare()?;
    recorder.heard.clear();
    player.pcm.stop()?;
    player.again(Sequence::new(3 + number, config.format, config.channels))?;
    // Enough that neither end runs out while the other is looked at.
    let all = config.buffer / 2;
    player.fill(all)?;
    // From one start to the next all phases of a tick are met, and all times apart to 10 ms.
    sleep_until(now() + Duration::from_micros(317 * u64::from(number % 13)));
    let before_recorder = now();
    recorder.pcm.start()?;
    let after_recorder = now();
    sleep_until(after_recorder + Duration::from_micros(1 + 613 * u64::from(number % 16)));
    let before_player = now();
    player.pcm.start()?;
    let after_player = now();
    let apart = (
        before_player.saturating_sub(after_recorder),
        after_player.saturating_sub(before_recorder),
    );
    // At least so much is silence. Not the most: if the machine was held up after the player's start,
    // that would go on beyond what the player was given.
    let lead = (seconds(apart.0) * f64::from(config.rate)) as u64;
    let heard = lead + config.period;
    pump(None, Some(recorder), 0, heard)?;
    // What comes that late that nothing of it is there yet is waited for.
    while recorder
        .trace(&player.seq, player.written)
        .leading_silence()
        == recorder.frames()
    {
        let more = recorder.frames() + config.period / 4;
        pump(None, Some(recorder), 0, more)?;
    }
    let trace = recorder.trace(&player.seq, player.written);
    trace
        .expect(&[
            Want::Silence(0..=u64::MAX),
            Want::Sequence(0..=0, 1..=u64::MAX),
        ])
        .or_fail()?;
    Ok(Start {
        silence: trace.leading_silence(),
        apart,
    })
}

fn judge(starts: &[Start], rate: u32) -> Delay {
    let bounds: Vec<_> = starts.iter().map(|s| s.bounds(rate)).collect();
    let middle: Vec<f64> = bounds
        .iter()
        .map(|(low, high)| (low + high) / 2.0)
        .collect();
    let widths: Vec<f64> = bounds
        .iter()
        .map(|(low, high)| (high - low) / 2.0)
        .collect();
    let greatest = bounds.iter().map(|b| b.0).fold(f64::MIN, f64::max);
    let least = bounds.iter().map(|b| b.1).fold(f64::MAX, f64::min);
    let spread = Spread::of(&middle).unwrap_or(Spread {
        count: 0,
        min: 0.0,
        p50: 0.0,
        p99: 0.0,
        p999: 0.0,
        max: 0.0,
    });
    Delay {
        frames: Spread {
            count: spread.count,
            min: round(spread.min, 2),
            p50: round(spread.p50, 2),
            p99: round(spread.p99, 2),
            p999: round(spread.p999, 2),
            max: round(spread.max, 2),
        },
        surely: round((greatest - least).max(0.0), 2),
        known_to: round(median(&widths), 3),
        classes: classes(&middle, &spread),
    }
}

/// At most 40 classes from the least to the greatest, a frame wide at least.
fn classes(values: &[f64], spread: &Spread) -> Vec<(f64, usize)> {
    let width = (spread.width() / 40.0).ceil().max(1.0);
    let first = spread.min.floor();
    let count = ((spread.max - first) / width) as usize + 1;
    let mut classes: Vec<(f64, usize)> =
        (0..count).map(|i| (first + i as f64 * width, 0)).collect();
    for value in values {
        if let Some(class) = classes.get_mut(((value - first) / width) as usize) {
            class.1 += 1;
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(silence: u64, apart_us: u64, calls_us: u64) -> Start {
        Start {
            silence,
            apart: (
                Duration::from_micros(apart_us),
                Duration::from_micros(apart_us + calls_us),
            ),
        }
    }

    #[test]
    fn the_time_between_the_starts_is_no_delay() {
        // 10 ms are 480 frames.
        let delay = judge(&[start(480, 10_000, 0), start(960, 20_000, 0)], 48_000);
        assert_eq!((delay.frames.p50, delay.frames.width()), (0.0, 0.0));
        assert_eq!(delay.surely, 0.0);
    }

    #[test]
    fn what_the_calls_took_is_not_the_cards() {
        // A call of 1 ms could hide 48 frames.
        let delay = judge(&[start(480, 9_000, 2_000), start(500, 10_000, 0)], 48_000);
        assert_eq!(delay.surely, 0.0);
        let delay = judge(&[start(480, 10_000, 0), start(580, 10_000, 0)], 48_000);
        assert_eq!(delay.surely, 100.0);
    }

    #[test]
    fn every_start_is_in_one_class() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i) * 0.37 - 12.0).collect();
        let spread = Spread::of(&values).unwrap();
        let classes = classes(&values, &spread);
        assert!(classes.len() <= 41);
        assert_eq!(classes.iter().map(|c| c.1).sum::<usize>(), 1000);
    }
}
