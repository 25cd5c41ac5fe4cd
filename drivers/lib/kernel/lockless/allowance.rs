// SPDX-License-Identifier: GPL-2.0-only

//! Allowances: how much many may take together.

use super::atomic::{Atomic, Relaxed};

/// An amount that can be taken in parts and given back.
///
/// # Invariants
///
/// `taken` is the sum of what was taken and not given back, from 0 to `most`.
pub(crate) struct Allowance {
    most: usize,
    taken: Atomic<usize>,
}

impl Allowance {
    /// Makes an allowance of `most`, of which nothing is taken. Any context.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            taken: Atomic::new(0),
        }
    }

    /// The whole amount. Any context.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Takes `amount`, if so much is left; returns whether. Any context.
    ///
    /// One that asks for too much is in nobody's way: what it does not get is never counted.
    pub(crate) fn take(&self, amount: usize) -> bool {
        // Relaxed: nothing else depends on the number.
        let mut taken = self.taken.load(Relaxed);
        loop {
            let Some(sum) = taken.checked_add(amount).filter(|sum| *sum <= self.most) else {
                return false;
            };
            match self.taken.cmpxchg(taken, sum, Relaxed) {
                Ok(_) => return true,
                Err(now) => taken = now,
            }
        }
    }

    /// Gives back `amount`, which [`Allowance::take`] has taken. Any context.
    pub(crate) fn give_back(&self, amount: usize) {
        // 6.18 has no `fetch_sub`.
        self.taken.fetch_add(amount.wrapping_neg(), Relaxed);
    }
}
