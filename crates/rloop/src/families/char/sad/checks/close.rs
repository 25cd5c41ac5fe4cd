// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the last close does with what has not left.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rig::retry::retry;
use rig::run::Context as _;
use rig::verdict::{Blame, Problem, Verdict, ensure, fail};
use rustix::process::{Pid, Signal, kill_process};

use super::Plain;
use super::sound::write;
use crate::families::char::sad::Context;
use crate::families::char::sad::device::{Device, Kind, State, failed};
use crate::families::char::sad::recorder::{Recorder, noise, same};

pub const CHECKS: &[Plain] = &[
    (
        "close/waits",
        "three ways to close",
        "closing /dev/sad returns within one sample of the time at which the last sample has left",
        |context| retry(context, waits),
    ),
    (
        "close/drops",
        "three ways to close",
        "closing /dev/sadnb returns at once, and what has not left is dropped and counted",
        drops,
    ),
    (
        "close/leaves",
        "three ways to close",
        "closing /dev/sadbg returns at once, and the rest leaves bit for bit",
        |context| leaves(context, Kind::Leaves, 0),
    ),
    (
        "close/nonblocking",
        "three ways to close",
        "closing /dev/sad does not wait for a file that must not block",
        |context| leaves(context, Kind::Waits, libc::O_NONBLOCK),
    ),
    (
        "close/last",
        "three ways to close",
        "of two descriptors of a file only the last one that is closed waits",
        last,
    ),
    (
        "close/exit",
        "three ways to close",
        "a program that ends without closing waits, too, until its last sample has left",
        exit,
    ),
    (
        "close/interrupted",
        "signals as for a pipe",
        "a program that sleeps in a close, or in a write, ends at once at a signal, and what it has written is dropped",
        interrupted,
    ),
];

/// How long something takes that does not wait, on a slow machine.
const AT_ONCE: Duration = Duration::from_millis(100);

fn late(what: &str, took: Duration, most: Duration) -> Problem {
    Problem::Again(
        Blame::Either,
        format!("{what} took {took:?}, {most:?} are due"),
    )
}

/// Writes and closes; how long the close took.
fn close(device: &Device, kind: Kind, flags: i32, sound: &[u8]) -> Verdict<Duration> {
    let mut file = device.open(kind, false, flags)?;
    let written = file.write_all(sound);
    written.map_err(|e| failed("write", &device.node(kind), &e))?;
    let begin = Instant::now();
    drop(file);
    Ok(begin.elapsed())
}

/// How many samples were written, have left, and were dropped between two states.
fn since(before: &State, after: &State) -> Verdict<[u64; 3]> {
    let more = |key| -> Verdict<u64> { Ok(after.number(key)? - before.number(key)?) };
    Ok([more("written")?, more("strobed")?, more("dropped")?])
}

fn waits(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let samples = 500;
    let mut worst = Duration::ZERO;
    for seed in 0..5 {
        let sound = noise(&device.format, samples, seed);
        let begin = Instant::now();
        let took = close(&device, Kind::Waits, 0, &sound)?;
        let left = device.state()?.number("waiting")?;
        ensure(left == 0, || {
            format!("it returned with {left} samples left")
        })?;
        let all = begin.elapsed();
        let due = device.time(samples as u64);
        ensure(all + device.tick() >= due, || {
            format!("{samples} samples can't have left within {all:?}")
        })?;
        let most = due + context.slack();
        if took > most {
            return Err(late("closing", took, most));
        }
        worst = worst.max(took.saturating_sub(due - device.tick()));
    }
    context.note(format!(
        "at most {worst:?} after the last but one sample, in 5 closes"
    ));
    Ok(())
}

fn drops(context: &mut Context) -> Verdict {
    let device = &context.device;
    let before = device.state()?;
    let sound = noise(&device.format, 4_000, 1);
    let took = close(device, Kind::Drops, 0, &sound)?;
    ensure(took < AT_ONCE, || format!("closing took {took:?}"))?;
    let after = device.state()?;
    let [written, strobed, dropped] = since(&before, &after)?;
    ensure(
        written == 4_000 && strobed + dropped == written && dropped > 0,
        || format!("{written} written, {strobed} left, {dropped} dropped"),
    )?;
    ensure(after.number("waiting")? == 0, || {
        "something is left".to_owned()
    })
}

