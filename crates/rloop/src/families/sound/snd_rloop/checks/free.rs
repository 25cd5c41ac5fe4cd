// SPDX-License-Identifier: MIT OR Apache-2.0

//! A cable without a clock: as fast as the programs are, and nothing is ever lost.

use std::thread;
use std::time::{Duration, Instant};

use alsa::ctl::ElemType;

use crate::alsa::pcm::{Access, Config, Pcm, Start, State, Stop, time_frames, wait};
use crate::alsa::signal::Trace;
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::elements::{CLOCK, FREE, TIMER, choose, open_own, value};
use crate::families::sound::loopback::ends::{Player, Recorder, describe, pump};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Problem, Verdict, Within, ensure, fail, of_both};

pub const CHECKS: &[Plain] = &[
    (
        "free/every-frame",
        "free-running",
        "every frame arrives in order, whatever the accesses, periods and buffers of both ends",
        every_frame,
    ),
    (
        "free/no-period-wakeup",
        "free-running",
        "the same for programs that are not woken and look by themselves, and for such as never stop",
        no_wakeup,
    ),
    (
        "free/waits-for-the-reader",
        "free-running",
        "while nobody reads nothing is played, for as long as that takes; then all of it is heard",
        waits_for_the_reader,
    ),
    (
        "free/waits-for-the-player",
        "free-running",
        "while nobody plays nothing is heard, not even silence",
        waits_for_the_player,
    ),
    (
        "free/blocking",
        "free-running",
        "a write and a read that wait do so for as long as it takes, and are not given up",
        blocking,
    ),
    (
        "free/mapped",
        "free-running",
        "what a player commits to a mapped buffer wakes a sleeping reader, though neither asks for anything",
        mapped,
    ),
    (
        "free/drain",
        "free-running",
        "a drain returns when the reader has room for the last frame, and not before",
        drain,
    ),
    (
        "free/control",
        "free-running",
        "the clock can be taken away and given back while nobody has the cable open, else EBUSY",
        control,
    ),
];

/// Runs a check on a cable without a clock.
pub(super) fn freely(
    context: &mut Context,
    check: impl FnOnce(&mut Context) -> Verdict,
) -> Verdict {
    let (ctl, at) = (open_own(&context.card)?, context.cable().playback);
    let before = value(&ctl, CLOCK, ElemType::Enumerated, at)?;
    choose(&ctl, CLOCK, at, FREE)?;
    context.free = true;
    let result = check(context);
    context.free = before == FREE;
    // All streams have been closed.
    choose(&ctl, CLOCK, at, before).and(result)
}

/// A thread plays `total` frames, and drains; they are recorded here.
fn carry(context: &mut Context, write: &Config, read: &Config, total: u64) -> Verdict {
    let cable = context.cable();
    let mut player = context.player(&cable, write)?;
    let mut recorder = context.recorder(&cable, read)?;
    player.rehearse(total);
    recorder.pcm.start()?;
    thread::scope(|scope| {
        let player = &mut player;
        let play = scope.spawn(move || -> Verdict {
            player.fill(player.config.buffer.min(total))?;
            player.pcm.start()?;
            pump(Some(player), None, total, 0)?;
            Ok(player.pcm.drain()?)
        });
        let heard = pump(None, Some(&mut recorder), 0, total);
        let played = play.join().unwrap_or_else(|_| fail("the player panicked"));
        of_both(heard, played).map(drop)
    })?;
    whole(&player, &recorder, total)
}

fn whole(player: &Player, recorder: &Recorder, total: u64) -> Verdict {
    recorder.has_heard(player, total)
}

fn every_frame(context: &mut Context) -> Verdict {
    freely(context, |context| {
        let config = Config::default();
        let shapes = [(16, 4), (100, 3), (1024, 8), (4096, 2)];
        let (begin, mut frames) = (Instant::now(), 0);
        for (n, write) in Access::ALL.into_iter().enumerate() {
            for (m, read) in Access::ALL.into_iter().enumerate() {
                let shaped = |access, n: usize| {
                    let (period, periods) = shapes[n % shapes.len()];
                    Config { access, ..config }.with_buffer(period, periods)
                };
                let (write, read) = (shaped(write, n + m), shaped(read, m));
                let total = 3 * write.buffer.max(read.buffer) + 41;
                carry(context, &write, &read, total)
                    .within(|| format!("{}, read as {}", describe(&write), describe(&read)))?;
                frames += total;
            }
        }
        let speed = frames as f64 / time_frames(begin.elapsed(), config.rate);
        context.note(format!(
            "{frames} frames, {speed:.1} times as fast as they sound"
        ));
        Ok(())
    })
}

