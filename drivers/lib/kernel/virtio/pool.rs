// SPDX-License-Identifier: GPL-2.0-only

//! The pool of a device: memory that a program has brought, and what of it stands for which memory of a driver.
//!
//! What a driver hands to its device is copied to the pool when it is mapped, and back when it is unmapped. A ring is two
//! rings: the driver's is memory of the kernel, which nobody else reaches; the address that the driver is told is that
//! of a ring in the pool. Who moves things between the two is not this file's business.
//!
//! All functions may be called in any context unless they say something else.

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use kernel::prelude::*;

use super::memory::{Part, SharedMemory};
use crate::lib::kernel::lock::{Guard, IrqSpinLock};
use crate::lib::model::slots::Slots;

/// The pool is divided into as many bytes: what is small should not take a page.
const GRANULE: usize = 512;
/// The most bytes that are mapped in a row, if the pool is large enough.
const MAPPING_MAX: usize = 256 << 10;

/// How a driver's memory is used (`enum dma_data_direction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// The device reads it.
    pub(super) given: bool,
    /// The device writes it.
    pub(super) returned: bool,
}

/// A pool, and what somebody else keeps under the same lock, `X`.
#[pin_data]
pub(crate) struct Pool<X> {
    memory: SharedMemory,
    base: u64,
    #[pin]
    locked: IrqSpinLock<Locked<X>>,
}

/// What is behind the pool's lock.
pub(crate) struct Locked<X> {
    /// What stands for what.
    pub(crate) mapped: Mapped,
    /// What somebody else keeps.
    pub(crate) other: X,
}

/// What of the pool stands for what.
///
/// # Invariants
///
/// A slot that is taken, and whose `original` is not null, stands for memory of `bytes` bytes from there that is valid
/// until the slot is taken out under the lock: by virtio core's contract for mappings, which it takes back by
/// [`Pool::unmap`] before the memory is anything else's.
pub(crate) struct Mapped {
    granules: Slots<KVVec<u64>>,
    /// For each granule the slot that begins there.
    slots: KVVec<Slot>,
    rings: KVec<Ring>,
    /// How many mappings were refused for want of memory, and how many were taken back that were none.
    pub(crate) no_room: u64,
    pub(crate) unknown: u64,
}

#[derive(Clone, Copy)]
struct Slot {
    original: *mut u8,
    /// 0 where no slot begins.
    bytes: u32,
}

const NO_SLOT: Slot = Slot {
    original: core::ptr::null_mut(),
    bytes: 0,
};

/// A slot that has been taken out. Its granules are nobody else's until it is given back, which consumes this: so nothing
/// is copied to or from them afterwards.
struct Taken {
    granule: usize,
    slot: Slot,
}

// SAFETY: A slot is no more than an address; what is done with it is argued where it is done.
unsafe impl Send for Slot {}

/// A driver's ring. Virtio core writes to it, so nobody has a reference to its words.
struct Ring {
    granule: usize,
    words: KVVec<UnsafeCell<u64>>,
}

impl Ring {
    fn start(&self) -> NonNull<u8> {
        // The cells may be written to through a shared reference.
        let start = UnsafeCell::raw_get(self.words.as_ptr());
        NonNull::new(start.cast()).unwrap_or(NonNull::dangling())
    }
}

// SAFETY: The words are memory that is not bound to a thread.
unsafe impl Send for Ring {}

impl Mapped {
    fn new(granules: usize, rings: usize) -> Result<Self> {
        let mut words = KVVec::new();
        words.resize(Slots::<KVVec<u64>>::words(granules), 0, GFP_KERNEL)?;
        let mut slots = KVVec::new();
        slots.resize(granules, NO_SLOT, GFP_KERNEL)?;
        Ok(Self {
            granules: Slots::new(words, granules).ok_or(EINVAL)?,
            slots,
            rings: KVec::with_capacity(rings, GFP_KERNEL)?,
            no_room: 0,
            unknown: 0,
        })
    }

    /// How many bytes are taken.
    pub(crate) fn in_use(&self) -> u64 {
        ((self.slots.len() - self.granules.free()) * GRANULE) as u64
    }

    fn take(&mut self, original: *mut u8, bytes: usize) -> Option<usize> {
        let start = u32::try_from(bytes).ok().and_then(|bytes| {
            Some((
                self.granules
                    .take(bytes.div_ceil(GRANULE as u32) as usize)?,
                bytes,
            ))
        });
        let Some((start, bytes)) = start else {
            self.no_room += 1;
            return None;
        };
        self.slots[start] = Slot { original, bytes };
        Some(start)
    }

