// SPDX-License-Identifier: GPL-2.0-only

//! A device: what its driver, its interrupts and its open files share, and what is done with it.
//!
//! Lock order: the buffer's lock is not held with another; a file's lock, then that of the units, which is an
//! interrupt's: nothing is allocated or freed with it held, and nobody sleeps. Registers are there only while the driver
//! is bound, and who has found them there must not sleep.

use kernel::new_spinlock;
use kernel::prelude::*;
use kernel::sync::{Arc, SpinLock};
use kernel::time::delay::fsleep;
use kernel::time::Delta;

use crate::job::Job;
use crate::lib::kernel::lock::IrqSpinLock;
use crate::lib::kernel::pci::{self, manage, Coherent, Managed};
use crate::lib::kernel::wait::{Until, WaitQueue};
use crate::lib::model::faults::Faults;
use crate::model::factorial::Factorial;
use crate::model::registers::{
    ACKNOWLEDGE, COMMAND, COMPUTING, FACTORIAL, GONE, IDENT, INTERRUPTS, LIVENESS, RUN, SIZE,
    STATUS, TELL,
};
use crate::model::turns::{Ticket, Turns};
use crate::model::unit::{Refused, Unit};
use crate::model::wrong::Wrong;

mod interrupt;
mod transfer;

/// The registers.
pub(crate) type Bar = pci::Bar<SIZE>;

/// For how long a transfer is waited for at the end, which takes 100 ms: so many times [`STEP`].
const STEPS: u32 = 100;
const STEP: Delta = Delta::from_millis(10);
/// How late an interrupt may be that the device has made up its mind to raise.
const LATE: Delta = Delta::from_millis(1);

/// Room for the tickets of those who wait.
type Room = KVec<u64>;

/// For how many more there is room when there is none for one.
const MORE: usize = 8;

/// What the device is doing.
struct Units {
    factorial: Factorial<Arc<Job>, Room>,
    transfer: Unit<Room>,
    counters: Counters,
    wrong: Wrong,
}

/// One of the units.
#[derive(Clone, Copy)]
enum Which {
    Factorial,
    Transfer,
}

impl Units {
    /// Those who wait for a unit.
    fn turns(&mut self, which: Which) -> &mut Turns<Room> {
        match which {
            Which::Factorial => self.factorial.turns(),
            Which::Transfer => self.transfer.turns(),
        }
    }
}

/// What has been counted since the device was bound.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    /// Interrupts of the device.
    pub(crate) interrupts: u64,
    /// Of those, how many ended nothing.
    pub(crate) spurious: u64,
    /// Numbers given to the device, and how many of those nobody waited for until the end.
    pub(crate) computations: [u64; 2],
    /// Ways of transfers, and how many of those nobody waited for until the end.
    pub(crate) transfers: [u64; 2],
}

/// What the device is doing, in words, and what has been counted.
pub(crate) struct State {
    pub(crate) factorial: &'static str,
    pub(crate) transfer: &'static str,
    pub(crate) counters: Counters,
    pub(crate) wrong: Wrong,
}

/// A device. An open file keeps it, but not the hardware.
#[pin_data]
pub(crate) struct Device {
    #[pin]
    units: IrqSpinLock<Units>,
    /// Those who wait for the unit that computes, or for their result.
    #[pin]
    pub(crate) computing: WaitQueue,
    /// Those who wait for the unit that transfers, or for the end of their transfer.
    #[pin]
    transferring: WaitQueue,
    buffer: Managed<SpinLock<Coherent>>,
    address: u64,
    dma_bits: u32,
    bar: Managed<Bar>,
}

impl Device {
    /// Makes a device of its registers and memory, whose addresses have at most so many bits. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENODEV`.
    pub(crate) fn new(
        device: &kernel::pci::Device<kernel::device::Bound>,
        bar: Managed<Bar>,
        buffer: Coherent,
        dma_bits: u32,
    ) -> Result<Arc<Self>> {
        let address = buffer.address();
        let buffer = manage(device, new_spinlock!(buffer))?;
        // What another driver has begun is computed before anything else.
        let computing = is_computing(&*bar.try_access().ok_or(ENODEV)?);
        let units = Units {
            factorial: Factorial::new(computing, KVec::new()),
            transfer: Unit::new(false, KVec::new()),
            counters: Counters::default(),
            wrong: Wrong::default(),
        };
        let device = try_pin_init!(Self {
            units <- IrqSpinLock::new(units),
            computing <- WaitQueue::new(),
            transferring <- WaitQueue::new(),
            buffer,
            address,
            dma_bits,
            bar,
        }? Error);
        Arc::pin_init(device, GFP_KERNEL)
    }

