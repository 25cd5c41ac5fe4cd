// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who is woken: one for each byte, and nobody is forgotten.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail};
use rustix::thread::gettid;

use super::{Plain, eventually, is, joined, moves};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{For, Made};

pub const CHECKS: &[Plain] = &[
    (
        "wakeup/one-reader",
        "one wake-up for one reader",
        "of eight readers that sleep one is woken for each of 1000 bytes",
        one_reader,
    ),
    (
        "wakeup/one-writer",
        "one wake-up for one writer",
        "of eight writers that sleep one is woken for each of 1000 bytes that are read",
        one_writer,
    ),
    (
        "wakeup/passed-on",
        "nobody is forgotten",
        "eight readers that take a byte each are all woken by one write, eight writers by one read",
        passed_on,
    ),
];

/// Threads that sleep.
const SLEEPERS: usize = 8;

/// A thread that moves one byte at a time, again and again until it is told to end.
struct Sleeper {
    thread: i32,
    handle: JoinHandle<Verdict>,
}

/// Threads that move bytes, which `moved` counts. The next one is each's last when they are `done`.
fn start(
    made: &Made,
    writes: bool,
    done: &Arc<AtomicBool>,
    moved: &Arc<AtomicU64>,
) -> Verdict<Vec<Sleeper>> {
    let mut sleepers = Vec::new();
    for _ in 0..SLEEPERS {
        let mut file = made.device.open(For::Both, 0)?;
        let (sender, receiver) = mpsc::channel();
        let (done, moved) = (Arc::clone(done), Arc::clone(moved));
        let handle = thread::spawn(move || {
            let _ = sender.send(gettid().as_raw_nonzero().get());
            loop {
                let result = match writes {
                    true => file.write(&[1]),
                    false => file.read(&mut [0]),
                };
                moves("a byte", result, 1)?;
                moved.fetch_add(1, Ordering::Relaxed);
                if done.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
        });
        let thread = receiver
            .recv()
            .map_err(|e| Problem::Failed(format!("a thread: {e}")))?;
        sleepers.push(Sleeper { thread, handle });
    }
    Ok(sleepers)
}

/// How often they have slept.
fn slept(sleepers: &[Sleeper]) -> Verdict<u64> {
    let mut sum = 0;
    for Sleeper { thread, .. } in sleepers {
        let path = format!("/proc/self/task/{thread}/status");
        let text = fs::read_to_string(&path);
        let text = text.map_err(|e| Problem::Failed(format!("{path}: {e}")))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        match line.and_then(|line| line.trim().parse::<u64>().ok()) {
            Some(number) => sum += number,
            None => return fail(format!("{path} says nothing of switches")),
        }
    }
    Ok(sum)
}

/// Whether they all sleep.
fn sleep(sleepers: &[Sleeper]) -> Verdict<bool> {
    for Sleeper { thread, .. } in sleepers {
        let path = format!("/proc/self/task/{thread}/stat");
        let text = fs::read_to_string(&path);
        let text = text.map_err(|e| Problem::Failed(format!("{path}: {e}")))?;
        if !text.contains(") S ") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Moves 1000 bytes one by one, each of which one of the sleepers waits for.
fn one(context: &mut Context, writes: bool, mut byte: impl FnMut(&mut File) -> Verdict) -> Verdict {
    const BYTES: u64 = 1_000;
    let made = Made::of_size(4)?;
    let mut file = made.device.nonblocking()?;
    if writes {
        moves("a write", file.write(&[1; 4]), 4)?;
    }
    let (done, moved) = (Arc::default(), Arc::default());
    let sleepers = start(&made, writes, &done, &moved)?;
    eventually("the threads don't sleep", || sleep(&sleepers))?;
    let mut each = |number| {
        byte(&mut file)?;
        eventually("nobody moves a byte", || {
            Ok(moved.load(Ordering::Relaxed) == number)
        })
    };
    let before = slept(&sleepers)?;
    (1..=BYTES).try_for_each(&mut each)?;
    eventually("the threads don't sleep", || sleep(&sleepers))?;
    let switches = slept(&sleepers)? - before;
    context.note(format!("{switches} switches for {BYTES} bytes"));
    ensure(switches * 10 <= BYTES * 11, || {
        format!("{BYTES} bytes woke sleepers {switches} times, 1100 are allowed")
    })?;
    done.store(true, Ordering::Relaxed);
    (1..=SLEEPERS as u64).try_for_each(|number| each(BYTES + number))?;
    let mut handles = sleepers.into_iter().map(|sleeper| sleeper.handle);
    handles.try_for_each(joined)
}

fn one_reader(context: &mut Context) -> Verdict {
    one(context, false, |file| moves("a write", file.write(&[1]), 1))
}

fn one_writer(context: &mut Context) -> Verdict {
    one(context, true, |file| {
        moves("a read", file.read(&mut [0]), 1)
    })
}

fn passed_on(_: &mut Context) -> Verdict {
    for writes in [false, true] {
        let made = Made::of_size(SLEEPERS)?;
        let mut file = made.device.nonblocking()?;
        if writes {
            moves("a write", file.write(&[1; SLEEPERS]), SLEEPERS)?;
        }
        let moved = Arc::default();
        let sleepers = start(&made, writes, &Arc::new(true.into()), &moved)?;
        eventually("the threads don't sleep", || sleep(&sleepers))?;
        match writes {
            true => moves("a read", file.read(&mut [0; SLEEPERS]), SLEEPERS)?,
            false => moves("a write", file.write(&[1; SLEEPERS]), SLEEPERS)?,
        }
        let all = SLEEPERS as u64;
        eventually("somebody sleeps for ever", || {
            Ok(moved.load(Ordering::Relaxed) == all)
        })?;
        let mut handles = sleepers.into_iter().map(|sleeper| sleeper.handle);
        handles.try_for_each(joined)?;
        is("bytes", moved.load(Ordering::Relaxed), all)?;
    }
    Ok(())
}
