// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a recorder hears while nobody plays, and what a player notices of nobody listening.

use std::time::{Duration, Instant};

use crate::alsa::pcm::{Access, Config, State, Stop, frames_time};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::verdict::{OrFail, Verdict, Within, ensure, fail};

pub const CHECKS: &[Plain] = &[
    (
        "silence/every-format",
        "peer absent",
        "with no player a recorder gets the format's own silence, in every format",
        every_format,
    ),
    (
        "silence/player-stopped",
        "peer stopped",
        "what was played, then silence; then what is played next",
        player_stopped,
    ),
    (
        "silence/player-closed",
        "peer absent",
        "a player that closes in the middle leaves silence, no stale frame",
        player_closed,
    ),
    (
        "silence/player-underrun",
        "peer stopped",
        "all that was written is heard before an underrun's silence",
        player_underrun,
    ),
    (
        "silence/no-recorder",
        "peer absent",
        "without a recorder playback runs on at its rate",
        no_recorder,
    ),
    (
        "silence/recorder-closed",
        "peer absent",
        "a recorder that closes and comes back hears the player go on",
        recorder_closed,
    ),
    (
        "silence/player-runs-over",
        "peer stopped",
        "a player that never stops runs on when it has written nothing more",
        runs_over,
    ),
];

fn every_format(context: &mut Context) -> Verdict {
    let cable = context.cable();
    for format in context.space.formats.clone() {
        for (access, channels) in [
            (Access::RwInterleaved, 1),
            (Access::MmapInterleaved, 5),
            (Access::RwNoninterleaved, 3),
            (Access::MmapNoninterleaved, 17),
        ] {
            if !context.space.accesses.contains(&access)
                || !context.space.channels.contains(&channels)
            {
                continue;
            }
            let config = Config {
                access,
                format,
                channels,
                rate: 192_000,
                ..Config::default()
            };
            let config = context.fitted(config.with_buffer(256, 16));
            // Sound before the silence, so that a buffer left over would be heard.
            let mut player = context.player(&cable, &config)?;
            player.fill(config.buffer)?;
            player.pcm.start()?;
            drop(player);
            let mut recorder = context.recorder(&cable, &config)?;
            recorder.pcm.start()?;
            pump(None, Some(&mut recorder), 0, 700)?;
            let seq = context.sequence(&config);
            let trace = recorder.trace(&seq, 0);
            trace
                .expect(&[Want::Silence(700..=700)])
                .or_fail()
                .within(|| format!("{format}, {channels} channels, {access}"))?;
        }
    }
    Ok(())
}

fn player_stopped(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let (mut player, mut recorder) = context.linked(&cable, &config)?;
    player.pcm.start()?;
    player.pcm.unlink()?;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        4 * config.buffer,
        config.buffer,
    )?;
    let before = recorder.frames() + recorder.pcm.avail()?;
    player.pcm.stop()?;
    let after = recorder.frames() + recorder.pcm.avail()?;
    let heard = after + config.period;
    pump(None, Some(&mut recorder), 0, heard)?;
    let trace = recorder.trace(&player.seq, player.written);
    trace
        .expect(&[
            Want::Sequence(0..=0, before..=after),
            Want::Silence(1..=heard),
        ])
        .or_fail()?;
    // And now something else.
    let seq = context.sequence(&config);
    player.again(seq)?;
    recorder.heard.clear();
    player.fill(config.buffer)?;
    player.pcm.start()?;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        4 * config.buffer,
        2 * config.buffer,
    )?;
    let trace = recorder.trace(&player.seq, player.written);
    let heard = 2 * config.buffer;
    trace
        .expect(&[
            Want::Silence(0..=config.buffer),
            Want::Sequence(0..=0, config.buffer..=heard),
        ])
        .or_fail()
}

