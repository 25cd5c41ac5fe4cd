// SPDX-License-Identifier: GPL-2.0-only

//! Samples are what floating point and the standards make of the same levels.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod properties;

use driver_model::encode::{encode, store};
use driver_model::format::{Code, Format, FORMATS};
use properties::cases;
use proptest::prelude::*;

fn named(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap()
}

/// The bits of a sample.
fn bits(name: &str, value: i32) -> u64 {
    let format = named(name);
    let sample = encode(format, value, 0);
    let bytes = &sample[..usize::from(format.bytes)];
    let add = |bits: u64, byte: &u8| (bits << 8) | u64::from(*byte);
    match format.big_endian {
        true => bytes.iter().fold(0, add),
        false => bytes.iter().rev().fold(0, add),
    }
}

#[test]
fn names_say_what_the_bits_mean() {
    for format in &FORMATS {
        assert_eq!(
            format.big_endian,
            format.name.ends_with("BE"),
            "{}",
            format.name
        );
        let number = |prefix: char| -> Option<u32> {
            let rest = format.name.strip_prefix(prefix)?;
            rest.split('_').next()?.parse().ok()
        };
        let code = match (number('S'), number('U')) {
            (Some(bits), _) => Code::Signed(bits),
            (_, Some(bits)) => Code::Unsigned(bits),
            _ if format.name.starts_with("FLOAT") => Code::Float,
            _ if format.name.starts_with("DSD") => Code::Dsd,
            _ if format.name.starts_with("IEC") => Code::Subframe,
            _ if format.name == "MU_LAW" => Code::MuLaw,
            _ => Code::ALaw,
        };
        assert_eq!(format.code, code, "{}", format.name);
    }
}

#[test]
fn silence_is_the_formats_own() {
    for format in &FORMATS {
        // Of the two codes of silence ALSA's is the negative one.
        let value = match format.code {
            Code::MuLaw | Code::ALaw => -1,
            Code::Dsd => continue,
            _ => 0,
        };
        let sample = encode(format, value, 0);
        let bytes = usize::from(format.bytes);
        assert_eq!(&sample[..bytes], format.silence(), "{}", format.name);
    }
}

#[test]
fn full_scale_is_the_range_of_each_format() {
    assert_eq!(bits("S16_LE", i32::MAX), 0x7fff);
    assert_eq!(bits("S16_BE", i32::MIN), 0x8000);
    assert_eq!(bits("U8", i32::MAX), 0xff);
    assert_eq!(bits("U8", i32::MIN), 0);
    assert_eq!(bits("S24_LE", -1), 0xffff_ffff);
    assert_eq!(bits("S24_3LE", i32::MIN), 0x80_0000);
    assert_eq!(bits("S18_3BE", i32::MIN), 0xfe_0000);
    assert_eq!(bits("U18_3BE", i32::MAX), 0x03_ffff);
    assert_eq!(bits("FLOAT_LE", i32::MIN), u64::from((-1.0f32).to_bits()));
    assert_eq!(bits("IEC958_SUBFRAME_LE", i32::MIN), 0x0800_0000);
}

#[test]
fn the_companding_laws_are_those_of_the_standard() {
    // Decision values and codes of G.711's tables: the ends of the first, a middle and the last
    // segment.
    for (level, mu, a) in [
        (0i16, 0xff, 0xd5),
        (-1, 0x7f, 0x55),
        (32_767, 0x80, 0xaa),
        (-32_768, 0x00, 0x2a),
        (1_000, 0xce, 0xfa),
        (-1_000, 0x4e, 0x7a),
    ] {
        let value = i32::from(level) << 16;
        assert_eq!(bits("MU_LAW", value), mu, "{level}");
        assert_eq!(bits("A_LAW", value), a, "{level}");
    }
}

#[test]
fn stored_bits_are_in_the_formats_order() {
    assert_eq!(store(named("S24_3BE"), 0x0102_0304)[..3], [2, 3, 4]);
    assert_eq!(store(named("S24_3LE"), 0x0102_0304)[..3], [4, 3, 2]);
    assert_eq!(store(named("FLOAT64_BE"), 1), [0, 0, 0, 0, 0, 0, 0, 1]);
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn floating_point_is_that_of_the_host(value in any::<i32>()) {
        let exact = f64::from(value) / 2f64.powi(31);
        prop_assert_eq!(bits("FLOAT64_LE", value), exact.to_bits());
        prop_assert_eq!(bits("FLOAT_BE", value), u64::from((exact as f32).to_bits()));
    }

    #[test]
    fn companded_levels_are_near(level in any::<i16>()) {
        // As decoders have them: the middle of a code's range.
        let value = i32::from(level) << 16;
        let mu = !(bits("MU_LAW", value) as u8);
        let magnitude = (((i32::from(mu & 0x0f) << 3) + 132) << ((mu >> 4) & 7)) - 132;
        let decoded = if mu & 0x80 == 0 { magnitude } else { -magnitude };
        let off = (decoded - i32::from(level)).abs();
        prop_assert!(off <= (i32::from(level).abs() >> 4) + 8 || level.unsigned_abs() > 32_000);
        let a = bits("A_LAW", value) as u8 ^ 0x55;
        let (segment, step) = ((a >> 4) & 7, i32::from(a & 0x0f));
        let magnitude = match segment {
            0 => (step << 4) + 8,
            segment => ((step << 4) + 0x108) << (segment - 1),
        };
        let decoded = if a & 0x80 == 0 { -magnitude } else { magnitude };
        let off = (decoded - i32::from(level)).abs();
        prop_assert!(off <= (i32::from(level).abs() >> 5) + 16, "{level}: {decoded}");
    }

    #[test]
    fn one_bit_formats_have_the_level_on_average(value in any::<i32>(), first in 0..1u64 << 40) {
        let format = named("DSD_U8");
        let ones: u32 = (first..first + 128).map(|n| encode(format, value, n)[0].count_ones()).sum();
        let wanted = (f64::from(value) / 2f64.powi(32) + 0.5) * 1_024.0;
        prop_assert!((f64::from(ones) - wanted).abs() < 6.0, "{ones}, {wanted}");
    }
}
