// SPDX-License-Identifier: GPL-2.0-only

//! What was encoded is decoded to the same level, as far as the format has bits.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod properties;

use driver_model::decode::{decode, is_level};
use driver_model::encode::encode;
use driver_model::format::{Code, Format, FORMATS};
use properties::cases;
use proptest::prelude::*;

fn named(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap()
}

fn levels() -> impl Iterator<Item = &'static Format> {
    FORMATS.iter().filter(|format| is_level(format))
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn numbers_come_back_less_the_bits_that_the_format_has_not(value in any::<i32>()) {
        for format in levels() {
            let bits = match format.code {
                Code::Signed(bits) | Code::Unsigned(bits) => bits,
                Code::Subframe => 24,
                _ => continue,
            };
            let back = decode(format, &encode(format, value, 0));
            prop_assert_eq!(back, value >> (32 - bits) << (32 - bits), "{}", format.name);
        }
    }

    #[test]
    fn floats_come_back_to_within_their_24_digits(value in any::<i32>()) {
        for name in ["FLOAT_LE", "FLOAT_BE"] {
            let format = named(name);
            let back = decode(format, &encode(format, value, 0));
            let off = (i64::from(back) - i64::from(value)).unsigned_abs();
            prop_assert!(off <= u64::from(value.unsigned_abs() >> 24) + 1, "{value} {back}");
        }
    }

    #[test]
    fn any_float_is_what_floating_point_says(bits in any::<u32>()) {
        let float = f32::from_bits(bits);
        // `as` is towards 0, and saturates.
        let exact = (f64::from(float) * 2f64.powi(31)) as i32;
        prop_assert_eq!(decode(named("FLOAT_LE"), &bits.to_le_bytes()), exact, "{}", float);
    }
}

/// Codes of G.711 are those of the levels that they stand for.
#[test]
fn laws_come_back() {
    for name in ["MU_LAW", "A_LAW"] {
        let format = named(name);
        for code in 0..=255 {
            let back = encode(format, decode(format, &[code]), 0)[0];
            // There are two zeroes in µ-law.
            let wanted = if name == "MU_LAW" && code == 0x7f {
                0xff
            } else {
                code
            };
            assert_eq!(back, wanted, "{name} {code:#x}");
        }
    }
    // The recommendation's full scale.
    assert_eq!(decode(named("MU_LAW"), &[0x80]) >> 16, 32_124);
    assert_eq!(decode(named("MU_LAW"), &[0x00]) >> 16, -32_124);
    assert_eq!(decode(named("A_LAW"), &[0xaa]) >> 16, 32_256);
    assert_eq!(decode(named("A_LAW"), &[0x2a]) >> 16, -32_256);
}

#[test]
fn silence_is_0() {
    for format in levels() {
        let level = decode(format, format.silence());
        // A-law has no 0.
        let least = if format.name == "A_LAW" { 8 << 16 } else { 0 };
        assert!(level.unsigned_abs() <= least, "{}: {level}", format.name);
    }
}

#[test]
fn what_is_no_level_is_0() {
    for format in FORMATS.iter().filter(|format| !is_level(format)) {
        assert_eq!(decode(format, &[0x5a; 8]), 0, "{}", format.name);
    }
    assert_eq!(decode(named("S32_LE"), &[]), 0);
}
