// SPDX-License-Identifier: MIT OR Apache-2.0

//! Nothing that a user can ask for, with up to 128 streams that are linked when they start, keeps a processor from its
//! interrupts for longer than a millisecond.
//!
//! Counted time says what that is on a machine of so many instructions per second, whatever else the host does.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::alsa::pcm::{Access, Address, Config, Pcm, Stop};
use crate::alsa::signal::Format;
use crate::alsa::signal::format::S16_LE;
use crate::families::linked::group;
use crate::families::sound::loopback::elements::{is_free, open_own, set};
use crate::families::sound::loopback::{Cable, Driver};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use crate::kernel::latency::{LIMIT, bounded};
use rig::verdict::{Verdict, skip};

pub const CHECKS: &[Plain] = &[
    (
        "interrupts/fan-planar-readers",
        BOUNDED,
        "an interleaved player of 128 channels at 768 kHz and three planar readers, linked and left alone",
        |context| fan(context, Access::RwInterleaved, Access::RwNoninterleaved),
    ),
    (
        "interrupts/fan-planar-player",
        BOUNDED,
        "the same, the player being planar and the readers interleaved",
        |context| fan(context, Access::RwNoninterleaved, Access::RwInterleaved),
    ),
    (
        "interrupts/fan-many-readers",
        BOUNDED,
        "an interleaved player and 127 planar readers with periods of 64 frames",
        |context| many_readers(context, Config::default().rate, false),
    ),
    (
        "interrupts/fan-many-fast-readers",
        BOUNDED,
        "the same at 768 kHz",
        |context| many_readers(context, 768_000, false),
    ),
    (
        "interrupts/fan-many-linked",
        BOUNDED,
        "the same, linked",
        |context| many_readers(context, Config::default().rate, true),
    ),
    (
        "interrupts/cable-planar",
        BOUNDED,
        "three cables, planar FLOAT64 of 128 channels at 768 kHz at both ends",
        planar,
    ),
    (
        "interrupts/cable-delay",
        BOUNDED,
        "a delay of almost 64 MiB is made longer and shorter while frames run",
        delay,
    ),
    (
        "interrupts/cable-short-periods",
        BOUNDED,
        "three cables with periods of 16 frames at 768 kHz at both ends, left alone",
        short_periods,
    ),
    (
        "interrupts/cable-many-linked",
        BOUNDED,
        "both ends of 128 cables, linked: ALSA's core locks all 256, for at most twice as long",
        |context| many_linked(context, 128, true, LIMIT * 2),
    ),
    (
        "interrupts/cable-linked-late",
        BOUNDED,
        "both ends of 64 cables, linked only when they run, with period wake-ups off: a driver is not told, so for three times as long",
        linked_late,
    ),
    (
        "interrupts/cable-many-unwatched",
        BOUNDED,
        "both ends of 64 cables, linked, with period wake-ups off, left alone",
        |context| many_linked(context, 64, false, LIMIT),
    ),
    (
        "interrupts/free-planar",
        BOUNDED,
        "a cable without a clock carries planar FLOAT64 of 128 channels as fast as it can",
        free,
    ),
];

/// What of the card's contract all are about.
const BOUNDED: &str = "a bounded cost";

/// Measures while `load` runs, which is told for how long it should.
fn measured(context: &mut Context, load: impl FnMut(&mut Context, Duration) -> Verdict) -> Verdict {
    ours(context)?;
    bounded(context, LIMIT, load)
}

/// A reason to skip for other drivers' cards.
fn ours(context: &Context) -> Verdict {
    if context.card.driver != Driver::SndRloop {
        return skip("only snd-rloop is measured");
    }
    Ok(())
}

