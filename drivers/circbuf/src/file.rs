// SPDX-License-Identifier: GPL-2.0-only

//! The files of a buffer's node. All entries may sleep, but for `poll`.

use kernel::ioctl::_IOR;
use kernel::iov::{IovIterDest, IovIterSource};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::seq_print;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;
use kernel::transmute::AsBytes;
use kernel::uaccess::{UserPtr, UserSlice};

use crate::buffer::{Buffer, State};
use crate::lib::kernel::chardev::{File, Mode, Operations, Poller, Ready};

pub(crate) static OPERATIONS: Operations<OpenFile> = Operations::new();

/// What `CIRCBUF_GET_STATS` gives: capacity, used, available, each a `size_t`, and reads, writes, each an `unsigned
/// long`, as the program has them.
type Stats<T> = [T; 5];

const GET_STATS: u32 = _IOR::<Stats<usize>>(0xc1, 1);
const COMPAT_GET_STATS: u32 = _IOR::<Stats<u32>>(0xc1, 1);
/// How many bytes can be read, as an `int` (`asm-generic/ioctls.h`).
const FIONREAD: u32 = 0x541b;

impl State {
    fn stats(&self) -> Stats<u64> {
        let (capacity, used) = (self.capacity as u64, self.used as u64);
        [capacity, used, capacity - used, self.reads, self.writes]
    }
}

/// An open file.
pub(crate) struct OpenFile {
    buffer: Arc<Buffer>,
}

impl OpenFile {
    /// Writes `value` to the program's memory at `address`.
    fn give<T: AsBytes>(address: usize, value: &T) -> Result<isize> {
        let slice = UserSlice::new(UserPtr::from_addr(address), size_of::<T>());
        slice.writer().write(value)?;
        Ok(0)
    }

    /// Gives the program its statistics, in `words` of its own. Counters wrap, as an `unsigned long` does.
    fn give_stats<T>(&self, address: usize, words: fn(u64) -> T) -> Result<isize>
    where
        Stats<T>: AsBytes,
    {
        Self::give(address, &self.buffer.state().stats().map(words))
    }

    fn give_used(&self, address: usize) -> Result<isize> {
        let used = i32::try_from(self.buffer.used()).unwrap_or(i32::MAX);
        Self::give(address, &used)
    }
}

#[vtable]
impl File for OpenFile {
    type Node = Arc<Buffer>;

    fn open(buffer: &Arc<Buffer>, _: Mode) -> impl PinInit<Self, Error> {
        buffer.open.fetch_add(1, Relaxed);
        Ok(Self {
            buffer: buffer.clone(),
        })
    }

    fn read(&self, to: &mut IovIterDest<'_>, mode: Mode) -> Result<usize> {
        self.buffer.read(to, mode)
    }

    fn write(&self, from: &mut IovIterSource<'_>, mode: Mode) -> Result<usize> {
        self.buffer.write(from, mode)
    }

    fn poll<'a>(&'a self, poller: &Poller<'a>, mode: Mode) -> Ready {
        self.buffer.poll(poller, mode)
    }

    fn ioctl(&self, command: u32, argument: usize, _: Mode) -> Result<isize> {
        match command {
            GET_STATS => self.give_stats(argument, |value| value as usize),
            FIONREAD => self.give_used(argument),
            _ => Err(ENOTTY),
        }
    }

    fn compat_ioctl(&self, command: u32, argument: usize, _: Mode) -> Result<isize> {
        match command {
            COMPAT_GET_STATS => self.give_stats(argument, |value| value as u32),
            FIONREAD => self.give_used(argument),
            _ => Err(ENOTTY),
        }
    }

    fn show(&self, text: &SeqFile) {
        let state = self.buffer.state();
        let [capacity, used, available, reads, writes] = state.stats();
        seq_print!(text, "capacity:\t{capacity}\nused:\t{used}\n");
        seq_print!(text, "available:\t{available}\n");
        seq_print!(text, "reads:\t{reads}\nwrites:\t{writes}\n");
        seq_print!(text, "overwritten:\t{}\n", state.overwritten);
        seq_print!(text, "dropped:\t{}\n", state.wrong.dropped);
        seq_print!(text, "doubled:\t{}\n", state.wrong.doubled);
        seq_print!(text, "flipped:\t{}\n", state.wrong.flipped);
    }

    fn gone(buffer: &Arc<Buffer>) {
        buffer.leave();
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.buffer.open.fetch_add(u32::MAX, Relaxed);
    }
}
