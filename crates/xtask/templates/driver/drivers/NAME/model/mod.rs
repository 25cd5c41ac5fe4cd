// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What of the driver needs no kernel: arithmetic and state machines. No unsafe, no kernel.

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

/// The largest number that the driver works with.
pub const MOST: u32 = 128;

/// `number`, but at most [`MOST`]. Any context.
pub fn bounded(number: u32) -> u32 {
    number.min(MOST)
}
