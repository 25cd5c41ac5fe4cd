// SPDX-License-Identifier: MIT OR Apache-2.0

//! Nothing that a user can ask for keeps a processor from its interrupts for longer than a millisecond.
//!
//! Counted time says what that is on a machine of so many instructions per second, whatever else the host does.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::Plain;
use crate::card::{Cable, Driver};
use crate::latency::{Cyclictest, Longest, Tracer};
use crate::pcm::{Access, Config, Pcm, Stop};
use crate::signal::Format;
use crate::signal::format::{FORMATS, S16_LE};
use crate::verify::context::Context;
use crate::verify::elements::{open_own, set};
use crate::verify::problem::{Problem, Verdict, ensure, fail, skip};

pub const CHECKS: &[Plain] = &[
    (
        "interrupts/planar-readers",
        "a bounded cost",
        "an interleaved player of 128 channels at 768 kHz and three planar readers, linked and left alone",
        |context| fan(context, Access::RwInterleaved, Access::RwNoninterleaved, 3),
    ),
    (
        "interrupts/planar-player",
        "a bounded cost",
        "the same, the player being planar and the readers interleaved",
        |context| fan(context, Access::RwNoninterleaved, Access::RwInterleaved, 3),
    ),
    (
        "interrupts/many-readers",
        "a bounded cost",
        "the same with as many planar readers as the card has, up to 127",
        |context| {
            fan(
                context,
                Access::RwInterleaved,
                Access::RwNoninterleaved,
                127,
            )
        },
    ),
    (
        "interrupts/delay",
        "a bounded cost",
        "a delay of almost 64 MiB is made longer and shorter while frames run",
        delay,
    ),
    (
        "interrupts/short-periods",
        "a bounded cost",
        "three cables with periods of 16 frames at 768 kHz at both ends, left alone",
        short_periods,
    ),
];

/// The longest time with interrupts off that sound may cause.
const LIMIT: Duration = Duration::from_millis(1);
/// The latest that the most urgent program may wake.
const LATEST: Duration = Duration::from_millis(2);
/// How long each load lasts.
const TIME: Duration = Duration::from_secs(3);

