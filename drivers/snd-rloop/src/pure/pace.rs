// SPDX-License-Identifier: GPL-2.0-only

//! How much of a processor's time interrupts may take.
//!
//! A program that asks for periods of 16 frames at 768 kHz, on a few streams, asks for more wake-ups than a
//! small machine can serve. Interrupts come before all else, so they would be all that it does. A [`Pace`]
//! lets them have half of the time: what has been spent has to pass once more before more may be spent, but
//! for what comes in a burst. Wake-ups are then late, and several periods become one.

/// What may be spent in one go, in nanoseconds.
const BURST: u64 = 250_000;
/// The longest that counts for one interrupt, in nanoseconds. A virtual machine may stand still meanwhile.
const SPENT_MAX: u64 = 1_000_000;
/// What it takes to put an interrupt off, in nanoseconds.
const PUT_OFF: u64 = 1_000;

/// A processor's account. Times are in nanoseconds of one clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// When all that has been spent will have passed twice.
    settled: u64,
}

impl Pace {
    /// An account that is settled at `settled`.
    pub fn new(settled: u64) -> Self {
        Self { settled }
    }

    /// When the account is settled.
    pub fn settled(self) -> u64 {
        self.settled
    }

    /// Whether an interrupt that comes at `now` has to be put off, and until when.
    pub fn put_off(&mut self, now: u64) -> Option<u64> {
        if self.settled.saturating_sub(now) <= BURST {
            return None;
        }
        self.settled = self.settled.saturating_add(PUT_OFF);
        Some(self.settled - BURST / 2)
    }

    /// An interrupt has taken from `from` to `to`.
    pub fn spend(&mut self, from: u64, to: u64) {
        let spent = to.saturating_sub(from).min(SPENT_MAX);
        self.settled = self.settled.max(from).saturating_add(2 * spent);
    }
}
