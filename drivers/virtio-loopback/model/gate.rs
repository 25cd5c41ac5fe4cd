// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The gate between the two rings of a queue.
//!
//! The driver's side ([`Words`] of kernel memory) is the *private* ring, which a program can't reach. The *public* ring,
//! of the same layout, is memory that a program serves, and writes to as it likes. What the driver makes available is
//! copied out ([`Gate::publish`]); what the program has used is taken in ([`Gate::collect`]) where it can be so: a
//! buffer that is outstanding, with no more bytes than could be written to it. Nothing else of the public ring is
//! looked at, and each word of it once.
//!
//! The layout is that of a split virtqueue (Virtual I/O Device 1.3, 2.7).

use core::fmt;
use core::ops::DerefMut;

/// The most entries of a queue.
pub const SIZE_MAX: u16 = 1024;
/// How the used ring is aligned, in bytes, a cache line.
pub const ALIGN: usize = 64;
/// Bytes of a descriptor.
pub const DESCRIPTOR: usize = 16;

/// A descriptor's flags (`linux/virtio_ring.h`): there is another one.
const NEXT: u16 = 1;
/// The device writes to the buffer.
const WRITE: u16 = 2;
/// The buffer is a table of descriptors.
const INDIRECT: u16 = 4;
/// The device's flag that it wants no kicks, and the driver's that it wants no calls.
const SILENT: u16 = 1;

/// Memory with little-endian words that somebody else writes to at the same time.
///
/// Each method reads or writes once. Where there is no such word, which callers rule out, nothing is written, and what
/// is read is 0.
pub trait Words {
    /// The word at this offset in bytes.
    fn load16(&self, at: usize) -> u16;
    /// The word at this offset in bytes.
    fn load32(&self, at: usize) -> u32;
    /// The word at this offset in bytes.
    fn load64(&self, at: usize) -> u64;
    /// Sets the word at this offset in bytes.
    fn store16(&self, at: usize, value: u16);
    /// Sets the word at this offset in bytes.
    fn store32(&self, at: usize, value: u32);
    /// Sets the word at this offset in bytes.
    fn store64(&self, at: usize, value: u64);
    /// Loads before this come before loads after it: `smp_rmb()`.
    fn load_barrier();
    /// Stores before this come before stores after it: `smp_wmb()`.
    fn store_barrier();
    /// All before this comes before all after it: `smp_mb()`.
    fn full_barrier();
}

/// Where the parts of a ring are: the descriptors at 0, and these, as offsets in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many entries it has, a power of two up to [`SIZE_MAX`].
    pub size: u16,
    /// What the driver makes available.
    pub available: usize,
    /// What the device has used.
    pub used: usize,
    /// The length of all of it.
    pub bytes: usize,
}

impl Layout {
    /// The layout of a ring of `size` entries; `None` if there are none with as many.
    pub const fn new(size: u16) -> Option<Self> {
        if !size.is_power_of_two() || size > SIZE_MAX {
            return None;
        }
        let entries = size as usize;
        let available = DESCRIPTOR * entries;
        let used = (available + 4 + 2 * entries + 2).next_multiple_of(ALIGN);
        Some(Self {
            size,
            available,
            used,
            bytes: used + 4 + 8 * entries + 2,
        })
    }

    fn available_entry(&self, index: u16) -> usize {
        self.available + 4 + 2 * self.slot(index)
    }

    fn used_entry(&self, index: u16) -> usize {
        self.used + 4 + 8 * self.slot(index)
    }

    fn slot(&self, index: u16) -> usize {
        usize::from(index & (self.size - 1))
    }
}

/// A queue that is at its end, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The program has used more buffers than it had.
    TooMany {
        /// How many it says.
        used: u16,
        /// How many it had.
        outstanding: u16,
    },
    /// The program has used a buffer that it did not have.
    NotOutstanding {
        /// What it says.
        id: u32,
    },
    /// The driver's own ring is none.
    Driver {
        /// The first descriptor.
        head: u16,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { used, outstanding } => write!(
                f,
                "the backend says that it has used {used} buffers, but it has {outstanding}"
            ),
            Self::NotOutstanding { id } => write!(
                f,
                "the backend says that it has used the buffer {id}, which it does not have"
            ),
            Self::Driver { head } => {
                write!(
                    f,
                    "the driver's chain of descriptors from {head} has no end"
                )
            }
        }
    }
}

/// The driver's descriptors.
struct Descriptor {
    address: u64,
    length: u32,
    flags: u16,
    next: u16,
}

impl Descriptor {
    fn load<W: Words>(words: &W, index: usize) -> Self {
        let at = DESCRIPTOR * index;
        Self {
            address: words.load64(at),
            length: words.load32(at + 8),
            flags: words.load16(at + 12),
            next: words.load16(at + 14),
        }
    }

    fn store<W: Words>(&self, words: &W, index: usize) {
        let at = DESCRIPTOR * index;
        words.store64(at, self.address);
        words.store32(at + 8, self.length);
        words.store16(at + 12, self.flags);
        words.store16(at + 14, self.next);
    }

    fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// How many bytes can be written to the buffers of an indirect table of `bytes` bytes. Those of the driver's own table
/// have to be given, not of a copy that a program can change.
pub fn writable<W: Words>(table: &W, bytes: usize) -> u32 {
    let mut sum = 0u32;
    for index in 0..(bytes / DESCRIPTOR).min(usize::from(u16::MAX)) {
        let descriptor = Descriptor::load(table, index);
        if descriptor.has(WRITE) {
            sum = sum.saturating_add(descriptor.length);
        }
    }
    sum
}

/// What has been published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many buffers.
    pub buffers: u16,
    /// Whether the program wants to be told.
    pub kick: bool,
}

