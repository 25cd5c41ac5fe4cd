// SPDX-License-Identifier: GPL-2.0-only

//! The table of formats is ALSA's: numbers of `include/uapi/sound/asound.h`, sizes and silence by
//! the rules that ALSA's names stand for.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use driver_model::format::{mask, Format, FORMATS};

/// ALSA's names in the order of ALSA's numbers, 0 to 28, 31 to 52; "" is a hole.
const NAMES: &str = "S8 U8 S16_LE S16_BE U16_LE U16_BE S24_LE S24_BE U24_LE U24_BE S32_LE S32_BE \
    U32_LE U32_BE FLOAT_LE FLOAT_BE FLOAT64_LE FLOAT64_BE IEC958_SUBFRAME_LE IEC958_SUBFRAME_BE \
    MU_LAW A_LAW IMA_ADPCM MPEG GSM S20_LE S20_BE U20_LE U20_BE - - SPECIAL S24_3LE S24_3BE \
    U24_3LE U24_3BE S20_3LE S20_3BE U20_3LE U20_3BE S18_3LE S18_3BE U18_3LE U18_3BE G723_24 \
    G723_24_1B G723_40 G723_40_1B DSD_U8 DSD_U16_LE DSD_U32_LE DSD_U16_BE DSD_U32_BE";

/// Formats whose samples are not of one size or whose silence is no fixed sample.
const LEFT_OUT: [&str; 10] = [
    "IMA_ADPCM",
    "MPEG",
    "GSM",
    "-",
    "SPECIAL",
    "G723_24",
    "G723_24_1B",
    "G723_40",
    "G723_40_1B",
    "",
];

/// The silence that a name stands for.
fn silence(name: &str) -> Vec<u8> {
    let big = name.ends_with("BE");
    let digits = |text: &str| -> u32 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    if name == "MU_LAW" {
        return vec![0x7f]; // Inverted sign and magnitude: -0.
    }
    if name == "A_LAW" {
        return vec![0x55]; // Every second bit inverted.
    }
    if let Some(bits) = name.strip_prefix("DSD_U") {
        return vec![0x69; digits(bits) as usize / 8]; // As many ones as zeros.
    }
    if name.starts_with("FLOAT64") {
        return 0f64.to_le_bytes().to_vec();
    }
    if name.starts_with("FLOAT") || name.starts_with("IEC958") {
        return 0f32.to_le_bytes().to_vec();
    }

    // [SU]<bits>[_LE|_BE] in 1, 2 or 4 bytes, or [SU]<bits>_3LE|_3BE in 3, in the low bits.
    let bits = digits(&name[1..]);
    let bytes = match (name.contains("_3"), bits) {
        (true, _) => 3,
        (false, 8) => 1,
        (false, 16) => 2,
        (false, _) => 4,
    };
    let middle = if name.starts_with('U') {
        1u32 << (bits - 1)
    } else {
        0
    };
    if big {
        middle.to_be_bytes()[4 - bytes..].to_vec()
    } else {
        middle.to_le_bytes()[..bytes].to_vec()
    }
}

#[test]
fn numbers_sizes_and_silence_are_those_of_alsa() {
    for (number, name) in NAMES.split_whitespace().enumerate() {
        let number = u32::try_from(number).unwrap();
        let found = Format::from_number(number);
        if LEFT_OUT.contains(&name) {
            assert_eq!(found, None, "{name}");
            continue;
        }
        let format = found.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!((format.number, format.name), (number, name));
        assert_eq!(format.silence(), silence(name), "{name}");
        assert_eq!(usize::from(format.bytes), silence(name).len(), "{name}");
    }
    assert_eq!(NAMES.split_whitespace().count(), 53); // SNDRV_PCM_FORMAT_LAST is 52.
}

/// Written out of asound.h by hand, against a slip in the order above.
#[test]
fn some_numbers_one_by_one() {
    for (number, name) in [
        (0, "S8"),
        (2, "S16_LE"),
        (10, "S32_LE"),
        (14, "FLOAT_LE"),
        (18, "IEC958_SUBFRAME_LE"),
        (20, "MU_LAW"),
        (25, "S20_LE"),
        (28, "U20_BE"),
        (32, "S24_3LE"),
        (40, "S18_3LE"),
        (48, "DSD_U8"),
        (49, "DSD_U16_LE"),
        (50, "DSD_U32_LE"),
        (51, "DSD_U16_BE"),
        (52, "DSD_U32_BE"),
    ] {
        assert_eq!(Format::from_number(number).map(|f| f.name), Some(name));
    }
    for number in [22, 23, 24, 29, 30, 31, 44, 45, 46, 47, 53, 63, 64, u32::MAX] {
        assert_eq!(Format::from_number(number), None);
    }
}

#[test]
fn the_mask_is_the_table() {
    let mut bits = 0u64;
    for format in &FORMATS {
        assert_eq!((bits >> format.number) & 1, 0, "{} twice", format.name);
        bits |= 1 << format.number;
    }
    assert_eq!(mask(), bits);
    assert_eq!(mask().count_ones(), 43);
    assert_eq!(mask(), 0x001f_0fff_1e3f_ffff);
}
