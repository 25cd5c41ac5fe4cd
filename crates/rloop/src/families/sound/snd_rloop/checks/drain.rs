// SPDX-License-Identifier: MIT OR Apache-2.0

//! Draining: it returns when the last written frame has gone round, and not before.

use std::time::{Duration, Instant};

use crate::alsa::pcm::{Config, State, Stop, frames_time, time_frames};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Verdict, Within, ensure};

pub const CHECKS: &[Plain] = &[
    (
        "drain/whole",
        "drain",
        "after the drain of a whole number of periods the recorder has every frame",
        whole,
    ),
    (
        "drain/partial-period",
        "drain",
        "the same, where the last period is not full",
        partial,
    ),
    (
        "drain/no-period-wakeup",
        "drain",
        "the same, with period wake-ups off",
        no_wakeup,
    ),
    (
        "drain/starts-the-stream",
        "drain",
        "the drain of a stream that was written to, but never started, plays it",
        never_started,
    ),
    (
        "drain/after-a-failed-start",
        "drain",
        "the same, where a start was tried and failed, as another of the linked streams was not ready",
        failed_start,
    ),
    (
        "drain/exact",
        "drain",
        "the drain returns with the last frame, not at the end of its period or buffer",
        exact,
    ),
    (
        "drain/nothing-left",
        "drain",
        "the drain of a running stream that has nothing left to play returns at once",
        nothing_left,
    ),
    (
        "drain/nothing",
        "drain",
        "the drain of an empty stream returns at once",
        nothing,
    ),
    (
        "drain/no-recorder",
        "drain",
        "without a recorder a drain takes the time of its frames",
        no_recorder,
    ),
    (
        "drain/recorder",
        "drain",
        "a recorder that drains stops at once, and can be prepared and started again",
        recorder,
    ),
    (
        "drain/recorder-alone",
        "drain",
        "a recorder that drains, and drains again, leaves the player alone: what that plays next is heard",
        recorder_alone,
    ),
];

fn whole(context: &mut Context) -> Verdict {
    let config = context.config();
    round(context, &config, 2 * config.buffer, true).map(|_| ())
}

fn partial(context: &mut Context) -> Verdict {
    let config = context.config();
    for frames in [
        2 * config.buffer + config.period / 3,
        config.buffer + 1,
        config.period - 1,
        1,
    ] {
        round(context, &config, frames, true)?;
    }
    Ok(())
}

fn no_wakeup(context: &mut Context) -> Verdict {
    let config = context.config();
    let silent = context.without_wakeups(&config)?;
    for frames in [config.buffer, config.buffer + config.period / 3, 17] {
        round(context, &silent, frames, true)?;
        round(context, &silent, frames.min(config.buffer), false)
            .within(|| format!("{frames} frames, never started"))?;
    }
    Ok(())
}

fn never_started(context: &mut Context) -> Verdict {
    let config = context.config();
    for frames in [config.buffer, 100] {
        round(context, &config, frames, false)?;
    }
    Ok(())
}

fn failed_start(context: &mut Context) -> Verdict {
    let (cable, on) = (context.cable(), context.config());
    for config in [Some(on), context.without_wakeups(&on).ok()]
        .into_iter()
        .flatten()
    {
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &on)?;
        // ALSA asks the one that was linked last first: it is ready.
        recorder.pcm.link(&player.pcm)?;
        player.fill(config.period)?;
        recorder.pcm.hw_free()?;
        let start = player.pcm.start();
        ensure(matches!(&start, Err(e) if e.errno == libc::EBADFD), || {
            format!("expected EBADFD from the start of a group that is not ready, came {start:?}")
        })?;
        player.pcm.unlink()?;
        recorder.pcm.configure(&on)?;
        recorder.pcm.start()?;
        player
            .pcm
            .drain_watched()
            .within(|| format!("wake-ups {}", config.period_wakeup))?;
        recorder.read_all()?;
        recorder
            .trace(&player.seq, player.written)
            .expect(&[
                Want::Silence(0..=u64::MAX),
                Want::Sequence(0..=0, config.period..=config.period),
                Want::Silence(0..=u64::MAX),
            ])
            .or_fail()?;
    }
    Ok(())
}

/// Plays `frames`, drains, and wants them all to have been recorded when the drain returns.
/// Gives how many frames late it returned.
fn round(context: &mut Context, config: &Config, frames: u64, start: bool) -> Verdict<u64> {
    let cable = context.cable();
    // Nobody reads during the drain: the recorder's buffer takes it all.
    let recording = Config {
        period_wakeup: true,
        ..config.with_buffer(config.period, 4 * config.buffer / config.period)
    };
    let mut recorder = context.recorder(&cable, &recording)?;
    let mut player = context.player(&cable, config)?;
    player.fill(frames.min(config.buffer))?;
    recorder.pcm.start()?;
    if start {
        player.pcm.start()?;
    }
    pump(Some(&mut player), None, frames, 0)?;
    recorder.read_all()?;
    context.watchdog.step(format!(
        "drain of {} with {frames} frames written",
        player.pcm.address()
    ));
    player.pcm.drain()?;
    recorder.read_all()?;
    let state = player.pcm.state();
    ensure(state == State::Setup, || {
        format!("expected SETUP after the drain, came {state:?}")
    })?;
    let trace = recorder.trace(&player.seq, player.written);
    trace
        .expect(&[
            Want::Silence(0..=u64::MAX),
            Want::Sequence(0..=0, frames..=frames),
            Want::Silence(0..=u64::MAX),
        ])
        .or_fail()?;
    Ok(recorder.frames() - frames - trace.leading_silence())
}

