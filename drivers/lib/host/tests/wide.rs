// SPDX-License-Identifier: GPL-2.0-only

//! Wide divisions agree with those of the host, which has 128-bit division.

mod properties;

use driver_model::wide::{div_rem, product, scale};
use properties::cases;
use proptest::prelude::*;

/// Numbers of any length in bits, each as likely.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(number, bits)| number >> bits)
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_division_is_as_the_hosts(high in number(), low in number(), divisor in number()) {
        let dividend = (u128::from(high) << 64) | u128::from(low);
        let expected = dividend
            .checked_div(divisor.into())
            .and_then(|quotient| u64::try_from(quotient).ok())
            .map_or((u64::MAX, 0), |quotient| {
                (quotient, u64::try_from(dividend % u128::from(divisor)).unwrap())
            });
        prop_assert_eq!(div_rem(dividend, divisor), expected);
    }

    #[test]
    fn a_product_is_as_the_hosts(a in number(), b in number()) {
        prop_assert_eq!(product(a, b), u128::from(a) * u128::from(b));
    }

    #[test]
    fn scaling_is_as_the_hosts(a in any::<i64>(), b in number(), c in 1..=u64::MAX) {
        let exact = i128::from(a.unsigned_abs()).checked_mul(b.into()).map(|ab| ab / i128::from(c));
        let most = i128::from(i64::MAX);
        let size = exact.map_or(most, |size| size.min(most));
        prop_assert_eq!(i128::from(scale(a, b, c)), size * i128::from(a.signum()));
    }
}
