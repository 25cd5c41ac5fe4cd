// SPDX-License-Identifier: GPL-2.0-only

//! What parameters may be, and what is said where they are not.

use circbuf_model::params::{parse, Written, PARAMETERS, SIZE_MAX};
use circbuf_model::rules::Rules;

fn one<'a>(name: &str, value: &'a str) -> Written<'a> {
    Written::collect(|known| (known == name).then_some(value))
}

fn said(written: &Written<'_>) -> String {
    parse(written).unwrap_err().to_string()
}

#[test]
fn defaults() {
    let rules = parse(&Written::default()).unwrap();
    let wanted = Rules {
        capacity: 4096,
        atomic: false,
        overwrite: false,
    };
    assert_eq!(rules, wanted);
    // What is shown where nothing was written means the same.
    let written = Written::collect(|name| {
        let default = PARAMETERS.iter().find(|(known, _)| *known == name).unwrap();
        Some(default.1)
    });
    assert_eq!(parse(&written), Ok(rules));
}

#[test]
fn sizes() {
    for (text, size) in [
        ("1", 1),
        ("16384", 16_384),
        ("4097", 4_097),
        ("0x100000", 1 << 20),
        ("1073741824", SIZE_MAX),
    ] {
        let rules = parse(&one("buffer_size", text)).unwrap();
        assert_eq!(rules.capacity, size);
    }
    for text in ["0", "-1", "1073741825", "4k", ""] {
        assert_eq!(
            said(&one("buffer_size", text)),
            format!(
                "parameter buffer_size={text} is not allowed: must be a whole number from 1 to 1073741824"
            )
        );
    }
}

#[test]
fn whole_writes_need_room() {
    assert!(parse(&one("atomic", "y")).unwrap().atomic);
    let small = Written {
        buffer_size: Some("4095"),
        atomic: Some("1"),
        ..Written::default()
    };
    assert_eq!(
        said(&small),
        "parameter buffer_size=4095 is not allowed: must be at least 4096 (PIPE_BUF) where atomic=1"
    );
    assert!(parse(&one("overwrite", "on")).unwrap().overwrite);
    assert!(parse(&one("overwrite", "maybe")).is_err());
}
