// SPDX-License-Identifier: MIT OR Apache-2.0

//! Starting the two ends in every order.

use std::time::{Duration, Instant};

use super::Plain;
use crate::pcm::{Config, Start};
use crate::signal::trace::Want;
use crate::verify::context::{Context, time_frames};
use crate::verify::problem::{OrFail, Verdict, Within, ensure};
use crate::verify::rig::pump;

pub const CHECKS: &[Plain] = &[
    (
        "start/linked",
        "info flags (SYNC_START)",
        "linked ends start in the same frame: frame 0 comes back as frame 0",
        linked,
    ),
    (
        "start/recorder-first",
        "driver-added delay",
        "silence until the player starts, then all of it",
        recorder_first,
    ),
    (
        "start/player-first",
        "nothing lost",
        "the recorder comes in where the player is, and misses nothing from there on",
        player_first,
    ),
    (
        "start/threshold",
        "access",
        "the stream starts by itself when start_threshold is reached",
        threshold,
    ),
    (
        "start/same-delay",
        "driver-added delay",
        "unlinked, the loop delay is the start times' difference, to a frame, at each of 10 starts",
        same_delay,
    ),
];

fn linked(context: &mut Context<'_>) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    for round in 0..10 {
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        // In turns each end is the one that is started, and the one that is linked to.
        if round % 2 == 0 {
            player.pcm.link(&recorder.pcm)?;
        } else {
            recorder.pcm.link(&player.pcm)?;
        }
        player.fill(config.buffer)?;
        if round % 4 < 2 {
            player.pcm.start()?
        } else {
            recorder.pcm.start()?
        }
        pump(
            Some(&mut player),
            Some(&mut recorder),
            2 * config.buffer,
            2000,
        )?;
        let trace = recorder.trace(&player.seq, player.written);
        trace
            .expect(&[Want::Sequence(0..=0, 2000..=2000)])
            .or_fail()
            .within(|| format!("start {round}"))?;
    }
    Ok(())
}

fn recorder_first(context: &mut Context<'_>) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut recorder = context.recorder(&cable, &config)?;
    let mut player = context.player(&cable, &config)?;
    recorder.pcm.start()?;
    pump(None, Some(&mut recorder), 0, 500)?;
    player.fill(config.buffer)?;
    player.pcm.start()?;
    let lead = recorder.frames() + recorder.pcm.avail()?;
    let heard = lead + 2 * config.buffer;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        4 * config.buffer,
        heard,
    )?;
    let trace = recorder.trace(&player.seq, player.written);
    // The player started before `lead` was read: not one frame more of silence than that.
    trace
        .expect(&[
            Want::Silence(500..=lead),
            Want::Sequence(0..=0, 2 * config.buffer..=heard),
        ])
        .or_fail()
}

fn player_first(context: &mut Context<'_>) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    let mut recorder = context.recorder(&cable, &config)?;
    player.rehearse(6 * config.buffer);
    player.fill(config.buffer)?;
    player.pcm.start()?;
    pump(Some(&mut player), None, config.buffer + config.period, 0)?;
    let before = player.written + player.pcm.avail()? - config.buffer;
    recorder.pcm.start()?;
    let after = player.written + player.pcm.avail()? - config.buffer;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        6 * config.buffer,
        2 * config.buffer,
    )?;
    let trace = recorder.trace(&player.seq, player.written);
    let all = 2 * config.buffer;
    trace
        .expect(&[Want::Sequence(before..=after, all..=all)])
        .or_fail()
}

fn threshold(context: &mut Context<'_>) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let told_by_data = Config {
        start: Start::Frames(config.period),
        ..config
    };
    let mut player = context.player(&cable, &told_by_data)?;
    let mut recorder = context.recorder(&cable, &told_by_data)?;
    let mut first = vec![0; config.period as usize * config.frame_bytes()];
    // A read of at least start_threshold frames starts the recorder.
    let read = recorder.pcm.read(&mut first)?;
    ensure(read == 0, || {
        format!("expected nothing to read at once, came {read} frames")
    })?;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        4 * config.buffer,
        2 * config.buffer,
    )?;
    let trace = recorder.trace(&player.seq, player.written);
    trace
        .expect(&[
            Want::Silence(0..=config.buffer),
            Want::Sequence(0..=0, config.buffer..=2 * config.buffer),
        ])
        .or_fail()
}

fn same_delay(context: &mut Context<'_>) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let (mut least, mut most) = (f64::MAX, f64::MIN);
    for round in 0..10u64 {
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        player.fill(config.buffer)?;
        let before_recorder = Instant::now();
        recorder.pcm.start()?;
        let after_recorder = Instant::now();
        std::thread::sleep(Duration::from_micros(1300 * round + 77));
        let before_player = Instant::now();
        player.pcm.start()?;
        let after_player = Instant::now();
        pump(
            Some(&mut player),
            Some(&mut recorder),
            2 * config.buffer,
            2 * config.period,
        )?;
        let trace = recorder.trace(&player.seq, player.written);
        // Both starts happened somewhere within their calls, which brackets the silence.
        let low = time_frames(before_player - after_recorder, config.rate).floor() as u64;
        let high = time_frames(after_player - before_recorder, config.rate).ceil() as u64;
        let all = 2 * config.period;
        let wants = [
            Want::Silence(low.saturating_sub(1)..=high + 1),
            Want::Sequence(0..=0, 1..=all),
        ];
        trace
            .expect(&wants)
            .or_fail()
            .within(|| format!("start {round}"))?;
        let delay = trace.leading_silence() as f64
            - time_frames(before_player - before_recorder, config.rate);
        (least, most) = (least.min(delay), most.max(delay));
    }
    context.note(format!(
        "delay against the start times {least:.1} to {most:.1} frames"
    ));
    Ok(())
}
