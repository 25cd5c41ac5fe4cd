// SPDX-License-Identifier: GPL-2.0-only

//! Transfers: to the device and back.

use kernel::prelude::*;

use super::{is_moving, refusal, unless_busy, Device, Which};
use crate::lib::kernel::pci::Coherent;
use crate::lib::kernel::wait::Until;
use crate::model::registers::{COMMAND, COUNT, DESTINATION, SOURCE};
use crate::model::transfer::{is_filled, legs, Leg};

impl Device {
    /// Moves `length` bytes to the device, and their complement back. Sleeps, but not for a turn if `nonblocking`.
    /// Returns whether all that came back is right.
    ///
    /// # Errors
    ///
    /// `ENODEV`, `ENOMEM`, `ERESTARTSYS`; `EAGAIN` if others are doing that, or wait; `EFAULT` if the device can't reach
    /// the memory.
    pub(crate) fn transfer(&self, length: usize, pattern: u8, nonblocking: bool) -> Result<bool> {
        let legs = legs(self.address, length, self.dma_bits).ok_or(EFAULT)?;
        let mut bytes = KVec::from_elem(pattern, length, GFP_KERNEL)?;
        let held = self.hold_transfer(nonblocking)?;
        self.with_buffer(|buffer| buffer.put(&bytes))?;
        let [out, back] = legs;
        held.run(&out)?;
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        self.with_buffer(|buffer| buffer.put(&bytes))?;
        held.run(&back)?;
        self.with_buffer(|buffer| buffer.get(&mut bytes))?;
        self.units.lock().wrong.transferred(&mut bytes);
        Ok(is_filled(&bytes, pattern))
    }

    /// Does something with the memory that the device reaches. Must not sleep.
    fn with_buffer<T>(&self, with: impl FnOnce(&mut Coherent) -> Result<T>) -> Result<T> {
        let buffer = self.buffer.try_access().ok_or(ENODEV)?;
        let mut buffer = buffer.lock();
        with(&mut buffer)
    }

    /// Waits until it is the caller's turn to have the unit that transfers.
    fn hold_transfer(&self, nonblocking: bool) -> Result<Held<'_>> {
        let hold = |ticket| {
            let bar = self.bar.try_access().ok_or(ENODEV)?;
            let mut units = self.units.lock();
            let frozen = units.wrong.is_frozen();
            let busy = || frozen || is_moving(&bar);
            units.transfer.hold(ticket, busy).map_err(refusal)
        };
        if nonblocking {
            hold(None)?;
        } else {
            let place = self.line_up(Which::Transfer)?;
            let ticket = Some(place.ticket);
            self.transferring
                .wait(Until::Signal, || unless_busy(hold(ticket)))??;
        }
        Ok(Held { device: self })
    }
}

/// The unit that transfers, of whoever has it. Dropping this gives it back.
struct Held<'a> {
    device: &'a Device,
}

impl Held<'_> {
    /// Has the device move bytes, and sleeps until it has.
    ///
    /// # Errors
    ///
    /// `ENODEV`, `ERESTARTSYS`.
    fn run(&self, leg: &Leg) -> Result {
        let device = self.device;
        let ended = || device.units.lock().transfer.outcome();
        {
            let bar = device.bar.try_access().ok_or(ENODEV)?;
            let mut units = device.units.lock();
            units.transfer.start().map_err(refusal)?;
            bar.write64::<SOURCE>(leg.source);
            bar.write64::<DESTINATION>(leg.destination);
            bar.write64::<COUNT>(leg.count);
            bar.write32::<COMMAND>(leg.command);
            units.counters.transfers[0] += 1;
        }
        let ended = device.transferring.wait(Until::Signal, ended)?;
        ended.map_err(refusal)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut units = self.device.units.lock();
        let left = units.transfer.release();
        units.counters.transfers[1] += u64::from(left);
        drop(units);
        self.device.transferring.wake_all();
    }
}
