// SPDX-License-Identifier: MIT OR Apache-2.0

//! What goes through a buffer comes out: all of it, once, in order.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rig::random::Random;
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail};
use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::pipe::{SpliceFlags, pipe, splice};

use super::{Plain, eventually, gives, is, joined, moves, numbered, read_from};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{Device, For, Made, State, failed};
use crate::families::char::circbuf::sys::stats;
use crate::families::char::signals::Signals;

pub const CHECKS: &[Plain] = &[
    (
        "through/order",
        "all of it, once, in order",
        "a million bytes in pieces of any size come out bit for bit, through buffers of sizes that are no powers of two",
        order,
    ),
    (
        "through/sums",
        "as the C model",
        "four writers and four readers with O_NONBLOCK: as many bytes are read as were written, of each writer's as many as it wrote, and no count goes back meanwhile",
        sums,
    ),
    (
        "through/signals",
        "nobody is forgotten",
        "writers and readers that sleep, half of whom get a signal 100 times a second, all come to their end",
        signals,
    ),
    (
        "through/splice",
        "splice",
        "what is spliced from a pipe to the buffer and back is unchanged",
        spliced,
    ),
    (
        "through/splice-waits-not",
        "splice",
        "splice between a pipe and a file that may wait gives EAGAIN where nothing moves, and so keeps nobody from the pipe",
        waits_not,
    ),
    (
        "through/sendfile",
        "splice",
        "sendfile of a file to a buffer in which there is less room waits for readers, and all arrives unchanged",
        sent,
    ),
];

const MILLION: usize = 1_000_000;

fn order(_: &mut Context) -> Verdict {
    for size in [1, 7, 4_096, 4_099] {
        let made = Made::of_size(size)?;
        let total = MILLION.min(size * 2_000);
        let mut writer = made.device.open(For::Writing, 0)?;
        let mut reader = made.device.open(For::Reading, 0)?;
        let node = made.device.node();
        let sender = thread::spawn(move || -> Verdict {
            let (bytes, mut random) = (numbered(total), Random::new(1));
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let piece = random.between(1, 6_000).min(rest.len() as u64) as usize;
                let written = writer.write(&rest[..piece]);
                rest = &rest[written.map_err(|e| failed("write", &node, &e))?..];
            }
            Ok(())
        });
        let (mut read, mut random) = (Vec::new(), Random::new(2));
        let mut piece = vec![0; 6_000];
        while read.len() < total {
            let asked = random.between(1, 6_000) as usize;
            match reader.read(&mut piece[..asked]) {
                Ok(bytes) => read.extend_from_slice(&piece[..bytes]),
                Err(error) => return fail(format!("read: {error}")),
            }
        }
        joined(sender)?;
        let wrong = numbered(total).iter().zip(&read).position(|(a, b)| a != b);
        ensure(wrong.is_none(), || {
            format!("byte {wrong:?} of {total} is wrong, in a buffer of {size}")
        })?;
        is("used", State::of(&reader)?.number("used")?, 0)?;
        drop(reader);
        made.remove()?;
    }
    Ok(())
}

/// What threads have moved, of each writer's bytes.
type Moved = [AtomicU64; 4];

