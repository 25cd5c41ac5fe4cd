// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Numbers that look like chance, and are the same each time.

/// A number whose bits all depend on all of those of `number`: what SplitMix64 gives first if that is its seed.
pub fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
