// SPDX-License-Identifier: GPL-2.0-only

//! The numbers of devices, which their nodes are called by.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

use crate::model::numbers::Numbers;

/// Those that are taken.
static TAKEN: Atomic<u64> = Atomic::new(Numbers::new().bits());

/// A number, which is a device's until this value is dropped.
pub(crate) struct Number(u32);

impl Number {
    /// Takes the least number that no other device has. Any context.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is none.
    pub(crate) fn take() -> Result<Self> {
        change(|numbers| numbers.take()).map(Self).ok_or(ENOSPC)
    }

    /// The number.
    pub(crate) fn get(&self) -> u32 {
        self.0
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        change(|numbers| numbers.give(self.0));
    }
}

/// Changes the numbers that are taken, at once.
fn change<T>(change: impl Fn(&mut Numbers) -> T) -> T {
    let mut old = TAKEN.load(Relaxed);
    loop {
        let mut numbers = Numbers::of(old);
        let result = change(&mut numbers);
        // Relaxed: nothing but the numbers depends on them.
        match TAKEN.cmpxchg(old, numbers.bits(), Relaxed) {
            Ok(_) => return result,
            Err(now) => old = now,
        }
    }
}
