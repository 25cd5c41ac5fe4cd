// SPDX-License-Identifier: MIT OR Apache-2.0

//! One player and several readers (`topology=fanout`).

use std::thread;

use crate::alsa::pcm::{Access, Config, State, frames_time};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::Topology;
use crate::families::sound::loopback::ends::{Player, Recorder};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Verdict, Within, ensure, skip};

pub const CHECKS: &[Plain] = &[
    (
        "fanout/every-reader",
        "fan-out",
        "linked with the player, every reader hears every frame from the first on, each with periods and access of its own",
        every_reader,
    ),
    (
        "fanout/comes-and-goes",
        "fan-out",
        "a reader that comes in later hears what is played then; when it goes, the others miss nothing",
        comes_and_goes,
    ),
    (
        "fanout/one-is-slow",
        "fan-out",
        "a reader that does not read has an xrun of its own, and the others hear every frame",
        one_is_slow,
    ),
    (
        "fanout/parameters",
        "ends of one cable",
        "one reader that is set up binds the player and all other readers",
        parameters,
    ),
];

/// A player and readers of the same cable.
fn open(context: &mut Context, configs: &[Config]) -> Verdict<(Player, Vec<Recorder>)> {
    if context.card.topology != Topology::Fanout {
        return skip("the card has one reader for each player (topology=fanout has several)");
    }
    let mut ends = context.card.readers();
    // Lockdep knows no more nested locks than 8, and ALSA nests those of all that are linked.
    ends.truncate(7);
    let player = context.player(&ends[0], &configs[0])?;
    let readers = ends.iter().zip(configs.iter().cycle());
    let readers = readers.map(|(end, config)| context.recorder(end, config));
    Ok((player, readers.collect::<Verdict<_>>()?))
}

/// Moves frames until every reader has heard `more` frames than now.
fn pump_all(player: &mut Player, readers: &mut [Recorder], more: u64) -> Verdict {
    let step = readers.iter().map(|r| r.config.period).min().unwrap_or(1);
    let ends: Vec<u64> = readers.iter().map(|r| r.frames() + more).collect();
    while readers.iter().zip(&ends).any(|(r, end)| r.frames() < *end) {
        for (reader, end) in readers.iter_mut().zip(&ends) {
            let next = reader.frames() + reader.pcm.avail()?;
            reader.read(next.min(*end))?;
        }
        player.write(player.written + player.pcm.avail()?)?;
        thread::sleep(frames_time(step / 2, player.config.rate));
    }
    Ok(())
}

/// Every reader has heard all there was, from the first frame on.
fn all_heard(player: &Player, readers: &[Recorder]) -> Verdict {
    for reader in readers {
        let frames = reader.frames();
        let trace = reader.trace(&player.seq, player.written);
        trace
            .expect(&[Want::Sequence(0..=0, frames..=frames)])
            .or_fail()
            .within(|| reader.pcm.address().to_string())?;
    }
    Ok(())
}

fn every_reader(context: &mut Context) -> Verdict {
    let config = context.config();
    let config = config.with_buffer(config.period, 8);
    let kinds: Vec<Config> = Access::ALL
        .into_iter()
        .zip([1, 2, 4, 8])
        .map(|(access, periods)| Config {
            access,
            period: config.buffer / 8 * periods / 2,
            ..config
        })
        .map(|config| config.with_buffer(config.period, 8))
        .collect();
    let (mut player, mut readers) = open(context, &kinds)?;
    for reader in &readers {
        player.pcm.link(&reader.pcm)?;
    }
    player.rehearse(6 * config.buffer);
    player.fill(player.config.buffer)?;
    player.pcm.start()?;
    let more = 4 * player.config.buffer;
    pump_all(&mut player, &mut readers, more)?;
    all_heard(&player, &readers)?;
    context.note(format!("{} readers", readers.len()));
    Ok(())
}

fn comes_and_goes(context: &mut Context) -> Verdict {
    let config = context.config();
    let (mut player, mut readers) = open(context, &[config])?;
    let Some(late) = readers.pop() else {
        return skip("the card has a single reader");
    };
    player.rehearse(12 * config.buffer);
    player.fill(config.buffer)?;
    for reader in &readers {
        player.pcm.link(&reader.pcm)?;
    }
    player.pcm.start()?;
    pump_all(&mut player, &mut readers, 2 * config.buffer)?;
    let least = readers[0].frames();
    late.pcm.start()?;
    let most = readers[0].frames() + readers[0].pcm.avail()?;
    readers.push(late);
    pump_all(&mut player, &mut readers, config.buffer)?;
    if let Some(late) = readers.pop() {
        let trace = late.trace(&player.seq, player.written);
        let length = config.buffer..=config.buffer;
        trace
            .expect(&[Want::Sequence(least..=most, length)])
            .or_fail()
            .within(|| format!("{} came late", late.pcm.address()))?;
    }
    pump_all(&mut player, &mut readers, config.buffer)?;
    all_heard(&player, &readers)
}

fn one_is_slow(context: &mut Context) -> Verdict {
    let config = context.config();
    let (mut player, mut readers) = open(context, &[config])?;
    let Some(idle) = readers.pop() else {
        return skip("the card has a single reader");
    };
    player.rehearse(12 * config.buffer);
    player.fill(config.buffer)?;
    for reader in readers.iter().chain([&idle]) {
        player.pcm.link(&reader.pcm)?;
    }
    player.pcm.start()?;
    player.pcm.unlink()?;
    idle.pcm.unlink()?;
    for reader in &readers {
        // Who is still in the group that one of them has left would stop with it.
        let _ = reader.pcm.unlink();
    }
    pump_all(&mut player, &mut readers, 3 * config.buffer)?;
    let _ = idle.pcm.avail();
    let state = idle.pcm.state();
    ensure(state == State::Xrun, || {
        format!(
            "{}: expected XRUN, as it did not read, came {state:?}",
            idle.pcm.address()
        )
    })?;
    all_heard(&player, &readers)?;
    Ok(())
}

fn parameters(context: &mut Context) -> Verdict {
    let config = context.config();
    let (player, mut readers) = open(context, &[config])?;
    let last = readers.pop();
    let mut ends = context.card.readers();
    ends.truncate(readers.len() + 1);
    drop((player, readers));
    let other = Config {
        rate: 44_100,
        ..config
    };
    for end in &ends[..ends.len() - 1] {
        let refused = context.recorder(end, &other).err();
        ensure(refused.is_some(), || {
            format!(
                "{} took 44100 Hz while {} has 48000 Hz",
                end.capture,
                ends[ends.len() - 1].capture
            )
        })?;
    }
    let refused = context.player(&ends[0], &other).err();
    ensure(refused.is_some(), || {
        format!(
            "{} took 44100 Hz while a reader has 48000 Hz",
            ends[0].playback
        )
    })?;
    drop(last);
    // All have let go.
    context.recorder(&ends[0], &other)?;
    Ok(())
}
