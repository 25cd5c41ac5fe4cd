// SPDX-License-Identifier: MIT OR Apache-2.0

//! `poll` and `epoll`.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure};
use rustix::event::{PollFlags, Timespec, epoll};
use rustix::io::Errno;

use super::{Plain, joined, moves};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{For, Made};
use crate::families::char::ready::ready;

pub const CHECKS: &[Plain] = &[
    (
        "ready/levels",
        "poll",
        "poll says that a buffer can be read if something is there, and written if something fits",
        levels,
    ),
    (
        "ready/woken",
        "poll",
        "a poll that sleeps ends when another writes, or reads",
        woken,
    ),
    (
        "ready/edges",
        "poll",
        "edge-triggered epoll tells of each byte of a million turns, or a minute of them, to and fro between two threads",
        edges,
    ),
];

const BOTH: PollFlags = PollFlags::IN.union(PollFlags::OUT);

fn now(file: &File, due: PollFlags, when: &str) -> Verdict {
    let came = ready(file, BOTH, Duration::ZERO)?;
    ensure(came == due, || {
        format!("poll of a buffer that is {when} says {came:?}, due is {due:?}")
    })
}

fn levels(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let mut file = made.device.nonblocking()?;
    now(&file, PollFlags::OUT, "empty")?;
    moves("a write", file.write(&[1; 4]), 4)?;
    now(&file, BOTH, "partly full")?;
    moves("a write", file.write(&[1; 6]), 6)?;
    now(&file, PollFlags::IN, "full")?;
    // Only what the file is open for.
    let reader = made.device.open(For::Reading, 0)?;
    now(&reader, PollFlags::IN, "full, for a reader")?;
    let writer = made.device.open(For::Writing, 0)?;
    now(&writer, PollFlags::empty(), "full, for a writer")
}

fn woken(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let mut file = made.device.nonblocking()?;
    let sleeper = |flags| -> Verdict<_> {
        let file = made.device.open(For::Both, 0)?;
        let sleeper = thread::spawn(move || ready(&file, flags, Duration::from_secs(20)));
        thread::sleep(Duration::from_millis(50));
        Ok(sleeper)
    };
    let reader = sleeper(PollFlags::IN)?;
    moves("a write", file.write(&[1; 10]), 10)?;
    let came = joined(reader)?;
    ensure(came == PollFlags::IN, || format!("a reader got {came:?}"))?;
    let writer = sleeper(PollFlags::OUT)?;
    moves("a read", file.read(&mut [0; 10]), 10)?;
    let came = joined(writer)?;
    ensure(came == PollFlags::OUT, || format!("a writer got {came:?}"))
}

fn problem(error: Errno) -> Problem {
    Problem::Failed(format!("epoll: {error}"))
}

/// An epoll instance that tells of each new byte.
fn instance(file: &File) -> Verdict<OwnedFd> {
    let instance = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(problem)?;
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    let data = epoll::EventData::new_u64(0);
    epoll::add(&instance, file, data, flags).map_err(problem)?;
    Ok(instance)
}

/// Waits for a byte, and takes it.
fn take(instance: &OwnedFd, mut file: &File) -> Verdict<u8> {
    let mut events = Vec::with_capacity(1);
    let most = Timespec {
        tv_sec: 20,
        tv_nsec: 0,
    };
    let spare = rustix::buffer::spare_capacity(&mut events);
    let count = epoll::wait(instance, spare, Some(&most)).map_err(problem)?;
    ensure(count == 1, || "it was not told of a byte".to_owned())?;
    let mut bytes = [0; 8];
    moves("a read", file.read(&mut bytes), 1)?;
    Ok(bytes[0])
}

fn edges(context: &mut Context) -> Verdict {
    const TURNS: u32 = 1_000_000;
    const FEWEST: u32 = 1_000;
    /// Well below the time in which a check counts as one that hangs.
    const TIME: Duration = Duration::from_secs(60);
    /// The last turn's byte.
    const LAST: u8 = 0;
    let to = Made::named("check-to", &[])?;
    let fro = Made::named("check-fro", &[])?;
    let (mut there, here) = (to.device.nonblocking()?, fro.device.nonblocking()?);
    let (their_end, mut back) = (to.device.nonblocking()?, fro.device.nonblocking()?);
    let other = thread::spawn(move || -> Verdict {
        let instance = instance(&their_end)?;
        loop {
            let byte = take(&instance, &their_end)?;
            moves("a write", back.write(&[byte]), 1)?;
            if byte == LAST {
                return Ok(());
            }
        }
    });
    let instance = instance(&here)?;
    let begin = Instant::now();
    for turn in 1.. {
        let last = turn == TURNS || begin.elapsed() > TIME;
        let byte = if last { LAST } else { 1 };
        moves("a write", there.write(&[byte]), 1)?;
        let came = take(&instance, &here)?;
        ensure(came == byte, || format!("{came} came back of {byte}"))?;
        if last {
            context.note(format!("{turn} turns"));
            ensure(turn >= FEWEST, || {
                format!("{turn} turns in a minute, {FEWEST} are due")
            })?;
            break;
        }
    }
    joined(other)
}
