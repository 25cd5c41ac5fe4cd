// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What of the driver needs no kernel: arithmetic and state machines. No unsafe, no kernel.

/// The largest number that the driver works with.
pub const MOST: u32 = 128;

/// `number`, but at most [`MOST`]. Any context.
pub fn bounded(number: u32) -> u32 {
    number.min(MOST)
}
