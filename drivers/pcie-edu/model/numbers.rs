// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The numbers of devices, of which each has one for as long as it is bound.

/// The most devices that have a number.
pub const MOST: u32 = 64;

/// Numbers, each taken or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers(u64);

impl Numbers {
    /// Numbers of which none is taken.
    pub const fn new() -> Self {
        Self(0)
    }

    /// The numbers of which these bits are set are taken.
    pub const fn of(bits: u64) -> Self {
        Self(bits)
    }

    /// A bit for each number, set if it is taken.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Takes the least number that is not taken; `None` if all are.
    pub fn take(&mut self) -> Option<u32> {
        let number = self.0.trailing_ones();
        if number >= MOST {
            return None;
        }
        self.0 |= 1 << number;
        Some(number)
    }

    /// Gives a number back.
    pub fn give(&mut self, number: u32) {
        self.0 &= !(1 << number.min(MOST - 1));
    }
}
