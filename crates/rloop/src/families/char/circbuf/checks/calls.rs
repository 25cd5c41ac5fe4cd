// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading and writing: what each call gives.

use std::io::{IoSlice, IoSliceMut, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use rig::verdict::{Verdict, ensure};
use rustix::io::{ReadWriteFlags, preadv2, pwritev2};

use super::{Plain, gives, is, moves, numbered};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{For, Made, State, failed};
use crate::families::char::circbuf::sys::{Pages, Taken};
use crate::families::char::signals::Signals;

pub const CHECKS: &[Plain] = &[
    (
        "calls/basic",
        "as the C model",
        "what is written is read back, and the buffer is empty then",
        basic,
    ),
    (
        "calls/short",
        "as the C model",
        "a read gives what is there, a write takes what fits, and neither waits for more",
        short,
    ),
    (
        "calls/nonblocking",
        "as the C model",
        "with O_NONBLOCK, or RWF_NOWAIT for a call, an empty buffer gives EAGAIN, and so does a full one",
        nonblocking,
    ),
    (
        "calls/nothing",
        "as the C model",
        "a read of no bytes of an empty buffer, and a write of none to a full one, gives 0, is not counted, and does not wait",
        nothing,
    ),
    (
        "calls/signal",
        "as the C model",
        "a signal ends a read and a write that wait, with EINTR",
        signal,
    ),
    (
        "calls/no-memory",
        "EFAULT changes nothing",
        "a read or write to memory that is not there, or a part of which is not, gives EFAULT, takes and adds no byte",
        no_memory,
    ),
    (
        "calls/long",
        "a call moves what it can",
        "a call for more than 4096 bytes that comes to memory which is not there has moved what comes before, and is counted once",
        long,
    ),
    (
        "calls/stream",
        "no place",
        "there is no place to seek to, to read from or to write at: ESPIPE",
        stream,
    ),
    (
        "calls/shared",
        "one buffer for all",
        "what one file has written another reads, also after the first was closed",
        shared,
    ),
    (
        "calls/vectors",
        "readv and writev",
        "what several pieces of memory have is written in their order, and read to several",
        vectors,
    ),
];

/// What the C model's own test writes.
const SENTENCE: &[u8; 20] = b"kernel boundary test";

fn basic(context: &mut Context) -> Verdict {
    let mut file = context.device.open(For::Both, 0)?;
    let before = State::of(&file)?;
    moves("write", file.write(SENTENCE), 20)?;
    let mut read = [0; 64];
    moves("read", file.read(&mut read), 20)?;
    ensure(read[..20] == SENTENCE[..], || {
        format!("read was {:?}", &read[..20])
    })?;
    let after = State::of(&file)?;
    is("used", after.number("used")?, 0)?;
    for key in ["reads", "writes"] {
        is(key, after.number(key)?, before.number(key)? + 1)?;
    }
    Ok(())
}

fn short(_: &mut Context) -> Verdict {
    let made = Made::of_size(100)?;
    let mut file = made.device.open(For::Both, 0)?;
    let bytes = numbered(150);
    moves(
        "a write of 150 bytes where 100 fit",
        file.write(&bytes),
        100,
    )?;
    let mut read = [0; 200];
    moves("a read of 30 bytes", file.read(&mut read[..30]), 30)?;
    moves(
        "a write of 50 bytes where 30 fit",
        file.write(&bytes[100..]),
        30,
    )?;
    moves("a read of 170 bytes", file.read(&mut read[30..]), 100)?;
    ensure(read[..130] == bytes[..130], || {
        "what was read is not what was written".to_owned()
    })?;
    drop(file);
    made.remove()
}

fn nonblocking(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let mut file = made.device.nonblocking()?;
    gives("a read of nothing", file.read(&mut [0; 10]), libc::EAGAIN)?;
    moves("a write", file.write(&[1; 10]), 10)?;
    gives("a write to a full buffer", file.write(&[1]), libc::EAGAIN)?;
    // The same for single calls of a file that may block.
    let other = made.device.open(For::Both, 0)?;
    let nowhere = u64::MAX;
    let flags = ReadWriteFlags::NOWAIT;
    let full = pwritev2(&other, &[IoSlice::new(&[1])], nowhere, flags);
    gives(
        "RWF_NOWAIT to a full buffer",
        full.map_err(Into::into),
        libc::EAGAIN,
    )?;
    moves("a read", file.read(&mut [0; 10]), 10)?;
    let mut byte = [0];
    let empty = preadv2(&other, &mut [IoSliceMut::new(&mut byte)], nowhere, flags);
    gives(
        "RWF_NOWAIT of nothing",
        empty.map_err(Into::into),
        libc::EAGAIN,
    )
}

fn nothing(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    // They would sleep.
    let mut file = made.device.open(For::Both, 0)?;
    moves("a read of no bytes", file.read(&mut []), 0)?;
    moves("a write", file.write(&[1; 10]), 10)?;
    let before = State::of(&file)?;
    moves("a write of no bytes", file.write(&[]), 0)?;
    moves("a read of no bytes", file.read(&mut []), 0)?;
    let after = State::of(&file)?;
    is("reads", before.number("reads")?, 0)?;
    is("reads", after.number("reads")?, before.number("reads")?)?;
    is("writes", after.number("writes")?, before.number("writes")?)
}

fn signal(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let mut file = made.device.open(For::Both, 0)?;
    let node = made.device.node();
    let signals = Signals::every(Duration::from_millis(20));
    let _signals = signals.map_err(|e| failed("timer_create", &node, &e))?;
    gives("a read", file.read(&mut [0; 10]), libc::EINTR)?;
    moves("a write", file.write(&[1; 10]), 10)?;
    gives("a write", file.write(&[1; 10]), libc::EINTR)?;
    is("used", State::of(&file)?.number("used")?, 10)
}

fn no_memory(_: &mut Context) -> Verdict {
    let made = Made::of_size(1_000)?;
    let mut file = made.device.nonblocking()?;
    let pages = Pages::new().map_err(|e| failed("mmap", &made.device.node(), &e))?;
    let bytes = numbered(700);
    // So that what is there goes round the end of the ring.
    moves("a write", file.write(&[0; 600]), 600)?;
    moves("a read", file.read(&mut [0; 600]), 600)?;
    moves("a write", file.write(&bytes), 700)?;
    for there in [0, 1, 399, 400, 401, 699] {
        let what = format!("a read of 700 bytes to memory for {there}");
        gives(&what, pages.read(&file, 700, there), libc::EFAULT)?;
        let what = format!("a write of 300 bytes from memory of {}", there / 3);
        gives(&what, pages.write(&file, 300, there / 3), libc::EFAULT)?;
        is("used", State::of(&file)?.number("used")?, 700)?;
    }
    // What is not needed does not matter.
    moves(
        "a read of more than there is",
        pages.read(&file, 701, 700),
        700,
    )?;
    moves("a write", file.write(&bytes), 700)?;
    let mut read = [0; 700];
    moves("a read", file.read(&mut read), 700)?;
    ensure(read[..] == bytes, || "bytes were changed".to_owned())
}

fn long(_: &mut Context) -> Verdict {
    // As much as comes before the first page that is not there: some steps of the driver's, which are of 4096.
    let there = 40_960_usize.next_multiple_of(rustix::param::page_size());
    let made = Made::of_size(there * 5 / 2)?;
    let mut file = made.device.nonblocking()?;
    let memory = Taken::new(2 * there).map_err(|e| failed("mmap", &made.device.node(), &e))?;
    let bytes = numbered(there);
    memory
        .end_at(there)
        .map_err(|e| failed("mprotect", &made.device.node(), &e))?;
    moves(
        "a write of twice as much as is there",
        memory.write(&file),
        there,
    )?;
    moves("a read", file.read(&mut vec![0; 2 * there]), there)?;
    moves("a write", file.write(&bytes), there)?;
    moves("a write", file.write(&bytes), there)?;
    moves("a read to memory for half of it", memory.read(&file), there)?;
    let state = State::of(&file)?;
    is("used", state.number("used")?, there as u64)?;
    for (key, due) in [("reads", 2), ("writes", 3)] {
        is(key, state.number(key)?, due)?;
    }
    let mut read = vec![0; there];
    moves("a read", file.read(&mut read), there)?;
    ensure(read == bytes, || "bytes were lost or changed".to_owned())
}

fn stream(context: &mut Context) -> Verdict {
    let mut file = context.device.nonblocking()?;
    gives("lseek", file.seek(SeekFrom::Start(0)), libc::ESPIPE)?;
    gives("pread", file.read_at(&mut [0], 0), libc::ESPIPE)?;
    gives("pwrite", file.write_at(&[0], 0), libc::ESPIPE)
}

fn shared(context: &mut Context) -> Verdict {
    let mut writer = context.device.open(For::Writing, 0)?;
    let mut reader = context.device.open(For::Reading, libc::O_NONBLOCK)?;
    moves("a write", writer.write(b"abc"), 3)?;
    drop(writer);
    let mut read = [0; 3];
    moves("a read", reader.read(&mut read), 3)?;
    ensure(&read == b"abc", || format!("{read:?} was read"))?;
    gives(
        "a write to a file for reading",
        reader.write(b"x"),
        libc::EBADF,
    )
}

fn vectors(context: &mut Context) -> Verdict {
    let mut file = context.device.nonblocking()?;
    let bytes = numbered(600);
    let pieces = [&bytes[..1], &bytes[1..300], &[], &bytes[300..]].map(IoSlice::new);
    moves("writev", file.write_vectored(&pieces), 600)?;
    let mut read = vec![0; 600];
    let (first, second) = read.split_at_mut(599);
    let mut pieces = [first, second].map(IoSliceMut::new);
    moves("readv", file.read_vectored(&mut pieces), 600)?;
    ensure(read == bytes, || "bytes were changed".to_owned())
}
