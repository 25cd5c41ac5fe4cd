// SPDX-License-Identifier: GPL-2.0-only

//! A buffer, and the queues in which its readers and writers sleep. All entries may sleep unless they say otherwise.
//!
//! Lock order: the writer's lock, then the reader's. Neither is held where a program's memory is waited for, or a
//! buffer.

use kernel::iov::{IovIterDest, IovIterSource};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

use crate::lib::kernel::chardev::{Mode, Poller, Ready};
use crate::lib::kernel::fifo::{Fifo, Writer};
use crate::lib::kernel::iov::{copy_in, Tries};
use crate::lib::kernel::wait::{interrupted, Event, WaitQueue};
use crate::lib::model::faults::Faults;
use crate::model::rules::{Rules, ATOMIC};
use crate::model::wrong::{is_pending, least, pass, Wrong};

/// How many bytes are moved at once: so short is a lock held.
const STEP: usize = 65_536;

/// Somebody wants nothing to move.
const FROZEN: u32 = 1;
/// The node has gone.
const GONE: u32 = 2;

/// What a step of a call has moved.
struct Moved {
    bytes: usize,
    /// Whether nothing else was there, or no more fitted: what comes afterwards is for another call.
    all: bool,
}

/// What the reader's lock protects besides the FIFO's end.
pub(crate) struct Reads {
    /// How many calls have read something.
    calls: u64,
}

/// What the writer's lock protects besides the FIFO's end.
pub(crate) struct Writes {
    /// How many calls have written something.
    calls: u64,
    /// How many bytes were lost for others.
    overwritten: u64,
    /// What is to go wrong.
    faults: Faults,
    /// What has.
    wrong: Wrong,
}

/// What a buffer says of itself, all at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    /// For how many bytes there is room when it is empty.
    pub(crate) capacity: usize,
    /// How many bytes are in it.
    pub(crate) used: usize,
    /// How many calls have read something.
    pub(crate) reads: u64,
    /// How many calls have written something.
    pub(crate) writes: u64,
    /// How many bytes were lost for others.
    pub(crate) overwritten: u64,
    /// How many bytes faults have changed.
    pub(crate) wrong: Wrong,
}

/// A buffer.
#[pin_data]
pub(crate) struct Buffer {
    #[pin]
    fifo: Fifo<Reads, Writes>,
    rules: Rules,
    /// Those who wait for bytes.
    #[pin]
    readers: WaitQueue,
    /// Those who wait for room.
    #[pin]
    writers: WaitQueue,
    /// Why nothing moves, [`FROZEN`] and [`GONE`], or 0; changed with the writer's lock held.
    stopped: Atomic<u32>,
    /// How many files are open.
    pub(crate) open: Atomic<u32>,
}

