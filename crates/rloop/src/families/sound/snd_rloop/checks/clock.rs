// SPDX-License-Identifier: MIT OR Apache-2.0

//! Positions against the monotonic clock.
//!
//! Each position is read between two readings of the clock, so that it has to lie between two
//! bounds whatever the machine does meanwhile: on a slow one the bounds are wider, never wrong.

use std::time::{Duration, Instant};

use crate::alsa::pcm::{Config, Pcm, State, Stop, time_frames};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::stats::{farthest, median};
use rig::verdict::{Verdict, Within, ensure};

pub const CHECKS: &[Plain] = &[
    (
        "clock/granularity",
        "position exact to the frame",
        "each position read is that of the moment, to one frame, at 8 to 768 kHz, and never goes back",
        granularity,
    ),
    (
        "clock/rate",
        "nanosecond time base",
        "over 1.5 s the rate is that of CLOCK_MONOTONIC, to one frame",
        rate,
    ),
    (
        "clock/one-clock",
        "driver-added delay",
        "linked ends always have the same position: a frame is there as soon as it was played",
        one_clock,
    ),
    (
        "clock/status",
        "nanosecond time base",
        "the time stamps of snd_pcm_status fit the positions that come with them",
        status,
    ),
    (
        "clock/delay",
        "position exact to the frame",
        "snd_pcm_delay counts down frame by frame",
        delay,
    ),
];

/// A quarter of a buffer. ALSA itself loses count if nobody looks for longer than a buffer, as may
/// happen in a virtual machine that is held up: two seconds, or what fits into 1.5 MiB.
fn part(rate: u32) -> u64 {
    (u64::from(rate) / 2).min(96_000)
}

/// A stream that runs over whatever it has, for ever.
fn running(context: &mut Context, playback: bool, rate: u32) -> Verdict<(Pcm, Instant, Instant)> {
    let config = Config {
        rate,
        stop: Stop::Never,
        ..Config::default()
    }
    .with_buffer(part(rate), 4);
    let cable = context.cable();
    let mut pcm = Pcm::open(if playback {
        cable.playback
    } else {
        cable.capture
    })?;
    pcm.configure(&config)?;
    let before = Instant::now();
    pcm.start()?;
    Ok((pcm, before, Instant::now()))
}

/// Frames since the start, where `avail` frames can be transferred and none has been.
fn position(pcm: &Pcm, buffer: u64) -> Verdict<i64> {
    // An empty playback buffer has all of its frames available from the start.
    let offset = if pcm.is_playback() { buffer as i64 } else { 0 };
    Ok(pcm.avail()? as i64 - offset)
}

fn granularity(context: &mut Context) -> Verdict {
    for rate in [8_000, 48_000, 768_000] {
        for playback in [true, false] {
            let (pcm, before, after) = running(context, playback, rate)?;
            let buffer = 4 * part(rate);
            let what = || format!("{} at {rate} Hz", pcm.address());
            let (mut last, mut changes, mut samples, mut worst) = (-1, 0u32, 0u32, 0f64);
            let end = Instant::now() + Duration::from_millis(150);
            while Instant::now() < end {
                let low = after.elapsed();
                let frame = position(&pcm, buffer).within(what)?;
                let high = before.elapsed();
                ensure(frame >= last, || {
                    format!("{}: the position went back from {last} to {frame}", what())
                })?;
                changes += u32::from(frame > last);
                samples += 1;
                last = frame;
                let (low, high) = (
                    time_frames(low, rate).floor() - 1.0,
                    time_frames(high, rate).ceil() + 1.0,
                );
                worst = worst.max(low - frame as f64).max(frame as f64 - high);
            }
            ensure(worst <= 0.0, || {
                format!(
                    "{}: position up to {worst:.0} frames off beyond the 1 that is allowed ({samples} readings, {changes} different positions)",
                    what()
                )
            })?;
            context.note(format!(
                "{rate} Hz: {changes} positions in {samples} readings"
            ));
        }
    }
    Ok(())
}

fn rate(context: &mut Context) -> Verdict {
    // A wrong rate shows most at the highest: a frame in 1.5 s is 0.9 ppm.
    let rates = [44_100, 47_999, *context.space.rate.end()];
    for (rate, playback) in rates.into_iter().zip([true, false, true]) {
        let (pcm, _, _) = running(context, playback, rate)?;
        let buffer = 4 * part(rate);
        let read = || -> Verdict<(Instant, i64, Instant)> {
            let before = Instant::now();
            let frame = position(&pcm, buffer)?;
            Ok((before, frame, Instant::now()))
        };
        let first = read()?;
        std::thread::sleep(Duration::from_millis(1500));
        let last = read()?;
        let frames = (last.1 - first.1) as f64;
        let (low, high) = (
            time_frames(last.0 - first.2, rate) - 1.0,
            time_frames(last.2 - first.0, rate) + 1.0,
        );
        ensure(frames >= low && frames <= high, || {
            format!(
                "{} at {rate} Hz: expected {low:.1} to {high:.1} frames, came {frames}",
                pcm.address()
            )
        })?;
        let middle = (low + high) / 2.0;
        context.note(format!(
            "{rate} Hz: {:+.1} ppm ± {:.1}",
            (frames / middle - 1.0) * 1e6,
            (high - low) / 2.0 / middle * 1e6
        ));
    }
    Ok(())
}

