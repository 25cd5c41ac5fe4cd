// SPDX-License-Identifier: GPL-2.0-only

//! What parameters may be, and what is said where they are not.

use vblk_model::geometry::Geometry;
use vblk_model::params::{parse, Written, PARAMETERS};

fn one<'a>(name: &str, value: &'a str) -> Written<'a> {
    Written::collect(|known| (known == name).then_some(value))
}

fn said(name: &str, value: &str) -> String {
    parse(&one(name, value)).map_or_else(|problem| problem.to_string(), |_| "taken".to_owned())
}

#[test]
fn defaults() {
    let geometry = parse(&Written::default()).unwrap();
    let wanted = Geometry {
        block: 512,
        bytes: 16 << 20,
        read_only: false,
        cache: false,
        queues: 0,
    };
    assert_eq!(geometry, wanted);
    assert_eq!(geometry.sectors(), 32_768);
    // What is shown where nothing was written means the same.
    let written = Written::collect(|name| {
        let default = PARAMETERS.iter().find(|(known, _)| *known == name).unwrap();
        Some(default.1)
    });
    assert_eq!(parse(&written), Ok(geometry));
}

#[test]
fn each_has_its_place() {
    let all = Written::collect(|name| {
        Some(match name {
            "disk_size_mb" => "8",
            "block_size" => "0x1000",
            "queues" => "3",
            _ => "y",
        })
    });
    let wanted = Geometry {
        block: 4096,
        bytes: 8 << 20,
        read_only: true,
        cache: true,
        queues: 3,
    };
    assert_eq!(parse(&all), Ok(wanted));
    assert_eq!(said("disk_size_mb", "524288"), "taken");
    assert_eq!(said("queues", "64"), "taken");
}

#[test]
fn what_is_not_allowed_is_named() {
    for (name, value, allowed) in [
        ("disk_size_mb", "0", "a whole number from 1 to 524288"),
        ("disk_size_mb", "524289", "a whole number from 1 to 524288"),
        ("disk_size_mb", "-1", "a whole number from 1 to 524288"),
        ("disk_size_mb", "16M", "a whole number from 1 to 524288"),
        ("block_size", "256", "512, 1024, 2048 or 4096"),
        ("block_size", "8192", "512, 1024, 2048 or 4096"),
        ("block_size", "-512", "512, 1024, 2048 or 4096"),
        ("queues", "65", "a whole number from 0 to 64"),
        ("read_only", "maybe", "1, y, on, 0, n or off"),
        ("write_cache", "2", "1, y, on, 0, n or off"),
    ] {
        let wanted = format!("parameter {name}={value} is not allowed: must be {allowed}");
        assert_eq!(said(name, value), wanted);
    }
}
