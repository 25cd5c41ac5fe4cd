// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! How regular the ticks are: the intervals between them, for readers and as a histogram.

use core::fmt::Write;
use core::ops::DerefMut;

/// Bytes of an interval as text.
pub const LINE: usize = 16;

/// Ends of the histogram's buckets in eighths of the nominal interval; the last bucket has none.
pub const BOUNDS: [u64; 13] = [2, 4, 6, 7, 9, 10, 12, 16, 24, 32, 64, 128, 256];
/// How many buckets there are.
pub const BUCKETS: usize = BOUNDS.len() + 1;

/// The last intervals between ticks.
#[derive(Debug)]
pub struct Intervals<R> {
    /// The last ones in microseconds; the `n`-th is at `n` modulo the size.
    ring: R,
    /// How many there have been.
    total: u64,
    /// When the last tick was, if the timer has not stood still since.
    last: Option<u64>,
    /// The nominal interval in nanoseconds.
    nominal: u64,
    counts: [u64; BUCKETS],
}

impl<R: DerefMut<Target = [u32]>> Intervals<R> {
    /// Keeps as many as `ring` has room for.
    pub fn new(ring: R, nominal: u64) -> Self {
        Self {
            ring,
            total: 0,
            last: None,
            nominal,
            counts: [0; BUCKETS],
        }
    }

    /// A tick at `now` (ns).
    pub fn tick(&mut self, now: u64) {
        let Some(last) = self.last.replace(now) else {
            return;
        };
        let interval = now.saturating_sub(last);
        let bucket = BOUNDS.partition_point(|end| end * self.nominal / 8 < interval);
        self.counts[bucket] += 1;
        let size = self.ring.len() as u64;
        if let Some(place) = self.total.checked_rem(size) {
            let micros = (interval + 500) / 1_000;
            self.ring[place as usize] = u32::try_from(micros).unwrap_or(u32::MAX);
            self.total += 1;
        }
    }

    /// The timer stands still from now on: the time until the next tick is no interval.
    pub fn pause(&mut self) {
        self.last = None;
    }

    /// How many there have been, which is where a new reader begins.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many there were in each bucket. The last ends nowhere, the others at [`BOUNDS`].
    pub fn counts(&self) -> &[u64; BUCKETS] {
        &self.counts
    }

    /// The interval at `cursor`, or the oldest after it that is still known, in microseconds; and how many
    /// have been left out. The cursor goes on behind it.
    pub fn read(&self, cursor: &mut u64) -> Option<(u32, u64)> {
        let oldest = self.total.saturating_sub(self.ring.len() as u64);
        let left_out = oldest.saturating_sub(*cursor);
        *cursor = (*cursor).max(oldest);
        if *cursor >= self.total {
            return None;
        }
        let place = cursor.checked_rem(self.ring.len() as u64)?;
        *cursor += 1;
        Some((self.ring[place as usize], left_out))
    }
}

/// An interval as text, as `%15u\n` writes it.
pub fn line(micros: u32) -> [u8; LINE] {
    struct Line([u8; LINE], usize);
    impl Write for Line {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            let to = self.0.get_mut(self.1..self.1 + text.len());
            to.ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
            self.1 += text.len();
            Ok(())
        }
    }
    let mut line = Line([b' '; LINE], 0);
    // A `u32` has no more than ten digits.
    let _ = writeln!(line, "{micros:15}");
    line.0
}
