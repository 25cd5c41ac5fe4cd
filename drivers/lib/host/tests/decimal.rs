// SPDX-License-Identifier: GPL-2.0-only

//! Numbers are printed as the host prints them.

mod properties;

use driver_model::decimal::{decimal, DIGITS};
use properties::cases;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn digits_are_as_the_hosts(number in any::<u64>(), bits in 0..64u32) {
        let number = number >> bits;
        let mut digits = [0; DIGITS];
        prop_assert_eq!(decimal(number, &mut digits), number.to_string());
    }
}

#[test]
fn both_ends_are_printed() {
    assert_eq!(decimal(0, &mut [0; DIGITS]), "0");
    assert_eq!(decimal(u64::MAX, &mut [0; DIGITS]), "18446744073709551615");
}
