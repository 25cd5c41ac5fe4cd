// SPDX-License-Identifier: GPL-2.0-only

//! A spin lock that may be taken in any context.
//!
//! The kernel crate of 6.18 and 7.2 has only the plain lock, which would deadlock with the timer
//! interrupt that takes it as well.
//!
//! C header: `include/linux/spinlock.h`

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use kernel::prelude::*;
use kernel::types::{NotThreadSafe, Opaque};

use crate::lib::bindings;

/// A value behind a spin lock that is held with interrupts off: `spin_lock_irqsave()`.
///
/// # Invariants
///
/// No thread holds two of these locks at once: a lock restores the interrupt state that it found,
/// which is right only where the last one taken is the first one released. All of them are of one
/// lockdep class, so lockdep reports whoever nests them.
#[pin_data]
pub(crate) struct IrqSpinLock<T> {
    #[pin]
    raw: Opaque<bindings::spinlock>,
    value: UnsafeCell<T>,
}

// SAFETY: The value moves with the lock, and `T: Send`; the lock itself is not bound to a thread.
unsafe impl<T: Send> Send for IrqSpinLock<T> {}

// SAFETY: Only one thread at a time gets at the value, and `T: Send` lets it be any.
unsafe impl<T: Send> Sync for IrqSpinLock<T> {}

/// The guard of a lock that is held, with interrupts off.
#[must_use = "the lock is released when the guard is dropped"]
pub(crate) struct Guard<'a, T> {
    lock: &'a IrqSpinLock<T>,
    flags: usize,
    _not_send: NotThreadSafe,
}

impl<T> IrqSpinLock<T> {
    /// Makes an unlocked lock around `value`. Any context.
    pub(crate) fn new(value: T) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: The slot is valid memory for a spin lock and stays where it is, since it is
            // structurally pinned.
            raw <- Opaque::ffi_init(|slot| unsafe { bindings::rloop_spin_lock_init(slot) }),
            value: UnsafeCell::new(value),
        })
    }

    /// Takes the lock, and spins while another processor holds it. Any context; with no other of
    /// these locks held. What follows must not sleep.
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        // SAFETY: `raw` was initialised by `new` and is pinned.
        let flags = unsafe { bindings::rloop_spin_lock(self.raw.get()) };
        Guard {
            lock: self,
            flags,
            _not_send: NotThreadSafe,
        }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The guard exists, so this thread holds the lock, and no other reaches the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: As in `deref`; `&mut self` rules out a second reference through this guard.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: This guard stands for the lock being held by this thread, with the interrupt
        // state in `flags` to go back to.
        unsafe { bindings::rloop_spin_unlock(self.lock.raw.get(), self.flags) }
    }
}
