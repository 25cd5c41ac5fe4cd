// SPDX-License-Identifier: GPL-2.0-only

//! What a card may be told to offer.

mod properties;

use driver_model::clock::{RATE_MAX, RATE_MIN};
use driver_model::format::{mask, FORMATS};
use driver_model::limits::{parse_formats, Limits, Ranges, CHANNELS_MAX, RANGES_MAX};
use properties::cases;
use proptest::prelude::*;

fn rates(written: &str) -> Option<Vec<(u32, u32)>> {
    Ranges::parse(written, &Limits::NONE.rates).map(|list| list.as_slice().to_vec())
}

#[test]
fn no_limits_are_what_the_card_can_do() {
    assert_eq!(Limits::NONE.formats, mask());
    assert_eq!(Limits::NONE.rates.as_slice(), [(RATE_MIN, RATE_MAX)]);
    assert_eq!(Limits::NONE.channels.as_slice(), [(1, CHANNELS_MAX)]);
}

#[test]
fn rates_are_numbers_and_ranges() {
    assert_eq!(rates("48000"), Some(vec![(48_000, 48_000)]));
    assert_eq!(rates("8000-768000"), Some(vec![(8_000, 768_000)]));
    let two = vec![(96_000, 96_000), (44_100, 48_000)];
    assert_eq!(rates("96000 44100-48000"), Some(two.clone()));
    assert_eq!(rates("  96000   44100-48000 "), Some(two));
    let list = Ranges::parse("96000 44100-48000", &Limits::NONE.rates).unwrap();
    assert_eq!((list.least(), list.most()), (44_100, 96_000));
    for bad in [
        "",
        " ",
        "-",
        "48k",
        "7999",
        "768001",
        "48000-44100",
        "44100-",
        "-48000",
        "44100--48000",
        "44100-48000-96000",
        "44100,48000",
        "+48000",
        "48000\n",
        "4294967296",
        "all",
    ] {
        assert_eq!(rates(bad), None, "{bad}");
    }
    let most = vec!["8000"; RANGES_MAX].join(" ");
    assert_eq!(rates(&most).map(|list| list.len()), Some(RANGES_MAX));
    assert_eq!(rates(&format!("{most} 8000")), None);
}

#[test]
fn formats_are_names() {
    assert_eq!(parse_formats("all"), Some(mask()));
    assert_eq!(parse_formats("S16_LE"), Some(1 << 2));
    assert_eq!(
        parse_formats(" S16_LE  S24_3LE"),
        Some((1 << 2) | (1 << 32))
    );
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(parse_formats(&names.join(" ")), Some(mask()));
    for bad in [
        "",
        " ",
        "S16",
        "s16_le",
        "S16_LE,S32_LE",
        "IMA_ADPCM",
        "all S16_LE",
        "S16_LE\n",
    ] {
        assert_eq!(parse_formats(bad), None, "{bad}");
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_list_is_read_as_it_is_written(
        list in prop::collection::vec((1..=CHANNELS_MAX, 1..=CHANNELS_MAX), 1..=RANGES_MAX)
    ) {
        let list: Vec<(u32, u32)> = list.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
        let words: Vec<String> = list.iter().map(|(from, to)| match from == to {
            true => from.to_string(),
            false => format!("{from}-{to}"),
        }).collect();
        let read = Ranges::parse(&words.join(" "), &Limits::NONE.channels).unwrap();
        prop_assert_eq!(read.as_slice(), &list);
        prop_assert_eq!(Some(read.least()), list.iter().map(|r| r.0).min());
        prop_assert_eq!(Some(read.most()), list.iter().map(|r| r.1).max());
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-0-9 A-Z_]*|.*") {
        if let Some(list) = Ranges::parse(&text, &Limits::NONE.rates) {
            prop_assert!(list.least() >= RATE_MIN && list.most() <= RATE_MAX);
        }
        if let Some(formats) = parse_formats(&text) {
            prop_assert!(formats != 0 && formats & !mask() == 0);
        }
    }
}
