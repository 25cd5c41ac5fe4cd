// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Ticks of a sound timer: how far it has come.

/// A tick, or several, as a timer's callback hears of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A timer has ticked.
    Ticks {
        /// The number of ticks since it was last heard.
        count: u64,
        /// The time from one tick to the next, in nanoseconds of the timer.
        resolution: u64,
    },
    /// Another card's stream has moved.
    Frames {
        /// Its position in frames, modulo `boundary`.
        position: u64,
        /// The position at which it wraps.
        boundary: u64,
        /// Its rate in frames per second, by its own clock.
        rate: u32,
    },
}
