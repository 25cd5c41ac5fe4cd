// SPDX-License-Identifier: MIT OR Apache-2.0

//! Pausing either end, or both.

use std::thread;
use std::time::{Duration, Instant};

use crate::alsa::pcm::{Config, State, time_frames};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::verdict::{OrFail, Verdict, Within, ensure};

pub const CHECKS: &[Plain] = &[
    (
        "pause/player",
        "peer paused",
        "silence while the player pauses; then it goes on with the very next frame",
        player,
    ),
    (
        "pause/no-period-wakeup",
        "peer paused",
        "the same, with period wake-ups off at both ends",
        no_wakeup,
    ),
    (
        "pause/recorder",
        "peer paused",
        "a paused recorder's position stands, the player goes on, and what follows is contiguous",
        recorder,
    ),
    (
        "pause/both",
        "info flags (PAUSE)",
        "linked ends pause and go on together with nothing in between",
        both,
    ),
    (
        "pause/stop",
        "info flags (PAUSE)",
        "a paused stream can be stopped, prepared and started again",
        stop_while_paused,
    ),
];

fn player(context: &mut Context) -> Verdict {
    let config = context.config();
    pauses(context, &config)
}

fn no_wakeup(context: &mut Context) -> Verdict {
    let config = context.config();
    let silent = context.without_wakeups(&config)?;
    pauses(context, &silent)
}

fn pauses(context: &mut Context, config: &Config) -> Verdict {
    let cable = context.cable();
    let (mut player, mut recorder) = context.started(&cable, config, 12 * config.buffer)?;
    let mut wants = vec![Want::Silence(0..=config.buffer)];
    for _ in 0..3 {
        let heard = recorder.frames() + config.buffer;
        let most = player.written + 4 * config.buffer;
        pump(Some(&mut player), Some(&mut recorder), most, heard)?;
        player.pcm.pause(true)?;
        let state = player.pcm.state();
        ensure(state == State::Paused, || {
            format!("expected PAUSED, came {state:?}")
        })?;
        let before = player.pcm.avail()?;
        let heard = recorder.frames() + recorder.pcm.avail()? + 1000;
        pump(None, Some(&mut recorder), 0, heard)?;
        let after = player.pcm.avail()?;
        ensure(before == after, || {
            format!("a paused player moved by {} frames", after - before)
        })?;
        player.pcm.pause(false)?;
        wants.extend([
            Want::Sequence(0..=u64::MAX, 1..=u64::MAX),
            Want::Silence(1000..=u64::MAX),
        ]);
    }
    let heard = recorder.frames() + config.buffer;
    let most = player.written + 4 * config.buffer;
    pump(Some(&mut player), Some(&mut recorder), most, heard)?;
    wants.push(Want::Sequence(1..=u64::MAX, 1..=u64::MAX));
    let trace = recorder.trace(&player.seq, player.written);
    trace.expect(&wants).or_fail()?;
    contiguous(&trace)
}

/// The parts of the sequence, silence left out, must follow each other without a gap.
pub(super) fn contiguous(trace: &crate::alsa::signal::Trace) -> Verdict {
    let mut next = 0;
    for piece in &trace.pieces {
        if let crate::alsa::signal::Piece::Sequence { first, frames } = piece {
            ensure(*first == next, || {
                format!("expected frame {next} after the pause, came {first}: {trace}")
            })?;
            next = first + frames;
        }
    }
    Ok(())
}

fn recorder(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    let mut recorder = context.recorder(&cable, &config)?;
    player.rehearse(12 * config.buffer);
    player.pcm.link(&recorder.pcm)?;
    player.fill(config.buffer)?;
    player.pcm.start()?;
    player.pcm.unlink()?;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        12 * config.buffer,
        config.buffer,
    )?;
    let begin = Instant::now();
    recorder.pcm.avail()?;
    recorder.pcm.pause(true)?;
    // ALSA does not read the position of a paused stream: what came in after the last reading shows later.
    let slack = time_frames(begin.elapsed(), config.rate).ceil() as u64 + 1;
    let heard = recorder.frames() + recorder.pcm.avail()?;
    let on = player.written + config.buffer;
    pump(Some(&mut player), None, on, 0)?;
    let still = recorder.frames() + recorder.pcm.avail()?;
    ensure(heard == still, || {
        format!("a paused recorder moved by {} frames", still - heard)
    })?;
    let position = |p: &crate::families::sound::loopback::ends::Player| {
        Ok::<_, crate::alsa::pcm::AlsaError>(p.written + p.pcm.avail()? - config.buffer)
    };
    let before = position(&player)?;
    recorder.pcm.pause(false)?;
    let after = position(&player)?;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        12 * config.buffer,
        heard + config.buffer,
    )?;
    let trace = recorder.trace(&player.seq, player.written);
    let all = config.buffer;
    trace
        .expect(&[
            Want::Sequence(0..=0, heard..=heard + slack),
            Want::Sequence(before..=after, all - slack.min(all)..=all),
        ])
        .or_fail()
}

fn both(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let (mut player, mut recorder) = context.linked(&cable, &config)?;
    player.pcm.start()?;
    let total = 5 * config.buffer;
    for part in 1..5 {
        pump(
            Some(&mut player),
            Some(&mut recorder),
            total,
            part * config.buffer,
        )?;
        player.pcm.pause(true)?;
        thread::sleep(Duration::from_millis(7 * part));
        player.pcm.pause(false)?;
    }
    let heard = recorder.frames();
    recorder.has_heard(&player, heard)
}

fn stop_while_paused(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    let mut recorder = context.recorder(&cable, &config)?;
    for round in 0..4 {
        player.pcm.link(&recorder.pcm)?;
        player.fill(config.buffer)?;
        player.pcm.start()?;
        pump(
            Some(&mut player),
            Some(&mut recorder),
            4 * config.buffer,
            config.period,
        )?;
        let trace = recorder.trace(&player.seq, player.written);
        let all = config.period;
        trace
            .expect(&[Want::Sequence(0..=0, all..=all)])
            .or_fail()
            .within(|| format!("round {round}"))?;
        player.pcm.pause(true)?;
        player.pcm.unlink()?;
        player.pcm.stop()?;
        recorder.pcm.stop()?;
        let seq = context.sequence(&config);
        player.again(seq)?;
        recorder.pcm.prepare()?;
        recorder.heard.clear();
    }
    Ok(())
}
