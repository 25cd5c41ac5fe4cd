// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Injected faults: what a driver does wrong on demand, so that the programs above can be tested.

use super::plan::Plan;

/// The injected faults of a cable, or what else moves frames: which frames go wrong, and what stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Which frames get lost.
    pub drop: Plan,
    /// Which of those that do not get lost arrive twice.
    pub double: Plan,
    /// Which arrive with one bit inverted.
    pub flip: Plan,
    /// Standing: the most by which wake-ups come late, in nanoseconds.
    pub jitter: u64,
    /// Standing: the time since when the clock's time stands still (ns).
    frozen: Option<u64>,
    /// For how many nanoseconds in all it has stood still before.
    stood_still: u64,
}

impl Faults {
    /// Takes the next run of at most `frames` frames that are treated alike, and how often they
    /// arrive.
    pub fn run(&mut self, frames: u64) -> (u64, u64) {
        let (run, lost) = self.drop.next_run(frames);
        let (run, copies) = match lost {
            true => (run, 0),
            false => {
                let (run, twice) = self.double.run(run);
                (run, if twice { 2 } else { 1 })
            }
        };
        self.drop.pass(run);
        (run, copies)
    }

    /// So many frames have come, and nobody could tell what becomes of them.
    pub fn pass(&mut self, frames: u64) {
        self.drop.pass(frames);
        self.double.pass(frames);
    }

    /// Whether each frame may be a run of its own.
    pub fn scatter(&self) -> bool {
        self.drop.is_seeded() || self.double.is_seeded()
    }

    /// Stops the clock's time at `now`, or lets it go on.
    pub fn freeze(&mut self, freeze: bool, now: u64) {
        match (freeze, self.frozen) {
            (true, None) => self.frozen = Some(now),
            (false, Some(since)) => {
                self.stood_still = self.stood_still.saturating_add(now.saturating_sub(since));
                self.frozen = None;
            }
            _ => {}
        }
    }

    /// Whether the clock's time stands still.
    pub fn frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// The clock's time at `now`, in nanoseconds: that less the time for which it has stood still.
    pub fn local(&self, now: u64) -> u64 {
        self.frozen.unwrap_or(now).saturating_sub(self.stood_still)
    }

    /// The time at which the clock's time is `local`; `None` as long as it stands still. With
    /// jitter up to so much later, and always the same for the same `local`.
    pub fn when(&self, local: u64) -> Option<u64> {
        if self.frozen() {
            return None;
        }
        // The bits of a product are mixed best at its top.
        let random = local.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let late = random.checked_rem(self.jitter.saturating_add(1));
        Some(
            local
                .saturating_add(self.stood_still)
                .saturating_add(late.unwrap_or(0)),
        )
    }
}
