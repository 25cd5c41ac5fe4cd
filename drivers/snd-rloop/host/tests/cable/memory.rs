// SPDX-License-Identifier: GPL-2.0-only

//! Buffers, as ALSA, the program and the cable share them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use driver_model::format::Format;
use driver_model::layout::{Layout, Move, Span};
use driver_model::stream::{Buffer, Pointers};
use snd_rloop_model::cable::{Cable, Touched};
use snd_rloop_model::end::{End, Port};

pub(crate) const UNTOUCHED: u8 = 0xee;

/// What is in one frame of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Untouched,
    Silence,
    Frame(u64),
}

/// A stream's buffer and its pointers, as ALSA, the program and the cable share them.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) layout: Layout,
    pub(crate) bytes: RefCell<Vec<u8>>,
    pub(crate) pointers: Cell<Pointers>,
    /// How many bytes have been written by the cable.
    pub(crate) moved: Cell<usize>,
    /// What the cable has written has cost so much, in the units of
    /// [`snd_rloop_model::cable::Effort`].
    pub(crate) work: Cell<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Fake(pub(crate) Rc<Memory>);

impl Fake {
    /// A buffer of no stream.
    pub(crate) fn new(layout: Layout, byte: u8) -> Self {
        Self(Rc::new(Memory {
            layout,
            bytes: RefCell::new(vec![byte; layout.bytes()]),
            pointers: Cell::default(),
            moved: Cell::default(),
            work: Cell::default(),
        }))
    }
}

impl Buffer for Fake {
    fn layout(&self) -> &Layout {
        &self.0.layout
    }

    fn pointers(&self) -> Pointers {
        self.0.pointers.get()
    }

    fn copy_from(&self, source: &Self, what: Move) {
        let pieces = what.rows.count * what.columns.count;
        let samples = if what.columns.count > 1 { pieces } else { 0 };
        self.0.count(pieces * what.bytes, samples, what.rows.count);
        let (from, mut to) = (source.0.bytes.borrow(), self.0.bytes.borrow_mut());
        for row in 0..what.rows.count {
            for column in 0..what.columns.count {
                let s = what.source + row * what.rows.source + column * what.columns.source;
                let t = what.target + row * what.rows.target + column * what.columns.target;
                to[t..t + what.bytes].copy_from_slice(&from[s..s + what.bytes]);
            }
        }
    }

    fn flip(&self, offset: usize) {
        self.0.bytes.borrow_mut()[offset] ^= 1;
    }

    fn fill(&self, what: Span, sample: &[u8]) {
        self.0.count(what.rows * what.bytes, 0, what.rows);
        let mut bytes = self.0.bytes.borrow_mut();
        for row in 0..what.rows {
            let offset = what.offset + row * what.step;
            for at in bytes[offset..offset + what.bytes].chunks_mut(sample.len()) {
                at.copy_from_slice(sample);
            }
        }
    }
}

impl Memory {
    /// Bytes in so many rows were written, so many samples of them one by one.
    fn count(&self, bytes: usize, samples: usize, rows: usize) {
        self.moved.set(self.moved.get() + bytes);
        let work = bytes + 16 * samples + 32 * rows;
        self.work.set(self.work.get() + work as u64);
    }

    pub(crate) fn at(&self, slot: u64, channel: usize) -> usize {
        let (layout, slot) = (&self.layout, slot as usize);
        match layout.plane {
            None => (slot * layout.channels + channel) * layout.sample,
            Some(plane) => channel * plane + slot * layout.sample,
        }
    }

    pub(crate) fn sample(what: Slot, channel: usize, format: &Format) -> [u8; 8] {
        match what {
            Slot::Untouched => [UNTOUCHED; 8],
            Slot::Silence => format.silence,
            Slot::Frame(id) => {
                let mixed = (id * 131 + channel as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (mixed ^ (mixed >> 29)).to_le_bytes()
            }
        }
    }

    pub(crate) fn put(&self, slot: u64, what: Slot, format: &Format) {
        for channel in 0..self.layout.channels {
            let at = self.at(slot, channel);
            let sample = &Self::sample(what, channel, format)[..self.layout.sample];
            self.bytes.borrow_mut()[at..at + sample.len()].copy_from_slice(sample);
        }
    }

    pub(crate) fn holds(&self, slot: u64, what: Slot, format: &Format) -> bool {
        let bytes = self.bytes.borrow();
        (0..self.layout.channels).all(|channel| {
            let at = self.at(slot, channel);
            let sample = &Self::sample(what, channel, format)[..self.layout.sample];
            bytes[at..at + sample.len()] == *sample
        })
    }
}

/// What tests ask of each end alone.
pub(crate) trait NextWakeup {
    /// When it has something to tell ALSA next.
    fn next_wakeup(&self, port: Port) -> Option<u64>;
}

impl NextWakeup for Cable<Fake, Vec<End<Fake>>> {
    fn next_wakeup(&self, port: Port) -> Option<u64> {
        let mut next = None;
        self.timers(Touched::All, |of, when| {
            if of == port {
                next = when;
            }
        });
        next
    }
}
