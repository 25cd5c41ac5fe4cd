// SPDX-License-Identifier: GPL-2.0-only

//! The node of a device, and its files. All entries may sleep, but for `poll`.

use kernel::iov::{IovIterDest, IovIterSource};
use kernel::new_spinlock;
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::sync::{Arc, SpinLock};
use kernel::uaccess::{UserPtr, UserSlice};

use crate::device::{Device, State};
use crate::faults;
use crate::job::Job;
use crate::lib::kernel::chardev::{Closer, File, Mode, Operations, Poller, Ready};
use crate::model::command::{transfer, Command, TRANSFER_SIZE};
use crate::model::transfer::length;

pub(crate) static OPERATIONS: Operations<Open> = Operations::new();

/// An open file. What it has asked for and not fetched is given up when it is closed.
#[pin_data(PinnedDrop)]
pub(crate) struct Open {
    device: Arc<Device>,
    /// What it has asked for without waiting, and has not fetched yet.
    #[pin]
    asked: SpinLock<Option<Arc<Job>>>,
}

#[pinned_drop]
impl PinnedDrop for Open {
    fn drop(self: Pin<&mut Self>) {
        let job = self.asked.lock().take();
        if let Some(job) = job {
            self.device.give_up(&job);
        }
    }
}

impl Open {
    /// `PCIE_EDU_COMPUTE` without waiting: the first call with a number asks for it, one after the device is done
    /// returns the result.
    fn compute_later(&self, number: u32) -> Result<u32> {
        // Nothing is allocated or freed with the lock held.
        let new = Job::new(number)?;
        let mut asked = self.asked.lock();
        if let Some(job) = asked.as_ref().filter(|job| job.number == number) {
            let result = job.result().ok_or(EAGAIN)?;
            let job = asked.take();
            drop(asked);
            drop(job);
            return Ok(result);
        }
        // The number before is not wanted any more.
        let old = asked.take();
        if let Some(job) = &old {
            self.device.give_up(job);
        }
        let started = self.device.try_start(&new);
        if started.is_ok() {
            *asked = Some(new);
        }
        drop(asked);
        drop(old);
        started?;
        Err(EAGAIN)
    }

    fn compute(&self, argument: usize, mode: Mode) -> Result<isize> {
        let memory = UserSlice::new(UserPtr::from_addr(argument), size_of::<u32>());
        let (mut reader, mut writer) = memory.reader_writer();
        let number = reader.read::<u32>()?;
        let result = match mode.nonblocking {
            true => self.compute_later(number)?,
            false => self.device.compute(number)?,
        };
        writer.write(&result)?;
        Ok(0)
    }

    fn transfer(&self, argument: usize, mode: Mode) -> Result<isize> {
        let mut reader = UserSlice::new(UserPtr::from_addr(argument), TRANSFER_SIZE).reader();
        let (asked, pattern) = transfer(reader.read::<[u8; TRANSFER_SIZE]>()?);
        let length = length(asked).ok_or(EINVAL)?;
        match self.device.transfer(length, pattern, mode.nonblocking)? {
            true => Ok(0),
            false => Err(EIO),
        }
    }
}

#[vtable]
impl File for Open {
    type Node = Arc<Device>;

    fn open(device: &Arc<Device>, _: Mode) -> impl PinInit<Self, Error> {
        let device = device.clone();
        try_pin_init!(Self {
            device,
            asked <- new_spinlock!(None),
        }? Error)
    }

    fn release(&self, _: Mode, _: Closer) {
        let asked = self.asked.lock().take();
        if let Some(job) = asked {
            self.device.give_up(&job);
        }
    }

    fn read(&self, to: &mut IovIterDest<'_>, _: Mode) -> Result<usize> {
        if to.len() < size_of::<u32>() {
            return Err(EINVAL);
        }
        let bytes = self.device.liveness()?.to_ne_bytes();
        match to.copy_to_iter(&bytes) == bytes.len() {
            true => Ok(bytes.len()),
            false => Err(EFAULT),
        }
    }

    fn write(&self, from: &mut IovIterSource<'_>, _: Mode) -> Result<usize> {
        let mut bytes = [0; size_of::<u32>()];
        if from.len() != bytes.len() {
            return Err(EINVAL);
        }
        if from.copy_from_iter(&mut bytes) != bytes.len() {
            return Err(EFAULT);
        }
        self.device.set_liveness(u32::from_ne_bytes(bytes))?;
        Ok(bytes.len())
    }

    fn poll<'a>(&'a self, poller: &Poller<'a>, _: Mode) -> Ready {
        poller.watch(&self.device.computing);
        let asked = self.asked.lock();
        let done = asked.as_ref().map(|job| job.result().is_some());
        drop(asked);
        Ready {
            readable: done == Some(true),
            writable: done != Some(false) && self.device.can_start(),
        }
    }

    fn ioctl(&self, command: u32, argument: usize, mode: Mode) -> Result<isize> {
        match Command::of(command).ok_or(ENOTTY)? {
            Command::Compute => self.compute(argument, mode),
            Command::Transfer => self.transfer(argument, mode),
        }
    }

    /// The structures are the same.
    fn compat_ioctl(&self, command: u32, argument: usize, mode: Mode) -> Result<isize> {
        self.ioctl(command, argument, mode)
    }

    fn show(&self, text: &SeqFile) {
        let State {
            factorial,
            transfer,
            counters,
            wrong,
        } = self.device.state();
        kernel::seq_print!(text, "factorial:\t{factorial}\n");
        kernel::seq_print!(text, "transfer:\t{transfer}\n");
        kernel::seq_print!(text, "interrupts:\t{}\n", counters.interrupts);
        kernel::seq_print!(text, "spurious:\t{}\n", counters.spurious);
        let [begun, left] = counters.computations;
        kernel::seq_print!(text, "computations:\t{begun}\nleft computations:\t{left}\n");
        let [begun, left] = counters.transfers;
        kernel::seq_print!(text, "transfers:\t{begun}\nleft transfers:\t{left}\n");
        kernel::seq_print!(text, "dropped:\t{}\n", wrong.dropped);
        kernel::seq_print!(text, "flipped:\t{}\n", wrong.flipped);
        kernel::seq_print!(text, "refused:\t{}\n", faults::refused());
    }

    fn gone(device: &Arc<Device>) {
        // The driver has done so before, unless it could not be bound.
        let _ = device.leave();
        // But who polls finds only now that the node has gone.
        device.close();
    }
}
