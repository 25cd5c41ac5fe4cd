// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults that snd-rloop makes on demand must be noticed: a check that lets them pass proves nothing.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Plain, all, reported};
use crate::card::{Card, Driver};
use crate::pcm::AlsaError;
use crate::verify::context::Context;
use crate::verify::problem::{Problem, Verdict, ensure, fail, skip};

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

/// Where the faults of a card are.
fn dir(card: &Card) -> String {
    format!("/sys/kernel/debug/snd_rloop/card{}", card.index)
}

/// Asks for a fault of the cable that most checks use.
fn ask(card: &Card, file: &str, value: &str) -> Verdict {
    let path = format!("{}/cable0/{file}", dir(card));
    fs::write(&path, value).map_err(|e| Problem::Failed(format!("{path}: {value}: {e}")))
}

fn available(context: &Context<'_>) -> Verdict {
    if context.card.driver != Driver::SndRloop {
        return skip("only snd-rloop makes faults on demand");
    }
    let path = dir(context.card);
    match fs::read_dir(&path) {
        Ok(_) => Ok(()),
        Err(e) => skip(format!("needs debugfs, and root: {path}: {e}")),
    }
}

/// Runs a check. What it says if it fails, else nothing.
fn run(context: &mut Context<'_>, check: &str) -> Verdict<Option<String>> {
    let all = all(context.limits, Some(context.space));
    let Some(found) = all.into_iter().find(|c| c.name == check) else {
        return fail(format!("there is no check {check}"));
    };
    match found.run(context) {
        Ok(()) => Ok(None),
        Err(Problem::Skipped(why)) => skip(why),
        Err(problem) => Ok(Some(problem.to_string())),
    }
}

/// Judges what a check has said of a card with a fault, which has none any more.
fn judge(context: &mut Context<'_>, check: &str, said: Option<String>) -> Verdict {
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
fn noticed(context: &mut Context<'_>, check: &str, file: &str, value: &str) -> Verdict {
    available(context)?;
    ask(context.card, file, value)?;
    let said = run(context, check);
    ask(context.card, file, "0")?;
    judge(context, check, said?)
}

/// A check fails if one of its streams has an xrun again and again.
fn xrun(context: &mut Context<'_>, check: &str, end: &str) -> Verdict {
    available(context)?;
    let done = AtomicBool::new(false);
    let card = context.card;
    let said = thread::scope(|scope| {
        let breaker = scope.spawn(|| -> Verdict {
            while !done.load(Ordering::Relaxed) {
                ask(card, "xrun", end)?;
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

fn frozen_times(context: &mut Context<'_>) -> Verdict {
    available(context)?;
    let card = context.card.clone();
    reported::frozen(context, |freeze| {
        ask(&card, "freeze", if freeze { "1" } else { "0" })
    })
}

fn refused(context: &mut Context<'_>) -> Verdict {
    available(context)?;
    for (file, value) in [
        ("drop", "-1"),
        ("double", "many"),
        ("flip", "4294967296"),
        ("freeze", "2"),
        ("jitter", "1000001"),
        ("jitter", ""),
        ("xrun", "capture128"),
        ("xrun", "both"),
    ] {
        let path = format!("{}/cable0/{file}", dir(context.card));
        // An empty write does not get as far as the driver.
        let text = format!("{value}\n");
        let errno = fs::write(&path, text).err().and_then(|e| e.raw_os_error());
        ensure(errno == Some(libc::EINVAL), || {
            format!("\"{value}\" to {file}: expected EINVAL, came {errno:?}")
        })?;
    }
    Ok(())
}

fn unplug(context: &mut Context<'_>) -> Verdict {
    available(context)?;
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    let recorder = context.recorder(&cable, &config)?;
    player.fill(config.buffer)?;
    recorder.pcm.start()?;
    player.pcm.start()?;
    let path = format!("{}/unplug", dir(context.card));
    fs::write(&path, "1").map_err(|e| Problem::Failed(format!("{path}: {e}")))?;
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
