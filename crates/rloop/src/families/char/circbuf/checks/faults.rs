// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults on demand: each does what it says, is counted, and ends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, Within as _, ensure};
use rustix::event::PollFlags;
use rustix::fs::{Mode, OFlags};

use super::memory::stuck_in;
use super::{Plain, gives, is, joined, moves, numbered};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{Device, For, Made, State};
use crate::families::char::circbuf::sys::{self, Unserved};
use crate::families::char::ready::ready;

pub const CHECKS: &[Plain] = &[
    (
        "faults/bytes",
        "faults on demand",
        "the next bytes get lost, arrive twice, or with a bit inverted, as many as asked for, and are counted",
        bytes,
    ),
    (
        "faults/no-room",
        "faults on demand",
        "a byte that arrives twice waits for room for both",
        no_room,
    ),
    (
        "faults/freeze",
        "faults on demand",
        "while nothing moves calls wait, or give EAGAIN, and poll says nothing; afterwards all go on",
        freeze,
    ),
    (
        "faults/refused",
        "faults on demand",
        "what is no such fault is refused with EINVAL",
        refused,
    ),
    (
        "faults/unplug",
        "a device can go at any time",
        "a buffer that is taken away wakes all who sleep in it, and gives ENODEV from then on; its name can be used again",
        unplug,
    ),
    (
        "faults/unplug-coming",
        "a device can go at any time",
        "a buffer that is unplugged as it comes, before it has its node, is taken away, or that says ENODEV",
        unplug_coming,
    ),
    (
        "faults/unplug-memory",
        "a device can go at any time",
        "a buffer can go while a reader's memory is not there, or a writer's, whose calls give ENODEV then",
        unplug_memory,
    ),
    (
        "faults/writer-memory",
        "faults on demand",
        "a write whose memory was waited for meanwhile does not move in a frozen buffer, and its bytes get lost that are to",
        writer_memory,
    ),
];

fn bytes(_: &mut Context) -> Verdict {
    let made = Made::of_size(1_000)?;
    let device = &made.device;
    let mut file = device.nonblocking()?;
    let sound = numbered(500);
    let flipped: Vec<u8> = sound
        .iter()
        .enumerate()
        .map(|(n, byte)| byte ^ u8::from(n < 5))
        .collect();
    let doubled: Vec<u8> = sound[..3].iter().flat_map(|byte| [*byte; 2]).collect();
    for (fault, count, due) in [
        ("drop", "7", sound[7..].to_vec()),
        ("double", "3", [&doubled, &sound[3..]].concat()),
        ("flip", "5", flipped),
    ] {
        device.fault(fault, count)?;
        let left = device.faults()?.left(fault)?;
        ensure(left == count, || format!("{left} of {count} are to come"))?;
        moves(fault, file.write(&sound), 500)?;
        let mut read = vec![0; 1_000];
        moves(fault, file.read(&mut read), due.len())?;
        ensure(read[..due.len()] == due, || {
            format!("{fault}: other bytes came")
        })?;
        let left = device.faults()?.left(fault)?;
        ensure(left == "0", || format!("{left} of {count} are left"))?;
        // Once, not for ever.
        moves("a write", file.write(&sound), 500)?;
        moves("a read", file.read(&mut read), 500)?;
        ensure(read[..500] == sound, || format!("{fault} goes on"))?;
    }
    let state = State::of(&file)?;
    for (key, due) in [("dropped", 7), ("doubled", 3), ("flipped", 5)] {
        is(key, state.number(key)?, due)?;
    }
    Ok(())
}

fn no_room(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let mut file = made.device.nonblocking()?;
    made.device.fault("double", "2")?;
    moves("a write", file.write(b"abcdefghij"), 8)?;
    moves("a read", file.read(&mut [0; 10]), 10)?;
    made.device.fault("double", "9")?;
    moves("a write", file.write(b"abcdefghij"), 5)?;
    moves("a read", file.read(&mut [0; 1]), 1)?;
    gives(
        "a write where one byte fits",
        file.write(b"x"),
        libc::EAGAIN,
    )
}

fn freeze(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let device = &made.device;
    let mut file = device.nonblocking()?;
    moves("a write", file.write(b"abc"), 3)?;
    device.fault("freeze", "1")?;
    gives("a read", file.read(&mut [0; 3]), libc::EAGAIN)?;
    gives("a write", file.write(b"d"), libc::EAGAIN)?;
    let left = device.faults()?.left("freeze")?;
    ensure(left == "1", || format!("freeze says {left}"))?;
    let came = ready(&file, PollFlags::IN | PollFlags::OUT, Duration::ZERO)?;
    ensure(came.is_empty(), || format!("poll says {came:?}"))?;
    let mut sleeping = device.open(For::Both, 0)?;
    let sleeper = thread::spawn(move || {
        moves("a sleeping write", sleeping.write(b"def"), 3)?;
        moves("a sleeping read", sleeping.read(&mut [0; 6]), 6)
    });
    thread::sleep(Duration::from_millis(200));
    is("used", State::of(&file)?.number("used")?, 3)?;
    device.fault("freeze", "0")?;
    joined(sleeper)
}

