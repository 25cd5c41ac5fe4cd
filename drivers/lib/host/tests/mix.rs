// SPDX-License-Identifier: GPL-2.0-only

//! Numbers that look like chance.

use driver_model::mix::mix;

/// What is added to the state of SplitMix64 for each number.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[test]
fn it_gives_the_numbers_of_split_mix() {
    let first = [
        0xe220_a839_7b1d_cdaf,
        0x6e78_9e6a_a1b9_65f4,
        0x06c4_5d18_8009_454f,
    ];
    for (count, due) in first.into_iter().enumerate() {
        assert_eq!(mix(STEP.wrapping_mul(count as u64)), due, "{count}");
    }
}

#[test]
fn each_bit_changes_half_of_them() {
    for bit in 0..64 {
        let changed = (0..1_000).map(|n| (mix(n) ^ mix(n ^ (1 << bit))).count_ones());
        let mean = f64::from(changed.sum::<u32>()) / 1_000.0;
        assert!((31.0..33.0).contains(&mean), "bit {bit}: {mean} of 64");
    }
}
