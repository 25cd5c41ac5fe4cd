// SPDX-License-Identifier: GPL-2.0-only

//! What a cable does wrong on demand, so that the programs above can be tested.

/// Faults that wait to happen, and such as last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Frames that no reader will get.
    pub drop: u64,
    /// Frames that the readers will get twice.
    pub double: u64,
    /// Frames of which the readers will get one bit inverted.
    pub flip: u64,
    /// By how many nanoseconds wake-ups come late at most.
    pub jitter: u64,
    /// Since when the clock stands still.
    frozen: Option<u64>,
    /// For how many nanoseconds in all it has stood still before.
    lag: u64,
}

impl Faults {
    /// How many of the next `frames` frames are treated alike, and how often the readers get them.
    pub(super) fn run(&mut self, frames: u64) -> (u64, u64) {
        let (left, copies) = match (self.drop, self.double) {
            (1.., _) => (&mut self.drop, 0),
            (0, 1..) => (&mut self.double, 2),
            (0, 0) => return (frames, 1),
        };
        let run = frames.min(*left);
        *left -= run;
        (run, copies)
    }

    /// Lets the clock stand still from `now` on, or go on.
    pub(super) fn freeze(&mut self, freeze: bool, now: u64) {
        match (freeze, self.frozen) {
            (true, None) => self.frozen = Some(now),
            (false, Some(since)) => {
                self.lag = self.lag.saturating_add(now.saturating_sub(since));
                self.frozen = None;
            }
            _ => {}
        }
    }

    /// Whether the clock stands still.
    pub fn frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// What time it is at `now` for a clock that has stood still.
    pub(super) fn local(&self, now: u64) -> u64 {
        self.frozen.unwrap_or(now).saturating_sub(self.lag)
    }

    /// When it will be `local` for a clock that has stood still; `None` as long as it does. With
    /// jitter up to so much later, and always the same for the same time.
    pub(super) fn when(&self, local: u64) -> Option<u64> {
        if self.frozen() {
            return None;
        }
        // The bits of a product are mixed best at its top.
        let random = local.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let late = random.checked_rem(self.jitter.saturating_add(1));
        Some(
            local
                .saturating_add(self.lag)
                .saturating_add(late.unwrap_or(0)),
        )
    }
}
