// SPDX-License-Identifier: MIT OR Apache-2.0

//! Other kinds of buffers: large ones, those whose short writes are whole, and those that overwrite.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail, skip};
use rustix::event::PollFlags;

use super::{Plain, gives, is, joined, moves, numbered, read_from};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{For, Made, State, failed};
use crate::families::char::circbuf::sys::Pages;
use crate::families::char::ready::ready;

pub const CHECKS: &[Plain] = &[
    (
        "kinds/large",
        "up to 1 GiB",
        "a buffer of 64 MiB takes a write of as much at once, and gives it back unchanged",
        large,
    ),
    (
        "kinds/largest",
        "up to 1 GiB",
        "a buffer of 1 GiB takes as much in sixteen writes, round the end of its memory, and gives it back unchanged",
        largest,
    ),
    (
        "kinds/sizes",
        "one clear error",
        "sizes that can't be, and switches that are none, are refused with EINVAL",
        sizes,
    ),
    (
        "kinds/atomic",
        "short writes are whole",
        "with atomic=1 a write of up to 4096 bytes that does not fit takes nothing, a longer one what fits; poll agrees",
        atomic,
    ),
    (
        "kinds/not-mixed",
        "short writes are whole",
        "with atomic=1 writes of 4096 bytes by four programs at once, which sleep, are not mixed",
        not_mixed,
    ),
    (
        "kinds/small-first",
        "nobody is forgotten",
        "with atomic=1 a short write that fits goes on while a longer one still waits",
        small_first,
    ),
    (
        "kinds/overwrite",
        "the oldest goes",
        "with overwrite=1 the newest bytes are there, in order, and those that went are counted",
        overwrite,
    ),
    (
        "kinds/overwrite-sums",
        "the oldest goes",
        "with overwrite=1, four writers and two readers: all that was written was read, is there, or was counted",
        overwrite_sums,
    ),
    (
        "kinds/overwrite-memory",
        "EFAULT changes nothing",
        "with overwrite=1 a write whose memory goes under it loses no byte of others: it writes, or gives EFAULT",
        overwrite_memory,
    ),
];

fn large(_: &mut Context) -> Verdict {
    const BYTES: usize = 64 << 20;
    let made = Made::of_size(BYTES)?;
    let mut file = made.device.nonblocking()?;
    let bytes = numbered(BYTES);
    moves("a write of 64 MiB", file.write(&bytes), BYTES)?;
    gives("a write to a full buffer", file.write(&[1]), libc::EAGAIN)?;
    let mut read = vec![0; BYTES];
    moves("a read of 64 MiB", file.read(&mut read), BYTES)?;
    ensure(read == bytes, || "bytes were changed".to_owned())
}

/// How many bytes of memory the kernel has for whoever asks.
fn available() -> Verdict<usize> {
    let path = "/proc/meminfo";
    let text = fs::read_to_string(path);
    let text = text.map_err(|e| Problem::Failed(format!("{path}: {e}")))?;
    let mut lines = text.lines();
    let kib = lines.find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    match kib.and_then(|kib| kib.trim().parse::<usize>().ok()) {
        Some(kib) => Ok(kib << 10),
        None => fail(format!("{path} says nothing of MemAvailable")),
    }
}

fn largest(_: &mut Context) -> Verdict {
    const BYTES: usize = 1 << 30;
    const PIECE: usize = BYTES / 16;
    // What this program needs itself, and as much again for others.
    if available()? < BYTES + 4 * PIECE {
        return skip("there are not 1280 MiB of memory");
    }
    let made = Made::of_size(BYTES)?;
    let mut file = made.device.nonblocking()?;
    // So that the pieces are not where pages begin, and the last goes round the end.
    moves("a write", file.write(&[0; 1_001]), 1_001)?;
    moves("a read", file.read(&mut [0; 1_001]), 1_001)?;
    let mut bytes = numbered(PIECE);
    for number in 0..16 {
        bytes[0] = number;
        moves("a write of 64 MiB", file.write(&bytes), PIECE)?;
    }
    gives("a write to a full buffer", file.write(&[1]), libc::EAGAIN)?;
    is("used", State::of(&file)?.number("used")?, BYTES as u64)?;
    let mut read = vec![0; PIECE];
    for number in 0..16 {
        bytes[0] = number;
        moves("a read of 64 MiB", file.read(&mut read), PIECE)?;
        ensure(read == bytes, || {
            format!("bytes of piece {number} were changed")
        })?;
    }
    drop(file);
    made.remove()
}

