// SPDX-License-Identifier: GPL-2.0-only

//! The two rings of a queue, and who is at their ends: a driver as virtio core has it, and devices.

use std::cell::RefCell;
use std::collections::HashMap;

use virtio_loopback_model::gate::{
    writable, Broken, Collected, Gate, Head, Layout, Published, Words,
};

/// Memory of one thread.
pub(crate) struct Memory(RefCell<Vec<u8>>);

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(RefCell::new(vec![0; bytes]))
    }

    fn load<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.borrow()[at..at + N].try_into().unwrap()
    }

    pub(crate) fn store(&self, at: usize, bytes: &[u8]) {
        self.0.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl Words for Memory {
    fn load16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.load(at))
    }
    fn load32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.load(at))
    }
    fn load64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.load(at))
    }
    fn store16(&self, at: usize, value: u16) {
        self.store(at, &value.to_le_bytes());
    }
    fn store32(&self, at: usize, value: u32) {
        self.store(at, &value.to_le_bytes());
    }
    fn store64(&self, at: usize, value: u64) {
        self.store(at, &value.to_le_bytes());
    }
    fn load_barrier() {}
    fn store_barrier() {}
    fn full_barrier() {}
}

/// Memory of a device that changes each word once it has been looked at.
pub(crate) struct Fickle<'a>(pub(crate) &'a Memory);

impl Words for Fickle<'_> {
    fn load16(&self, at: usize) -> u16 {
        let word = self.0.load16(at);
        self.0.store16(at, !word);
        word
    }
    fn load32(&self, at: usize) -> u32 {
        let word = self.0.load32(at);
        self.0.store32(at, !word);
        word
    }
    fn load64(&self, at: usize) -> u64 {
        let word = self.0.load64(at);
        self.0.store64(at, !word);
        word
    }
    fn store16(&self, at: usize, value: u16) {
        self.0.store16(at, value);
    }
    fn store32(&self, at: usize, value: u32) {
        self.0.store32(at, value);
    }
    fn store64(&self, at: usize, value: u64) {
        self.0.store64(at, value);
    }
    fn load_barrier() {}
    fn store_barrier() {}
    fn full_barrier() {}
}

pub(crate) const NEXT: u16 = 1;
pub(crate) const WRITE: u16 = 2;
pub(crate) const INDIRECT: u16 = 4;

/// A piece of a buffer: how long it is, and whether the device writes to it.
pub(crate) type Piece = (u32, bool);

/// A queue with a gate and a driver.
pub(crate) struct Queue {
    pub(crate) layout: Layout,
    pub(crate) private: Memory,
    pub(crate) public: Memory,
    pub(crate) gate: Gate<Vec<Head>>,
    /// The driver's: descriptors that are free, what it has made available and not got back, its two indices.
    free: Vec<u16>,
    pub(crate) given: HashMap<u16, (Vec<u16>, u32)>,
    available: u16,
    used: u16,
    /// Indirect tables by address, as the driver has them.
    tables: HashMap<u64, Memory>,
    addresses: u64,
}

impl Queue {
    pub(crate) fn new(size: u16) -> Self {
        let layout = Layout::new(size).unwrap();
        Self {
            layout,
            private: Memory::new(layout.bytes),
            public: Memory::new(layout.bytes),
            gate: Gate::new(layout, vec![Some(7); size.into()]).unwrap(),
            free: (0..size).rev().collect(),
            given: HashMap::new(),
            available: 0,
            used: 0,
            tables: HashMap::new(),
            addresses: 0x10000,
        }
    }

    fn address(&mut self) -> u64 {
        self.addresses += 0x200;
        self.addresses
    }

    fn descriptor(
        &self,
        memory: &Memory,
        index: u16,
        (address, length, flags, next): (u64, u32, u16, u16),
    ) {
        let at = usize::from(index) * 16;
        memory.store64(at, address);
        memory.store32(at + 8, length);
        memory.store16(at + 12, flags);
        memory.store16(at + 14, next);
    }

