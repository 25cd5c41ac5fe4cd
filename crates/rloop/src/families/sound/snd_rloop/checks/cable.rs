// SPDX-License-Identifier: MIT OR Apache-2.0

//! All cables of a card at once.

use std::thread;
use std::time::{Duration, Instant};

use crate::alsa::pcm::Config;
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::{Player, Recorder};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Verdict, Within, ensure};

pub const CHECKS: &[Plain] = &[
    (
        "cable/all-at-once",
        "pcm_substreams, topology",
        "every cable in both directions carries its own sequence at the same time",
        all_at_once,
    ),
    (
        "cable/each-alone",
        "topology",
        "what is played on one cable is heard on no other",
        each_alone,
    ),
];

/// More cables than these are not asked for 48 kHz: there are small processors.
const MANY: usize = 32;

fn all_at_once(context: &mut Context) -> Verdict {
    let cables = context.card.cables();
    let mut config = context.config();
    if cables.len() > MANY {
        (config.rate, config.channels) = (8_000, 1);
    }
    let config = config.with_buffer(config.period, 16);
    let total = config.buffer + config.period + 11;
    let mut pairs: Vec<(Player, Recorder)> = Vec::new();
    for cable in &cables {
        let mut player = context.player(cable, &config)?;
        let recorder = context.recorder(cable, &config)?;
        player.rehearse(total + 2 * config.buffer);
        player.fill(config.buffer)?;
        pairs.push((player, recorder));
    }
    for (player, recorder) in &pairs {
        recorder.pcm.start()?;
        player.pcm.start()?;
    }
    let end = Instant::now() + Duration::from_secs(60);
    let mut open = pairs.len();
    while open > 0 && Instant::now() < end {
        open = 0;
        for (player, recorder) in &mut pairs {
            player.write(total + 2 * config.buffer)?;
            recorder.read(total)?;
            open += usize::from(recorder.frames() < total);
        }
        thread::sleep(Duration::from_millis(2));
    }
    ensure(open == 0, || {
        format!(
            "{open} of {} cables did not bring {total} frames in a minute",
            cables.len()
        )
    })?;
    for (player, recorder) in &pairs {
        let trace = recorder.trace(&player.seq, player.written);
        trace
            .expect(&[
                Want::Silence(0..=config.buffer),
                Want::Sequence(0..=0, 1..=total),
            ])
            .or_fail()
            .within(|| player.pcm.address().to_string())?;
    }
    context.note(format!("{} cables", cables.len()));
    Ok(())
}

fn each_alone(context: &mut Context) -> Verdict {
    let config: Config = context.config();
    let cables = context.card.cables();
    let mut recorders = Vec::new();
    for cable in &cables {
        let recorder = context.recorder(cable, &config)?;
        recorder.pcm.start()?;
        recorders.push(recorder);
    }
    for at in [0, cables.len() - 1] {
        let mut player = context.player(&cables[at], &config)?;
        player.fill(config.period)?;
        player.pcm.drain()?;
        for (n, recorder) in recorders.iter_mut().enumerate() {
            // It may have filled up while the one before was judged.
            recorder.read_all()?;
            let heard = recorder
                .trace(&player.seq, player.written)
                .sequence_frames();
            let want = if n == at { config.period } else { 0 };
            ensure(heard == want, || {
                format!(
                    "{} played {} frames: {} heard {heard} of them, expected {want}",
                    player.pcm.address(),
                    config.period,
                    recorder.pcm.address()
                )
            })?;
            recorder.heard.clear();
        }
    }
    Ok(())
}