/// Moves bytes until it is over: each writer writes its own number.
fn mover(
    (device, number): (&Device, usize),
    moved: &Arc<Moved>,
    over: &Arc<AtomicBool>,
) -> Verdict<thread::JoinHandle<Verdict>> {
    let mut file = device.nonblocking()?;
    let writes = number < 4;
    let (moved, over) = (Arc::clone(moved), Arc::clone(over));
    Ok(thread::spawn(move || {
        let mut bytes = match writes {
            true => vec![number as u8; 64],
            false => vec![0; 256],
        };
        loop {
            let result = match writes {
                true => file.write(&bytes),
                false => file.read(&mut bytes),
            };
            match result {
                Ok(count) if writes => {
                    moved[number].fetch_add(count as u64, Ordering::Relaxed);
                }
                Ok(count) => {
                    for byte in &bytes[..count] {
                        match moved.get(usize::from(*byte)) {
                            Some(of) => of.fetch_add(1, Ordering::Relaxed),
                            None => return fail(format!("nobody wrote {byte}")),
                        };
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if over.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    thread::sleep(Duration::from_micros(500));
                }
                Err(error) => return fail(error.to_string()),
            }
            if writes && over.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }))
}

fn sums(context: &mut Context) -> Verdict {
    let device = &context.device;
    let (written, read) = (Arc::new(Moved::default()), Arc::new(Moved::default()));
    let (no_more, empty) = (Arc::default(), Arc::default());
    let writers = (0..4).map(|number| mover((device, number), &written, &no_more));
    let writers: Vec<_> = writers.collect::<Verdict<_>>()?;
    let readers = (4..8).map(|number| mover((device, number), &read, &empty));
    let readers: Vec<_> = readers.collect::<Verdict<_>>()?;
    let file = device.nonblocking()?;
    let mut before = [0; 2];
    for look in 0..5_000 {
        if look % 50 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
        // All at one time.
        let [capacity, used, available, calls @ ..] =
            stats(&file).map_err(|e| failed("ioctl", &device.node(), &e))?;
        ensure(used + available == capacity && used <= capacity, || {
            format!("{used} bytes are used and {available} free, of {capacity}")
        })?;
        ensure(calls[0] >= before[0] && calls[1] >= before[1], || {
            format!("{calls:?} reads and writes come after {before:?}")
        })?;
        before = calls;
    }
    no_more.store(true, Ordering::Relaxed);
    writers.into_iter().try_for_each(joined)?;
    empty.store(true, Ordering::Relaxed);
    readers.into_iter().try_for_each(joined)?;
    let mut total = 0;
    for (number, (written, read)) in written.iter().zip(read.iter()).enumerate() {
        let written = written.load(Ordering::Relaxed);
        let what = format!("what was read of writer {number}'s bytes");
        is(&what, read.load(Ordering::Relaxed), written)?;
        total += written;
    }
    ensure(total > 0, || "nothing was written".to_owned())?;
    context.note(format!("{total} bytes"));
    Ok(())
}

/// Moves `left` bytes with calls that sleep, under signals or not. How many of them a signal has ended.
fn sleeper(mut file: File, writes: bool, mut left: usize, under: bool) -> Verdict<u64> {
    let signals = under.then(|| Signals::every(Duration::from_millis(10)));
    let _signals = signals
        .transpose()
        .map_err(|e| Problem::Failed(format!("timer_create: {e}")))?;
    let (mut interrupted, mut bytes) = (0, [0x55; 97]);
    while left > 0 {
        let piece = &mut bytes[..left.min(97)];
        let result = match writes {
            true => file.write(piece),
            false => file.read(piece),
        };
        match result {
            Ok(moved) => left -= moved,
            Err(error) if error.kind() == ErrorKind::Interrupted => interrupted += 1,
            Err(error) => return fail(error.to_string()),
        }
    }
    Ok(interrupted)
}

fn signals(context: &mut Context) -> Verdict {
    const EACH: usize = 60_000;
    let made = Made::of_size(100)?;
    let mut threads = Vec::new();
    for number in 0..8 {
        let writes = number % 2 == 0;
        let file = made.device.open(For::Both, 0)?;
        threads.push(thread::spawn(move || {
            sleeper(file, writes, EACH, number < 4)
        }));
    }
    // All sleep for a while in between.
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(10));
    }
    let mut interrupted = 0;
    for thread in threads {
        interrupted += joined(thread)?;
    }
    let file = made.device.nonblocking()?;
    is("used", State::of(&file)?.number("used")?, 0)?;
    context.note(format!("{interrupted} calls were ended by a signal"));
    ensure(interrupted > 0, || {
        "no call was ended by a signal".to_owned()
    })
}

fn spliced(context: &mut Context) -> Verdict {
    let mut file = context.device.nonblocking()?;
    let capacity = State::of(&file)?.number("capacity")?;
    let there = capacity.min(4_000) as usize;
    // Also where the bytes are at both ends of the buffer.
    for _ in 0..=capacity / there as u64 {
        spliced_once(&file, there)?;
    }
    // Nothing is left for others.
    let left = file.read(&mut vec![0; there]);
    gives("a read", left, libc::EAGAIN)
}

/// Splices so many bytes from a pipe through the buffer to a pipe.
fn spliced_once(file: &File, there: usize) -> Verdict {
    let bytes = numbered(there);
    let failed = |e: rustix::io::Errno| Problem::Failed(format!("splice: {e}"));
    let ((from, to_pipe), (from_pipe, to)) = (pipe().map_err(failed)?, pipe().map_err(failed)?);
    moves(
        "a write to a pipe",
        File::from(to_pipe).write(&bytes),
        there,
    )?;
    let none = SpliceFlags::empty();
    let moved = splice(&from, None, file, None, there, none).map_err(failed)?;
    moves("splice from a pipe", Ok(moved), there)?;
    is("used", State::of(file)?.number("used")?, there as u64)?;
    let moved = splice(file, None, &to, None, there, none).map_err(failed)?;
    moves("splice to a pipe", Ok(moved), there)?;
    let mut from_pipe = File::from(from_pipe);
    let mut read = vec![0; there];
    moves("a read of a pipe", from_pipe.read(&mut read), there)?;
    ensure(read == bytes, || "bytes were changed".to_owned())?;
    let empty = splice(file, None, &to, None, there, none);
    ensure(empty == Err(rustix::io::Errno::AGAIN), || {
        format!("splice of an empty buffer gave {empty:?}")
    })
}

