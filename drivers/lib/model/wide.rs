// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Wide products, which do not fit into 64 bits, divided without the 128-bit division that the
//! kernel does not link.

/// Divides: `dividend / divisor` and the remainder. The quotient is [`u64::MAX`] and the remainder
/// 0 where the quotient does not fit, or `divisor` is 0.
pub fn div_rem(dividend: u128, divisor: u64) -> (u64, u64) {
    let (mut high, mut low) = ((dividend >> 64) as u64, dividend as u64);
    if high == 0 {
        return match (low.checked_div(divisor), low.checked_rem(divisor)) {
            (Some(quotient), Some(rest)) => (quotient, rest),
            _ => (u64::MAX, 0),
        };
    }
    if high >= divisor {
        return (u64::MAX, 0);
    }
    // Long division: what has come out of `low` so far is less than `divisor`, and the quotient's
    // digits go in where the dividend's go out.
    for _ in 0..u64::BITS {
        let overflows = high >> 63 == 1;
        high = (high << 1) | (low >> 63);
        low <<= 1;
        if overflows || high >= divisor {
            high = high.wrapping_sub(divisor);
            low |= 1;
        }
    }
    (low, high)
}

/// Multiplies: `a * b`, which always fits. (Not the checked operation, which calls a function that
/// the kernel does not have.)
pub fn product(a: u64, b: u64) -> u128 {
    u128::from(a).wrapping_mul(u128::from(b))
}

/// Scales: `a * b / c`, towards 0; [`i64::MAX`] or its negative where that does not fit.
pub fn scale(a: i64, b: u64, c: u64) -> i64 {
    let (quotient, _) = div_rem(product(a.unsigned_abs(), b), c);
    i64::try_from(quotient).unwrap_or(i64::MAX) * a.signum()
}
