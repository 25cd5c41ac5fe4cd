// SPDX-License-Identifier: MIT OR Apache-2.0

//! Starting the two ends in every order.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::alsa::pcm::{Config, Pcm, Start, frames_time, time_frames};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::Driver;
use crate::families::sound::loopback::elements::timed;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Verdict, Within, ensure, fail, skip};

pub const CHECKS: &[Plain] = &[
    (
        "start/linked",
        "info flags (SYNC_START)",
        "linked ends start in the same frame: frame 0 comes back as frame 0",
        linked,
    ),
    (
        "start/linked-many",
        "info flags (SYNC_START)",
        "the ends of four cables, linked at 768 kHz, start in the same frame",
        linked_many,
    ),
    (
        "start/link-and-close",
        "locks and lifetimes",
        "one thread prepares linked streams again and again while another links one to them and closes that",
        link_and_close,
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

fn linked(context: &mut Context) -> Verdict {
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
        recorder
            .has_heard(&player, 2000)
            .within(|| format!("start {round}"))?;
    }
    Ok(())
}

/// At the highest rate eight ends have many frames' time to differ in. (Lockdep, which watches the locks of
/// a debug kernel, knows eight in a group at most.)
fn linked_many(context: &mut Context) -> Verdict {
    let config = context.fitted(
        Config {
            rate: *context.space.rate.end(),
            channels: 1,
            ..Config::default()
        }
        .with_buffer(4096, 16),
    );
    let wanted = 4096;
    let mut loops = Vec::new();
    for cable in timed(&context.card).into_iter().take(4) {
        let mut player = context.player(&cable, &config)?;
        player.fill(config.buffer)?;
        loops.push((player, context.recorder(&cable, &config)?));
    }
    let Some(((first, _), _)) = loops.split_first() else {
        return Ok(());
    };
    for (player, recorder) in &loops {
        if player.pcm.address() != first.pcm.address() {
            first.pcm.link(&player.pcm)?;
        }
        first.pcm.link(&recorder.pcm)?;
    }
    first.pcm.start()?;
    // Each cable has a clock of its own: all of them must show the same.
    for _ in 0..20 {
        let before = loops[0].1.pcm.avail()?;
        let others = loops
            .iter()
            .map(|(_, recorder)| recorder.pcm.avail())
            .collect::<Result<Vec<_>, _>>()?;
        let after = loops[0].1.pcm.avail()?;
        ensure(others.iter().all(|n| (before..=after).contains(n)), || {
            format!(
                "recorded by the first: {before}, by each: {others:?}, by the first again: {after}"
            )
        })?;
    }
    thread::sleep(frames_time(wanted, config.rate));
    // All are read before any is judged, so that none is late for the others' sake.
    for (_, recorder) in &mut loops {
        pump(None, Some(recorder), 0, wanted)?;
    }
    for (player, recorder) in &loops {
        recorder
            .has_heard(player, wanted)
            .within(|| recorder.pcm.address().to_string())?;
    }
    Ok(())
}

/// A prepare of linked streams holds no lock that a close waits for: on a kernel that checks its
/// memory (KASAN) it shows when a stream that is being closed goes before it has left its group.
fn link_and_close(context: &mut Context) -> Verdict {
    if context.card.driver == Driver::SndAloop {
        // It fills the buffer in prepare, and the stream that goes meanwhile has none any more.
        return skip("snd-aloop may write through a null pointer in the kernel here");
    }
    let (cable, config) = (context.cable(), context.config());
    let mut players = Vec::new();
    for cable in context.card.cables().into_iter().take(4) {
        let mut player = Pcm::open(cable.playback)?;
        player.configure(&config)?;
        players.push(player);
    }
    let players = Mutex::new(players);
    let lock = || players.lock().unwrap_or_else(PoisonError::into_inner);
    // The lock is not fair: who prepares makes room for who wants to link.
    let (links_now, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let links = AtomicU32::new(0);
    let begin = Instant::now();
    let (prepares, linking) = thread::scope(|scope| {
        let linking = scope.spawn(|| -> Verdict {
            while !stop.load(Ordering::Relaxed) {
                let mut recorder = Pcm::open(cable.capture)?;
                recorder.configure(&config)?;
                links_now.store(true, Ordering::Relaxed);
                // ALSA prepares the others first, and the recorder goes meanwhile.
                let linked = lock().iter().try_for_each(|player| {
                    match player.unlink() {
                        Err(e) if e.errno != libc::EALREADY => return Err(e),
                        _ => {}
                    }
                    recorder.link(player)
                });
                links_now.store(false, Ordering::Relaxed);
                match linked {
                    Ok(()) => {
                        links.fetch_add(1, Ordering::Relaxed);
                    }
                    // After a prepare that failed the players are in no state to be linked.
                    Err(e) if e.errno == libc::EBADFD => {}
                    Err(e) => return Err(e.into()),
                }
                // alsa-lib would first take it out of the state in which ALSA prepares it.
                recorder.crash()?;
            }
            Ok(())
        });
        let mut prepares = 0u32;
        let mut result: Verdict = Ok(());
        // A machine with much else to do may let one of the two wait.
        let enough = |prepares| {
            let long = begin.elapsed() > Duration::from_millis(400);
            long && prepares > 0 && links.load(Ordering::Relaxed) > 0
        };
        while !enough(prepares)
            && result.is_ok()
            && !linking.is_finished()
            && begin.elapsed() < Duration::from_secs(10)
        {
            while links_now.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            match lock().first().map(Pcm::prepare) {
                // The recorder is being closed.
                Some(Err(e)) if ![libc::EBADFD, libc::EINVAL].contains(&e.errno) => {
                    result = Err(e.into())
                }
                _ => prepares += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
        (result.map(|()| prepares), linking.join())
    });
    linking.unwrap_or_else(|_| fail("the linking thread panicked"))?;
    let (prepares, links) = (prepares?, links.into_inner());
    context.note(format!("{prepares} prepares, {links} links"));
    ensure(prepares > 0 && links > 0, || {
        format!(
            "expected both threads to get somewhere, came {prepares} prepares and {links} links"
        )
    })
}

fn recorder_first(context: &mut Context) -> Verdict {
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

fn player_first(context: &mut Context) -> Verdict {
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

fn threshold(context: &mut Context) -> Verdict {
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

fn same_delay(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let (mut least, mut most) = (f64::MAX, f64::MIN);
    for round in 0..10u64 {
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        player.fill(config.buffer)?;
        let before_recorder = Instant::now();
        recorder.pcm.start()?;
        let after_recorder = Instant::now();
        thread::sleep(Duration::from_micros(1300 * round + 77));
        let before_player = Instant::now();
        player.pcm.start()?;
        let after_player = Instant::now();
        // Both starts happened somewhere within their calls, which brackets the silence.
        let low = time_frames(before_player - after_recorder, config.rate).floor() as u64;
        let high = time_frames(after_player - before_recorder, config.rate).ceil() as u64;
        let all = high + 2 * config.period;
        pump(
            Some(&mut player),
            Some(&mut recorder),
            all + config.buffer,
            all,
        )?;
        let trace = recorder.trace(&player.seq, player.written);
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
