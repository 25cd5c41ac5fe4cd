// SPDX-License-Identifier: GPL-2.0-only

//! What an administrator may write, and what is said about the rest.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use driver_model::clock::{RATE_MAX, RATE_MIN};
use driver_model::limits::{Limits, Ranges, CHANNELS_MAX, RANGES_MAX};
use driver_model::number::integer;
use driver_model::parameters::{parse_enable, BadParameter, CardNames, NOT_UTF8};
use properties::cases;
use proptest::prelude::*;
use snd_rloop_model::params::{parse, Config, Topology, Written, PARAMETERS};
use snd_rloop_model::source::{Address, Owner, Source, SourceText};

fn message(written: Written<'_>) -> String {
    parse(&written, 32).unwrap_err().to_string()
}

#[test]
fn nothing_written_is_the_default() {
    let config = Config {
        names: CardNames {
            index: -1,
            id: "rloop",
            name: "Virtual Loopback",
        },
        substreams: 8,
        topology: Topology::Cable,
        notify: false,
        free_running: false,
        timer_source: SourceText::new("hrtimer", 32).unwrap(),
        wakeup_slack: 0,
        limits: Limits::NONE,
        bandwidth: 2_000,
    };
    assert_eq!(parse(&Written::default(), 32), Ok(config));
    assert_eq!(Topology::Cable.devices(), 1);
    assert_eq!(Topology::Crossed.devices(), 2);
}

#[test]
fn what_is_shown_as_a_default_is_one() {
    let shown = |name| {
        let (_, default) = PARAMETERS.iter().find(|(known, _)| *known == name)?;
        Some(*default)
    };
    let written = Written::collect(shown);
    assert_eq!(parse(&written, 32), parse(&Written::default(), 32));
}

#[test]
fn everything_written_is_taken() {
    let written = Written {
        index: Some("31"),
        id: Some("My_Loopback"),
        name: Some("My Virtual Loopback"),
        pcm_substreams: Some("128"),
        topology: Some("crossed"),
        pcm_notify: Some("1"),
        clock: Some("free"),
        timer_source: Some("hw:1.0.2"),
        wakeup_slack: Some("50000"),
        formats: Some("S16_LE"),
        rates: Some("48000"),
        channels: Some("2"),
        bandwidth: Some("1000000"),
    };
    let config = Config {
        names: CardNames {
            index: 31,
            id: "My_Loopback",
            name: "My Virtual Loopback",
        },
        substreams: 128,
        topology: Topology::Crossed,
        notify: true,
        free_running: true,
        timer_source: SourceText::new("hw:1.0.2", 32).unwrap(),
        wakeup_slack: 50_000,
        limits: Limits {
            formats: 1 << 2,
            rates: Ranges::one(48_000, 48_000),
            channels: Ranges::one(2, 2),
        },
        bandwidth: 1_000_000,
    };
    assert_eq!(parse(&written, 32), Ok(config));
}

#[test]
fn an_index_is_what_alsa_takes_as_one() {
    let index = |index, cards| {
        let written = Written {
            index: Some(index),
            ..Written::default()
        };
        parse(&written, cards)
            .map(|config| config.names.index)
            .map_err(|bad| bad.to_string())
    };
    for (text, number) in [
        ("-1", -1),
        ("0", 0),
        ("31", 31),
        ("0x1f", 31),
        ("010", 8),
        ("+3", 3),
        // Any but the first; the second alone; the last of those that a mask can tell.
        ("-2", -2),
        ("-2147483646", -2_147_483_646),
        ("-2147483648", i32::MIN),
    ] {
        assert_eq!(index(text, 32), Ok(number), "{text}");
    }
    assert_eq!(index("255", 256), Ok(255));
    for bad in [
        "32",
        "",
        " 1",
        "1 ",
        "1.0",
        "one",
        "-2147483649",
        "99999999999999999999",
    ] {
        assert_eq!(
            index(bad, 32),
            Err(format!(
                "parameter index={bad} is not allowed: must be a whole number from 0 to 31, -1 for \
                 the first that is free, or a negative mask of the numbers that are allowed, such \
                 as -2 for any but 0"
            ))
        );
    }
}

#[test]
fn the_clock_is_a_word() {
    for bad in ["", "Free", "none", "1"] {
        assert_eq!(
            message(Written {
                clock: Some(bad),
                ..Written::default()
            }),
            format!("parameter clock={bad} is not allowed: must be timer or free")
        );
    }
}

#[test]
fn substreams_are_1_to_128() {
    for bad in ["0", "129", "-1", "", "8 ", "eight", "4294967304"] {
        assert_eq!(
            message(Written { pcm_substreams: Some(bad), ..Written::default() }),
            format!(
                "parameter pcm_substreams={bad} is not allowed: must be a whole number from 1 to 128"
            )
        );
    }
    let one = Written {
        pcm_substreams: Some("1"),
        ..Written::default()
    };
    assert_eq!(parse(&one, 32).map(|config| config.substreams), Ok(1));
}

