// SPDX-License-Identifier: GPL-2.0-only

//! What parameters may be, and what is said where they are not.

use sad_model::params::{parse, Written, PARAMETERS};

fn one<'a>(name: &str, value: &'a str) -> Written<'a> {
    Written::collect(|known| (known == name).then_some(value))
}

#[test]
fn defaults_are_the_models() {
    let config = parse(&Written::default(), 32).unwrap();
    assert_eq!((config.rate, config.format.name), (8_000, "MU_LAW"));
    assert_eq!(
        (config.buffer, config.parport, config.strobe),
        (8_192, None, true)
    );
    // What is shown where nothing was written means the same.
    let written = Written::collect(|name| {
        let default = PARAMETERS.iter().find(|(known, _)| *known == name).unwrap();
        Some(default.1)
    });
    assert_eq!(parse(&written, 32), Ok(config));
}

#[test]
fn formats_by_their_names() {
    for (name, wanted) in [
        ("mulaw", "MU_LAW"),
        ("alaw", "A_LAW"),
        ("u8", "U8"),
        ("S16_LE", "S16_LE"),
        ("s24_3be", "S24_3BE"),
        ("FLOAT_LE", "FLOAT_LE"),
    ] {
        let written = one("format", name);
        assert_eq!(parse(&written, 32).unwrap().format.name, wanted);
    }
}

#[test]
fn what_is_refused_is_named() {
    for (name, value, allowed) in [
        ("rate", "7999", "a whole number from 8000 to 192000"),
        ("rate", "192001", "a whole number from 8000 to 192000"),
        ("rate", "fast", "a whole number from 8000 to 192000"),
        ("buffer", "8191", "a whole number from 8192 to 1048576"),
        ("parport", "-2", "a whole number from -1 to 255"),
        ("strobe", "perhaps", "1, y, on, 0, n or off"),
        (
            "format",
            "FLOAT64_LE",
            "mulaw, alaw, or the name of a sample format of up to 32 bits such as U8 or S16_LE",
        ),
        (
            "format",
            "DSD_U8",
            "mulaw, alaw, or the name of a sample format of up to 32 bits such as U8 or S16_LE",
        ),
        (
            "format",
            "",
            "mulaw, alaw, or the name of a sample format of up to 32 bits such as U8 or S16_LE",
        ),
    ] {
        let written = one(name, value);
        let bad = parse(&written, 32).unwrap_err();
        let wanted = format!("parameter {name}={value} is not allowed: must be {allowed}");
        assert_eq!(bad.to_string(), wanted);
    }
}
