// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Numbers in decimal, where `core`'s own printing can't be used.

/// The digits of the largest number.
pub const DIGITS: usize = 20;

/// The decimal digits of `number`, written to the end of `digits`.
pub fn decimal(number: u64, digits: &mut [u8; DIGITS]) -> &str {
    let (mut rest, mut length) = (number, 0);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    let (_, text) = digits.split_at(DIGITS - length);
    core::str::from_utf8(text).unwrap_or_default()
}