fn sizes(_: &mut Context) -> Verdict {
    let made = Made::of_size(5)?;
    let busy = made.set("buffer_size", "6");
    ensure(busy.is_err(), || {
        "a size was changed under a node".to_owned()
    })?;
    made.set("enable", "0")?;
    for (parameter, value) in [
        ("buffer_size", "0"),
        ("buffer_size", "-1"),
        ("buffer_size", "1073741825"),
        ("buffer_size", "x"),
        ("atomic", "2"),
        ("overwrite", "maybe"),
    ] {
        match made.set(parameter, value) {
            Ok(()) => return fail(format!("{parameter}={value} was taken")),
            Err(problem) => ensure(problem.to_string().contains("os error 22"), || {
                format!("{parameter}={value} was refused with {problem}")
            })?,
        }
    }
    // Each may be, but not both.
    made.set("atomic", "1")?;
    let both = made.set("enable", "1");
    ensure(both.is_err(), || {
        "5 bytes were enough for atomic=1".to_owned()
    })
}

fn atomic(_: &mut Context) -> Verdict {
    let made = Made::new(&[("buffer_size", "5000"), ("atomic", "1")])?;
    let mut file = made.device.nonblocking()?;
    let bytes = numbered(6_000);
    let writable = |file: &File, due| {
        let came = ready(file, PollFlags::OUT, Duration::ZERO)?;
        ensure(came.contains(PollFlags::OUT) == due, || {
            format!("poll says {came:?}")
        })
    };
    moves("a write", file.write(&bytes[..904]), 904)?;
    writable(&file, true)?;
    moves("a write", file.write(&bytes[..1]), 1)?;
    // 4095 are free.
    writable(&file, false)?;
    gives("a write of 4096", file.write(&bytes[..4_096]), libc::EAGAIN)?;
    is("used", State::of(&file)?.number("used")?, 905)?;
    moves("a write of 6000", file.write(&bytes), 4_095)
}

fn not_mixed(_: &mut Context) -> Verdict {
    const EACH: usize = 50;
    let made = Made::new(&[("buffer_size", "10000"), ("atomic", "1")])?;
    let mut writers = Vec::new();
    for mark in 0..4u8 {
        let mut file = made.device.open(For::Writing, 0)?;
        writers.push(thread::spawn(move || -> Verdict {
            for _ in 0..EACH {
                moves("a write of 4096", file.write(&[mark; 4_096]), 4_096)?;
            }
            Ok(())
        }));
    }
    let mut file = made.device.nonblocking()?;
    let mut read = vec![0; 4 * EACH * 4_096];
    let came = read_from(&mut file, &mut read, &writers)?;
    writers.into_iter().try_for_each(joined)?;
    is("what came", came as u64, read.len() as u64)?;
    let mixed = read
        .chunks(4_096)
        .position(|block| block.iter().any(|byte| *byte != block[0]));
    ensure(mixed.is_none(), || format!("block {mixed:?} is mixed"))
}

fn small_first(_: &mut Context) -> Verdict {
    let made = Made::new(&[("buffer_size", "4096"), ("atomic", "1")])?;
    let mut file = made.device.nonblocking()?;
    moves("a write", file.write(&[0; 4_096]), 4_096)?;
    let start = |bytes: usize| -> Verdict<_> {
        let mut file = made.device.open(For::Writing, 0)?;
        let writer = thread::spawn(move || moves("a write", file.write(&vec![1; bytes]), bytes));
        thread::sleep(Duration::from_millis(50));
        Ok(writer)
    };
    let (long, short) = (start(4_000)?, start(10)?);
    moves("a read", file.read(&mut [0; 100]), 100)?;
    super::eventually("the short write waits for the long one", || {
        Ok(short.is_finished())
    })?;
    joined(short)?;
    ensure(!long.is_finished(), || {
        "the long write did not wait".to_owned()
    })?;
    moves("a read", file.read(&mut [0; 4_096]), 4_006)?;
    joined(long)
}

fn overwrite(_: &mut Context) -> Verdict {
    let made = Made::new(&[("buffer_size", "100"), ("overwrite", "1")])?;
    let mut file = made.device.nonblocking()?;
    let bytes = numbered(1_000);
    let mut read = [0; 200];
    let mut lost = 0;
    // What is written in a row, and how much of it is lost.
    for (sizes, due) in [
        (&[60, 40][..], 0),
        (&[60, 41], 1),
        (&[100, 100], 100),
        (&[1_000], 900),
        (&[30, 150, 7], 87),
    ] {
        let total: usize = sizes.iter().sum();
        let mut rest = &bytes[..total.min(1_000)];
        for size in sizes {
            moves("a write", file.write(&rest[..*size]), *size)?;
            rest = &rest[*size..];
        }
        lost += due;
        is(
            "overwritten",
            State::of(&file)?.number("overwritten")?,
            lost,
        )?;
        let left = total - due as usize;
        moves("a read", file.read(&mut read), left)?;
        ensure(read[..left] == bytes[total - left..total], || {
            format!("after {sizes:?} other bytes were read")
        })?;
    }
    let poll = ready(&file, PollFlags::OUT, Duration::ZERO)?;
    ensure(poll.contains(PollFlags::OUT), || {
        "a buffer that overwrites can't be written".to_owned()
    })?;
    drop(file);
    fs::metadata(made.device.node())
        .map(|_| ())
        .or_else(|e| fail(format!("the node: {e}")))
}