#[test]
fn slack_is_so_much_that_a_drain_is_not_given_up() {
    for bad in ["50001", "-1", "", "4ms"] {
        assert_eq!(
            message(Written { wakeup_slack: Some(bad), ..Written::default() }),
            format!(
                "parameter wakeup_slack={bad} is not allowed: must be a whole number from 0 to 50000"
            )
        );
    }
}

#[test]
fn a_topology_is_one_of_a_few_words() {
    let cable = Written {
        topology: Some("cable"),
        ..Written::default()
    };
    assert_eq!(
        parse(&cable, 32).map(|config| config.topology),
        Ok(Topology::Cable)
    );
    for bad in ["", "Cable", "crossed ", "cross", "fan"] {
        assert_eq!(
            message(Written {
                topology: Some(bad),
                ..Written::default()
            }),
            format!("parameter topology={bad} is not allowed: must be cable, crossed or fanout")
        );
    }
}

#[test]
fn an_id_is_left_to_alsa() {
    let id = |id| {
        parse(
            &Written {
                id: Some(id),
                ..Written::default()
            },
            32,
        )
        .map(|config| config.names.id)
        .map_err(|bad| bad.to_string())
    };
    for text in [
        "Loopback",
        "my-loop back_1",
        "2x",
        "card1",
        "\u{e4}",
        "",
        "16 or more of them",
    ] {
        assert_eq!(id(text), Ok(text));
    }
    assert_eq!(
        id(NOT_UTF8),
        Err(
            "parameter id=(not UTF-8) is not allowed: must be UTF-8, best letters and digits"
                .into()
        )
    );
}

#[test]
fn a_name_is_1_to_31_printable_bytes() {
    for good in ["n", "Größer als alles", "1234567890123456789012345678901"] {
        let written = Written {
            name: Some(good),
            ..Written::default()
        };
        assert_eq!(
            parse(&written, 32).map(|config| config.names.name),
            Ok(good)
        );
    }
    // The last has 31 characters, but 32 bytes.
    let long = "123456789012345678901234567890ä";
    for bad in [
        "",
        "a\nb",
        "a\x7fb",
        "12345678901234567890123456789012",
        long,
        NOT_UTF8,
    ] {
        assert_eq!(
            message(Written {
                name: Some(bad),
                ..Written::default()
            }),
            format!(
                "parameter name={bad} is not allowed: must be 1 to 31 printable bytes of UTF-8"
            )
        );
    }
}

