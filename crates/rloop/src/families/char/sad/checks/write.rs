// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writing: as to a pipe.

use std::fs::File;
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rig::retry::retry;
use rig::run::Context as _;
use rig::verdict::{Blame, Problem, Verdict, ensure, fail};
use rustix::event::PollFlags;

use super::Plain;
use crate::families::char::ready::ready;
use crate::families::char::sad::Context;
use crate::families::char::sad::device::{Kind, Made, failed};
use crate::families::char::sad::recorder::{Recorder, noise, same};
use crate::families::char::signals::Signals;

pub const CHECKS: &[Plain] = &[
    (
        "write/nonblocking",
        "O_NONBLOCK as for a pipe",
        "a file that must not block takes what fits, then EAGAIN, and none of a short write that does not fit whole",
        nonblocking,
    ),
    (
        "write/poll",
        "woken at a threshold",
        "a full file can be written again when half of the FIFO is free, and then takes 4096 bytes",
        |context| retry(context, polled),
    ),
    (
        "write/threshold",
        "woken at a threshold",
        "a writer that sleeps is woken when half of the FIFO is free, not before",
        |context| retry(context, threshold),
    ),
    (
        "write/together",
        "short writes stay together",
        "writes of 4096 bytes by two programs at once are not mixed",
        together,
    ),
    (
        "write/pieces",
        "whole samples",
        "samples of three bytes written in pieces of one to seven bytes are recorded bit for bit; half a one is counted",
        pieces,
    ),
    (
        "write/signals",
        "signals as for a pipe",
        "a program that gets a signal again and again while it writes loses and doubles nothing",
        signals,
    ),
    (
        "write/sync",
        "fsync",
        "fsync returns when all has left, and not before",
        sync,
    ),
    (
        "write/no-place",
        "a stream",
        "there is no place to seek to, to read from or to write to, and a write of nothing writes nothing",
        no_place,
    ),
];

/// Fills a file that must not block. How many bytes it took.
fn fill(mut file: &File, most: usize) -> Verdict<usize> {
    let bytes = vec![0x55; most];
    match file.write(&bytes) {
        Ok(taken) => Ok(taken),
        Err(error) => fail(format!("write: {error}")),
    }
}

fn nonblocking(context: &mut Context) -> Verdict {
    let made = Made::new(&[("format", "U8")])?;
    let device = &made.device;
    let mut file = device.open(Kind::Drops, false, libc::O_NONBLOCK)?;
    let all = device.capacity as usize + 2_000;
    let taken = fill(&file, all)?;
    ensure(taken >= device.capacity as usize && taken < all, || {
        format!("{taken} of {all} bytes were taken, {} fit", device.capacity)
    })?;
    // More than has left meanwhile.
    let short = file.write(&[0; 4_000]);
    let kind = short.as_ref().map_err(std::io::Error::kind);
    ensure(kind == Err(ErrorKind::WouldBlock), || {
        format!("a write that does not fit whole gave {short:?}")
    })?;
    context.note(format!("{taken} bytes at once"));
    Ok(())
}

fn polled(context: &mut Context) -> Verdict {
    let made = Made::new(&[("format", "U8")])?;
    let device = &made.device;
    let mut file = device.open(Kind::Drops, false, libc::O_NONBLOCK)?;
    let writable = |most| -> Verdict<bool> {
        let came = ready(&file, PollFlags::OUT, most)?;
        Ok(came.contains(PollFlags::OUT))
    };
    ensure(writable(Duration::ZERO)?, || {
        "an empty file can't be written".to_owned()
    })?;
    fill(&file, 2 * device.capacity as usize)?;
    ensure(!writable(Duration::ZERO)?, || {
        "a full file can be written".to_owned()
    })?;
    ensure(writable(device.time(device.capacity))?, || {
        "it never can be written again".to_owned()
    })?;
    woken_at_half(context, device.state()?.number("waiting")?, device.capacity)?;
    let taken = file.write(&[0; 4_096]);
    ensure(matches!(taken, Ok(4_096)), || {
        format!("a file that can be written took {taken:?} of 4096 bytes")
    })
}

/// Checks how much is left when a writer has been woken.
fn woken_at_half(context: &mut Context, left: u64, capacity: u64) -> Verdict {
    let half = capacity / 2;
    ensure(left <= half, || {
        format!("it was woken with {left} of {capacity} samples left")
    })?;
    let patience = 40 * u64::from(context.patience);
    if left + patience < half {
        let text = format!("it was woken with {left} of {capacity} samples left, {half} are due");
        return Err(Problem::Again(Blame::Either, text));
    }
    context.note(format!("{left} of {capacity} left"));
    Ok(())
}

fn threshold(context: &mut Context) -> Verdict {
    let made = Made::new(&[("format", "U8")])?;
    let device = &made.device;
    let node = device.node(Kind::Drops);
    let mut file = device.open(Kind::Drops, false, 0)?;
    // The last byte does not fit.
    let bytes = vec![0x55; device.capacity as usize];
    file.write_all(&bytes)
        .and_then(|()| file.write_all(&bytes[..2_000]))
        .map_err(|e| failed("write", &node, &e))?;
    // What was written after the wake-up has come on top.
    let left = device.state()?.number("waiting")?.saturating_sub(2_000);
    woken_at_half(context, left, device.capacity)
}

