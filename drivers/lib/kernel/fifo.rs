// SPDX-License-Identifier: GPL-2.0-only

//! FIFOs of bytes, which one thread reads while another writes.
//!
//! There is a lock for each direction. Neither is held while a program's memory is waited for ([`iov`]), so that
//! nobody can keep others from a FIFO.
//!
//! Lock order: the writer's, then the reader's. Both are mutexes, so whoever has one may sleep; what is done with the
//! FIFO under them does not, unless it says so.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use kernel::iov::{IovIterDest, IovIterSource};
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::lock::mutex::MutexBackend;
use kernel::sync::lock::Guard;
use kernel::sync::Mutex;

use crate::lib::bindings;
use crate::lib::kernel::iov;
use crate::lib::kernel::lockless::ends::Ends;
use crate::lib::model::span::pieces;

/// Memory of a FIFO.
///
/// # Invariants
///
/// It points to memory of `rloop_fifo_alloc()`, which this value alone gives back.
struct Memory(NonNull<u8>);

impl Memory {
    /// Allocates `bytes` bytes of zeroes, not 0. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new(bytes: usize) -> Result<Self> {
        // SAFETY: It may be called by any thread that may sleep.
        let memory = unsafe { bindings::rloop_fifo_alloc(bytes) };
        // INVARIANT: It is new.
        Ok(Self(NonNull::new(memory.cast()).ok_or(ENOMEM)?))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is this value's.
        unsafe { bindings::rloop_fifo_free(self.0.as_ptr().cast()) };
    }
}

/// A FIFO. `R` is what its reader's lock protects besides, `W` what its writer's does.
///
/// # Invariants
///
/// The memory is only ever used by [`Reader`] and [`Writer`]: of these there is one each at most, and each uses the bytes
/// that [`Ends`] gives it.
#[pin_data]
pub(crate) struct Fifo<R, W> {
    memory: Memory,
    capacity: usize,
    ends: Ends,
    #[pin]
    reader: Mutex<R>,
    #[pin]
    writer: Mutex<W>,
}

// SAFETY: The memory is not bound to a thread, and whoever uses it has one of the locks.
unsafe impl<R: Send, W: Send> Send for Fifo<R, W> {}

// SAFETY: As above.
unsafe impl<R: Send, W: Send> Sync for Fifo<R, W> {}

impl<R, W> Fifo<R, W> {
    /// Makes an empty FIFO for `capacity` bytes, not 0, of zeroes: nothing of the kernel's is in it. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; nobody is killed for the memory, and the kernel says nothing of it.
    pub(crate) fn new(capacity: usize, reader: R, writer: W) -> Result<impl PinInit<Self>> {
        let memory = Memory::new(capacity)?;
        // INVARIANT: Nobody else has it.
        Ok(pin_init!(Self {
            memory,
            capacity,
            ends: Ends::new(),
            reader <- new_mutex!(reader, "Fifo::reader"),
            writer <- new_mutex!(writer, "Fifo::writer"),
        }))
    }

    /// How many bytes it has room for. Any context.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes are in it, or were a moment ago. Any context.
    pub(crate) fn used(&self) -> usize {
        self.ends.used(self.capacity as u64) as usize
    }

    /// Becomes its reader, after another has done. May sleep, but not for a program.
    pub(crate) fn reader(&self) -> Reader<'_, R, W> {
        let data = self.reader.lock();
        let (position, there) = self.ends.readable();
        Reader {
            fifo: self,
            data,
            position,
            there: there as usize,
        }
    }

    /// Becomes its writer, after another has done. May sleep, but not for a program.
    pub(crate) fn writer(&self) -> Writer<'_, R, W> {
        Writer {
            data: self.writer.lock(),
            fifo: self,
            position: 0,
            room: 0,
            filled: 0,
        }
    }

    /// The pieces of memory in which the `bytes` bytes from `position` on are.
    fn memory(&self, position: u64, bytes: usize) -> [Piece<'_>; 2] {
        pieces(position, bytes, self.capacity).map(|piece| Piece {
            // SAFETY: The piece is in the ring, so the result is in the memory, or at its end and empty.
            start: unsafe { self.memory.0.add(piece.start) },
            bytes: piece.len(),
            _fifo: PhantomData,
        })
    }
}

/// A piece of a FIFO's memory.
struct Piece<'a> {
    start: NonNull<u8>,
    bytes: usize,
    _fifo: PhantomData<&'a [u8]>,
}