/// What has been collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many buffers.
    pub buffers: u16,
    /// Whether the driver wants to be told.
    pub call: bool,
}

/// What is known of the chain that begins at a descriptor: while it is outstanding, how many bytes can be written to it.
pub type Head = Option<u32>;

/// The gate of a queue, with a [`Head`] for each entry, which the caller has brought.
pub struct Gate<H> {
    layout: Layout,
    heads: H,
    /// The index of the next available entry, and of the next used one.
    next_available: u16,
    next_used: u16,
    outstanding: u16,
    clamped: u64,
}

impl<H: DerefMut<Target = [Head]>> Gate<H> {
    /// A gate through which nothing has come; `None` unless there are as many `heads` as entries.
    pub fn new(layout: Layout, mut heads: H) -> Option<Self> {
        if heads.len() != usize::from(layout.size) {
            return None;
        }
        heads.fill(None);
        Some(Self {
            layout,
            heads,
            next_available: 0,
            next_used: 0,
            outstanding: 0,
            clamped: 0,
        })
    }

    /// How many buffers the program has.
    pub fn outstanding(&self) -> u16 {
        self.outstanding
    }

    /// How many lengths were larger than they could be.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Hands out what the driver has made available. `indirect` says how many bytes can be written to the buffers of a
    /// table at an address ([`writable`]).
    ///
    /// # Errors
    ///
    /// [`Broken`] if the driver's ring is none; the buffers before that have been handed out.
    pub fn publish<W: Words, P: Words>(
        &mut self,
        private: &W,
        public: &P,
        indirect: impl Fn(u64, u32) -> Option<u32>,
    ) -> Result<Published, Broken> {
        let available = private.load16(self.layout.available + 2);
        // The entries and their descriptors were written before the index.
        W::load_barrier();
        let mut published = Published::default();
        let mut result = Ok(());
        while self.next_available != available {
            let head = private.load16(self.layout.available_entry(self.next_available));
            result = self.hand_out(private, public, head, &indirect);
            if result.is_err() {
                break;
            }
            public.store16(self.layout.available_entry(self.next_available), head);
            self.next_available = self.next_available.wrapping_add(1);
            published.buffers += 1;
        }
        // The entries and their descriptors are there before the index says so.
        P::store_barrier();
        public.store16(self.layout.available + 2, self.next_available);
        // Whoever asks for kicks looks at the index afterwards.
        P::full_barrier();
        published.kick = published.buffers > 0 && public.load16(self.layout.used) & SILENT == 0;
        result.map(|()| published)
    }

    /// Copies a chain, and notes how many bytes can be written to it.
    fn hand_out<W: Words, P: Words>(
        &mut self,
        private: &W,
        public: &P,
        head: u16,
        indirect: &impl Fn(u64, u32) -> Option<u32>,
    ) -> Result<(), Broken> {
        let broken = Broken::Driver { head };
        let mut sum = 0u32;
        let mut index = head;
        // No chain is longer than the table.
        for _ in 0..self.layout.size {
            if index >= self.layout.size {
                return Err(broken);
            }
            let descriptor = Descriptor::load(private, index.into());
            descriptor.store(public, index.into());
            let bytes = match () {
                () if descriptor.has(INDIRECT) => {
                    indirect(descriptor.address, descriptor.length).ok_or(broken)?
                }
                () if descriptor.has(WRITE) => descriptor.length,
                () => 0,
            };
            sum = sum.saturating_add(bytes);
            if !descriptor.has(NEXT) {
                let place = &mut self.heads[usize::from(head)];
                if place.is_some() {
                    return Err(broken);
                }
                *place = Some(sum);
                self.outstanding += 1;
                return Ok(());
            }
            index = descriptor.next;
        }
        Err(broken)
    }

    /// Takes in what the program has used.
    ///
    /// # Errors
    ///
    /// [`Broken`] if that can't be; the driver has got the buffers before that.
    pub fn collect<W: Words, P: Words>(
        &mut self,
        private: &W,
        public: &P,
    ) -> Result<Collected, Broken> {
        let used = public
            .load16(self.layout.used + 2)
            .wrapping_sub(self.next_used);
        if used > self.outstanding {
            return Err(Broken::TooMany {
                used,
                outstanding: self.outstanding,
            });
        }
        // The entries were written before the index, and so were the buffers.
        P::load_barrier();
        let mut result = Ok(());
        let before = self.next_used;
        for _ in 0..used {
            let entry = self.layout.used_entry(self.next_used);
            let (id, length) = (public.load32(entry), public.load32(entry + 4));
            let head = usize::try_from(id)
                .ok()
                .and_then(|id| self.heads.get_mut(id));
            let Some(writable) = head.and_then(Option::take) else {
                result = Err(Broken::NotOutstanding { id });
                break;
            };
            self.outstanding -= 1;
            self.clamped += u64::from(length > writable);
            private.store32(entry, id);
            private.store32(entry + 4, length.min(writable));
            self.next_used = self.next_used.wrapping_add(1);
        }
        // The entries are there before the index says so.
        W::store_barrier();
        private.store16(self.layout.used + 2, self.next_used);
        // Whoever asks for calls looks at the index afterwards.
        W::full_barrier();
        let collected = Collected {
            buffers: self.next_used.wrapping_sub(before),
            call: self.next_used != before && private.load16(self.layout.available) & SILENT == 0,
        };
        result.map(|()| collected)
    }
}