impl Buffer {
    /// Makes an empty buffer.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(rules: Rules) -> Result<impl PinInit<Self>> {
        let reads = Reads { calls: 0 };
        let writes = Writes {
            calls: 0,
            overwritten: 0,
            faults: Faults::default(),
            wrong: Wrong::default(),
        };
        let fifo = Fifo::new(rules.capacity, reads, writes)?;
        Ok(pin_init!(Self {
            fifo <- fifo,
            rules,
            readers <- WaitQueue::new(),
            writers <- WaitQueue::new(),
            stopped: Atomic::new(0),
            open: Atomic::new(0),
        }))
    }

    /// Its rules. Any context.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether nothing moves. Any context.
    fn stopped(&self) -> bool {
        self.stopped.load(Relaxed) != 0
    }

    /// Whether the node is there: asked with one of the locks held.
    fn still_there(&self) -> Result {
        match self.stopped.load(Relaxed) & GONE {
            0 => Ok(()),
            _ => Err(ENODEV),
        }
    }

    /// How many bytes can be read. Any context.
    pub(crate) fn used(&self) -> usize {
        self.fifo.used()
    }

    /// For how many bytes there is room. Any context.
    fn room(&self) -> usize {
        self.fifo.capacity() - self.fifo.used()
    }

    /// Whether a reader does not have to wait. Any context.
    fn readable(&self) -> bool {
        self.used() > 0 && !self.stopped()
    }

    /// Reads as many bytes as there are, at most as many as are asked for.
    ///
    /// # Errors
    ///
    /// `EAGAIN`, `ERESTARTSYS`, `ENODEV`, `EFAULT`; none of them takes a byte.
    pub(crate) fn read(&self, to: &mut IovIterDest<'_>, mode: Mode) -> Result<usize> {
        let mut woken = false;
        let read = self.read_some(to, mode, &mut woken);
        // Whoever has been woken for bytes that are still there wakes the next.
        if woken && self.readable() {
            self.readers.wake_one(Event::Readable);
        }
        read
    }

    /// As [`Buffer::read`]; says in `woken` whether it has slept.
    fn read_some(&self, to: &mut IovIterDest<'_>, mode: Mode, woken: &mut bool) -> Result<usize> {
        let mut read = 0;
        while !to.is_empty() {
            match self.read_step(to, read == 0, mode, woken) {
                Ok(moved) => {
                    read += moved.bytes;
                    if moved.all || to.is_empty() || interrupted() {
                        break;
                    }
                }
                Err(error) if read == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(read)
    }

    /// Reads up to [`STEP`] bytes, `to` not being empty; only the `first` step of a call waits, and is counted.
    fn read_step(
        &self,
        to: &mut IovIterDest<'_>,
        first: bool,
        mode: Mode,
        woken: &mut bool,
    ) -> Result<Moved> {
        let (mut most, mut tries) = (STEP, Tries::new());
        loop {
            let mut reader = self.fifo.reader();
            let there = reader.there();
            if there == 0 || self.stopped() {
                self.still_there()?;
                drop(reader);
                if mode.nonblocking || !first {
                    return Err(EAGAIN);
                }
                self.readers.wait_in_turn(|| self.readable())?;
                (*woken, tries) = (true, Tries::new());
                continue;
            }
            let bytes = there.min(to.len()).min(most);
            if reader.copy_to(to, bytes) {
                reader.take_out(bytes);
                reader.calls += u64::from(first);
                drop(reader);
                self.wake_writers();
                let all = bytes == there;
                return Ok(Moved { bytes, all });
            }
            drop(reader);
            // The less it is, the likelier is all of its memory there at once.
            most = (most / 2).clamp(1, ATOMIC);
            tries.bring_in(to, bytes.min(most))?;
        }
    }

    /// Wakes those for whom there may be room now.
    fn wake_writers(&self) {
        if self.rules.atomic {
            // Each waits for as much room as it needs, so the first may go on sleeping where the second would not.
            self.writers.wake_all();
        } else {
            self.writers.wake_one(Event::Writable);
        }
    }

    /// Writes as the buffer's rules say.
    ///
    /// # Errors
    ///
    /// `EAGAIN`, `ERESTARTSYS`, `ENODEV`, `EFAULT`, `ENOMEM`; none of them adds a byte, or lets one go.
    pub(crate) fn write(&self, from: &mut IovIterSource<'_>, mode: Mode) -> Result<usize> {
        let mut woken = false;
        let written = self.write_some(from, mode, &mut woken);
        // Whoever has been woken for room that is still there wakes the next.
        if woken && self.room() > 0 && !self.stopped() && !self.rules.atomic {
            self.writers.wake_one(Event::Writable);
        }
        written
    }

    /// As [`Buffer::write`]; says in `woken` whether it has slept.
    fn write_some(
        &self,
        from: &mut IovIterSource<'_>,
        mode: Mode,
        woken: &mut bool,
    ) -> Result<usize> {
        let mut written = 0;
        while !from.is_empty() {
            match self.write_step(from, written == 0, mode, woken) {
                Ok(moved) => {
                    written += moved.bytes;
                    // Of what was copied aside some may be left that did not fit: that is `from`'s no more.
                    if moved.all || from.is_empty() || interrupted() {
                        break;
                    }
                }
                Err(error) if written == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(written)
    }

    /// Becomes the writer as soon as some of `given` bytes can be written, by these `rules`, and says for how many there is
    /// room; only the `first` step of a call waits for that.
    fn writer(
        &self,
        rules: &Rules,
        given: usize,
        (first, mode): (bool, Mode),
        woken: &mut bool,
    ) -> Result<(Writer<'_, Reads, Writes>, usize)> {
        loop {
            let mut writer = self.fifo.writer();
            let least = match is_pending(&writer.faults) && !rules.overwrite {
                true => least(&writer.faults).max(1),
                false => rules.least(given),
            };
            let room = writer.room();
            if room >= least && !self.stopped() {
                return Ok((writer, room));
            }
            self.still_there()?;
            drop(writer);
            if mode.nonblocking || !first {
                return Err(EAGAIN);
            }
            self.writers
                .wait_in_turn(|| self.room() >= least && !self.stopped())?;
            *woken = true;
        }
    }

    /// Writes up to [`STEP`] bytes, and those that they overwrite at once, `from` not being empty; only the `first` step
    /// of a call waits, and is counted.
    ///
    /// They are copied straight into the buffer, but where that could fail when others' bytes have gone for them, or
    /// takes longer than a lock may be held, or where some go wrong.
    fn write_step(
        &self,
        from: &mut IovIterSource<'_>,
        first: bool,
        mode: Mode,
        woken: &mut bool,
    ) -> Result<Moved> {
        let rules = match first {
            true => self.rules,
            false => self.rules.of_rest(),
        };
        let given = from.len();
        let (mut writer, room) = self.writer(&rules, given, (first, mode), woken)?;
        let mut whole = (0, given);
        if !is_pending(&writer.faults) {
            if let Some(plan) = rules.plan(given, room, STEP) {
                if plan.overwritten() == 0 && writer.fill_from(from, plan.fill) {
                    self.added(writer, 0, first);
                    return Ok(Moved {
                        bytes: plan.fill,
                        all: plan.fill == room && !rules.overwrite,
                    });
                }
                whole = (plan.skip, plan.fill);
            }
        }
        drop(writer);
        let (skipped, bytes) = whole;
        from.advance(skipped);
        let copied = copy_in(from, bytes.min(ATOMIC))?;
        self.write_copied(&rules, given, (skipped, &copied), (first, mode), woken)
    }

    /// Writes what has been copied aside of `given` bytes, as much of it as fits; so many before it are left out for it.
    fn write_copied(
        &self,
        rules: &Rules,
        given: usize,
        (skipped, copied): (usize, &[u8]),
        (first, mode): (bool, Mode),
        woken: &mut bool,
    ) -> Result<Moved> {
        let mut changed = KVec::new();
        loop {
            let (mut writer, room) = self.writer(rules, given, (first, mode), woken)?;
            // How many it may take, and how many may come of them.
            let (fits, room) = match rules.overwrite {
                true => (rules.capacity, usize::MAX),
                false => (room, room),
            };
            if !is_pending(&writer.faults) {
                let bytes = copied.len().min(fits);
                self.push(&mut writer, &copied[..bytes]);
                self.added(writer, skipped, first);
                return Ok(Moved {
                    bytes: skipped + bytes,
                    all: bytes < copied.len() || bytes == room,
                });
            }
            if changed.capacity() < 2 * copied.len() {
                drop(writer);
                changed.reserve(2 * copied.len(), GFP_KERNEL)?;
                continue;
            }
            let Writes { faults, wrong, .. } = &mut *writer;
            let taken = pass(faults, wrong, copied, room, |byte| {
                // There is room for twice as many as are given.
                let _ = changed.push(byte, GFP_KERNEL);
            });
            let left_out = changed.len().saturating_sub(rules.capacity);
            self.push(&mut writer, &changed[left_out..]);
            self.added(writer, skipped + left_out, first);
            return Ok(Moved {
                bytes: skipped + taken,
                all: taken < copied.len(),
            });
        }
    }

    /// Fills in `bytes`, for which there is room, or which overwrite the oldest.
    fn push(&self, writer: &mut Writer<'_, Reads, Writes>, bytes: &[u8]) {
        if writer.room() < bytes.len() {
            let mut reader = writer.reader();
            // Readers may have taken some meanwhile.
            let lost = bytes.len().saturating_sub(writer.room());
            reader.take_out(lost);
            drop(reader);
            writer.overwritten += lost as u64;
        }
        writer.fill(bytes);
    }

    /// Ends a step that has filled something in, and has left out `skipped` bytes.
    fn added(&self, mut writer: Writer<'_, Reads, Writes>, skipped: usize, first: bool) {
        writer.publish();
        writer.calls += u64::from(first);
        writer.overwritten += skipped as u64;
        drop(writer);
        self.readers.wake_one(Event::Readable);
    }

    /// What can be done without sleeping. Must not sleep.
    pub(crate) fn poll<'a>(&'a self, poller: &Poller<'a>, mode: Mode) -> Ready {
        let mut ready = Ready::default();
        // A file for neither (`O_ACCMODE`) is told of the end of the buffer.
        if mode.readable || !mode.writable {
            poller.watch(&self.readers);
            ready.readable = mode.readable && self.readable();
        }
        if mode.writable {
            poller.watch(&self.writers);
            ready.writable = self.rules.writable(self.room()) && !self.stopped();
        }
        ready
    }

    /// What it says of itself.
    pub(crate) fn state(&self) -> State {
        let writer = self.fifo.writer();
        let reader = writer.reader();
        State {
            capacity: self.fifo.capacity(),
            used: reader.there(),
            reads: reader.calls,
            writes: writer.calls,
            overwritten: writer.overwritten,
            wrong: writer.wrong,
        }
    }

    /// Looks at what is to go wrong by `look`, which may change it.
    pub(crate) fn faults<T>(&self, look: impl FnOnce(&mut Faults) -> T) -> T {
        look(&mut self.fifo.writer().faults)
    }

    /// Lets nothing move any more, or all go on.
    pub(crate) fn freeze(&self, freeze: bool) {
        self.faults(|faults| {
            // There is no clock; whoever looks without the lock looks at the other.
            faults.freeze(freeze, 0);
            let gone = self.stopped.load(Relaxed) & GONE;
            let frozen = if freeze { FROZEN } else { 0 };
            self.stopped.store(gone | frozen, Relaxed);
        });
        self.readers.wake_all();
        self.writers.wake_all();
    }

    /// Lets nobody wait, read or write any more. May be called more than once.
    pub(crate) fn leave(&self) {
        self.faults(|_| {
            let stopped = self.stopped.load(Relaxed);
            self.stopped.store(stopped | GONE, Relaxed);
        });
        self.readers.close();
        self.writers.close();
    }
}