impl<'a> Piece<'a> {
    /// # Safety
    ///
    /// Nobody must write to it for as long as `'b`.
    unsafe fn as_slice<'b>(&self) -> &'b [u8]
    where
        'a: 'b,
    {
        // SAFETY: It is in the FIFO's memory, which is there for as long as `'a`, and initialised. The rest is as this
        // function's.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// # Safety
    ///
    /// Nobody else must use it for as long as `'b`.
    unsafe fn as_mut_slice<'b>(&mut self) -> &'b mut [u8]
    where
        'a: 'b,
    {
        // SAFETY: As in `as_slice`.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

/// The reader of a FIFO, of which there is one at a time.
pub(crate) struct Reader<'a, R, W> {
    fifo: &'a Fifo<R, W>,
    data: Guard<'a, R, MutexBackend>,
    /// Where the oldest byte is.
    position: u64,
    /// How many bytes there were when it became the reader: nobody else takes one.
    there: usize,
}

impl<R, W> Reader<'_, R, W> {
    /// How many bytes there are: by now there may be more.
    pub(crate) fn there(&self) -> usize {
        self.there
    }

    /// Copies the oldest `bytes` bytes to `to`, or nothing if there are not as many, or some of that memory is not
    /// there at once. They stay in the FIFO.
    pub(crate) fn copy_to(&mut self, to: &mut IovIterDest<'_>, bytes: usize) -> bool {
        if bytes > self.there {
            return false;
        }
        let [first, second] = self.fifo.memory(self.position, bytes);
        // SAFETY: They are the reader's, which `self` is, until it takes them out, by `&mut self`.
        let (first, second) = unsafe { (first.as_slice(), second.as_slice()) };
        if !iov::copy_to(to, first) {
            return false;
        }
        let whole = second.is_empty() || iov::copy_to(to, second);
        if !whole {
            // SAFETY: It has been advanced by as many.
            unsafe { to.revert(first.len()) };
        }
        whole
    }

    /// Takes the oldest `bytes` bytes out, as many as there are.
    pub(crate) fn take_out(&mut self, bytes: usize) {
        let bytes = bytes.min(self.there);
        self.there -= bytes;
        self.position += bytes as u64;
        self.fifo.ends.gave_up(bytes as u64);
    }
}

impl<R, W> Deref for Reader<'_, R, W> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.data
    }
}

impl<R: Unpin, W> DerefMut for Reader<'_, R, W> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.data
    }
}

/// The writer of a FIFO, of which there is one at a time.
pub(crate) struct Writer<'a, R, W> {
    fifo: &'a Fifo<R, W>,
    data: Guard<'a, W, MutexBackend>,
    /// Where the next byte goes that the reader is to know of.
    position: u64,
    /// For how many bytes there was room besides those that have been filled in, when [`Writer::room`] looked.
    room: usize,
    /// How many bytes have been filled in that the reader does not know of. There is room for them.
    filled: usize,
}

impl<'a, R, W> Writer<'a, R, W> {
    /// For how many bytes there is room, or already for more. So many can be filled in.
    pub(crate) fn room(&mut self) -> usize {
        let (position, room) = self.fifo.ends.room(self.fifo.capacity as u64);
        self.position = position;
        self.room = room as usize - self.filled;
        self.room
    }

    /// The next `bytes` bytes of memory, if [`Writer::room`] has found room for as many.
    fn next(&mut self, bytes: usize) -> Option<[&mut [u8]; 2]> {
        if bytes > self.room {
            return None;
        }
        let position = self.position + self.filled as u64;
        let mut memory = self.fifo.memory(position, bytes);
        // SAFETY: There is room for them, and what the reader gives up only adds to that. The reader does not look there
        // before the writer, which `self` is, says that they are written, and the result borrows `self`. The two pieces
        // do not overlap, being no more than the ring together.
        Some(unsafe { memory.each_mut().map(|piece| piece.as_mut_slice()) })
    }

    /// Fills in the next `bytes` bytes from `from`, or nothing if [`Writer::room`] has not found as much room, or some of
    /// that memory is not there at once.
    pub(crate) fn fill_from(&mut self, from: &mut IovIterSource<'_>, bytes: usize) -> bool {
        let Some([first, second]) = self.next(bytes) else {
            return false;
        };
        if !iov::copy_from(from, first) {
            return false;
        }
        let whole = second.is_empty() || iov::copy_from(from, second);
        if whole {
            self.filled(bytes);
        } else {
            // SAFETY: It has been advanced by as many.
            unsafe { from.revert(first.len()) };
        }
        whole
    }

    /// Fills in `bytes`, or nothing if there is not as much room.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> bool {
        self.room();
        let Some([first, second]) = self.next(bytes.len()) else {
            return false;
        };
        let (begin, rest) = bytes.split_at(first.len());
        first.copy_from_slice(begin);
        second.copy_from_slice(rest);
        self.filled(bytes.len());
        true
    }

    /// Adds so many bytes, for which there is room, to those that have been filled in.
    fn filled(&mut self, bytes: usize) {
        self.filled += bytes;
        self.room -= bytes;
    }

    /// Lets the reader have what has been filled in.
    pub(crate) fn publish(&mut self) {
        let filled = self.filled as u64;
        self.fifo.ends.wrote(filled);
        (self.position, self.filled) = (self.position + filled, 0);
    }

    /// Becomes the reader as well. May sleep, but not for a program.
    pub(crate) fn reader(&self) -> Reader<'a, R, W> {
        self.fifo.reader()
    }
}

impl<R, W> Deref for Writer<'_, R, W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.data
    }
}

impl<R, W: Unpin> DerefMut for Writer<'_, R, W> {
    fn deref_mut(&mut self) -> &mut W {
        &mut self.data
    }
}
