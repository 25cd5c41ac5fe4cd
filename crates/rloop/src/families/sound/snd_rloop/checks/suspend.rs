// SPDX-License-Identifier: MIT OR Apache-2.0

//! The machine suspends while streams run. Programs need nothing else than of any card.

use std::thread;
use std::time::{Duration, Instant};

use super::free::freely;
use super::pause::contiguous;
use crate::alsa::pcm::{Config, Pcm, State, Stop, frames_time};
use crate::families::sound::loopback::ends::{Player, Recorder, pump};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use crate::kernel::suspend::{Level, Suspender, wakes};
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail, of_both, skip};
use rustix::time::ClockId;

pub const CHECKS: &[Plain] = &[
    (
        "suspend/freezer",
        "info flags (RESUME)",
        "programs are frozen for a moment, ten times: time goes on, and every frame is heard",
        frozen,
    ),
    (
        "suspend/devices",
        "info flags (RESUME)",
        "streams are suspended and resumed, ten times: they go on with the very next frame",
        resumed,
    ),
    (
        "suspend/idle",
        "info flags (RESUME)",
        "the machine sleeps until its clock wakes it, twice: streams are resumed, and go on with the very next frame",
        slept,
    ),
    (
        "suspend/drain",
        "info flags (RESUME)",
        "a drain that is suspended ends, if only programs are frozen; with the devices it is resumed",
        drain,
    ),
    (
        "suspend/free",
        "free-running",
        "programs that wait for each other at a cable without a clock freeze, and lose nothing",
        free,
    ),
];

/// How often.
const TIMES: u32 = 10;

fn suspend(suspender: &Suspender, level: Level) -> Verdict {
    suspender.suspend(level).map_err(Problem::Failed)
}

fn suspender() -> Verdict<Suspender> {
    Suspender::new().map_err(Problem::Failed)
}

/// Four seconds of sound have room in the buffer: that is more than a suspend takes.
fn patient() -> Config {
    Config {
        rate: 8_000,
        ..Config::default()
    }
    .with_buffer(4_000, 8)
}

/// Plays on, and records up to `heard` frames.
fn both(player: &mut Player, recorder: &mut Recorder, heard: u64) -> Verdict {
    let most = player.written + player.config.buffer;
    pump(Some(player), Some(recorder), most, heard)
}

fn frozen(context: &mut Context) -> Verdict {
    let (cable, config, suspender) = (context.cable(), patient(), suspender()?);
    let (mut player, mut recorder) = context.linked(&cable, &config)?;
    player.pcm.start()?;
    let mut longest = Duration::ZERO;
    for _ in 0..TIMES {
        let begin = Instant::now();
        suspend(&suspender, Level::Freezer)?;
        longest = longest.max(begin.elapsed());
        let heard = recorder.frames() + recorder.pcm.avail()?;
        both(&mut player, &mut recorder, heard)?;
    }
    context.note(format!("{TIMES} times, in {longest:?} at most"));
    contiguous(&recorder.trace(&player.seq, player.written))
}

/// Waits until `pcm` is in one of `states`.
fn await_state(pcm: &Pcm, states: &[State], limit: Duration) -> Verdict {
    let begin = Instant::now();
    while !states.contains(&pcm.state()) {
        if begin.elapsed() > limit {
            return fail(format!(
                "{} is {:?} after {limit:?}, expected {states:?}",
                pcm.address(),
                pcm.state()
            ));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn resumed(context: &mut Context) -> Verdict {
    interrupted(context, TIMES, |suspender| {
        suspend(suspender, Level::Devices)
    })
}

fn slept(context: &mut Context) -> Verdict {
    if !wakes() {
        return skip("the machine has no clock that wakes it");
    }
    let time = Duration::from_secs(3);
    interrupted(context, 2, |suspender| {
        let begin = rustix::time::clock_gettime(ClockId::Boottime).tv_sec;
        suspender.sleep(time).map_err(Problem::Failed)?;
        let slept = rustix::time::clock_gettime(ClockId::Boottime).tv_sec - begin;
        // Its clock counts seconds.
        ensure(slept >= 2, || {
            format!("the machine was back after {slept} s, and was to sleep for {time:?}")
        })
    })
}

/// A cable runs, and `suspend` is done to its machine so many `times`.
fn interrupted(
    context: &mut Context,
    times: u32,
    suspend: impl Fn(&Suspender) -> Verdict,
) -> Verdict {
    let (cable, config, suspender) = (context.cable(), patient(), suspender()?);
    let (mut player, mut recorder) = context.linked(&cable, &config)?;
    player.pcm.start()?;
    for time in 1..=times {
        let heard = recorder.frames() + config.period / 4;
        both(&mut player, &mut recorder, heard)?;
        suspend(&suspender)?;
        for pcm in [&player.pcm, &recorder.pcm] {
            let state = pcm.state();
            ensure(state == State::Suspended, || {
                format!("{} is {state:?} after suspend {time}", pcm.address())
            })?;
        }
        player.pcm.resume()?;
        for pcm in [&player.pcm, &recorder.pcm] {
            let state = pcm.state();
            ensure(state == State::Running, || {
                format!("{} is {state:?} after resume {time}", pcm.address())
            })?;
        }
    }
    let heard = recorder.frames() + config.period;
    both(&mut player, &mut recorder, heard)?;
    contiguous(&recorder.trace(&player.seq, player.written))
}

fn drain(context: &mut Context) -> Verdict {
    let (cable, config, suspender) = (context.cable(), patient(), suspender()?);
    for level in [Level::Freezer, Level::Devices] {
        let mut player = context.player(&cable, &config)?;
        player.fill(config.period)?;
        player.pcm.start()?;
        player.pcm.begin_drain()?;
        suspend(&suspender, level)?;
        if level == Level::Devices {
            await_state(&player.pcm, &[State::Suspended], Duration::from_secs(1))?;
            player.pcm.resume()?;
            player.pcm.begin_drain()?;
        }
        let limit = frames_time(config.period, config.rate) + Duration::from_secs(2);
        await_state(&player.pcm, &[State::Setup], limit)?;
    }
    Ok(())
}

fn free(context: &mut Context) -> Verdict {
    let suspender = suspender()?;
    freely(context, |context| {
        let cable = context.cable();
        let config = Config {
            stop: Stop::Never,
            ..Config::default()
        };
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        let total = 100 * config.buffer;
        player.rehearse(total);
        recorder.pcm.start()?;
        thread::scope(|scope| {
            let player = &mut player;
            let play = scope.spawn(move || -> Verdict {
                player.fill(player.config.buffer)?;
                player.pcm.start()?;
                pump(Some(player), None, total, 0)?;
                Ok(player.pcm.drain()?)
            });
            let mut heard = Ok(());
            for part in 1..=u64::from(TIMES) {
                // The player waits meanwhile.
                heard = heard
                    .and_then(|()| suspend(&suspender, Level::Freezer))
                    .and_then(|()| {
                        pump(
                            None,
                            Some(&mut recorder),
                            0,
                            part * total / u64::from(TIMES),
                        )
                    });
            }
            let played = play.join().unwrap_or_else(|_| fail("the player panicked"));
            of_both(heard, played).map(drop)
        })?;
        let trace = recorder.trace(&player.seq, player.written);
        ensure(recorder.frames() == total, || format!("{trace}"))?;
        contiguous(&trace)
    })
}
