// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The samples that have been written and have not left yet, and who has written them.

use core::ops::DerefMut;

/// How many parts there can be.
const PARTS: usize = 64;
/// The longest sample in bytes.
pub const SAMPLE_MAX: usize = 4;
/// A write of up to so many bytes is not mixed with another's. Half of the FIFO must have room for it.
pub const ATOMIC: usize = 4096;

/// Samples that one writer has written in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Part {
    writer: u64,
    /// The number of the first sample that is no longer of this part.
    end: u64,
    /// They are not to leave.
    dropped: bool,
}

/// A FIFO of samples.
///
/// # Invariants
///
/// `read <= written <= read + capacity`; the sample with the number `n` is at `n % capacity`. The ends of the
/// `count` parts from `first` on rise from above `read` to `written`, no two neighbours are of one writer unless
/// one of them is dropped, and the first of them is not dropped.
#[derive(Debug)]
pub struct Fifo<S> {
    bytes: S,
    /// Bytes of a sample.
    sample: usize,
    capacity: u64,
    read: u64,
    written: u64,
    parts: [Part; PARTS],
    first: usize,
    count: usize,
}

impl<S: DerefMut<Target = [u8]>> Fifo<S> {
    /// An empty FIFO for samples of `sample` bytes, 1 to [`SAMPLE_MAX`], with as many as fit into `bytes`.
    pub fn new(bytes: S, sample: usize) -> Self {
        let sample = sample.clamp(1, SAMPLE_MAX);
        let capacity = bytes.len().checked_div(sample).unwrap_or(0) as u64;
        // INVARIANT: There is nothing in it.
        Self {
            bytes,
            sample,
            capacity,
            read: 0,
            written: 0,
            parts: [Part::default(); PARTS],
            first: 0,
            count: 0,
        }
    }

    /// How many samples it has room for.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How many samples are in it, those that are dropped but not yet passed by among them.
    pub fn used(&self) -> u64 {
        self.written - self.read
    }

    /// Whether a writer that waits is to be woken: half of the FIFO is free, and of the parts.
    pub fn has_room(&self) -> bool {
        2 * self.used() <= self.capacity && 2 * self.count <= PARTS
    }

    /// Whether samples of `writer` are in it.
    pub fn holds(&self, writer: u64) -> bool {
        let mut parts = (0..self.count).map(|number| self.part(number));
        parts.any(|part| part.writer == writer && !part.dropped)
    }

    /// Adds samples, as many as there is room for, or all or none of them if they are to stay together. Returns
    /// how many bytes were taken: a multiple of a sample's.
    pub fn push(&mut self, writer: u64, bytes: &[u8], together: bool) -> usize {
        let whole = bytes.len().checked_div(self.sample).unwrap_or(0) as u64;
        let joins = self.count.checked_sub(1).map(|last| self.part(last));
        let joins = joins.is_some_and(|last| last.writer == writer && !last.dropped);
        let free = self.capacity - self.used();
        let samples = match whole.min(free) {
            some if together && some < whole => 0,
            _ if !joins && self.count == PARTS => 0,
            some => some,
        };
        if samples == 0 {
            return 0;
        }
        let taken = samples as usize * self.sample;
        let start = self.place(self.written);
        let first = taken.min(self.ring() - start);
        self.bytes[start..start + first].copy_from_slice(&bytes[..first]);
        self.bytes[..taken - first].copy_from_slice(&bytes[first..taken]);
        // INVARIANT: There was room for as many. They belong to the last part, or to one after it.
        self.written += samples;
        if !joins {
            self.count += 1;
        }
        *self.part_mut(self.count - 1) = Part {
            writer,
            end: self.written,
            dropped: false,
        };
        taken
    }

    /// Takes the oldest sample out; its bytes are the first ones of the result. The second value says whether a
    /// writer has none left behind it in the same part.
    pub fn pop(&mut self) -> Option<([u8; SAMPLE_MAX], bool)> {
        if self.count == 0 {
            return None;
        }
        let mut sample = [0; SAMPLE_MAX];
        let start = self.place(self.read);
        sample[..self.sample].copy_from_slice(&self.bytes[start..start + self.sample]);
        self.read += 1;
        let ended = self.part(0).end == self.read;
        self.pass_by();
        Some((sample, ended))
    }

    /// Drops what is left of a writer's samples, or of everybody's. Returns how many those are.
    pub fn drop_rest(&mut self, writer: Option<u64>) -> u64 {
        let (mut dropped, mut start) = (0, self.read);
        for number in 0..self.count {
            let part = self.part_mut(number);
            let end = part.end;
            if !part.dropped && writer.unwrap_or(part.writer) == part.writer {
                part.dropped = true;
                dropped += end - start;
            }
            start = end;
        }
        self.pass_by();
        dropped
    }

    /// Goes on to what is next to leave.
    fn pass_by(&mut self) {
        while self.count > 0 {
            let part = self.part(0);
            if part.dropped {
                self.read = part.end;
            }
            if self.read < part.end {
                return;
            }
            // INVARIANT: All of the first part has left, or is passed by.
            self.first = (self.first + 1) % PARTS;
            self.count -= 1;
        }
    }

    fn part(&self, number: usize) -> Part {
        self.parts[(self.first + number) % PARTS]
    }

    fn part_mut(&mut self, number: usize) -> &mut Part {
        &mut self.parts[(self.first + number) % PARTS]
    }

    /// Bytes that are used of `bytes`.
    fn ring(&self) -> usize {
        self.capacity as usize * self.sample
    }

    /// Where the sample with this number is.
    fn place(&self, number: u64) -> usize {
        number.checked_rem(self.capacity).unwrap_or(0) as usize * self.sample
    }
}