fn no_wakeup(context: &mut Context) -> Verdict {
    freely(context, |context| {
        let config = context.without_wakeups(&Config::default())?;
        carry(context, &config, &config, 5 * config.buffer + 7)?;
        let never = Config {
            stop: Stop::Never,
            ..Config::default()
        };
        carry(context, &never, &never, 5 * config.buffer + 7)
    })
}

/// Longer than ALSA waits for a stream that a clock moves.
const LONG: Duration = Duration::from_secs(3);

fn waits_for_the_reader(context: &mut Context) -> Verdict {
    freely(context, |context| {
        let (cable, config) = (context.cable(), Config::default());
        let mut player = context.player(&cable, &config)?;
        player.fill(config.buffer)?;
        player.pcm.start()?;
        thread::sleep(LONG);
        let room = player.pcm.avail()?;
        ensure(room == 0, || {
            format!("nobody reads: expected no room for the player, came {room} frames")
        })?;
        let mut recorder = context.recorder(&cable, &config)?;
        recorder.pcm.start()?;
        // It takes what it has room for, and then waits again.
        thread::sleep(LONG);
        let (filled, most) = (recorder.pcm.avail()?, config.buffer);
        ensure((most - 1..=most).contains(&filled), || {
            format!("expected a full buffer of {most}, came {filled} frames")
        })?;
        for (pcm, end) in [(&player.pcm, "player"), (&recorder.pcm, "recorder")] {
            let state = pcm.state();
            ensure(state == State::Running, || {
                format!("the {end} waits: expected RUNNING, came {state:?}")
            })?;
        }
        let total = 4 * config.buffer;
        pump(Some(&mut player), Some(&mut recorder), total, total - 1)?;
        whole(&player, &recorder, total - 1)
    })
}

fn waits_for_the_player(context: &mut Context) -> Verdict {
    freely(context, |context| {
        let (cable, config) = (context.cable(), Config::default());
        let mut recorder = context.recorder(&cable, &config)?;
        recorder.pcm.start()?;
        thread::sleep(LONG);
        let heard = recorder.pcm.avail()?;
        ensure(heard == 0, || {
            format!("nobody plays: expected nothing, came {heard} frames")
        })?;
        let mut player = context.player(&cable, &config)?;
        player.fill(config.period)?;
        player.pcm.start()?;
        pump(None, Some(&mut recorder), 0, config.period)?;
        player.pcm.pause(true)?;
        player.write(config.period + config.buffer / 2)?;
        thread::sleep(LONG / 10);
        let heard = recorder.pcm.avail()?;
        ensure(heard == 0, || {
            format!("the player pauses: expected nothing, came {heard} frames")
        })?;
        player.pcm.pause(false)?;
        let total = player.written;
        pump(None, Some(&mut recorder), 0, total)?;
        whole(&player, &recorder, total)
    })
}

fn blocking(context: &mut Context) -> Verdict {
    freely(context, |context| {
        let cable = context.cable();
        let config = Config {
            start: Start::Frames(1),
            ..Config::default()
        };
        let open = |address| -> Verdict<Pcm> {
            let mut pcm = Pcm::open_blocking(address)?;
            pcm.configure(&config)?;
            Ok(pcm)
        };
        let (player, recorder) = (open(cable.playback)?, open(cable.capture)?);
        let seq = context.sequence(&config);
        // More than both buffers hold.
        let half = 3 * config.buffer;
        let frames = seq.frames(0, 2 * half as usize);
        let mut heard = vec![0; frames.len()];
        let (first, second) = heard.split_at_mut(frames.len() / 2);
        recorder.start()?;
        let (written, read) = thread::scope(|scope| {
            let reader = scope.spawn(move || -> Verdict<_> {
                let read = recorder.read(first)?;
                thread::sleep(LONG);
                Ok([read, recorder.read(second)?])
            });
            thread::sleep(LONG);
            let (first, second) = frames.split_at(frames.len() / 2);
            let written = [player.write(first)?, player.write(second)?];
            let read = reader.join();
            let read = read.map_err(|_| Problem::Failed("the reader panicked".to_owned()))??;
            Ok::<_, Problem>((written, read))
        })?;
        ensure(written == [half; 2] && read == [half; 2], || {
            format!("expected {half} frames in each write and read, came {written:?} and {read:?}")
        })?;
        Trace::of(&seq, &heard, 2 * half)
            .expect(&[Want::Sequence(0..=0, 2 * half..=2 * half)])
            .or_fail()
    })
}