fn overwrite_sums(context: &mut Context) -> Verdict {
    const EACH: usize = 2_000;
    let made = Made::new(&[("buffer_size", "1000"), ("overwrite", "1")])?;
    let over = Arc::new(AtomicBool::new(false));
    let readers = [0, 1].map(|_| {
        let (over, file) = (Arc::clone(&over), made.device.nonblocking());
        thread::spawn(move || -> Verdict<u64> {
            let (mut file, mut total, mut bytes) = (file?, 0, [0; 170]);
            loop {
                match file.read(&mut bytes) {
                    Ok(read) => total += read as u64,
                    Err(error) if error.kind() != ErrorKind::WouldBlock => {
                        return fail(format!("read: {error}"));
                    }
                    Err(_) if over.load(Ordering::Relaxed) => return Ok(total),
                    Err(_) => thread::yield_now(),
                }
            }
        })
    });
    // One of them writes more than there is room for.
    let writers = [7, 64, 999, 2_500].map(|size| {
        let file = made.device.nonblocking();
        thread::spawn(move || -> Verdict<u64> {
            let (mut file, bytes) = (file?, vec![1; size]);
            for turn in 0..EACH {
                moves("a write", file.write(&bytes), size)?;
                if turn % 16 == 0 {
                    thread::yield_now();
                }
            }
            Ok((size * EACH) as u64)
        })
    });
    let written: u64 = writers.map(joined).into_iter().sum::<Verdict<_>>()?;
    over.store(true, Ordering::Relaxed);
    let read: u64 = readers.map(joined).into_iter().sum::<Verdict<_>>()?;
    let file = made.device.nonblocking()?;
    let state = State::of(&file)?;
    let (used, lost) = (state.number("used")?, state.number("overwritten")?);
    context.note(format!("{written} bytes written, {read} read, {lost} lost"));
    is(
        "read, used and overwritten together",
        read + used + lost,
        written,
    )?;
    ensure(read > 0 && lost > 0, || {
        format!("{read} bytes were read, and {lost} lost: some of both are due")
    })?;
    is("writes", state.number("writes")?, 4 * EACH as u64)
}

fn overwrite_memory(context: &mut Context) -> Verdict {
    const TURNS: u64 = 20_000;
    let made = Made::new(&[("buffer_size", "100"), ("overwrite", "1")])?;
    let mut file = made.device.nonblocking()?;
    moves("a write", file.write(&[1; 100]), 100)?;
    let problem = |e| failed("memory", &made.device.node(), &e);
    let pages = Arc::new(Pages::new().map_err(problem)?);
    let over = Arc::new(AtomicBool::new(false));
    let taker = thread::spawn({
        let (pages, over) = (Arc::clone(&pages), Arc::clone(&over));
        move || -> Verdict {
            while !over.load(Ordering::Relaxed) {
                for there in [false, true] {
                    let changed = pages.be_there(there);
                    changed.map_err(|e| Problem::Failed(format!("mprotect: {e}")))?;
                    thread::yield_now();
                }
            }
            Ok(())
        }
    });
    let (mut written, mut refused) = (0, 0);
    let mut turns = || -> Verdict {
        for _ in 0..TURNS {
            match pages.write(&file, 60, 60) {
                Ok(60) => written += 60,
                Err(error) if error.raw_os_error() == Some(libc::EFAULT) => refused += 1,
                other => return fail(format!("a write of 60 bytes gave {other:?}")),
            }
            let state = State::of(&file)?;
            is("used", state.number("used")?, 100)?;
            is("overwritten", state.number("overwritten")?, written)?;
            // On one processor the other would not come to it.
            thread::yield_now();
        }
        Ok(())
    };
    let came = turns();
    over.store(true, Ordering::Relaxed);
    joined(taker)?;
    context.note(format!("{refused} of {TURNS} writes gave EFAULT"));
    came?;
    ensure(refused > 0 && written > 0, || {
        format!("{refused} of {TURNS} writes gave EFAULT: some are due, and others that write")
    })
}