#[test]
fn enable_and_pcm_notify_are_read_as_the_kernel_reads_them() {
    let notify = |text| {
        let written = Written {
            pcm_notify: Some(text),
            ..Written::default()
        };
        parse(&written, 32).map(|config| config.notify)
    };
    let said = |parameter, value| {
        format!("parameter {parameter}={value} is not allowed: must be 1, y, on, 0, n or off")
    };
    assert_eq!(parse_enable(None), Ok(None));
    for yes in ["1", "y", "Y", "yes", "t", "True", "ON", "enable"] {
        assert_eq!(parse_enable(Some(yes)), Ok(Some(true)), "{yes}");
        assert_eq!(notify(yes), Ok(true), "{yes}");
    }
    for no in ["0", "n", "N", "no", "f", "FALSE", "off", "disable"] {
        assert_eq!(parse_enable(Some(no)), Ok(Some(false)), "{no}");
        assert_eq!(notify(no), Ok(false), "{no}");
    }
    for bad in ["", "2", "o", "maybe", " 1"] {
        let enable = parse_enable(Some(bad)).map_err(|bad: BadParameter<'_>| bad.to_string());
        assert_eq!(enable, Err(said("enable", bad)));
    }
    // A number in snd-aloop.
    for (number, on) in [("2", true), ("-1", true), ("0x0", false), ("00", false)] {
        assert_eq!(notify(number), Ok(on), "{number}");
    }
    for bad in ["", "o", "maybe", " 1"] {
        let bad_notify = notify(bad).map_err(|bad| bad.to_string());
        assert_eq!(bad_notify, Err(said("pcm_notify", bad)));
    }
}

#[test]
fn a_number_is_read_as_the_kernel_reads_it() {
    for (text, number) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("7", Some(7)),
        ("0x7F", Some(127)),
        ("0X7f", Some(127)),
        ("-0x10", Some(-16)),
        ("017", Some(15)),
        ("2147483647", Some(i32::MAX)),
        ("2147483648", None),
        ("4294967296", None),
        ("08", None),
        ("0x", None),
        ("0x-1", None),
        ("--1", None),
        ("-+1", None),
        ("+", None),
        ("a", None),
        ("1\u{e4}", None),
    ] {
        assert_eq!(integer(text), number, "{text}");
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn what_is_not_allowed_is_never_clamped(
        index in prop_oneof![any::<i64>(), any::<i32>().prop_map(i64::from), -40..40i64],
        substreams in prop_oneof![any::<i64>(), -2..200i64]
    ) {
        let (index_text, substreams_text) = (index.to_string(), substreams.to_string());
        let only_index = Written { index: Some(&index_text), ..Written::default() };
        let got = parse(&only_index, 32).map(|config| config.names.index).ok();
        let expected = i32::try_from(index).ok().filter(|index| *index < 32);
        prop_assert_eq!(got, expected);

        let only = Written { pcm_substreams: Some(&substreams_text), ..Written::default() };
        let got = parse(&only, 32).map(|config| i64::from(config.substreams)).ok();
        prop_assert_eq!(got, (1..=128).contains(&substreams).then_some(substreams));
    }

    #[test]
    fn no_text_panics(a in ".*", b in ".*", c in ".*", d in ".*", e in ".*", f in ".*") {
        for id in [None, Some(&*b)] {
            let written = Written {
                index: Some(&a),
                id,
                name: Some(&c),
                pcm_substreams: Some(&d),
                topology: Some(&e),
                pcm_notify: Some(&f),
                clock: Some(&d),
                timer_source: Some(&e),
                wakeup_slack: Some(&f),
                formats: Some(&a),
                rates: Some(&b),
                channels: Some(&c),
                bandwidth: Some(&d),
            };
            let _ = parse(&written, 32).map_err(|bad| bad.to_string());
            let _ = parse_enable(Some(&a));
        }
    }
}

#[test]
fn a_timer_source_is_written_as_for_snd_aloop() {
    let timer = |owner, device, subdevice| {
        Some(Source::Timer(Address {
            owner,
            device,
            subdevice,
        }))
    };
    for (text, source) in [
        ("", Some(Source::Hrtimer)),
        ("hrtimer", Some(Source::Hrtimer)),
        ("jiffies", Some(Source::Jiffies)),
        ("1", timer(Owner::Number(1), 0, 0)),
        ("hw:1", timer(Owner::Number(1), 0, 0)),
        ("hw:1,2", timer(Owner::Number(1), 2, 0)),
        ("hw:1.2,3", timer(Owner::Number(1), 2, 3)),
        ("plughw:0x1f.010.0", timer(Owner::Number(31), 8, 0)),
        (":0", timer(Owner::Number(0), 0, 0)),
        ("1.+1", timer(Owner::Number(1), 1, 0)),
        ("PCH", timer(Owner::Id("PCH"), 0, 0)),
        ("hw:Loopback_1.0.1", timer(Owner::Id("Loopback_1"), 0, 1)),
        ("hw:jiffies", timer(Owner::Id("jiffies"), 0, 0)),
        ("-1.4.127", timer(Owner::Global, 4, 127)),
    ] {
        assert_eq!(Source::parse(text, 32), source, "{text}");
    }
    for bad in [
        "hw:",
        "hw:32",
        "-2",
        "1.",
        "1.x",
        "1.0.0.0",
        "1.-1",
        "1 ",
        "two words",
        "9lives",
        "1.4294967296",
        "1.2147483648",
        "hw:sixteen-letters--",
        "a:b:c",
        "\u{e9}",
        "1.0.09",
    ] {
        assert_eq!(Source::parse(bad, 32), None, "{bad}");
    }
    assert_eq!(
        message(Written {
            timer_source: Some("hw:1.x"),
            ..Written::default()
        }),
        "parameter timer_source=hw:1.x is not allowed: must be hrtimer, jiffies, or a timer as \
         [hw:]CARD[.DEVICE[.SUBDEVICE]], CARD being another card's number or id, or -1 for a \
         global timer"
    );
}

#[test]
fn a_source_is_kept_as_it_was_written() {
    for (text, shown) in [
        ("", "hrtimer"),
        ("jiffies", "jiffies"),
        ("hw:1,0", "hw:1,0"),
    ] {
        let written = SourceText::new(text, 32).unwrap();
        assert_eq!(written.to_string(), shown);
        assert_eq!(Some(written.source()), Source::parse(text, 32));
    }
    let long = format!("{}:1", "x".repeat(61));
    assert!(SourceText::new(&long, 32).is_some());
    assert_eq!(SourceText::new(&format!("x{long}"), 32), None);
}

#[test]
fn what_is_no_limit_is_told() {
    let message = |written| parse(&written, 32).unwrap_err().to_string();
    assert_eq!(
        message(Written {
            formats: Some("S17"),
            ..Written::default()
        }),
        "parameter formats=S17 is not allowed: \
         must be all, or names of sample formats such as S16_LE, with spaces between"
    );
    assert_eq!(
        message(Written {
            rates: Some("1000"),
            ..Written::default()
        }),
        format!(
            "parameter rates=1000 is not allowed: must be up to {RANGES_MAX} numbers or ranges \
             from {RATE_MIN} to {RATE_MAX}, with spaces between"
        )
    );
    assert_eq!(
        message(Written {
            channels: Some("0-2"),
            ..Written::default()
        }),
        format!(
            "parameter channels=0-2 is not allowed: must be up to {RANGES_MAX} numbers or ranges \
             from 1 to {CHANNELS_MAX}, with spaces between"
        )
    );
}