fn leaves(context: &mut Context, kind: Kind, flags: i32) -> Verdict {
    let device = &context.device;
    let sound = noise(&device.format, 4_000, 1);
    let recorder = Recorder::start(device, &device.format)?;
    let took = close(device, kind, flags, &sound)?;
    ensure(took < AT_ONCE, || format!("closing took {took:?}"))?;
    let left = device.state()?.number("waiting")?;
    ensure(left > 0, || "nothing was left to leave".to_owned())?;
    device.settle()?;
    same(&recorder.sound()?, &sound)
}

fn last(context: &mut Context) -> Verdict {
    let device = &context.device;
    let node = device.node(Kind::Waits);
    let file = device.open(Kind::Waits, false, 0)?;
    let mut twin = file.try_clone().map_err(|e| failed("dup", &node, &e))?;
    let sound = noise(&device.format, 2_000, 1);
    twin.write_all(&sound)
        .map_err(|e| failed("write", &node, &e))?;
    let begin = Instant::now();
    drop(file);
    let first = begin.elapsed();
    ensure(first < AT_ONCE, || {
        format!("the first of two closes took {first:?}")
    })?;
    drop(twin);
    let (all, due) = (begin.elapsed(), device.time(1_900));
    ensure(all >= due, || {
        format!("the last close came after {all:?}, with sound left for {due:?}")
    })
}

/// A shell that runs `script` with `sound` as its input, and the node as `$0`.
pub fn shell(device: &Device, script: &str, sound: &[u8]) -> Verdict<Child> {
    let path = std::env::temp_dir().join(format!("rloop-sound-{}", std::process::id()));
    fs::write(&path, sound).map_err(|e| failed("write", &path, &e))?;
    let input = File::open(&path).map_err(|e| failed("open", &path, &e))?;
    let _ = fs::remove_file(&path);
    // It opens the node itself: if it were open here as well, this could be the last close.
    Command::new("sh")
        .args(["-c", script])
        .arg(device.node(Kind::Waits))
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| Problem::Skipped(format!("sh: {e}")))
}

/// Sends a program a signal. How long it took to end.
pub fn end(mut child: Child, signal: Signal) -> Verdict<Duration> {
    let begin = Instant::now();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return fail("the program has no number");
    };
    let _ = kill_process(pid, signal);
    let _ = child.wait();
    Ok(begin.elapsed())
}

fn exit(context: &mut Context) -> Verdict {
    let device = &context.device;
    let sound = noise(&device.format, 2_000, 1);
    let begin = Instant::now();
    // What cat has written is left to the shell, which has the node open and never closes it.
    let mut child = shell(device, r#"exec 3>"$0"; cat >&3; exit 0"#, &sound)?;
    let ended = child.wait();
    let (took, due) = (begin.elapsed(), device.time(1_999));
    ensure(ended.is_ok_and(|status| status.success()), || {
        "the program failed".to_owned()
    })?;
    ensure(took >= due, || {
        format!("it ended after {took:?}, with sound for {due:?}")
    })
}

fn interrupted(context: &mut Context) -> Verdict {
    let device = &context.device;
    let capacity = device.capacity as usize;
    for (script, samples) in [
        // The shell sleeps in its close, which comes right after the word.
        (
            r#"exec 3>"$0"; cat >&3; echo; exec 3>&-; sleep 9"#,
            capacity / 2,
        ),
        // cat sleeps in its write.
        (r#"echo; exec cat >"$0""#, 3 * capacity),
    ] {
        let before = device.state()?;
        let sound = noise(&device.format, samples, 1);
        let mut child = shell(device, script, &sound)?;
        if let Some(word) = &mut child.stdout {
            let _ = word.read(&mut [0]);
        }
        // It has written all, or as much as there is room for, and a moment later it sleeps.
        let wanted = samples.min(capacity) as u64;
        let patience = Instant::now() + Duration::from_secs(5);
        while since(&before, &device.state()?)?[0] < wanted && Instant::now() < patience {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(20));
        let took = end(child, Signal::TERM)?;
        ensure(took < 2 * AT_ONCE, || {
            format!("with {samples} samples it took {took:?} to end")
        })?;
        let after = device.state()?;
        let [written, strobed, dropped] = since(&before, &after)?;
        ensure(dropped > 0 && written == strobed + dropped, || {
            format!("{written} written, {strobed} left, {dropped} dropped")
        })?;
    }
    // It goes on as if nothing had been.
    let sound = noise(&device.format, 100, 2);
    let recorder = Recorder::start(device, &device.format)?;
    write(device, Kind::Waits, &sound)?;
    same(&recorder.sound()?, &sound)
}
