// SPDX-License-Identifier: GPL-2.0-only

//! The two ends of a FIFO, which a reader and a writer move without a lock between them.

use super::atomic::{Acquire, Atomic, Relaxed, Release};

/// How many bytes have been written to a FIFO, and how many of them read.
///
/// What lies between is the reader's, and the rest of the memory the writer's: each tells the other what it gives up.
/// There must be one reader at a time, and one writer; one that follows another must know what that has done, as the
/// next holder of a lock does.
///
/// # Invariants
///
/// `read <= written <= read + capacity`, as each of the two sees it.
pub(crate) struct Ends {
    read: Atomic<u64>,
    written: Atomic<u64>,
}

impl Ends {
    /// The ends of an empty FIFO. Any context.
    pub(crate) fn new() -> Self {
        Self {
            read: Atomic::new(0),
            written: Atomic::new(0),
        }
    }

    /// For the reader: the position of the oldest byte, and how many there are. Until it gives them up they are there
    /// and do not change. Any context.
    pub(crate) fn readable(&self) -> (u64, u64) {
        // Relaxed: nobody else moves it.
        let read = self.read.load(Relaxed);
        // Acquire, for the Release of `written`: the bytes are there.
        (read, self.written.load(Acquire) - read)
    }

    /// The reader gives up `bytes` bytes, which must be there. Any context.
    pub(crate) fn gave_up(&self, bytes: u64) {
        let read = self.read.load(Relaxed) + bytes;
        // Release: it does not look at them any more.
        self.read.store(read, Release);
    }

    /// For the writer: the position of the next byte, and for how many there is room. Nobody else looks there until it
    /// says that they are written. Any context.
    pub(crate) fn room(&self, capacity: u64) -> (u64, u64) {
        // Relaxed: nobody else moves it.
        let written = self.written.load(Relaxed);
        // Acquire, for the Release of `gave_up`: the reader has done with what was there.
        (written, capacity - (written - self.read.load(Acquire)))
    }

    /// The writer has written `bytes` bytes, for which there must have been room. Any context.
    pub(crate) fn wrote(&self, bytes: u64) {
        let written = self.written.load(Relaxed) + bytes;
        // Release: they are there.
        self.written.store(written, Release);
    }

    /// For anybody: how many bytes there are or were, at most `capacity`. Any context.
    pub(crate) fn used(&self, capacity: u64) -> u64 {
        // In this order the difference is not negative. The reader may have gone on in between, and the writer then
        // have written more than there was room for before.
        let read = self.read.load(Acquire);
        (self.written.load(Relaxed) - read).min(capacity)
    }
}
