// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Which granules of a memory are taken: runs of them are taken and given back.

use core::ops::DerefMut;

const BITS: usize = u64::BITS as usize;

/// A map of granules, one bit for each, in words that the caller has brought.
pub struct Slots<B> {
    /// A bit is 1 while its granule is taken, and in the last word where there is none.
    words: B,
    granules: usize,
    free: usize,
    /// Where the next search begins: behind the last run that was taken.
    next: usize,
}

impl<B: DerefMut<Target = [u64]>> Slots<B> {
    /// How many words a map of so many granules takes.
    pub const fn words(granules: usize) -> usize {
        granules.div_ceil(BITS)
    }

    /// A map of `granules` that are free. There must be [`Slots::words`] of `words`; `None` if there are not.
    pub fn new(mut words: B, granules: usize) -> Option<Self> {
        if words.len() != Self::words(granules) {
            return None;
        }
        words.fill(0);
        let rest = granules % BITS;
        if let (Some(last), 1..) = (words.last_mut(), rest) {
            *last = u64::MAX << rest;
        }
        Some(Self {
            words,
            granules,
            free: granules,
            next: 0,
        })
    }

    /// How many granules are free.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Takes `count` granules in a row, and returns the first; `None` if there are not as many, or `count` is 0.
    pub fn take(&mut self, count: usize) -> Option<usize> {
        if count == 0 || count > self.free {
            return None;
        }
        let end = self.granules;
        let start = self.find(self.next, end, count).or_else(|| {
            // A run that begins before where the search began may end behind it.
            let until = end.min(self.next + count - 1);
            self.find(0, until, count)
        })?;
        self.mark(start, count, true);
        self.free -= count;
        self.next = start + count;
        Some(start)
    }

    /// Gives back the `count` granules from `start`, all of which must be taken: else nothing happens, and the result
    /// is `false`.
    pub fn give(&mut self, start: usize, count: usize) -> bool {
        let Some(end) = start.checked_add(count).filter(|end| *end <= self.granules) else {
            return false;
        };
        if self.first(start, end, false) < end {
            return false;
        }
        self.mark(start, count, false);
        self.free += count;
        true
    }

    /// The first run of `count` free granules in `from..to`.
    fn find(&self, from: usize, to: usize, count: usize) -> Option<usize> {
        let mut start = self.first(from, to, false);
        while start + count <= to {
            let end = self.first(start, start + count, true);
            if end == start + count {
                return Some(start);
            }
            start = self.first(end, to, false);
        }
        None
    }

    /// The first granule of `from..to` that is `taken`, or that is not; `to` if there is none.
    fn first(&self, from: usize, to: usize, taken: bool) -> usize {
        let mut at = from;
        while at < to {
            let word = self.words[at / BITS];
            let wanted = if taken { word } else { !word };
            let wanted = wanted >> (at % BITS);
            if wanted != 0 {
                return to.min(at + wanted.trailing_zeros() as usize);
            }
            at = (at / BITS + 1) * BITS;
        }
        to
    }

    fn mark(&mut self, start: usize, count: usize, taken: bool) {
        let end = start + count;
        let mut at = start;
        while at < end {
            let until = end.min((at / BITS + 1) * BITS);
            let ones = u64::MAX >> (BITS - (until - at));
            let ones = ones << (at % BITS);
            let word = &mut self.words[at / BITS];
            *word = if taken { *word | ones } else { *word & !ones };
            at = until;
        }
    }
}
