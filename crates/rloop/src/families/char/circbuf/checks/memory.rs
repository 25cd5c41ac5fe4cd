// SPDX-License-Identifier: MIT OR Apache-2.0

//! A program's memory can take for ever: nobody else waits for that.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail, skip};

use super::{Plain, gives, is, joined, moves};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{Made, State, failed};
use crate::families::char::circbuf::sys::{Taken, Unserved};

pub const CHECKS: &[Plain] = &[
    (
        "memory/reader",
        "no lock across user memory",
        "while a reader's memory is not there (userfaultfd) others read, write and look, and the byte order is kept",
        reader,
    ),
    (
        "memory/writer",
        "no lock across user memory",
        "while a writer's memory is not there (userfaultfd) others write, read and look, and none of its bytes is there",
        writer,
    ),
    (
        "memory/taken",
        "no errors for memory that is there",
        "4 MiB are written, and read, to their end while the kernel is made to take that memory back again and again",
        taken,
    ),
];

/// A page that is not there.
fn unserved() -> Verdict<Arc<Unserved>> {
    match Unserved::new() {
        Ok(page) => Ok(Arc::new(page)),
        Err(error)
            if [ErrorKind::Unsupported, ErrorKind::PermissionDenied].contains(&error.kind()) =>
        {
            skip(format!("no userfaultfd: {error}"))
        }
        Err(error) => fail(format!("userfaultfd: {error}")),
    }
}

/// Serves the page when it is dropped, so that nobody waits for it longer than a check.
struct Served(Arc<Unserved>);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.serve();
    }
}

/// A thread in a call that waits for the page.
fn stuck(
    page: &Arc<Unserved>,
    file: File,
    call: fn(&Unserved, &File) -> std::io::Result<usize>,
) -> thread::JoinHandle<Verdict<usize>> {
    let page = Arc::clone(page);
    let thread = thread::spawn(move || {
        call(&page, &file).map_err(|e| Problem::Failed(format!("the call that waited: {e}")))
    });
    thread::sleep(Duration::from_millis(200));
    thread
}

/// Runs `others`, which must not be kept waiting.
fn promptly(others: impl FnOnce() -> Verdict + Send + 'static) -> Verdict {
    let thread = thread::spawn(others);
    for _ in 0..1_000 {
        if thread.is_finished() {
            return joined(thread);
        }
        thread::sleep(Duration::from_millis(5));
    }
    fail("others wait for somebody's memory")
}

fn reader(_: &mut Context) -> Verdict {
    let made = Made::of_size(100)?;
    let page = unserved()?;
    let mut file = made.device.nonblocking()?;
    moves("a write", file.write(b"abcdef"), 6)?;
    let served = Served(Arc::clone(&page));
    let stuck = stuck(&page, made.device.nonblocking()?, |page, file| {
        page.read(file, 3)
    });
    let mut other = made.device.nonblocking()?;
    promptly(move || {
        is("used", State::of(&other)?.number("used")?, 6)?;
        let mut read = [0; 4];
        moves("a read", other.read(&mut read), 4)?;
        ensure(&read == b"abcd", || format!("{read:?} was read"))?;
        moves("a write", other.write(b"gh"), 2)
    })?;
    ensure(!stuck.is_finished(), || "nobody waited".to_owned())?;
    drop(served);
    moves("the read that waited", Ok(joined(stuck)?), 3)?;
    let mut read = [0; 9];
    moves("a read", file.read(&mut read), 1)?;
    ensure(read[0] == b'h', || format!("{read:?} was left"))
}

fn writer(_: &mut Context) -> Verdict {
    let made = Made::of_size(100)?;
    let page = unserved()?;
    let mut file = made.device.nonblocking()?;
    let served = Served(Arc::clone(&page));
    let stuck = stuck(&page, made.device.nonblocking()?, |page, file| {
        page.write(file, 3)
    });
    let mut other = made.device.nonblocking()?;
    promptly(move || {
        gives("a read of nothing", other.read(&mut [0; 9]), libc::EAGAIN)?;
        moves("a write", other.write(b"abc"), 3)?;
        let mut read = [1; 9];
        moves("a read", other.read(&mut read), 3)?;
        ensure(&read[..3] == b"abc", || format!("{read:?} was read"))
    })?;
    ensure(!stuck.is_finished(), || "nobody waited".to_owned())?;
    drop(served);
    moves("the write that waited", Ok(joined(stuck)?), 3)?;
    let mut read = [1; 9];
    moves("a read", file.read(&mut read), 3)?;
    ensure(read[..3] == [0; 3], || format!("{read:?} was read"))
}

fn taken(context: &mut Context) -> Verdict {
    const BYTES: usize = 4 << 20;
    const TURNS: usize = 20;
    // A debug kernel is slow to bring a page in: what is taken more often is rarely there for a copy, and after sixteen tries a
    // call ends with what it has.
    const PAUSE: Duration = Duration::from_micros(250);
    let made = Made::of_size(BYTES)?;
    let file = made.device.nonblocking()?;
    let problem = |e| failed("memory", &made.device.node(), &e);
    let memory = Arc::new(Taken::new(BYTES).map_err(problem)?);
    let over = Arc::new(AtomicBool::new(false));
    let taker = thread::spawn({
        let (memory, over) = (Arc::clone(&memory), Arc::clone(&over));
        move || -> Verdict<u64> {
            let mut times = 0;
            while !over.load(Ordering::Relaxed) {
                let taken = memory.take();
                taken.map_err(|e| Problem::Failed(format!("madvise: {e}")))?;
                times += 1;
                thread::sleep(PAUSE);
            }
            Ok(times)
        }
    });
    let turns = || -> Verdict {
        for _ in 0..TURNS {
            moves("a write", memory.write(&file), BYTES)?;
            moves("a read", memory.read(&file), BYTES)?;
        }
        Ok(())
    };
    let moved = turns();
    over.store(true, Ordering::Relaxed);
    let times = joined(taker)?;
    context.note(format!("it was taken {times} times in {} calls", 2 * TURNS));
    moved?;
    ensure(times > 0, || "nothing was taken".to_owned())
}

/// Somebody who waits for memory.
pub struct Stuck {
    served: Served,
    thread: thread::JoinHandle<std::io::Result<usize>>,
}

impl Stuck {
    /// Lets it go on. What its call gave.
    ///
    /// # Errors
    /// If the thread failed.
    pub fn serve(self) -> Verdict<std::io::Result<usize>> {
        drop(self.served);
        match self.thread.join() {
            Ok(result) => Ok(result),
            Err(_) => fail("a thread has panicked"),
        }
    }
}

/// Lets somebody begin `call` with a page that is not there, of a file that does not wait.
///
/// # Errors
/// If the buffer can't be opened; a reason to skip where there is no `userfaultfd`.
pub fn stuck_in(
    made: &Made,
    call: fn(&Unserved, &File) -> std::io::Result<usize>,
) -> Verdict<Stuck> {
    let page = unserved()?;
    let file = made.device.nonblocking()?;
    let served = Served(Arc::clone(&page));
    let thread = thread::spawn(move || call(&page, &file));
    thread::sleep(Duration::from_millis(200));
    Ok(Stuck { served, thread })
}
