// SPDX-License-Identifier: MIT OR Apache-2.0

//! `/proc/asound/CARD/cable#N` against what was done.

use std::thread;
use std::time::{Duration, Instant};

use crate::alsa::pcm::{Access, Config, Pcm, Stop, frames_time, time_frames};
use crate::families::sound::loopback::Driver;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use crate::families::sound::status::{self, CableStatus};
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, skip};

pub const CHECKS: &[Plain] = &[
    (
        "proc/files",
        "proc",
        "there is one file for each cable, it names the cable's ends and shows that cable's parameters",
        files,
    ),
    (
        "proc/states",
        "proc",
        "states and both ends' parameters are as set, from open to close",
        states,
    ),
    (
        "proc/draining",
        "proc",
        "a stream that drains is shown as draining, and as prepared when it has",
        draining,
    ),
    (
        "proc/position",
        "proc",
        "the position is that of the moment, to the frame, though nobody else asks for it",
        position,
    ),
    (
        "proc/clean-run",
        "proc (frames moved, lost)",
        "after a clean run moved has grown by its frames and lost by none",
        clean_run,
    ),
    (
        "proc/lost",
        "proc (frames lost)",
        "frames that nobody took in time are counted as lost",
        lost,
    ),
    (
        "proc/unheard",
        "proc (frames moved)",
        "frames played to nobody, and silence recorded from nobody, are counted",
        unheard,
    ),
    (
        "proc/wakeups",
        "a timer only for who waits",
        "wake-ups are counted with period wake-ups on, and there are none with them off",
        wakeups,
    ),
];

/// The status of the first cable.
fn read(context: &Context) -> Verdict<CableStatus> {
    if context.card.driver != Driver::SndRloop {
        return skip("only snd-rloop has these files");
    }
    let number = context.card.cable_number(&context.cable());
    Ok(status::cable(&context.card, number)?)
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, came: &T, want: &T) -> Verdict {
    ensure(came == want, || {
        format!("{what}: expected {want:?}, came {came:?}")
    })
}

/// How much a counter has grown.
fn growth(what: &str, before: Option<u64>, after: Option<u64>) -> Verdict<u64> {
    match (before, after) {
        (Some(before), Some(after)) if after >= before => Ok(after - before),
        _ => Err(Problem::Failed(format!(
            "{what}: expected a number that grows, came {before:?} and then {after:?}"
        ))),
    }
}

fn files(context: &mut Context) -> Verdict {
    read(context)?;
    let status = status::card(&context.card)?;
    for (cable, shown) in context.card.cables().iter().zip(&status.cables) {
        let place = |a: crate::alsa::pcm::Address| format!("{},{}", a.device, a.subdevice);
        equal("playback", &shown.playback_at, &place(cable.playback))?;
        equal("capture", &shown.capture_at, &place(cable.capture))?;
        equal("state", &shown.state.as_str(), &"idle")?;
    }
    // Each cable at a rate of its own.
    let config = context.config();
    let mut players = Vec::new();
    for (cable, rate) in context.card.cables().into_iter().zip(8_000..) {
        players.push(context.player(&cable, &Config { rate, ..config })?);
    }
    for (player, number) in players.iter().zip(0..) {
        let shown = status::cable(&context.card, number)?;
        equal(
            &format!("rate of cable {number}"),
            &shown.rate,
            &Some(player.config.rate),
        )?;
    }
    drop(players);
    let beyond = status.cables.len() as u32;
    ensure(status::cable(&context.card, beyond).is_err(), || {
        format!("there is a file for cable {beyond}, one too many")
    })
}