fn one_clock(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let config = Config {
        stop: Stop::Never,
        ..context.config()
    };
    let (mut player, mut recorder) = (Pcm::open(cable.playback)?, Pcm::open(cable.capture)?);
    player.configure(&config)?;
    recorder.configure(&config)?;
    player.link(&recorder)?;
    player.start()?;
    let end = Instant::now() + Duration::from_millis(200);
    let mut samples = 0;
    while Instant::now() < end {
        let before = position(&player, config.buffer)?;
        let heard = position(&recorder, config.buffer)?;
        let after = position(&player, config.buffer)?;
        ensure(before <= heard && heard <= after, || {
            format!(
                "played {before}, then heard {heard}, then played {after} frames: the two ends' clocks differ"
            )
        })?;
        samples += 1;
    }
    context.note(format!("{samples} readings"));
    Ok(())
}

/// By how many frames each of these positions is off a line of the rate's slope, of which half of them lie on one side
/// and half on the other. None of them is a measure for all others: each may have been held up.
fn off_their_line(positions: &[(Duration, u64)], rate: u32) -> Vec<f64> {
    let Some((begin, _)) = positions.first() else {
        return Vec::new();
    };
    let after = |now: &Duration| time_frames(now.saturating_sub(*begin), rate);
    let ahead: Vec<f64> = positions
        .iter()
        .map(|(now, position)| *position as f64 - after(now))
        .collect();
    let line = median(&ahead);
    ahead.iter().map(|ahead| (ahead - line).abs()).collect()
}

fn status(context: &mut Context) -> Verdict {
    for playback in [true, false] {
        let rate = 48_000;
        let (pcm, _, _) = running(context, playback, rate)?;
        let mut positions = Vec::new();
        for _ in 0..41 {
            // ALSA gives no time stamp before the position has moved for the first time.
            std::thread::sleep(Duration::from_micros(1234));
            let next = pcm.snapshot()?;
            ensure(next.state == State::Running, || {
                format!("{}: expected RUNNING, came {:?}", pcm.address(), next.state)
            })?;
            ensure(next.now >= next.trigger, || {
                format!(
                    "{}: read at {:?}, before its start at {:?}",
                    pcm.address(),
                    next.now,
                    next.trigger
                )
            })?;
            positions.push((next.now, next.avail));
        }
        let errors = off_their_line(&positions, rate);
        let off = errors.iter().filter(|error| **error > 1.5).count();
        let worst = farthest(&errors);
        // A virtual machine may be held up between the two readings inside the kernel, but not often.
        ensure(off <= 4, || {
            format!(
                "{}: {off} of {} positions are more than a frame and a half off their time stamps, {worst:.1} at worst",
                pcm.address(),
                positions.len()
            )
        })?;
        context.note(format!("off by {worst:.1} frames at worst"));
    }
    Ok(())
}

fn delay(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    player.fill(config.buffer)?;
    let full = player.pcm.delay()?;
    ensure(full == config.buffer as i64, || {
        format!(
            "expected a delay of {} before the start, came {full}",
            config.buffer
        )
    })?;
    let before = Instant::now();
    player.pcm.start()?;
    let after = Instant::now();
    for _ in 0..50 {
        let low = after.elapsed();
        let delay = player.pcm.delay()?;
        let high = before.elapsed();
        let played = (full - delay) as f64;
        let (low, high) = (
            time_frames(low, config.rate).floor() - 1.0,
            time_frames(high, config.rate).ceil() + 1.0,
        );
        ensure(played >= low && played <= high, || {
            format!("expected {low} to {high} frames played by the delay, came {played}")
        })?;
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// Readings each millisecond, in which `held_up` of each is how long it was held up after its position.
    fn off(held_up: impl Fn(u64) -> u64) -> usize {
        let reading = |ms: u64| (Duration::from_micros(ms * 1000 + held_up(ms)), 48 * ms);
        let positions: Vec<_> = (0..41).map(reading).collect();
        let errors = off_their_line(&positions, RATE);
        errors.into_iter().filter(|error| *error > 1.5).count()
    }

    #[test]
    fn a_reading_that_was_held_up_is_no_measure_for_the_others() {
        assert_eq!(off(|_| 0), 0);
        assert_eq!(off(|ms| if ms == 0 { 577 } else { 0 }), 1);
        assert_eq!(off(|ms| if ms == 20 { 577 } else { 0 }), 1);
    }

    #[test]
    fn time_stamps_that_fit_no_position_are_found() {
        assert!(off(|ms| ms % 2 * 100) > 4, "each second one is late");
        assert!(off(|ms| ms * 50) > 4, "they go by another clock");
        assert!(off(|ms| if ms > 30 { 200 } else { 0 }) > 4, "they leap");
    }
}
