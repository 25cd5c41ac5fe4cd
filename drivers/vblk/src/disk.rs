// SPDX-License-Identifier: GPL-2.0-only

//! A disk: what becomes of its requests. All entries may sleep unless they say otherwise; requests come from the block
//! layer's queue, which may wait for memory, but for no disk.
//!
//! Lock order: `power`, then `wrong` or the slots of pages; `held` alone.

use kernel::ffi::c_int;
use kernel::ioctl::_IOR;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use kernel::sync::Mutex;
use kernel::time::delay::fsleep;
use kernel::time::Delta;
use kernel::uaccess::{UserPtr, UserSlice};

use crate::lib::kernel::block;
use crate::lib::kernel::block::{Data, Operations, Request, Status};
use crate::model::geometry::{is_on, Geometry, SECTOR};
use crate::model::power::Cut;
use crate::model::rules::{Kind, Operation, Rule};
use crate::store::Store;
use crate::wrong::{Done, Lot, Wrong};

pub(crate) static OPERATIONS: Operations<Disk> = Operations::new();

/// What `VBLK_GET_STATS` gives: `capacity_bytes`, `sectors`, `reads`, `writes`, `read_sectors`, `write_sectors`.
type Stats = [u64; 6];

const GET_STATS: u32 = _IOR::<Stats>(0xb1, 1);

/// Bits of [`Disk::state`]: something may go wrong with the next request.
const PENDING: u32 = 1;
/// The power is off.
const OFF: u32 = 2;
/// The disk has been pulled out.
const GONE: u32 = 4;

/// Requests that have been done.
#[derive(Default)]
struct Counters {
    reads: Atomic64,
    writes: Atomic64,
    read_sectors: Atomic64,
    write_sectors: Atomic64,
    flushes: Atomic64,
    discards: Atomic64,
    zeroes: Atomic64,
}

/// A counter. Any context.
struct Atomic64(Atomic<u64>);

impl Default for Atomic64 {
    fn default() -> Self {
        Self(Atomic::new(0))
    }
}