/// The card's first cables: so many.
fn cables(context: &Context, count: usize) -> Verdict<Vec<Cable>> {
    let mut cables = context.card.cables();
    if cables.len() < count {
        return skip(format!("the card has less than {count} cables"));
    }
    cables.truncate(count);
    Ok(cables)
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

/// What the card allows one to take.
const BUFFER_BYTES: usize = 4 << 20;

/// One player and three readers, as wide and fast as can be.
fn fan(context: &mut Context, player: Access, readers: Access) -> Verdict {
    let format = Format::named("S8")?;
    let config = |access| widest(format, access, BUFFER_BYTES);
    crowd(context, 3, true, (&config(player), &config(readers)))
}

/// As many readers as can be, who wake as often as can be.
fn many_readers(context: &mut Context, rate: u32, linked: bool) -> Verdict {
    const READERS: usize = 127;
    let config = |access| {
        Config {
            access,
            format: S16_LE,
            rate,
            stop: Stop::Never,
            ..Config::default()
        }
        .with_buffer(64, 64)
    };
    let (player, reader) = (
        config(Access::RwInterleaved),
        config(Access::RwNoninterleaved),
    );
    crowd(context, READERS, linked, (&player, &reader))
}

/// One player and so many readers, left alone.
fn crowd(
    context: &mut Context,
    readers: usize,
    linked: bool,
    (player, reader): (&Config, &Config),
) -> Verdict {
    let mut cables = context.card.readers();
    if cables.len() < readers {
        return skip(format!(
            "a player with {readers} readers is what a card with topology=fanout pcm_substreams={readers} has"
        ));
    }
    cables.truncate(readers);
    let silence = vec![0; player.buffer as usize * player.frame_bytes()];
    measured(context, |context, time| {
        let mut source = Pcm::open(context.cable().playback)?;
        source.configure(player)?;
        let mut all = Vec::new();
        for cable in &cables {
            let mut pcm = Pcm::open(cable.capture)?;
            pcm.configure(reader)?;
            if linked {
                source.link(&pcm)?;
            }
            all.push(pcm);
        }
        let singly = if linked { &[][..] } else { &all[..] };
        let begin = Instant::now();
        while begin.elapsed() < time {
            source.write(&silence)?;
            source.start()?;
            singly.iter().try_for_each(Pcm::start)?;
            // Left alone: what piles up meanwhile is moved by whoever asks then, or stops.
            thread::sleep(time / 4);
            source.avail()?;
            for pcm in &all {
                pcm.avail()?;
            }
            read_status(context, &context.cable());
            for pcm in singly.iter().chain([&source]) {
                pcm.stop()?;
                pcm.prepare()?;
            }
        }
        Ok(())
    })
}

/// Whoever reads what a cable is doing has it moved, too.
fn read_status(context: &Context, cable: &Cable) {
    let number = context.card.cable_number(cable);
    // What it says is of no interest.
    let _ = fs::read_to_string(context.card.proc_file(&format!("cable#{number}")));
}

fn delay(context: &mut Context) -> Verdict {
    const DELAY: &str = "Cable Delay";
    let ctl = open_own(&context.card)?;
    let cable = context.cable();
    let config = widest(
        Format::named("FLOAT64_LE")?,
        Access::RwInterleaved,
        BUFFER_BYTES,
    );
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

fn short_periods(context: &mut Context) -> Verdict {
    let config = Config {
        format: S16_LE,
        rate: 768_000,
        stop: Stop::Never,
        ..Config::default()
    }
    .with_buffer(16, 16);
    pairs(context, &config)
}

fn planar(context: &mut Context) -> Verdict {
    let (format, access) = (Format::named("FLOAT64_LE")?, Access::RwNoninterleaved);
    pairs(context, &widest(format, access, BUFFER_BYTES))
}

/// Both ends of three cables, left alone.
fn pairs(context: &mut Context, config: &Config) -> Verdict {
    let cables = cables(context, 3)?;
    let silence = vec![0; config.buffer as usize * config.frame_bytes()];
    measured(context, |_, time| {
        let mut all = Vec::new();
        for cable in &cables {
            for end in [cable.playback, cable.capture] {
                let mut pcm = Pcm::open(end)?;
                pcm.configure(config)?;
                if pcm.is_playback() {
                    pcm.write(&silence)?;
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

/// Both ends of so many cables, in one group that starts and stops at once. Without `wakeups` as much piles up before it
/// stops as ever does.
fn many_linked(context: &mut Context, count: usize, wakeups: bool, limit: Duration) -> Verdict {
    ours(context)?;
    let cables = cables(context, count)?;
    let config = of_many(wakeups);
    let silence = vec![0; config.buffer as usize * config.frame_bytes()];
    let ends = cables.iter().flat_map(|c| [c.playback, c.capture]);
    let ends: Vec<Address> = ends.collect();
    group(context, limit, (&ends, &config), |all| {
        for player in all.iter().filter(|pcm| pcm.is_playback()) {
            player.write(&silence)?;
        }
        Ok(())
    })
}

/// The same, but for streams that start one by one, as if they had nothing to do with each other.
fn linked_late(context: &mut Context) -> Verdict {
    ours(context)?;
    let cables = cables(context, 64)?;
    let config = of_many(false);
    let silence = vec![0; config.buffer as usize * config.frame_bytes()];
    bounded(context, LIMIT * 3, |_, time| {
        let begin = Instant::now();
        while begin.elapsed() < time {
            let mut all: Vec<Pcm> = Vec::new();
            for end in cables.iter().flat_map(|c| [c.playback, c.capture]) {
                let mut pcm = Pcm::open(end)?;
                pcm.configure(&config)?;
                if pcm.is_playback() {
                    pcm.write(&silence)?;
                }
                pcm.start()?;
                all.push(pcm);
            }
            all[1..].iter().try_for_each(|pcm| all[0].link(pcm))?;
            thread::sleep(time / 8);
            all[0].stop()?;
        }
        Ok(())
    })
}

/// What each of many streams is like. Without `wakeups` more fits into a buffer than piles up before it is moved.
fn of_many(wakeups: bool) -> Config {
    Config {
        format: S16_LE,
        stop: Stop::Never,
        period_wakeup: wakeups,
        ..Config::default()
    }
    .with_buffer(if wakeups { 1024 } else { 2048 }, 4)
}

fn free(context: &mut Context) -> Verdict {
    let cable = context.cable();
    if !is_free(&cable) {
        return skip("the card has a clock");
    }
    let (format, access) = (Format::named("FLOAT64_LE")?, Access::RwNoninterleaved);
    let config = Config {
        stop: Stop::Xrun,
        ..widest(format, access, BUFFER_BYTES)
    };
    let mut part = vec![0; config.period as usize * config.frame_bytes()];
    measured(context, |_, time| {
        let mut player = Pcm::open(cable.playback)?;
        let mut reader = Pcm::open(cable.capture)?;
        player.configure(&config)?;
        reader.configure(&config)?;
        player.write(&part)?;
        player.write(&part)?;
        player.start()?;
        reader.start()?;
        let begin = Instant::now();
        while begin.elapsed() < time {
            reader.read(&mut part)?;
            player.write(&part)?;
        }
        Ok(())
    })
}