/// Best of five: the machine may be late in waking the program, the card may not.
fn exact(context: &mut Context) -> Verdict {
    let config = context.config();
    let late = context.machine.usual * 4 + context.wakeup_slack()?;
    let allowed = 16 + time_frames(late, config.rate).ceil() as u64;
    let third = config.buffer + config.period / 3;
    for (what, frames, start) in [
        ("whole periods", 2 * config.buffer, true),
        ("a part of a period", third, true),
        ("never started", 100, false),
    ] {
        let mut best = u64::MAX;
        for _ in 0..5 {
            best = best.min(round(context, &config, frames, start)?);
            if best <= allowed {
                break;
            }
        }
        ensure(best <= allowed, || {
            format!(
                "{what}: expected the drain to return at most {allowed} frames after the last frame, came {best} at best of five"
            )
        })?;
        context.note(format!("{what}: {best} frames late"));
    }
    Ok(())
}

fn nothing(context: &mut Context) -> Verdict {
    let config = context.config();
    let player = context.player(&context.cable(), &config)?;
    player.pcm.drain()?;
    let state = player.pcm.state();
    ensure(state == State::Setup, || {
        format!("expected SETUP after the drain, came {state:?}")
    })
}

fn nothing_left(context: &mut Context) -> Verdict {
    let config = Config {
        stop: Stop::Never,
        ..context.config()
    };
    for reset in [false, true] {
        let mut player = context.player(&context.cable(), &config)?;
        player.fill(config.period)?;
        player.pcm.start()?;
        if reset {
            // What has not been played yet is forgotten.
            std::thread::sleep(Duration::from_millis(5));
            player.pcm.reset()?;
        } else {
            std::thread::sleep(frames_time(2 * config.buffer, config.rate));
        }
        let begin = Instant::now();
        let what = if reset {
            "after a reset"
        } else {
            "long after the last frame"
        };
        player.pcm.drain().within(|| what.to_owned())?;
        let took = begin.elapsed();
        let buffer = frames_time(config.buffer, config.rate);
        let limit = buffer + context.machine.again().worst * 4;
        ensure(took < limit, || format!("{what}: the drain took {took:?}"))?;
        context.note(format!("{what} {took:?}"));
    }
    Ok(())
}

fn no_recorder(context: &mut Context) -> Verdict {
    let config = context.config();
    let mut player = context.player(&context.cable(), &config)?;
    player.fill(config.buffer - 3)?;
    let begin = Instant::now();
    player.pcm.start()?;
    player.pcm.drain()?;
    let took = time_frames(begin.elapsed(), config.rate);
    ensure(took >= (config.buffer - 4) as f64, || {
        format!(
            "a drain of {} frames returned after {took:.1} frames' time",
            config.buffer - 3
        )
    })?;
    let limit = config.buffer as f64
        + time_frames(
            Duration::from_secs(1) + context.machine.worst * 4,
            config.rate,
        );
    ensure(took < limit, || {
        format!(
            "a drain of {} frames took {took:.0} frames' time",
            config.buffer - 3
        )
    })
}

fn recorder(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut recorder = context.recorder(&cable, &config)?;
    for _ in 0..3 {
        recorder.pcm.start()?;
        pump(None, Some(&mut recorder), 0, config.period)?;
        recorder.heard.clear();
        recorder.pcm.drain()?;
        // DRAINING while something is left that was heard and not read, which only mmap could get at.
        let state = recorder.pcm.state();
        ensure(matches!(state, State::Setup | State::Draining), || {
            format!("expected SETUP or DRAINING, came {state:?}")
        })?;
        recorder.pcm.prepare()?;
    }
    Ok(())
}

fn recorder_alone(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let (mut player, mut recorder) = context.started(&cable, &config, 8 * config.buffer)?;
    let most = player.written + config.buffer;
    pump(Some(&mut player), Some(&mut recorder), most, config.period)?;
    // What it has not read keeps it DRAINING, and each further drain gets as far as the driver.
    for _ in 0..3 {
        recorder.pcm.begin_drain()?;
    }
    recorder.pcm.prepare()?;
    recorder.heard.clear();
    recorder.pcm.start()?;
    let most = player.written + 4 * config.buffer;
    let heard = 2 * config.buffer;
    pump(Some(&mut player), Some(&mut recorder), most, heard)?;
    let trace = recorder.trace(&player.seq, player.written);
    trace
        .expect(&[Want::Sequence(1..=u64::MAX, heard..=heard)])
        .or_fail()
}
