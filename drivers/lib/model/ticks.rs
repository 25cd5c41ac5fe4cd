// SPDX-License-Identifier: GPL-2.0-only

//! What a sound timer tells of how far it has come.

/// What a master tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A timer has ticked.
    Ticks {
        /// So many times since it was last heard.
        count: u64,
        /// Nanoseconds of the master from one tick to the next.
        resolution: u64,
    },
    /// Another card's stream has moved.
    Frames {
        /// Its position in frames, modulo `boundary`.
        position: u64,
        /// Where the position wraps.
        boundary: u64,
        /// Frames of the master per second of the master.
        rate: u32,
    },
}
