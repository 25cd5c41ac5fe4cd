// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults that snd-rloop makes on demand must be noticed: a check that lets them pass proves nothing.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::reported;
use super::usual::usual;
use crate::alsa::pcm::AlsaError;
use crate::families::sound::loopback::Card;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use crate::kernel::faults::Faults;
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail, skip};

pub const CHECKS: &[Plain] = &[
    (
        "faults/drop",
        "faults on demand",
        "start/linked notices that 7 frames are missing",
        |context| noticed(context, "start/linked", "drop", "7"),
    ),
    (
        "faults/double",
        "faults on demand",
        "start/linked notices that a frame comes twice",
        |context| noticed(context, "start/linked", "double", "1"),
    ),
    (
        "faults/flip",
        "faults on demand",
        "start/linked notices that one bit of one frame is wrong",
        |context| noticed(context, "start/linked", "flip", "1"),
    ),
    (
        "faults/freeze",
        "faults on demand",
        "clock/granularity notices that the clock stands still",
        |context| noticed(context, "clock/granularity", "freeze", "1"),
    ),
    (
        "faults/frozen-times",
        "faults on demand",
        "while the clock stands still position, delay and time stamps do, and go on from there",
        frozen_times,
    ),
    (
        "faults/jitter",
        "faults on demand",
        "wakeup/16-frames-loop notices wake-ups that come up to 5 ms late",
        |context| noticed(context, "wakeup/16-frames-loop", "jitter", "5000"),
    ),
    (
        "faults/xrun-playback",
        "faults on demand",
        "start/player-first notices that the player has an xrun",
        |context| xrun(context, "start/player-first", "playback"),
    ),
    (
        "faults/xrun-capture",
        "faults on demand",
        "start/recorder-first notices that the recorder has an xrun",
        |context| xrun(context, "start/recorder-first", "capture"),
    ),
    (
        "faults/refused",
        "faults on demand",
        "what is no such fault is refused with EINVAL",
        refused,
    ),
    (
        "faults/unplug",
        "faults on demand",
        "a card that is pulled out under load ends its streams with ENODEV, and is gone",
        unplug,
    ),
];

/// The faults of a card.
fn of_card(card: &Card) -> Verdict<Faults> {
    Faults::of("snd_rloop", &format!("card{}", card.number))
}

/// The faults of the cable that most checks use.
fn of_cable(context: &Context) -> Verdict<Faults> {
    let cable = context.card.cable_number(&context.cable());
    let device = format!("card{}/cable{cable}", context.card.number);
    Faults::of("snd_rloop", &device)
}

/// Runs a check. What it says if it fails, else nothing.
fn run(context: &mut Context, check: &str) -> Verdict<Option<String>> {
    let all = usual(context.limits, Some(&context.space));
    let Some(found) = all.into_iter().find(|c| c.name == check) else {
        return fail(format!("there is no check {check}"));
    };
    context.watchdog.step(found.name.clone());
    match (found.run)(context) {
        Ok(()) => Ok(None),
        Err(Problem::Skipped(why)) => skip(why),
        Err(problem) => Ok(Some(problem.to_string())),
    }
}

/// Judges what a check has said of a card with a fault, which has none any more.
fn judge(context: &mut Context, check: &str, said: Option<String>) -> Verdict {
    let Some(said) = said else {
        return fail(format!("{check} has not noticed it"));
    };
    if let Some(why) = run(context, check)? {
        return fail(format!("{check} still fails without the fault: {why}"));
    }
    context.notes.clear();
    context.note(format!("{check}: {said}"));
    Ok(())
}

/// A check fails while the card has a fault, and passes before and after that.
fn noticed(context: &mut Context, check: &str, name: &str, value: &str) -> Verdict {
    let faults = of_cable(context)?;
    faults.ask(name, value)?;
    let said = run(context, check);
    faults.ask(name, "0")?;
    judge(context, check, said?)
}

/// A check fails if one of its streams has an xrun again and again.
fn xrun(context: &mut Context, check: &str, end: &str) -> Verdict {
    let done = AtomicBool::new(false);
    let faults = of_cable(context)?;
    let said = thread::scope(|scope| {
        let breaker = scope.spawn(|| -> Verdict {
            while !done.load(Ordering::Relaxed) {
                faults.ask("xrun", end)?;
                thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        });
        let said = run(context, check);
        done.store(true, Ordering::Relaxed);
        let broken = breaker.join();
        broken.map_err(|_| Problem::Failed("the thread panicked".to_owned()))??;
        said
    })?;
    judge(context, check, said)
}

fn frozen_times(context: &mut Context) -> Verdict {
    let faults = of_cable(context)?;
    reported::frozen(context, |freeze| {
        faults.ask("freeze", if freeze { "1" } else { "0" })
    })
}

fn refused(context: &mut Context) -> Verdict {
    let bad = [
        ("freeze", "2"),
        ("jitter", "1000001"),
        ("jitter", ""),
        ("xrun", "capture128"),
        ("xrun", "both"),
    ];
    let faults = of_cable(context)?;
    faults.refuse_no_plans(&["drop", "double", "flip"])?;
    faults.refuse(&bad)
}

fn unplug(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    let recorder = context.recorder(&cable, &config)?;
    player.fill(config.buffer)?;
    recorder.pcm.start()?;
    player.pcm.start()?;
    of_card(&context.card)?.ask("unplug", "1")?;
    for (pcm, end) in [(&player.pcm, "player"), (&recorder.pcm, "recorder")] {
        let errno = pcm.avail().err().map(|AlsaError { errno, .. }| errno);
        ensure(errno == Some(libc::ENODEV), || {
            format!("the {end} after the card has gone: expected ENODEV, came {errno:?}")
        })?;
    }
    drop((player, recorder));
    // Those who have it open are the last to keep it.
    let end = Instant::now() + Duration::from_secs(5);
    let node = format!("/dev/snd/controlC{}", context.card.index);
    while fs::metadata(&node).is_ok() && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
    ensure(fs::metadata(&node).is_err(), || {
        format!("{node} is still there after the card has gone")
    })
}