fn refused(_: &mut Context) -> Verdict {
    let made = Made::of_size(1)?;
    let bad = [
        // Two bytes never fit.
        ("double", "1"),
        ("freeze", "2"),
        ("unplug", "0"),
    ];
    let faults = made.device.faults()?;
    faults.refuse_no_plans(&["drop", "double", "flip"])?;
    faults.refuse(&bad)
}

/// Somebody who sleeps in a buffer.
fn sleeper(device: &Device, sleep: fn(File) -> Verdict) -> Verdict<thread::JoinHandle<Verdict>> {
    let file = device.open(For::Both, 0)?;
    Ok(thread::spawn(move || sleep(file)))
}

/// Somebody who polls until there is no device any more.
fn hung_up(file: File) -> thread::JoinHandle<Verdict> {
    thread::spawn(move || {
        let gone = PollFlags::ERR | PollFlags::HUP;
        let came = ready(&file, PollFlags::IN, Duration::from_secs(20))?;
        ensure(came.contains(gone), || {
            format!("a sleeping poll got {came:?}")
        })
    })
}

fn unplug(context: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let device = &made.device;
    let mut file = device.nonblocking()?;
    moves("a write", file.write(&[1; 10]), 10)?;
    let empty = Made::named("check-empty", &[])?;
    let flags = OFlags::from_bits_retain(libc::O_ACCMODE as _);
    let neither = rustix::fs::open(empty.device.node(), flags, Mode::empty());
    let neither = neither.map_err(|e| Problem::Failed(format!("open for neither: {e}")))?;
    let sleepers = [
        hung_up(neither.into()),
        sleeper(device, |mut file| {
            gives("a sleeping write", file.write(&[1]), libc::ENODEV)
        })?,
        sleeper(device, |mut file| {
            gives("a sleeping write", file.write(&[1]), libc::ENODEV)
        })?,
        sleeper(&empty.device, |mut file| {
            gives("a sleeping read", file.read(&mut [0; 16]), libc::ENODEV)
        })?,
        hung_up(empty.device.open(For::Both, 0)?),
    ];
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    device.fault("unplug", "1")?;
    empty.device.fault("unplug", "1")?;
    sleepers.into_iter().try_for_each(joined)?;
    let took = begin.elapsed();
    context.note(format!("all were awake after {took:?}"));
    ensure(took < Duration::from_secs(1), || {
        format!("it took {took:?} until all were awake")
    })?;
    gives("a write", file.write(&[1]), libc::ENODEV)?;
    gives("a read", file.read(&mut [0; 16]), libc::ENODEV)?;
    gives("ioctl", sys::stats(&file), libc::ENODEV)?;
    ensure(!device.is_there(), || "the node is still there".to_owned())?;
    // With the old file still open.
    made.set("enable", "0").within(|| "disable".to_owned())?;
    made.set("enable", "1").within(|| "enable".to_owned())?;
    let mut other = device.nonblocking()?;
    gives("a read of the new one", other.read(&mut [0]), libc::EAGAIN)?;
    gives("a read of the old one", file.read(&mut [0]), libc::ENODEV)?;
    drop((file, other));
    empty.remove()?;
    made.remove()
}

fn unplug_coming(context: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let early = made.unplugged_coming()?;
    context.note(format!(
        "it was unplugged {early} times before it had its node"
    ));
    made.remove()
}

fn unplug_memory(_: &mut Context) -> Verdict {
    for what in ["read", "write"] {
        let made = Made::of_size(10)?;
        let mut file = made.device.nonblocking()?;
        moves("a write", file.write(b"abc"), 3)?;
        let stuck = match what {
            "read" => stuck_in(&made, |page, file| page.read(file, 3))?,
            _ => stuck_in(&made, |page, file| page.write(file, 3))?,
        };
        made.device.fault("unplug", "1")?;
        drop(file);
        made.remove()?;
        let what = format!("the {what} that waited");
        gives(&what, stuck.serve()?, libc::ENODEV)?;
    }
    Ok(())
}

fn writer_memory(_: &mut Context) -> Verdict {
    let kinds = [
        &[("buffer_size", "10")][..],
        &[("buffer_size", "10"), ("overwrite", "1")],
    ];
    for parameters in kinds {
        let made = Made::new(parameters)?;
        let full = parameters.len() > 1;
        let mut file = made.device.nonblocking()?;
        if full {
            moves("a write", file.write(b"0123456789"), 10)?;
        }
        let used = if full { 10 } else { 0 };
        let write = |page: &Unserved, file: &File| page.write(file, 3);
        let stuck = stuck_in(&made, write)?;
        made.device.fault("freeze", "1")?;
        gives(
            "the write that waited while all was frozen",
            stuck.serve()?,
            libc::EAGAIN,
        )?;
        made.device.fault("freeze", "0")?;
        let stuck = stuck_in(&made, write)?;
        made.device.fault("drop", "3")?;
        moves("the write that waited", stuck.serve()?, 3)?;
        let state = State::of(&file)?;
        for (key, due) in [("used", used), ("overwritten", 0), ("dropped", 3)] {
            is(key, state.number(key)?, due)?;
        }
        drop(file);
        made.remove()?;
    }
    Ok(())
}