fn together(_: &mut Context) -> Verdict {
    let made = Made::new(&[("format", "U8"), ("rate", "48000")])?;
    let device = &made.device;
    let recorder = Recorder::start(device, "U8")?;
    let writers: Vec<_> = [1u8, 2]
        .into_iter()
        .map(|mark| {
            let device = device.clone();
            thread::spawn(move || -> Verdict {
                let mut file = device.open(Kind::Waits, false, 0)?;
                for _ in 0..10 {
                    let taken = file.write(&[mark; 4_096]);
                    ensure(matches!(taken, Ok(4_096)), || {
                        format!("a write of 4096 bytes gave {taken:?}")
                    })?;
                }
                Ok(())
            })
        })
        .collect();
    for writer in writers {
        match writer.join() {
            Ok(verdict) => verdict?,
            Err(_) => return fail("a writer has failed"),
        }
    }
    let heard = recorder.sound()?;
    ensure(heard.len() == 20 * 4_096, || {
        format!("{} of {} bytes were recorded", heard.len(), 20 * 4_096)
    })?;
    let mixed = heard
        .chunks(4_096)
        .position(|block| block.iter().any(|byte| *byte != block[0]));
    ensure(mixed.is_none(), || format!("block {mixed:?} is mixed"))
}

fn pieces(_: &mut Context) -> Verdict {
    let made = Made::new(&[("format", "S24_3LE")])?;
    let device = &made.device;
    let node = device.node(Kind::Waits);
    let sound = noise("S24_3LE", 4_400, 4);
    let recorder = Recorder::start(device, "S24_3LE")?;
    let mut file = device.open(Kind::Waits, false, 0)?;
    // The first lasts for as long as a slow machine needs for the others.
    let (long, mut rest) = sound.split_at(3 * 4_096);
    file.write_all(long)
        .map_err(|e| failed("write", &node, &e))?;
    let mut size = 1;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(size.min(rest.len()));
        let taken = file.write(now).map_err(|e| failed("write", &node, &e))?;
        ensure(taken == now.len(), || {
            format!("{taken} of {} bytes were taken", now.len())
        })?;
        rest = later;
        size = size % 7 + 1;
    }
    let half = file.write(&[1, 2]);
    ensure(matches!(half, Ok(2)), || {
        format!("two bytes of a sample gave {half:?}")
    })?;
    drop(file);
    same(&recorder.sound()?, &sound)?;
    let incomplete = device.state()?.number("incomplete")?;
    ensure(incomplete == 2, || {
        format!("{incomplete} bytes are counted as incomplete, 2 were")
    })
}

fn signals(context: &mut Context) -> Verdict {
    let device = &context.device;
    let node = device.node(Kind::Waits);
    let sound = noise(&device.format, 3 * device.capacity as usize, 5);
    let recorder = Recorder::start(device, &device.format)?;
    let mut file = device.open(Kind::Waits, false, 0)?;
    let mut ended = 0;
    {
        let signals = Signals::every(Duration::from_millis(10));
        let _signals = signals.map_err(|e| failed("timer_create", &node, &e))?;
        let mut left = &sound[..];
        while !left.is_empty() {
            // A hundred seconds of them: bytes that are taken again after each would be written for ever.
            ensure(ended < 10_000, || {
                format!("{ended} signals have ended writes of {} bytes", sound.len())
            })?;
            let now = &left[..left.len().min(20_000)];
            match file.write(now) {
                Ok(taken) => {
                    ended += usize::from(taken < now.len());
                    left = &left[taken..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => ended += 1,
                Err(error) => return Err(failed("write", &node, &error)),
            }
        }
    }
    drop(file);
    same(&recorder.sound()?, &sound)?;
    ensure(ended > 0, || "a signal has ended no write".to_owned())?;
    context.note(format!("{ended} writes ended by a signal"));
    Ok(())
}

fn sync(context: &mut Context) -> Verdict {
    let device = &context.device;
    let node = device.node(Kind::Leaves);
    let mut file = device.open(Kind::Leaves, false, 0)?;
    let begin = Instant::now();
    file.write_all(&noise(&device.format, 1_000, 1))
        .and_then(|()| file.sync_all())
        .map_err(|e| failed("fsync", &node, &e))?;
    let (took, due) = (begin.elapsed(), device.time(999));
    ensure(took >= due, || {
        format!("fsync returned after {took:?}, with sound for {due:?}")
    })?;
    let left = device.state()?.number("waiting")?;
    ensure(left == 0, || format!("fsync left {left} samples"))
}

fn no_place(context: &mut Context) -> Verdict {
    let mut file = context.device.open(Kind::Waits, false, 0)?;
    let sought = file.seek(SeekFrom::Start(0));
    let errno = sought.as_ref().err().and_then(std::io::Error::raw_os_error);
    ensure(errno == Some(libc::ESPIPE), || {
        format!("seeking gave {sought:?}")
    })?;
    let reader = context.device.open(Kind::Waits, true, 0)?;
    for (what, result) in [
        ("a write", file.write_at(&[0], 0)),
        ("a read", reader.read_at(&mut [0; 16], 0)),
    ] {
        let errno = result.as_ref().err().and_then(std::io::Error::raw_os_error);
        ensure(errno == Some(libc::ESPIPE), || {
            format!("{what} at a place gave {result:?}")
        })?;
    }
    let written = file.write(&[]);
    ensure(matches!(written, Ok(0)), || {
        format!("a write of nothing gave {written:?}")
    })
}
