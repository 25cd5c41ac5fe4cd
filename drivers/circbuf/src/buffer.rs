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
use crate::lib::kernel::iov::Tries;
use crate::lib::kernel::wait::{Event, WaitQueue};
use crate::lib::model::faults::Faults;
use crate::model::rules::{Rules, ATOMIC};
use crate::model::wrong::{is_pending, least, pass, Wrong};

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
    /// 1 while nothing moves; changed with the writer's lock held. (6.18 has no atomic `bool`.)
    frozen: Atomic<u32>,
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
            frozen: Atomic::new(0),
            open: Atomic::new(0),
        }))
    }

    /// Its rules. Any context.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    fn frozen(&self) -> bool {
        self.frozen.load(Relaxed) != 0
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
        self.used() > 0 && !self.frozen()
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
        let asked = to.len();
        if asked == 0 {
            return Ok(0);
        }
        let mut tries = Tries::new();
        loop {
            let mut reader = self.fifo.reader();
            let bytes = reader.there().min(asked);
            if bytes == 0 || self.frozen() {
                drop(reader);
                if mode.nonblocking {
                    return Err(EAGAIN);
                }
                self.readers.wait_in_turn(|| self.readable())?;
                *woken = true;
                continue;
            }
            if reader.copy_to(to, bytes) {
                reader.take_out(bytes);
                reader.calls += 1;
                drop(reader);
                self.wake_writers();
                return Ok(bytes);
            }
            drop(reader);
            tries.bring_in_dest(to, bytes)?;
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
    /// `EAGAIN`, `ERESTARTSYS`, `ENODEV`, `EFAULT`, `ENOMEM` while bytes go wrong; none of them adds a byte.
    pub(crate) fn write(&self, from: &mut IovIterSource<'_>, mode: Mode) -> Result<usize> {
        let mut woken = false;
        let written = self.write_some(from, mode, &mut woken);
        // Whoever has been woken for room that is still there wakes the next.
        if woken && self.room() > 0 && !self.frozen() && !self.rules.atomic {
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
        let (mut skipped, mut tries) = (0, Tries::new());
        while !from.is_empty() {
            let given = from.len();
            let mut writer = self.fifo.writer();
            if is_pending(&writer.faults) {
                drop(writer);
                return self.write_wrong(from, mode, woken);
            }
            let plan = self.rules.plan(given, writer.room());
            let Some(plan) = plan.filter(|_| !self.frozen()) else {
                drop(writer);
                self.wait_for_room(self.rules.least(given), mode)?;
                *woken = true;
                continue;
            };
            if plan.overwritten() > 0 {
                // Nothing goes for what then can't be had.
                drop(writer);
                tries.bring_in_source(from, given)?;
                writer = self.fifo.writer();
            }
            from.advance(plan.skip);
            skipped += plan.skip;
            if self.make_room(&mut writer, plan.fill) && writer.fill_from(from, plan.fill) {
                self.added(writer, skipped);
                return Ok(skipped + plan.fill);
            }
            drop(writer);
            tries.bring_in_source(from, plan.fill)?;
        }
        Ok(0)
    }

    /// Lets the oldest bytes go until there is room for `bytes`, if they may. Whether there is.
    fn make_room(&self, writer: &mut Writer<'_, Reads, Writes>, bytes: usize) -> bool {
        let room = writer.room();
        if room < bytes && self.rules.overwrite {
            let mut reader = writer.reader();
            // Readers may have taken some meanwhile.
            let lost = bytes.saturating_sub(writer.room());
            reader.take_out(lost);
            drop(reader);
            writer.overwritten += lost as u64;
        }
        writer.room() >= bytes
    }

    /// Ends a call that has filled something in, and has left out the first `skipped` bytes.
    fn added(&self, mut writer: Writer<'_, Reads, Writes>, skipped: usize) {
        writer.publish();
        writer.calls += 1;
        writer.overwritten += skipped as u64;
        drop(writer);
        self.readers.wake_one(Event::Readable);
    }

    /// Sleeps until there is room for `least` bytes, and something moves.
    fn wait_for_room(&self, least: usize, mode: Mode) -> Result {
        if mode.nonblocking {
            return Err(EAGAIN);
        }
        self.writers
            .wait_in_turn(|| self.room() >= least && !self.frozen())
    }

    /// Writes up to [`ATOMIC`] bytes of which some go wrong.
    fn write_wrong(
        &self,
        from: &mut IovIterSource<'_>,
        mode: Mode,
        woken: &mut bool,
    ) -> Result<usize> {
        let mut given = KVec::with_capacity(ATOMIC, GFP_KERNEL)?;
        let mut changed = KVec::with_capacity(2 * ATOMIC, GFP_KERNEL)?;
        let bytes = from.len().min(ATOMIC);
        given.resize(bytes, 0u8, GFP_KERNEL)?;
        // No lock is held here, however long the program's memory takes.
        if from.copy_from_iter(&mut given) < bytes {
            return Err(EFAULT);
        }
        loop {
            let mut writer = self.fifo.writer();
            let room = match self.rules.overwrite {
                true => usize::MAX,
                false => writer.room(),
            };
            let least = least(&writer.faults);
            if room < least.max(1) || self.frozen() {
                drop(writer);
                self.wait_for_room(least.max(1), mode)?;
                *woken = true;
                continue;
            }
            let Writes { faults, wrong, .. } = &mut *writer;
            let taken = pass(faults, wrong, &given, room, |byte| {
                // There is room for twice as many as are given.
                let _ = changed.push(byte, GFP_KERNEL);
            });
            let skipped = changed.len().saturating_sub(self.rules.capacity);
            let fill = &changed[skipped..];
            self.make_room(&mut writer, fill.len());
            writer.fill(fill);
            self.added(writer, skipped);
            return Ok(taken);
        }
    }

    /// What can be done without sleeping. Must not sleep.
    pub(crate) fn poll<'a>(&'a self, poller: &Poller<'a>, mode: Mode) -> Ready {
        let mut ready = Ready::default();
        if mode.readable {
            poller.watch(&self.readers);
            ready.readable = self.readable();
        }
        if mode.writable {
            poller.watch(&self.writers);
            ready.writable = self.rules.writable(self.room()) && !self.frozen();
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
            self.frozen.store(freeze.into(), Relaxed);
        });
        self.readers.wake_all();
        self.writers.wake_all();
    }

    /// Lets nobody wait any more. May be called more than once. Any context.
    pub(crate) fn leave(&self) {
        self.readers.close();
        self.writers.close();
    }
}