fn states(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let writing = Config {
        access: Access::MmapInterleaved,
        ..config
    };
    let reading = Config {
        access: Access::RwNoninterleaved,
        ..config.with_buffer(config.period / 2, 8)
    };
    let states = |context: &Context, what: &str, want: [&str; 3]| {
        let s = read(context)?;
        equal(
            what,
            &[
                s.state.as_str(),
                s.playback.state.as_str(),
                s.capture.state.as_str(),
            ],
            &want,
        )
    };
    states(context, "nothing open", ["idle", "closed", "closed"])?;
    let mut player = context.player(&cable, &writing)?;
    states(context, "player prepared", ["fixed", "prepared", "closed"])?;
    let recorder = context.recorder(&cable, &reading)?;
    states(context, "both prepared", ["fixed", "prepared", "prepared"])?;
    let s = read(context)?;
    equal("format", &s.format.as_deref(), &Some(config.format.name()))?;
    equal("rate", &s.rate, &Some(config.rate))?;
    equal("channels", &s.channels, &Some(config.channels))?;
    equal("pitch", &s.pitch, &Some(1_000_000))?;
    equal("rate shift", &s.rate_shift, &Some(100_000))?;
    for (end, config, what) in [
        (&s.playback, writing, "playback"),
        (&s.capture, reading, "capture"),
    ] {
        equal(
            &format!("{what} access"),
            &end.access.as_deref(),
            &Some(config.access.name()),
        )?;
        equal(&format!("{what} period"), &end.period, &Some(config.period))?;
        equal(&format!("{what} buffer"), &end.buffer, &Some(config.buffer))?;
    }
    player.fill(config.buffer)?;
    player.pcm.start()?;
    states(
        context,
        "player running",
        ["running", "running", "prepared"],
    )?;
    recorder.pcm.start()?;
    states(context, "both running", ["running", "running", "running"])?;
    player.pcm.pause(true)?;
    states(context, "player paused", ["running", "paused", "running"])?;
    drop(player);
    states(context, "player closed", ["running", "closed", "running"])?;
    drop(recorder);
    states(context, "all closed", ["idle", "closed", "closed"])
}

fn draining(context: &mut Context) -> Verdict {
    let config = context.config();
    read(context)?;
    let mut player = context.player(&context.cable(), &config)?;
    player.fill(config.buffer)?;
    player.pcm.start()?;
    player.pcm.begin_drain()?;
    let during = read(context)?;
    equal(
        "state during the drain",
        &during.playback.state.as_str(),
        &"draining",
    )?;
    thread::sleep(frames_time(config.buffer, config.rate) + context.machine.worst * 4);
    let after = read(context)?;
    equal(
        "state after the drain",
        &after.playback.state.as_str(),
        &"prepared",
    )
}

/// At 8 kHz, where a frame (125 µs) is long enough to read the file and ask ALSA within it.
fn position(context: &mut Context) -> Verdict {
    const TRIES: u32 = 200;
    read(context)?;
    let config = context.without_wakeups(&Config {
        rate: 8_000,
        stop: Stop::Never,
        ..Config::default().with_buffer(8_000, 4)
    })?;
    let cable = context.cable();
    for address in [cable.playback, cable.capture] {
        let mut pcm = Pcm::open(address)?;
        pcm.configure(&config)?;
        let empty = pcm.avail()?;
        pcm.start()?;
        let mut equal = 0;
        for _ in 0..TRIES {
            thread::sleep(Duration::from_micros(700));
            let before = Instant::now();
            let status = read(context)?;
            let by_alsa = pcm.avail()? - empty;
            let passed = time_frames(before.elapsed(), config.rate).ceil() as u64;
            let end = if pcm.is_playback() {
                status.playback
            } else {
                status.capture
            };
            let shown = end.position.unwrap_or_default();
            ensure(shown <= by_alsa && by_alsa <= shown + passed, || {
                format!(
                    "{address}: the file said {shown}; ALSA, {passed} frames' time later at most, {by_alsa}"
                )
            })?;
            equal += u32::from(shown == by_alsa);
        }
        if equal == 0 {
            return skip("this machine can't read the file and ask ALSA within 125 µs");
        }
        context.note(format!(
            "{address}: the same in {equal} of {TRIES} readings"
        ));
    }
    Ok(())
}

fn clean_run(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let before = read(context)?;
    let (mut player, mut recorder) = context.linked(&cable, &config)?;
    player.pcm.start()?;
    let total = 2 * config.buffer;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        4 * config.buffer,
        total,
    )?;
    player.pcm.stop()?;
    // The link stops both; what was moved until then is what they say.
    recorder.has_heard(&player, total)?;
    let after = read(context)?;
    let played = growth(
        "playback moved",
        before.playback.moved,
        after.playback.moved,
    )?;
    let heard = growth("capture moved", before.capture.moved, after.capture.moved)?;
    ensure(played >= total && played <= player.written, || {
        format!(
            "playback moved: expected {total} to {} more, came {played}",
            player.written
        )
    })?;
    ensure(heard >= total && heard <= played + 1, || {
        format!("capture moved: expected {total} to {played} more, came {heard}")
    })?;
    for (what, before, after) in [
        ("playback lost", before.playback.lost, after.playback.lost),
        ("capture lost", before.capture.lost, after.capture.lost),
        (
            "playback xruns",
            before.playback.xruns,
            after.playback.xruns,
        ),
        ("capture xruns", before.capture.xruns, after.capture.xruns),
    ] {
        let more = growth(what, before, after)?;
        ensure(more == 0, || {
            format!("{what}: {more} more after a clean run")
        })?;
    }
    Ok(())
}