fn player_closed(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut recorder = context.recorder(&cable, &config)?;
    recorder.pcm.start()?;
    for round in 0..3 {
        let mut player = context.player(&cable, &config)?;
        player.fill(config.buffer)?;
        player.pcm.start()?;
        let heard = config.buffer + 100 * round;
        pump(
            Some(&mut player),
            Some(&mut recorder),
            4 * config.buffer,
            heard,
        )?;
        let before = recorder.frames();
        let (seq, written) = (player.seq, player.written);
        drop(player);
        let after = recorder.frames() + recorder.pcm.avail()?;
        pump(None, Some(&mut recorder), 0, after + config.period)?;
        let trace = recorder.trace(&seq, written);
        trace
            .expect(&[
                Want::Silence(0..=config.buffer),
                Want::Sequence(0..=0, before.saturating_sub(config.buffer)..=after),
                Want::Silence(1..=u64::MAX),
            ])
            .or_fail()
            .within(|| format!("player {round}"))?;
        recorder.heard.clear();
    }
    Ok(())
}

fn player_underrun(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    // Not a whole period, not a whole buffer: the end is exact nevertheless.
    let written = config.buffer + config.buffer / 3 + 5;
    let mut player = context.player(&cable, &config)?;
    let mut recorder = context.recorder(&cable, &config)?;
    recorder.pcm.start()?;
    player.fill(config.buffer)?;
    player.pcm.start()?;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        written,
        written + 2 * config.period,
    )?;
    // Up to one period goes by before the underrun is noticed; what is heard ends at the last written frame.
    let heard = recorder.frames() + 2 * config.buffer;
    pump(None, Some(&mut recorder), 0, heard)?;
    let state = player.pcm.state();
    ensure(state == State::Xrun, || {
        format!("expected the player in XRUN, came {state:?}")
    })?;
    let trace = recorder.trace(&player.seq, player.written);
    trace
        .expect(&[
            Want::Silence(0..=config.buffer),
            Want::Sequence(0..=0, written..=written),
            Want::Silence(1..=u64::MAX),
        ])
        .or_fail()
}

fn no_recorder(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    let total = 3 * config.buffer;
    player.rehearse(total);
    player.fill(config.buffer)?;
    let begin = Instant::now();
    player.pcm.start()?;
    let started = Instant::now();
    pump(Some(&mut player), None, total, 0)?;
    let played_before = player.written + player.pcm.avail()? - config.buffer;
    let took = started.elapsed();
    ensure(
        begin.elapsed() + Duration::from_micros(50) >= frames_time(played_before, config.rate),
        || {
            format!(
                "{played_before} frames played in {took:?}: faster than {} Hz",
                config.rate
            )
        },
    )
}

fn recorder_closed(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    player.rehearse(16 * config.buffer);
    player.fill(config.buffer)?;
    player.pcm.start()?;
    for round in 0..3 {
        let mut recorder = context.recorder(&cable, &config)?;
        let position = |p: &crate::families::sound::loopback::ends::Player| {
            Ok::<_, crate::alsa::pcm::AlsaError>(p.written + p.pcm.avail()? - config.buffer)
        };
        let on = player.written + config.period;
        pump(Some(&mut player), None, on, 0)?;
        let before = position(&player)?;
        recorder.pcm.start()?;
        let after = position(&player)?;
        let limit = player.written + 4 * config.buffer;
        pump(Some(&mut player), Some(&mut recorder), limit, config.buffer)?;
        let trace = recorder.trace(&player.seq, player.written);
        let all = config.buffer;
        trace
            .expect(&[Want::Sequence(before..=after, all..=all)])
            .or_fail()
            .within(|| format!("recorder {round}"))?;
    }
    Ok(())
}

fn runs_over(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let config = Config {
        stop: Stop::Never,
        ..context.config()
    };
    let mut player = context.player(&cable, &config)?;
    player.fill(config.period)?;
    player.pcm.start()?;
    let end = Instant::now() + frames_time(2 * config.buffer, config.rate);
    std::thread::sleep(end - Instant::now());
    let (state, avail) = (player.pcm.state(), player.pcm.avail()?);
    if state != State::Running || avail < 2 * config.buffer {
        return fail(format!(
            "expected RUNNING with at least {} frames available, came {state:?} with {avail}",
            2 * config.buffer
        ));
    }
    Ok(())
}
