// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What goes wrong on demand with the frames that one end sends.

use crate::lib::model::plan::Plan;

/// By how much a frame is late unless something else is asked for, in nanoseconds.
pub const DELAY_DEFAULT: u64 = 1_000_000;
/// For how long a frame that is to be overtaken waits for the one that does, in nanoseconds.
pub const PATIENCE: u64 = 20_000_000;

/// What is to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Which frames get lost.
    pub drop: Plan,
    /// Which come twice.
    pub double: Plan,
    /// Which come with a bit inverted.
    pub flip: Plan,
    /// Which are overtaken by the next.
    pub reorder: Plan,
    /// Which are late.
    pub delay: Plan,
    /// By how much, in nanoseconds.
    pub late: u64,
    /// Whether nothing arrives.
    pub frozen: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            drop: Plan::None,
            double: Plan::None,
            flip: Plan::None,
            reorder: Plan::None,
            delay: Plan::None,
            late: DELAY_DEFAULT,
            frozen: false,
        }
    }
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// It gets lost; then it meets no other fate.
    pub drop: bool,
    /// It comes twice.
    pub double: bool,
    /// A bit of it is inverted.
    pub flip: bool,
    /// The next frame overtakes it.
    pub reorder: bool,
    /// When it comes, in nanoseconds of the clock; 0 at once. Those behind it wait for it.
    pub due: u64,
}

impl Faults {
    /// What becomes of the next frame, which is sent at the time that `now` says. Each plan counts each frame.
    pub fn fate(&mut self, now: impl FnOnce() -> u64) -> Fate {
        if !self.is_pending() {
            return Fate::default();
        }
        let drop = self.drop.next_is_wrong();
        let (double, flip) = (self.double.next_is_wrong(), self.flip.next_is_wrong());
        let (reorder, late) = (self.reorder.next_is_wrong(), self.delay.next_is_wrong());
        if drop {
            return Fate {
                drop,
                ..Fate::default()
            };
        }
        Fate {
            drop,
            double,
            flip,
            reorder,
            due: if late {
                now().saturating_add(self.late)
            } else {
                0
            },
        }
    }

    /// Whether a frame may go wrong.
    fn is_pending(&self) -> bool {
        let plans = [
            &self.drop,
            &self.double,
            &self.flip,
            &self.reorder,
            &self.delay,
        ];
        plans.iter().any(|plan| !plan.is_none())
    }
}
