// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The pace of timers' interrupts: how much of a processor's time they may take.
//!
//! A program that asks for periods of 16 frames at 768 kHz, on a few streams, asks for more
//! wake-ups than a small machine can serve. Interrupts come before all else, so they would be all
//! that it does. A [`Pace`] lets them have half of the time: what has been spent has to pass once
//! more. Wake-ups are then late, and several periods become one.
//!
//! The kernel, too, minds timers that are always overdue: if one is, the third time that it is done
//! with all others, it stops all timers for as long as that ever took (`hrtimer_interrupt()` in
//! `kernel/time/hrtimer.c`). So where there is a crowd of them, none is armed for a time that is
//! near.

/// The time that may be spent in one go by timers that happen to be due together, in nanoseconds.
const BURST: u64 = 200_000;
/// The time that a few timers may spend together, in nanoseconds; more are a crowd.
const CROWD: u64 = 30_000;
/// The longest time that counts for one interrupt, in nanoseconds. A virtual machine may stand
/// still meanwhile.
const SPENT_MAX: u64 = 1_000_000;
/// The longest time that an interrupt is put off at once, in nanoseconds.
const PUT_OFF_MAX: u64 = 4_000_000;
/// The time that it takes to come to a timer, to arm it anew and to leave it, in nanoseconds.
const AROUND: u64 = 2_000;
/// The number of interrupts that make an average.
const AVERAGE: u64 = 16;

/// The account of a processor. Times are in nanoseconds of one clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// The time at which all that has been spent will have passed once more.
    pub settled: u64,
    /// The time until which nothing is to be spent.
    pub closed: u64,
    /// The last time to which an interrupt was put off.
    pub last: u64,
    /// Twice the time that an interrupt costs, on average.
    pub cost: u64,
}

impl Pace {
    /// Whether an interrupt that comes at `now` has to be put off, and until when. Those that are
    /// put off come one after the other, as far apart as they may.
    pub fn put_off(&mut self, now: u64) -> Option<u64> {
        if now >= self.closed {
            return None;
        }
        let most = now.saturating_add(PUT_OFF_MAX);
        self.settled = self.settled.saturating_add(2 * AROUND).min(most);
        let next = self.last.max(self.closed).saturating_add(self.cost);
        // A timer that is armed anew, again and again, leaves its place: the queue must not grow by
        // that.
        self.last = if next > most {
            self.closed.min(most)
        } else {
            next
        };
        Some(self.last)
    }

    /// Charges an interrupt that has taken from `from` to `to`, and has left others to be served that
    /// were due as well if `left`: they need not wait while a burst lasts. Returns the earliest that
    /// it may arm a timer for.
    pub fn spend(&mut self, from: u64, to: u64, left: bool) -> u64 {
        let spent = 2 * spent(from, to);
        let settled = self.settled.max(from).saturating_add(spent);
        let debt = settled.saturating_sub(to);
        self.cost = self.cost - self.cost / AVERAGE + spent / AVERAGE;
        self.settled = settled;
        if debt > BURST {
            self.closed = settled;
        }
        match debt > CROWD {
            _ if left => self.closed,
            true => settled.saturating_add(BURST),
            false => settled,
        }
    }
}

/// The time that an interrupt from `from` to `to` is charged.
fn spent(from: u64, to: u64) -> u64 {
    to.saturating_sub(from)
        .saturating_add(AROUND)
        .min(SPENT_MAX)
}