    /// The driver makes a buffer available; `None` if there is no room for it.
    pub(crate) fn add(&mut self, pieces: &[Piece], indirect: bool) -> Option<u16> {
        let needed = if indirect { 1 } else { pieces.len() };
        if self.free.len() < needed {
            return None;
        }
        let sum = pieces
            .iter()
            .filter(|piece| piece.1)
            .map(|piece| piece.0)
            .sum();
        let chain: Vec<u16> = (0..needed).map(|_| self.free.pop().unwrap()).collect();
        if indirect {
            let table = Memory::new(pieces.len() * 16);
            let address = self.address();
            for (index, (length, write)) in pieces.iter().enumerate() {
                let piece = (address + 1, *length, if *write { WRITE } else { 0 }, 0);
                self.descriptor(&table, index as u16, piece);
            }
            self.tables.insert(address, table);
            let length = pieces.len() as u32 * 16;
            self.descriptor(&self.private, chain[0], (address, length, INDIRECT, 0));
        } else {
            for (place, (length, write)) in pieces.iter().enumerate() {
                let next = chain.get(place + 1);
                let flags = if *write { WRITE } else { 0 } | if next.is_some() { NEXT } else { 0 };
                let address = self.address();
                let piece = (address, *length, flags, next.copied().unwrap_or(0));
                self.descriptor(&self.private, chain[place], piece);
            }
        }
        let head = chain[0];
        let entry = self.layout.available + 4 + 2 * usize::from(self.available % self.layout.size);
        self.private.store16(entry, head);
        self.available = self.available.wrapping_add(1);
        self.private
            .store16(self.layout.available + 2, self.available);
        self.given.insert(head, (chain, sum));
        Some(head)
    }

    pub(crate) fn publish(&mut self) -> Result<Published, Broken> {
        let tables = &self.tables;
        self.gate
            .publish(&self.private, &self.public, |address, length| {
                tables
                    .get(&address)
                    .map(|table| writable(table, length as usize))
            })
    }

    pub(crate) fn collect(&mut self) -> Result<Collected, Broken> {
        self.gate.collect(&self.private, &self.public)
    }

    /// What the driver gets: each buffer with the bytes that were written to it, and how many could be.
    pub(crate) fn get(&mut self) -> Vec<(u16, u32, u32)> {
        let mut got = Vec::new();
        while self.used != self.private.load16(self.layout.used + 2) {
            let entry = self.layout.used + 4 + 8 * usize::from(self.used % self.layout.size);
            let (id, length) = (self.private.load32(entry), self.private.load32(entry + 4));
            let head = u16::try_from(id).unwrap();
            let (chain, sum) = self.given.remove(&head).expect("it was not outstanding");
            self.free.extend(chain);
            self.used = self.used.wrapping_add(1);
            got.push((head, length, sum));
        }
        got
    }
}

/// A device that does as it should.
/// The head of a chain, and address, length and flags of each of its descriptors.
type Chain = (u16, Vec<(u64, u32, u16)>);

#[derive(Default)]
pub(crate) struct Honest {
    available: u16,
    used: u16,
    pub(crate) has: Vec<Chain>,
}

impl Honest {
    /// Takes what is available.
    pub(crate) fn take(&mut self, queue: &Queue) {
        let (layout, public) = (queue.layout, &queue.public);
        while self.available != public.load16(layout.available + 2) {
            let entry = layout.available + 4 + 2 * usize::from(self.available % layout.size);
            let head = public.load16(entry);
            let (mut chain, mut index) = (Vec::new(), head);
            loop {
                let at = usize::from(index) * 16;
                let flags = public.load16(at + 12);
                chain.push((public.load64(at), public.load32(at + 8), flags));
                if flags & NEXT == 0 {
                    break;
                }
                index = public.load16(at + 14);
            }
            self.has.push((head, chain));
            self.available = self.available.wrapping_add(1);
        }
    }

    /// Says that it has used a buffer, and written so much.
    pub(crate) fn give(&mut self, queue: &Queue, which: usize, length: u32) -> u16 {
        let (head, _) = self.has.remove(which);
        let (layout, public) = (queue.layout, &queue.public);
        let entry = layout.used + 4 + 8 * usize::from(self.used % layout.size);
        public.store32(entry, head.into());
        public.store32(entry + 4, length);
        self.used = self.used.wrapping_add(1);
        public.store16(layout.used + 2, self.used);
        head
    }
}
