// SPDX-License-Identifier: MIT OR Apache-2.0

//! The smallest buffer of two periods in which a loop runs, bit-exact.

use super::figures::{Buffer, Try};
use super::given::Bench;
use crate::alsa::pcm::Config;
use crate::alsa::signal::Sequence;
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::{Player, Recorder, pump};
use rig::clock::{now, seconds, whole_second};
use rig::verdict::{Blame, OrFail, Problem, Verdict, Within};

/// The periods that are tried, in frames.
const PERIODS: [u64; 14] = [
    16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096,
];
/// What fails, fails soon: no longer than this is tried first, in seconds.
const TASTE: u64 = 1;
/// A loop that takes longer than its sound by this factor does not keep its rate.
const TOO_SLOW: f64 = 1.02;

/// Tries one period after the other.
///
/// # Errors
/// Frames that come back changed. What is lost in an xrun only makes the next larger period be tried.
pub fn measure(bench: &Bench<'_>) -> Verdict<Buffer> {
    let mut tries = Vec::new();
    let mut smallest = None;
    for period in PERIODS {
        bench.say(&format!("2 × {period} frames"));
        let mut trouble = None;
        for (seed, time) in [(1, TASTE.min(bench.seconds)), (2, bench.seconds)] {
            trouble = run(bench, period, time, seed).within(|| format!("2 × {period} frames"))?;
            if trouble.is_some() {
                break;
            }
        }
        let clean = trouble.is_none();
        tries.push(Try { period, trouble });
        if clean {
            smallest = Some(period);
            break;
        }
    }
    Ok(Buffer { smallest, tries })
}

/// Loops for `time` seconds; what went wrong.
fn run(bench: &Bench<'_>, period: u64, time: u64, seed: u32) -> Verdict<Option<String>> {
    let cable = bench.cable()?;
    let config = Config::default().with_buffer(period, 2);
    // Whole periods: who takes a part of one falls out of step with the wake-ups.
    let frames = |seconds: u64| (seconds * u64::from(config.rate)).next_multiple_of(period);
    let total = frames(time);
    let seq = Sequence::new(seed, config.format, config.channels);
    let mut player = match Player::open(&cable, &config, seq) {
        Err(Problem::Failed(why)) => return Ok(Some(format!("can't be set up: {why}"))),
        other => other?,
    };
    let mut recorder = Recorder::open(&cable, &config)?;
    // No memory is looked for while it runs.
    recorder
        .heard
        .resize(total as usize * config.frame_bytes(), 1);
    recorder.heard.clear();
    let written = total + 2 * config.buffer;
    player.rehearse(written);
    player.pcm.link(&recorder.pcm)?;
    player.fill(config.buffer)?;
    // The wait for the last buffer is no slowness.
    let spare = config.buffer as f64 / f64::from(config.rate) + 0.005;
    whole_second();
    let begin = now();
    player.pcm.start()?;
    // Second by second: what takes too long is seen soon.
    for second in 1..=time {
        let pumped = pump(
            Some(&mut player),
            Some(&mut recorder),
            written,
            frames(second),
        );
        let took = seconds(now().saturating_sub(begin));
        let sound = recorder.frames() as f64 / f64::from(config.rate);
        match pumped {
            Ok(()) => {}
            Err(Problem::Again(Blame::Either | Blame::Machine, _)) => {
                return Ok(Some(format!("xrun after {sound:.2} s")));
            }
            Err(problem) => return Ok(Some(problem.to_string())),
        }
        if took - spare > sound * TOO_SLOW {
            return Ok(Some(format!(
                "{sound:.0} s of sound took {took:.2} s, and nobody was told"
            )));
        }
    }
    recorder
        .trace(&player.seq, player.written)
        .expect(&[Want::Silence(0..=total), Want::Sequence(0..=0, 1..=total)])
        .or_fail()?;
    Ok(None)
}