/// Ends with what `call` gives, unless it sleeps; then it is woken by `wake`.
fn promptly(
    call: impl FnOnce() -> std::io::Result<usize> + Send + 'static,
    wake: impl FnOnce(),
) -> Verdict<std::io::Result<usize>> {
    let thread = thread::spawn(move || -> Verdict<_> { Ok(call()) });
    let slept = eventually("it sleeps", || Ok(thread.is_finished()));
    if slept.is_err() {
        wake();
    }
    let result = joined(thread);
    slept.and(result)
}

fn waits_not(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let mut file = made.device.nonblocking()?;
    let failed = |e: rustix::io::Errno| Problem::Failed(format!("pipe: {e}"));
    let ((from, to_pipe), (from_pipe, to)) = (pipe().map_err(failed)?, pipe().map_err(failed)?);
    let (mut to_pipe, mut from_pipe) = (File::from(to_pipe), File::from(from_pipe));
    let none = SpliceFlags::empty();
    let waiting = made.device.open(For::Both, 0)?;
    let (other, to_fill) = (
        to.try_clone()
            .map_err(|e| Problem::Failed(format!("dup: {e}")))?,
        waiting
            .try_clone()
            .map_err(|e| Problem::Failed(format!("dup: {e}")))?,
    );
    let empty = promptly(
        move || Ok(splice(&waiting, None, &other, None, 10, none)?),
        || {
            let _ = file.write(&[1]);
        },
    )?;
    gives("splice of an empty buffer", empty, libc::EAGAIN)?;
    moves("a write to the pipe", File::from(to).write(&[1]), 1)?;
    moves("a read of the pipe", from_pipe.read(&mut [0; 9]), 1)?;
    moves("a write", file.write(&[1; 8]), 8)?;
    moves("a write to a pipe", to_pipe.write(&[2; 5]), 5)?;
    let from = Arc::new(from);
    for due in [Ok(2), Err(libc::EAGAIN)] {
        let (from, to_fill) = (
            Arc::clone(&from),
            to_fill
                .try_clone()
                .map_err(|e| Problem::Failed(format!("dup: {e}")))?,
        );
        let came = promptly(
            move || Ok(splice(&*from, None, &to_fill, None, 5, none)?),
            || {
                let _ = file.read(&mut [0; 9]);
            },
        )?;
        match due {
            Ok(bytes) => moves("splice to a buffer that gets full", came, bytes)?,
            Err(errno) => gives("splice to a full buffer", came, errno)?,
        }
    }
    moves("a write to the pipe", to_pipe.write(&[3]), 1)?;
    let mut read = [0; 11];
    moves("a read", file.read(&mut read), 10)?;
    ensure(read[..10] == [1, 1, 1, 1, 1, 1, 1, 1, 2, 2], || {
        format!("{read:?} was read")
    })
}

fn sent(_: &mut Context) -> Verdict {
    const BYTES: usize = 300_000;
    let made = Made::of_size(1_000)?;
    let (to, mut reader) = (
        made.device.open(For::Writing, 0)?,
        made.device.nonblocking()?,
    );
    let bytes = numbered(BYTES);
    let failed = |e: rustix::io::Errno| Problem::Failed(format!("memfd: {e}"));
    let memory = memfd_create("rloop", MemfdFlags::CLOEXEC).map_err(failed)?;
    let mut from = File::from(memory);
    moves("a write to a file", from.write(&bytes), BYTES)?;
    let sender = thread::spawn(move || {
        let (mut at, mut sent) = (0, 0);
        while sent < BYTES {
            match sendfile(&to, &from, Some(&mut at), BYTES - sent) {
                Ok(0) => return fail(format!("sendfile gave 0 after {sent} bytes")),
                Ok(more) => sent += more,
                Err(error) => return fail(format!("sendfile: {error} after {sent} bytes")),
            }
        }
        Ok(())
    });
    let mut read = vec![0; BYTES];
    let came = read_from(&mut reader, &mut read, slice::from_ref(&sender))?;
    joined(sender)?;
    is("what came", came as u64, BYTES as u64)?;
    ensure(read == bytes, || "bytes were changed".to_owned())
}