    /// The slot that begins at a granule.
    fn at(&self, granule: usize) -> Option<Slot> {
        self.slots
            .get(granule)
            .copied()
            .filter(|slot| slot.bytes > 0)
    }

    /// The granule where the slot begins in which there are `bytes` bytes from `offset`, and where in it that is.
    fn around(&self, offset: usize, bytes: usize) -> Option<(usize, usize)> {
        let mut granule = offset / GRANULE;
        loop {
            if let Some(slot) = self.at(granule) {
                let inside = offset - granule * GRANULE;
                let end = inside.checked_add(bytes)?;
                return (end <= slot.bytes as usize).then_some((granule, inside));
            }
            granule = granule.checked_sub(1)?;
        }
    }

    /// Forgets a slot, whose granules stay taken.
    fn take_out(&mut self, granule: usize) -> Option<Taken> {
        let slot = self.at(granule)?;
        self.slots[granule] = NO_SLOT;
        Some(Taken { granule, slot })
    }

    fn give_back(&mut self, Taken { granule, slot }: Taken) {
        let granules = (slot.bytes as usize).div_ceil(GRANULE);
        self.granules.give(granule, granules);
    }
}

impl<X: Send> Pool<X> {
    /// Makes a pool of `memory`, whose first byte has the address `base` for the device, for as many rings as are said.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        memory: SharedMemory,
        base: u64,
        rings: usize,
        other: X,
    ) -> Result<impl PinInit<Self>> {
        let mapped = Mapped::new(memory.len() / GRANULE, rings)?;
        Ok(pin_init!(Self {
            memory,
            base,
            locked <- IrqSpinLock::new(Locked { mapped, other }),
        }))
    }

    /// Takes the lock of the pool and of what somebody else keeps under it.
    pub(crate) fn lock(&self) -> Guard<'_, Locked<X>> {
        self.locked.lock()
    }

    /// `bytes` bytes of the pool that have this address for the device.
    pub(crate) fn public(&self, address: u64, bytes: usize) -> Option<Part<'_>> {
        self.memory.part(self.offset(address)?, bytes)
    }

    fn offset(&self, address: u64) -> Option<usize> {
        usize::try_from(address.checked_sub(self.base)?).ok()
    }

    fn address(&self, granule: usize) -> u64 {
        self.base + (granule * GRANULE) as u64
    }

    /// The driver's memory for which there are `bytes` bytes from `address`.
    pub(crate) fn original<'a>(
        &self,
        mapped: &'a Mapped,
        address: u64,
        bytes: usize,
    ) -> Option<Part<'a>> {
        let (granule, inside) = mapped.around(self.offset(address)?, bytes)?;
        let original = NonNull::new(mapped.at(granule)?.original)?;
        // SAFETY: By the invariant it is valid until the slot is taken out, which needs the lock; `mapped` is borrowed
        // from whoever holds that. `around` has seen that there are as many bytes.
        Some(unsafe { Part::new(original.add(inside), bytes) })
    }

    /// The driver's ring whose public one has this address.
    pub(crate) fn ring<'a>(&self, mapped: &'a Mapped, address: u64) -> Option<Part<'a>> {
        let granule = self.offset(address)? / GRANULE;
        let ring = mapped.rings.iter().find(|ring| ring.granule == granule)?;
        // SAFETY: As long as `mapped` is borrowed the ring stays, and so do its words, which are only ever reached
        // through pointers.
        Some(unsafe { Part::new(ring.start(), ring.words.len() * size_of::<u64>()) })
    }

    /// The most bytes that can be mapped in a row.
    pub(super) fn mapping_max(&self) -> usize {
        MAPPING_MAX.min(self.memory.len() / 4)
    }

    /// Lets a part of the pool stand for a driver's memory; `None` if there is none left. With `skip` what is given is
    /// not copied yet.
    ///
    /// # Safety
    ///
    /// `bytes` bytes from `original` must be valid until [`Pool::unmap`] is called, with no Rust reference to them.
    pub(super) unsafe fn map(
        &self,
        original: NonNull<u8>,
        bytes: usize,
        how: Use,
        skip: bool,
    ) -> Option<u64> {
        // INVARIANT: By this function's precondition.
        let granule = self.lock().mapped.take(original.as_ptr(), bytes)?;
        let address = self.address(granule);
        let public = self.public(address, bytes)?;
        if how.given && !skip {
            // SAFETY: By the precondition.
            public.copy_from(unsafe { Part::new(original, bytes) });
        } else {
            // Not what somebody else has left there.
            public.clear();
        }
        Some(address)
    }

    /// Takes a mapping back. Unless `skip`, what is returned is copied.
    pub(super) fn unmap(&self, address: u64, bytes: usize, how: Use, skip: bool) {
        let granule = self.offset(address).map(|offset| offset / GRANULE);
        let taken = {
            let mut locked = self.lock();
            let known = granule.filter(|granule| {
                let slot = locked.mapped.at(*granule);
                slot.is_some_and(|slot| slot.bytes as usize == bytes)
                    && self.address(*granule) == address
            });
            let taken = known.and_then(|granule| locked.mapped.take_out(granule));
            locked.mapped.unknown += u64::from(taken.is_none());
            taken
        };
        let Some(taken) = taken else {
            return;
        };
        if let (Some(original), Some(public), false) = (
            NonNull::new(taken.slot.original),
            self.public(address, bytes),
            skip || !how.returned,
        ) {
            // SAFETY: By the invariant it is valid until this function has returned: its slot has only just been taken
            // out, by virtio core, who has mapped it.
            unsafe { Part::new(original, bytes) }.copy_from(public);
        }
        self.lock().mapped.give_back(taken);
    }

    /// Copies `bytes` bytes from `address` of a mapping: to the driver, or to the pool.
    pub(super) fn sync(&self, address: u64, bytes: usize, to_driver: bool) {
        let locked = self.lock();
        let original = self.original(&locked.mapped, address, bytes);
        if let (Some(original), Some(public)) = (original, self.public(address, bytes)) {
            match to_driver {
                true => original.copy_from(public),
                false => public.copy_from(original),
            }
        }
    }

    /// Makes a ring of `bytes` bytes, all of them zero, for the driver, and one in the pool, of which the result has the
    /// address. `None` if there is no memory left. May sleep.
    pub(super) fn ring_new(&self, bytes: usize) -> Option<(NonNull<u8>, u64)> {
        let mut words = KVVec::with_capacity(bytes.div_ceil(size_of::<u64>()), GFP_KERNEL).ok()?;
        for _ in 0..words.capacity().min(bytes.div_ceil(size_of::<u64>())) {
            words.push(UnsafeCell::new(0), GFP_KERNEL).ok()?;
        }
        let mut ring = Ring { granule: 0, words };
        let start = ring.start();
        let mut locked = self.lock();
        let mapped = &mut locked.mapped;
        if mapped.rings.len() == mapped.rings.capacity() {
            mapped.no_room += 1;
            drop(locked);
            return None;
        }
        let granule = mapped.take(core::ptr::null_mut(), bytes);
        let Some(granule) = granule else {
            drop(locked);
            return None;
        };
        ring.granule = granule;
        // There is room.
        let pushed = mapped.rings.push_within_capacity(ring);
        drop(locked);
        pushed.ok()?;
        let address = self.address(granule);
        self.public(address, bytes)?.clear();
        Some((start, address))
    }

    /// Frees a ring, which nobody uses any more. May sleep.
    pub(super) fn ring_free(&self, address: u64) {
        let Some(granule) = self.offset(address).map(|offset| offset / GRANULE) else {
            return;
        };
        let mut locked = self.lock();
        let mapped = &mut locked.mapped;
        let ring = mapped.rings.iter().position(|ring| ring.granule == granule);
        let ring = ring.and_then(|index| mapped.rings.remove(index).ok());
        let taken = ring.as_ref().and_then(|_| mapped.take_out(granule));
        if let Some(taken) = taken {
            mapped.give_back(taken);
        }
        drop(locked);
        // Where sleeping is allowed.
        drop(ring);
    }

    /// Forgets all mappings that a driver has left behind: it has no queues any more, and its memory may be anything.
    pub(super) fn forget(&self) {
        let granules = self.lock().mapped.slots.len();
        for granule in 0..granules {
            // The lock is not held for longer than it takes to look at one.
            let mut locked = self.lock();
            let mapped = &mut locked.mapped;
            if mapped
                .at(granule)
                .is_some_and(|slot| !slot.original.is_null())
            {
                if let Some(taken) = mapped.take_out(granule) {
                    mapped.give_back(taken);
                }
            }
        }
    }
}