fn lost(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let before = read(context)?;
    let mut player = context.player(&cable, &config)?;
    let recorder = context.recorder(&cable, &config.with_buffer(config.period / 4, 4))?;
    player.rehearse(4 * config.buffer);
    player.fill(config.buffer)?;
    recorder.pcm.start()?;
    player.pcm.start()?;
    // The recorder's buffer is full after one period; nobody reads.
    pump(Some(&mut player), None, 3 * config.buffer, 0)?;
    let xrun = recorder.pcm.avail();
    ensure(matches!(&xrun, Err(e) if e.errno == libc::EPIPE), || {
        format!("expected EPIPE from the recorder, came {xrun:?}")
    })?;
    let after = read(context)?;
    let xruns = growth("capture xruns", before.capture.xruns, after.capture.xruns)?;
    ensure(xruns == 1, || {
        format!("capture xruns: expected 1 more, came {xruns}")
    })?;
    let lost = growth("capture lost", before.capture.lost, after.capture.lost)?;
    ensure(lost > 0, || {
        "capture lost: expected more than before the overrun, came no change".to_owned()
    })?;
    // And the player runs dry.
    let xrun = loop {
        match player.pcm.avail() {
            Ok(_) => thread::sleep(frames_time(config.period, config.rate)),
            Err(error) => break error,
        }
    };
    ensure(xrun.errno == libc::EPIPE, || {
        format!("expected EPIPE from the player, came {xrun}")
    })?;
    let after = read(context)?;
    let xruns = growth(
        "playback xruns",
        before.playback.xruns,
        after.playback.xruns,
    )?;
    ensure(xruns == 1, || {
        format!("playback xruns: expected 1 more, came {xruns}")
    })
}

fn unheard(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let before = read(context)?;
    let mut player = context.player(&cable, &config)?;
    player.fill(config.buffer)?;
    player.pcm.drain()?;
    drop(player);
    let mut recorder = context.recorder(&cable, &config)?;
    recorder.pcm.start()?;
    pump(None, Some(&mut recorder), 0, config.period)?;
    drop(recorder);
    let after = read(context)?;
    let unheard = growth("unheard", before.playback.unheard, after.playback.unheard)?;
    // The clock runs on until the end of the drain is noticed.
    let late = context.machine.worst * 4 + context.wakeup_slack()?;
    let late = time_frames(late, config.rate) as u64 + 16;
    let most = config.buffer + late;
    ensure((config.buffer..=most).contains(&unheard), || {
        format!(
            "unheard: expected {} to {most} more, came {unheard}",
            config.buffer
        )
    })?;
    let silence = growth("silence", before.capture.silence, after.capture.silence)?;
    ensure(silence >= config.period, || {
        format!(
            "silence: expected at least {} more, came {silence}",
            config.period
        )
    })?;
    equal("playback lost", &after.playback.lost, &before.playback.lost)?;
    equal("capture lost", &after.capture.lost, &before.capture.lost)
}

fn wakeups(context: &mut Context) -> Verdict {
    let cable = context.cable();
    for on in [true, false] {
        let config = Config {
            period_wakeup: on,
            ..Config::default().with_buffer(480, 32)
        };
        let config = context.fitted(config);
        let before = read(context)?;
        let mut player = context.player(&cable, &config)?;
        player.fill(config.buffer)?;
        player.pcm.start()?;
        thread::sleep(frames_time(10 * config.period, config.rate));
        let after = read(context)?;
        let came = growth(
            "playback wakeups",
            before.playback.wakeups,
            after.playback.wakeups,
        )?;
        let (least, most) = if on { (1, 32) } else { (0, 0) };
        ensure((least..=most).contains(&came), || {
            format!(
                "period wake-ups {}: expected {least} to {most} in ten periods, came {came}",
                if on { "on" } else { "off" }
            )
        })?;
    }
    Ok(())
}