    /// Has the device tell of its results, until [`Device::leave`]. Sleeps until a transfer has ended that another
    /// driver has begun, perhaps without wanting to be told of its end.
    ///
    /// # Errors
    ///
    /// `EIO` if that transfer does not end, `ENODEV`.
    pub(crate) fn begin(&self) -> Result {
        self.transfer_ends(false)?;
        self.registers(|bar| {
            bar.write32::<ACKNOWLEDGE>(!0);
            bar.write32::<STATUS>(TELL);
        })
    }

    /// Sleeps until the device does not transfer, which a transfer that `hangs` does for ever.
    ///
    /// # Errors
    ///
    /// `EIO` if it does for too long, `ENODEV`.
    fn transfer_ends(&self, hangs: bool) -> Result {
        for _ in 0..STEPS {
            if !self.registers(is_moving)? && !hangs {
                return Ok(());
            }
            fsleep(STEP);
        }
        Err(EIO)
    }

    /// Does something with the registers. It must not sleep. Any context.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the driver is not bound any more.
    fn registers<T>(&self, with: impl FnOnce(&Bar) -> T) -> Result<T> {
        let bar = self.bar.try_access().ok_or(ENODEV)?;
        Ok(with(&bar))
    }

    /// What the device says that it is.
    ///
    /// # Errors
    ///
    /// `ENODEV`.
    pub(crate) fn ident(&self) -> Result<u32> {
        self.registers(|bar| bar.read32::<IDENT>())
    }

    /// Reads the liveness register.
    ///
    /// # Errors
    ///
    /// `ENODEV`.
    pub(crate) fn liveness(&self) -> Result<u32> {
        self.registers(|bar| bar.read32::<LIVENESS>())
    }

    /// Writes the liveness register.
    ///
    /// # Errors
    ///
    /// `ENODEV`.
    pub(crate) fn set_liveness(&self, value: u32) -> Result {
        self.registers(|bar| bar.write32::<LIVENESS>(value))
    }

    /// Starts `job` if the device can, and nobody else waits for that. Any context.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if the device is busy or others wait, `ENODEV` if it has gone.
    pub(crate) fn try_start(&self, job: &Arc<Job>) -> Result {
        self.start(job, None)
    }

    /// As [`Device::try_start`], of whoever has `ticket`.
    fn start(&self, job: &Arc<Job>, ticket: Option<Ticket>) -> Result {
        let bar = self.bar.try_access().ok_or(ENODEV)?;
        let mut units = self.units.lock();
        let frozen = units.wrong.is_frozen();
        let busy = || frozen || is_computing(&bar);
        let started = units.factorial.start(job.clone(), ticket, busy);
        started.map_err(refusal)?;
        bar.write32::<FACTORIAL>(job.number);
        units.counters.computations[0] += 1;
        Ok(())
    }

    /// Whether the device could start a job, for which nobody waits. Any context.
    pub(crate) fn can_start(&self) -> bool {
        let free = |bar: &Bar| {
            let units = self.units.lock();
            let busy = || units.wrong.is_frozen() || is_computing(bar);
            units.factorial.is_free(busy)
        };
        self.registers(free).unwrap_or(true)
    }

    /// Nobody waits for `job` any more. Any context.
    pub(crate) fn give_up(&self, job: &Arc<Job>) {
        let mut units = self.units.lock();
        let given_up = units.factorial.give_up(|other| Arc::ptr_eq(other, job));
        units.counters.computations[1] += u64::from(given_up.is_some());
        drop(units);
        if given_up.is_some() {
            // The device may have ended it already: if its interrupt was lost nobody else says so.
            self.computing.wake_all();
        }
        drop(given_up);
    }

    /// Those who wait for a unit, or for its job.
    fn queue(&self, which: Which) -> &WaitQueue {
        match which {
            Which::Factorial => &self.computing,
            Which::Transfer => &self.transferring,
        }
    }