impl Atomic64 {
    fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What a disk says of itself: names and numbers.
pub(crate) type State = [(&'static str, u64); 17];

/// A disk.
#[pin_data]
pub(crate) struct Disk {
    /// As it was made; its size may be another one by now.
    pub(crate) geometry: Geometry,
    /// The size in bytes.
    bytes: Atomic<u64>,
    store: Store,
    counters: Counters,
    /// 0 as long as all is well: see [`PENDING`]. (6.18 has no atomic `bool`.)
    state: Atomic<u32>,
    /// How many requests are being done, for a disk that has a volatile cache.
    busy: Atomic<u32>,
    #[pin]
    wrong: Mutex<Wrong>,
    /// Requests that wait until they are let go, with what becomes of them then.
    #[pin]
    held: Mutex<KVec<(Request, Lot)>>,
    /// How often requests have been let go; changed with the lock of `held`.
    releases: Atomic<u32>,
    /// Held while the power goes or comes. A power cut waits for the requests that are being done, flushes among them,
    /// so none of these takes it.
    #[pin]
    power: Mutex<()>,
}

impl Disk {
    /// Makes a disk of zeroes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(geometry: Geometry) -> Result<impl PinInit<Self>> {
        let store = Store::new(geometry.cache)?;
        Ok(pin_init!(Self {
            geometry,
            bytes: Atomic::new(geometry.bytes),
            store,
            counters: Counters::default(),
            state: Atomic::new(0),
            busy: Atomic::new(0),
            wrong <- new_mutex!(Wrong::new(), "Disk::wrong"),
            held <- new_mutex!(KVec::new(), "Disk::held"),
            releases: Atomic::new(0),
            power <- new_mutex!((), "Disk::power"),
        }))
    }

    /// Whether requests fail, for the power is off or the disk has gone. Any context.
    fn is_dead(&self) -> bool {
        self.state.load(Acquire) & (OFF | GONE) != 0
    }

    /// Sets some bits of the state, and clears others. Any context.
    fn change_state(&self, set: u32, clear: u32) {
        let mut old = self.state.load(Relaxed);
        // Full: whoever counts as busy afterwards sees it.
        while let Err(other) = self.state.cmpxchg(old, (old | set) & !clear, Full) {
            old = other;
        }
    }

    /// Looks at what is to go wrong by `look`, which may change it.
    pub(crate) fn wrong<T>(&self, look: impl FnOnce(&mut Wrong) -> T) -> T {
        let mut wrong = self.wrong.lock();
        let result = look(&mut wrong);
        match wrong.is_pending() {
            true => self.change_state(PENDING, 0),
            false => self.change_state(0, PENDING),
        }
        result
    }

    /// Does what a request asks for, and ends it.
    fn finish(&self, request: Request, lot: Lot) {
        let result = match (self.is_dead(), lot.error) {
            (true, _) => Err(EIO),
            (false, None) => self.perform(&request, lot),
            (false, Some(errno)) => return Self::end(request, Status::from_errno(errno), lot),
        };
        let status = result.map_or_else(Status::from, |()| Status::OK);
        Self::end(request, status, lot);
    }

    fn end(request: Request, status: Status, lot: Lot) {
        match lot.delay {
            0 => request.end(status),
            delay => request.end_after(delay, status),
        }
    }

    /// Does what a request asks for.
    fn perform(&self, request: &Request, lot: Lot) -> Result {
        if !self.geometry.cache {
            return self.transfer(request, lot);
        }
        self.busy.fetch_add(1, Full);
        // Looked at when it is counted: a power cut waits for those who have not seen it.
        let result = match self.is_dead() {
            true => Err(EIO),
            false => self.transfer(request, lot),
        };
        self.busy.fetch_add(u32::MAX, Release);
        result
    }

    fn transfer(&self, request: &Request, lot: Lot) -> Result {
        let (sectors, bytes) = (request.bytes() / SECTOR as u32, u64::from(request.bytes()));
        let operation = request.operation();
        let counters = &self.counters;
        if operation == block::Operation::Flush {
            counters.flushes.add(1);
            self.store.flush();
            return Ok(());
        }
        // A flush is nowhere: its sector is no number to be multiplied.
        let position = request.sector() * SECTOR as u64;
        if !is_on(self.bytes.load(Relaxed), position, bytes) {
            return Err(EIO);
        }
        match operation {
            block::Operation::Read => {
                let mut flip = lot.flipped;
                Self::each(request, position, |at, data| {
                    self.store.read(at, &mut data.again());
                    if core::mem::take(&mut flip) {
                        data.flip();
                    }
                    Ok(())
                })?;
                counters.reads.add(1);
                counters.read_sectors.add(sectors.into());
            }
            block::Operation::Write => {
                if !lot.lost {
                    let safe = request.is_fua();
                    Self::each(request, position, |at, data| {
                        self.store.write(at, data, safe)
                    })?;
                }
                counters.writes.add(1);
                counters.write_sectors.add(sectors.into());
            }
            block::Operation::Discard => {
                self.store.erase(position, bytes);
                counters.discards.add(1);
            }
            block::Operation::WriteZeroes => {
                self.store.erase(position, bytes);
                counters.zeroes.add(1);
            }
            _ => return Err(ENOTSUPP),
        }
        Ok(())
    }

    /// Hands a request's memory to `each`, with where it is on the disk.
    fn each(
        request: &Request,
        mut position: u64,
        mut each: impl FnMut(u64, &mut Data<'_>) -> Result,
    ) -> Result {
        request.data(|mut data| {
            let at = position;
            position += data.len() as u64;
            each(at, &mut data)
        })
    }

    /// Keeps a request until [`Disk::release`], which had been called so often when its lot was drawn. A disk that is
    /// dead keeps none: nobody would let it go.
    fn hold(&self, request: Request, lot: Lot, releases: u32) {
        let mut held = self.held.lock();
        // Otherwise those have been let go meanwhile that it belongs to. Whoever lets the disk die says so before they
        // let go of those that are held, under this lock.
        if self.releases.load(Relaxed) == releases && !self.is_dead() {
            // If there is no memory it fails.
            let _ = held.push((request, lot), GFP_NOWAIT);
            return;
        }
        drop(held);
        self.finish(request, lot);
    }

    /// Lets the requests that are held go on, or fail where the power is off.
    pub(crate) fn release(&self) {
        let mut held = self.held.lock();
        self.releases.fetch_add(1, Release);
        let waiting = core::mem::replace(&mut *held, KVec::new());
        drop(held);
        for (request, lot) in waiting {
            self.finish(request, lot);
        }
    }

    /// Lets no request go on any more that comes from now on, or all.
    pub(crate) fn freeze(&self, freeze: bool) {
        // There is no clock that stands still.
        self.wrong(|wrong| wrong.faults.freeze(freeze, 0));
        if !freeze {
            self.release();
        }
    }

    /// Takes the power away: what is in the volatile cache is lost, or a part of it, as `seed` chooses, and all requests
    /// fail until [`Disk::power_on`].
    pub(crate) fn cut(&self, seed: u64) {
        let _power = self.power.lock();
        self.change_state(OFF, 0);
        // Those that wait have done nothing yet.
        self.release();
        while self.busy.load(Acquire) > 0 {
            fsleep(Delta::from_micros(100));
        }
        let torn = self.wrong(|wrong| {
            wrong.done.cuts += 1;
            wrong.torn
        });
        self.store.cut(&Cut {
            seed,
            torn,
            block: self.geometry.block,
        });
    }

    /// Gives the power back.
    pub(crate) fn power_on(&self) {
        let _power = self.power.lock();
        self.change_state(0, OFF);
    }

    /// Whether there is power. Any context.
    pub(crate) fn has_power(&self) -> bool {
        self.state.load(Relaxed) & OFF == 0
    }

    /// Lets all requests fail from now on, for good.
    pub(crate) fn leave(&self) {
        self.change_state(GONE, 0);
        self.release();
    }

    /// Gives all memory back. To be called when no request comes any more.
    pub(crate) fn clear(&self) {
        self.store.truncate(0);
    }

    /// Its size in bytes. Any context.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Sets its size, of which the block layer must be told: before, where it is less, and afterwards, where it is more.
    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
        self.store.truncate(bytes);
    }

    fn stats(&self) -> Stats {
        let (counters, bytes) = (&self.counters, self.bytes());
        [
            bytes,
            bytes / SECTOR as u64,
            counters.reads.get(),
            counters.writes.get(),
            counters.read_sectors.get(),
            counters.write_sectors.get(),
        ]
    }

    /// What it says of itself.
    pub(crate) fn state(&self) -> State {
        let [bytes, sectors, reads, writes, read_sectors, write_sectors] = self.stats();
        let counters = &self.counters;
        let (medium, cached) = self.store.pages();
        let held = self.held.lock().len() as u64;
        let Done {
            failed,
            delayed,
            held: _,
            dropped,
            flipped,
            cuts,
        } = self.wrong(|wrong| wrong.done);
        [
            ("capacity_bytes", bytes),
            ("sectors", sectors),
            ("reads", reads),
            ("writes", writes),
            ("read_sectors", read_sectors),
            ("write_sectors", write_sectors),
            ("flushes", counters.flushes.get()),
            ("discards", counters.discards.get()),
            ("write_zeroes", counters.zeroes.get()),
            ("pages", medium),
            ("cached_pages", cached),
            ("held", held),
            ("failed", failed),
            ("delayed", delayed),
            ("dropped", dropped),
            ("flipped", flipped),
            ("power_cuts", cuts),
        ]
    }

    /// Adds a rule of a kind. Whether there was room for it.
    pub(crate) fn add_rule(&self, kind: Kind, rule: Rule) -> bool {
        self.wrong(|wrong| wrong.rules(kind).add(rule))
    }

    /// Forgets the rules of a kind; what hangs by one goes on, unless all is frozen.
    pub(crate) fn clear_rules(&self, kind: Kind) {
        let frozen = self.wrong(|wrong| {
            wrong.rules(kind).clear();
            wrong.faults.frozen()
        });
        if kind == Kind::Hang && !frozen {
            self.release();
        }
    }
}

/// What the rules call an operation.
fn named(operation: block::Operation) -> Option<Operation> {
    Some(match operation {
        block::Operation::Read => Operation::Read,
        block::Operation::Write => Operation::Write,
        block::Operation::Flush => Operation::Flush,
        block::Operation::Discard => Operation::Discard,
        block::Operation::WriteZeroes => Operation::Zeroes,
        block::Operation::Other => return None,
    })
}

#[vtable]
impl block::Disk for Disk {
    fn request(&self, request: Request) {
        let operation = named(request.operation());
        let releases = self.releases.load(Acquire);
        // What comes to a dead disk fails, and nothing else goes wrong with it.
        let state = self.state.load(Acquire) & (PENDING | OFF | GONE);
        let lot = match operation.filter(|_| state == PENDING) {
            None => Lot::default(),
            Some(operation) => {
                let sectors = u64::from(request.bytes() / SECTOR as u32);
                let first = request.sector();
                self.wrong(|wrong| wrong.draw(operation, first, sectors))
            }
        };
        match lot.hang {
            true => self.hold(request, lot, releases),
            false => self.finish(request, lot),
        }
    }

    fn ioctl(&self, command: u32, argument: usize) -> Result<c_int> {
        match command {
            GET_STATS => {
                let slice = UserSlice::new(UserPtr::from_addr(argument), size_of::<Stats>());
                slice.writer().write(&self.stats())?;
                Ok(0)
            }
            _ => Err(ENOTTY),
        }
    }
}