/// Measures while `load` runs, which is told for how long it should.
fn measured(
    context: &mut Context<'_>,
    load: impl FnOnce(&mut Context<'_>, Duration) -> Verdict,
) -> Verdict {
    if context.card.driver != Driver::SndRloop {
        return skip("only snd-rloop is measured");
    }
    let tracer = Tracer::new().map_err(Problem::Failed)?;
    let cyclictest = Cyclictest::start(TIME + Duration::from_secs(1))?;
    tracer.restart().map_err(Problem::Failed)?;
    let loaded = load(context, TIME);
    let longest = tracer.longest().map_err(Problem::Failed);
    let latest = cyclictest.latest();
    loaded?;
    let (longest, latest) = (longest?, latest?);
    judge(context, &longest, latest)
}

fn judge(context: &mut Context<'_>, longest: &Longest, latest: Duration) -> Verdict {
    let Longest {
        time,
        of_sound,
        place,
    } = longest;
    context.note(format!(
        "interrupts off for at most {time:?}{}, a program of priority 95 woke at most {latest:?} late",
        if *of_sound { "" } else { " (not by sound)" }
    ));
    if *time > LIMIT && *of_sound {
        return fail(format!("interrupts were off for {time:?}: {place}"));
    }
    ensure(latest <= LATEST, || {
        format!(
            "a program of priority 95 woke {latest:?} late, and interrupts were off for {time:?}: {place}"
        )
    })?;
    ensure(*time <= LIMIT, || {
        format!(
            "interrupts were off for {time:?}, not by sound, so what sound did can't be told: {place}"
        )
    })
}

/// The widest and fastest stream, which nothing stops.
fn widest(format: Format, access: Access, bytes: usize) -> Config {
    let config = Config {
        access,
        format,
        channels: 128,
        rate: 768_000,
        stop: Stop::Never,
        ..Config::default()
    };
    // Periods of half a buffer.
    let frames = bytes / config.frame_bytes() / 2;
    config.with_buffer(frames as u64, 2)
}

fn format(name: &str) -> Verdict<Format> {
    let found = FORMATS.iter().find(|format| format.to_string() == name);
    found
        .copied()
        .ok_or_else(|| Problem::Failed(format!("there is no format {name}")))
}

/// What ALSA allows all buffers of a card to take, less what it may need besides.
const CARD_BYTES: usize = 30 << 20;
/// What the card allows one to take.
const BUFFER_BYTES: usize = 4 << 20;

/// One player and many readers.
fn fan(
    context: &mut Context<'_>,
    player_access: Access,
    reader_access: Access,
    readers: usize,
) -> Verdict {
    let cables = context.card.readers();
    if cables.len() < 3 {
        return skip("one player with readers is what a card with topology=fanout has");
    }
    let cables = cables[..readers.min(cables.len())].to_vec();
    let bytes = BUFFER_BYTES.min(CARD_BYTES / (cables.len() + 1));
    let format = format("S8")?;
    measured(context, |context, time| {
        let mut player = Pcm::open(context.cable().playback)?;
        player.configure(&widest(format, player_access, bytes))?;
        let mut all = Vec::new();
        for cable in &cables {
            let mut reader = Pcm::open(cable.capture)?;
            reader.configure(&widest(format, reader_access, bytes))?;
            player.link(&reader)?;
            all.push(reader);
        }
        let begin = Instant::now();
        while begin.elapsed() < time {
            player.write(&vec![0; bytes])?;
            player.start()?;
            // Left alone: what piles up meanwhile is moved by whoever asks then, or stops.
            thread::sleep(time / 4);
            player.avail()?;
            for reader in &all {
                reader.avail()?;
            }
            read_status(context, &context.cable());
            player.stop()?;
            player.prepare()?;
        }
        Ok(())
    })
}

/// Whoever reads what a cable is doing has it moved, too.
fn read_status(context: &Context<'_>, cable: &Cable) {
    let number = context.card.cable_number(cable);
    // What it says is of no interest.
    let _ = fs::read_to_string(context.card.proc_file(&format!("cable#{number}")));
}

fn delay(context: &mut Context<'_>) -> Verdict {
    const DELAY: &str = "Cable Delay";
    let ctl = open_own(context)?;
    let cable = context.cable();
    let config = widest(format("FLOAT64_LE")?, Access::RwInterleaved, BUFFER_BYTES);
    // The line has to hold a step besides.
    let most = (60 << 20) / config.frame_bytes() as i32;
    let result = measured(context, |_, time| {
        set(&ctl, DELAY, cable.playback, most - 1)?;
        let mut player = Pcm::open(cable.playback)?;
        let mut reader = Pcm::open(cable.capture)?;
        player.configure(&config)?;
        reader.configure(&config)?;
        player.link(&reader)?;
        player.write(&vec![0; BUFFER_BYTES])?;
        player.start()?;
        let begin = Instant::now();
        let mut delay = most;
        while begin.elapsed() < time {
            // As long as it takes to fill the line.
            thread::sleep(Duration::from_millis(100));
            delay = if delay == most { most - 1 } else { most };
            set(&ctl, DELAY, cable.playback, delay)?;
            thread::sleep(Duration::from_millis(100));
            set(&ctl, DELAY, cable.playback, most / 2)?;
        }
        Ok(())
    });
    set(&ctl, DELAY, cable.playback, 0)?;
    result
}

fn short_periods(context: &mut Context<'_>) -> Verdict {
    let cables: Vec<Cable> = context.card.cables().into_iter().take(3).collect();
    let config = Config {
        format: S16_LE,
        rate: 768_000,
        stop: Stop::Never,
        ..Config::default()
    }
    .with_buffer(16, 16);
    measured(context, |_, time| {
        let mut all = Vec::new();
        for cable in &cables {
            for end in [cable.playback, cable.capture] {
                let mut pcm = Pcm::open(end)?;
                pcm.configure(&config)?;
                if pcm.is_playback() {
                    pcm.write(&vec![0; config.buffer as usize * config.frame_bytes()])?;
                }
                pcm.start()?;
                all.push(pcm);
            }
        }
        thread::sleep(time);
        for pcm in &all {
            pcm.stop()?;
        }
        Ok(())
    })
}