    /// Puts the caller behind all who wait for a unit. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn line_up(&self, which: Which) -> Result<Place<'_>> {
        loop {
            let mut units = self.units.lock();
            let turns = units.turns(which);
            if let Some(ticket) = turns.come() {
                return Ok(Place {
                    device: self,
                    which,
                    ticket,
                });
            }
            let more = turns.room() + MORE;
            drop(units);
            let room = KVec::from_elem(0, more, GFP_KERNEL)?;
            let mut units = self.units.lock();
            let old = units.turns(which).enlarge(room);
            drop(units);
            drop(old);
        }
    }

    /// Computes a factorial, modulo 2³². Sleeps.
    ///
    /// # Errors
    ///
    /// `ENODEV`, `ENOMEM`, `ERESTARTSYS`.
    pub(crate) fn compute(&self, number: u32) -> Result<u32> {
        let job = Job::new(number)?;
        let place = self.line_up(Which::Factorial)?;
        self.computing.wait(Until::Signal, || {
            unless_busy(self.start(&job, Some(place.ticket)))
        })??;
        drop(place);
        let result = self.computing.wait(Until::Signal, || job.result());
        if result.is_err() {
            self.give_up(&job);
        }
        // It may have come together with a signal.
        job.result().map_or(result, Ok)
    }

    /// What the device is doing, and what has been counted. Any context.
    pub(crate) fn state(&self) -> State {
        let units = self.units.lock();
        State {
            factorial: units.factorial.word(),
            transfer: units.transfer.word(),
            counters: units.counters,
            wrong: units.wrong,
        }
    }

    /// Looks at what is to go wrong by `look`, which may change it and must not sleep. Any context.
    pub(crate) fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        look(&mut self.units.lock().wrong.faults)
    }

    /// From now on no job ends, or all go on. Any context.
    pub(crate) fn freeze(&self, freeze: bool) {
        let late = self.units.lock().wrong.freeze(freeze);
        if let (Some(bar), 1..) = (self.bar.try_access(), late) {
            self.told(&bar, late);
        }
        // Others may have been waiting for what has ended meanwhile and nobody waited for.
        self.computing.wake_all();
        self.transferring.wake_all();
    }

    /// The device goes: who sleeps in it is woken, and nobody begins anything any more. Sleeps until a transfer has
    /// ended that nobody waits for, for which the memory must be there; a computation goes on. After this there are no
    /// interrupts. Done again it does nothing; no two may do it at once.
    ///
    /// # Errors
    ///
    /// `EIO` if the transfer does not end, `EBUSY` if it goes on interrupting.
    pub(crate) fn leave(&self) -> Result {
        let mut units = self.units.lock();
        if units.transfer.is_gone() {
            return Ok(());
        }
        let job = units.factorial.leave();
        units.counters.computations[1] += u64::from(job.is_some());
        // While nothing ends on demand, neither does what runs now.
        let hangs = units.wrong.is_frozen() && units.transfer.is_busy();
        let left = units.transfer.leave();
        units.counters.transfers[1] += u64::from(left);
        drop(units);
        drop(job);
        self.close();
        let ended = self.transfer_ends(hangs);
        let told = self.registers(|bar| bar.write32::<STATUS>(0));
        // Without registers there is nothing that could go on.
        told.map_or(Ok(()), |()| ended.and(self.fall_silent()))
    }

    /// Wakes all who sleep in the device, or poll it, of whom the first get `ENODEV`, and so do those who come later. Any
    /// context.
    pub(crate) fn close(&self) {
        self.computing.close();
        self.transferring.close();
    }

    /// Sleeps until the device raises nothing any more. It looks at what it may tell, and raises it some time later:
    /// what comes after all has been acknowledged would have nobody who handles it, and the next driver to be bound, or
    /// another device at the same pin, would be interrupted without end. What is still computed then is not told of.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it goes on.
    fn fall_silent(&self) -> Result {
        for _ in 0..STEPS {
            let acknowledged = self.registers(|bar| bar.write32::<ACKNOWLEDGE>(!0));
            fsleep(LATE);
            let silent = self.registers(|bar| matches!(bar.read32::<INTERRUPTS>(), 0 | GONE));
            // Without registers nothing is raised.
            if acknowledged.and(silent).unwrap_or(true) {
                return Ok(());
            }
        }
        Err(EBUSY)
    }
}

/// A place among those who wait for a unit, unless they have got it meanwhile. Dropping this gives it up.
struct Place<'a> {
    device: &'a Device,
    which: Which,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut units = self.device.units.lock();
        let was_first = units.turns(self.which).go(self.ticket);
        drop(units);
        if was_first {
            // Now it is another's turn, or that of who does not wait.
            self.device.queue(self.which).wake_all();
        }
    }
}

/// Whether the device computes. One that has gone does not.
fn is_computing(bar: &Bar) -> bool {
    let status = bar.read32::<STATUS>();
    status != GONE && status & COMPUTING != 0
}

/// Whether the device transfers. One that has gone does not.
fn is_moving(bar: &Bar) -> bool {
    let command = bar.read32::<COMMAND>();
    command != GONE && command & RUN != 0
}

/// What a program is told of a unit that it can't have.
fn refusal(refused: Refused) -> Error {
    match refused {
        Refused::Busy => EAGAIN,
        Refused::Gone => ENODEV,
    }
}

/// What is waited for: that the device is not busy.
fn unless_busy(result: Result) -> Option<Result> {
    (result != Err(EAGAIN)).then_some(result)
}
