// SPDX-License-Identifier: MIT OR Apache-2.0

//! When frames come.

use std::time::{Duration, Instant};

use driver_models::snd_minivosc::voice::STEP;
use rig::check::Plain;
use rig::run::Context as _;
use rig::verdict::{Blame, Problem, Verdict, ensure};

use super::Context;
use super::own_card::OwnCard;
use super::take::runs;
use crate::alsa::pcm::{Config, Stop, frames_time, time_frames, wait};

pub const CHECKS: &[Plain<Context>] = &[
    (
        "time/position",
        "the position is computed, not counted",
        "at 8 to 768 kHz each position is that of the moment, to one frame, and never goes back",
        position,
    ),
    (
        "time/rate",
        "the rate of time",
        "after a second and a half the frames are those of CLOCK_MONOTONIC, to one frame",
        rate,
    ),
    (
        "time/wakeups",
        "period_elapsed",
        "each wake-up comes when its period is full, and not before",
        wakeups,
    ),
];

fn looked_at(rate: u32, looks: u32, pause: Duration) -> Verdict {
    /// A timer that is late leaves more to make than the driver makes in one go. So many looks have to do.
    const GOES: u32 = 4;
    let (_card, mut pcm) = OwnCard::open(&[])?;
    let config = Config {
        rate,
        stop: Stop::Never,
        channels: 1,
        ..Config::default()
    }
    .with_buffer(u64::from(rate / 2).min(96_000), 4);
    pcm.configure(&config)?;
    let before = Instant::now();
    pcm.start()?;
    let after = Instant::now();
    let mut last = 0;
    for _ in 0..looks {
        std::thread::sleep(pause);
        let low = time_frames(after.elapsed(), rate).floor() - 1.0;
        for go in 1.. {
            let frame = last + pcm.avail()?;
            let high = time_frames(before.elapsed(), rate).ceil() + 1.0;
            runs(&pcm)?;
            let text = || format!("{rate} Hz: the position is {frame}, time says {low} to {high}");
            ensure(frame as f64 <= high, text)?;
            let whole = frame as f64 >= low;
            ensure(whole || frame >= last + STEP, || {
                format!("{}, and it was {last} before", text())
            })?;
            let forward = pcm.forward(frame - last)?;
            ensure(forward == frame - last, || {
                format!("{rate} Hz: it went back from {frame} to {}", last + forward)
            })?;
            last = frame;
            if whole {
                break;
            }
            if go == GOES {
                return Err(Problem::Again(Blame::Subject, text()));
            }
        }
    }
    Ok(())
}

fn position(_: &mut Context) -> Verdict {
    for rate in [8_000, 44_100, 768_000] {
        looked_at(rate, 200, Duration::from_micros(300))?;
    }
    Ok(())
}

fn rate(_: &mut Context) -> Verdict {
    looked_at(48_000, 5, Duration::from_millis(300))?;
    looked_at(768_000, 50, Duration::from_millis(30))
}

fn wakeups(context: &mut Context) -> Verdict {
    for (rate, period) in [(48_000, 480), (8_000, 16), (44_100, 441)] {
        let (_card, mut pcm) = OwnCard::open(&[])?;
        let config = Config {
            rate,
            channels: 1,
            ..Config::default()
        }
        .with_buffer(period, 16 * context.scale);
        pcm.configure(&config)?;
        let before = Instant::now();
        pcm.start()?;
        let mut bytes = vec![0; period as usize * config.frame_bytes()];
        let mut worst = Duration::ZERO;
        for number in 1..=20 {
            let ready = wait(&[&pcm], Duration::from_secs(2))?;
            let (woken, due) = (before.elapsed(), frames_time(number * period, rate));
            ensure(ready == [true], || {
                format!("{rate} Hz: wake-up {number} did not come")
            })?;
            ensure(woken >= due, || {
                format!(
                    "{rate} Hz: wake-up {number} came after {woken:?}, its period ends after {due:?}"
                )
            })?;
            let got = pcm.read(&mut bytes)?;
            ensure(got == period, || {
                format!("{rate} Hz: at wake-up {number} there were {got} frames of {period}")
            })?;
            worst = worst.max(woken - due);
        }
        context.note(format!(
            "{rate} Hz, periods of {period}: at most {worst:?} late"
        ));
        ensure(worst < Duration::from_secs(1), || {
            format!("{rate} Hz: {worst:?} late")
        })?;
    }
    Ok(())
}