/// On x86, where a program shares its position with the kernel in memory, nobody but alsa-lib can say that it has
/// moved: if the card asks for that (`SYNC_APPLPTR`). Elsewhere there is always a call.
fn mapped(context: &mut Context) -> Verdict {
    freely(context, |context| {
        let cable = context.cable();
        for access in [Access::MmapInterleaved, Access::MmapNoninterleaved] {
            let config = Config {
                access,
                ..Config::default()
            };
            let mut player = context.player(&cable, &config)?;
            let mut recorder = context.recorder(&cable, &config)?;
            player.fill(config.period)?;
            recorder.pcm.start()?;
            player.pcm.start()?;
            pump(None, Some(&mut recorder), 0, config.period)?;
            player.write(3 * config.period)?;
            let woken = wait(&[&recorder.pcm], LONG)?;
            ensure(woken == [true], || {
                format!("{access}: the reader still sleeps after {LONG:?}")
            })?;
            pump(None, Some(&mut recorder), 0, 3 * config.period)?;
            whole(&player, &recorder, 3 * config.period)?;
        }
        Ok(())
    })
}

fn drain(context: &mut Context) -> Verdict {
    freely(context, |context| {
        let reader = Config::default().with_buffer(256, 4);
        // Longer than ALSA lets a drain wait for a buffer of this size.
        drain_while_read(context, &Config::default(), &reader, LONG / 6)?;
        // As long all in all, though something is read all the time: for ALSA too little to wake anybody.
        let (player, reader) = (reader.with_buffer(4096, 2), reader.with_buffer(16, 4));
        drain_while_read(context, &player, &reader, LONG / 600)
    })
}

/// Plays a buffer, and drains while a recorder reads its own every `pause`.
fn drain_while_read(
    context: &mut Context,
    write: &Config,
    read: &Config,
    pause: Duration,
) -> Verdict {
    let cable = context.cable();
    let mut player = context.player(&cable, write)?;
    let mut recorder = context.recorder(&cable, read)?;
    player.fill(write.buffer)?;
    recorder.pcm.start()?;
    player.pcm.start()?;
    let total = write.buffer;
    thread::scope(|scope| {
        let player = &mut player;
        let drain = scope.spawn(move || player.pcm.drain());
        let mut early = None;
        while early.is_none() && recorder.frames() + recorder.config.buffer < total {
            thread::sleep(pause);
            early = drain.is_finished().then(|| recorder.frames());
            let next = recorder.frames() + recorder.pcm.avail()?;
            recorder.read(next)?;
        }
        if early.is_none() {
            pump(None, Some(&mut recorder), 0, total)?;
        }
        let drained = drain.join();
        drained.map_err(|_| Problem::Failed("the drain panicked".to_owned()))??;
        match early {
            None => Ok(()),
            Some(heard) => fail(format!(
                "the drain has ended, though only {heard} of {total} frames are heard"
            )),
        }
    })
    .within(|| format!("{}, read as {}", describe(write), describe(read)))?;
    whole(&player, &recorder, total)
}

fn control(context: &mut Context) -> Verdict {
    let (ctl, cable) = (open_own(&context.card)?, context.cable());
    let at = cable.playback;
    let before = value(&ctl, CLOCK, ElemType::Enumerated, at)?;
    for item in [FREE, TIMER, before] {
        choose(&ctl, CLOCK, at, item)?;
        let came = value(&ctl, CLOCK, ElemType::Enumerated, at)?;
        ensure(came == item, || {
            format!("\"{CLOCK}\" set to item {item} is {came}")
        })?;
    }
    for address in [cable.playback, cable.capture] {
        let open = Pcm::open(address)?;
        let refused = choose(&ctl, CLOCK, at, 1 - before).err();
        ensure(refused.is_some(), || {
            format!("\"{CLOCK}\" was set while {address} is open")
        })?;
        let came = value(&ctl, CLOCK, ElemType::Enumerated, at)?;
        ensure(came == before, || {
            format!("\"{CLOCK}\" is {came} after a refusal, was {before}")
        })?;
        drop(open);
    }
    choose(&ctl, CLOCK, at, before)
}
