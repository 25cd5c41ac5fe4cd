// SPDX-License-Identifier: GPL-2.0-only

//! Which frames go wrong, and what parameters may be.

use netdrv_model::params::{parse, Written};
use netdrv_model::plan::Plan;

/// The numbers of the frames, from 1, that go wrong of the first so many.
fn wrong(text: &str, frames: u64) -> (Vec<u64>, String) {
    let mut plan = Plan::parse(text).unwrap_or_else(|| panic!("{text} was refused"));
    let wrong = (1..=frames).filter(|_| plan.next_is_wrong()).collect();
    (wrong, plan.to_string())
}

#[test]
fn the_next_or_a_range() {
    assert_eq!(wrong("0", 5), (vec![], "0".into()));
    assert_eq!(wrong("3", 5), (vec![1, 2, 3], "0".into()));
    assert_eq!(wrong("3", 2), (vec![1, 2], "1".into()));
    assert_eq!(wrong("3-4", 9), (vec![3, 4], "0".into()));
    assert_eq!(wrong("3-4", 1), (vec![], "2-3".into()));
    assert_eq!(wrong("3-9", 4), (vec![3, 4], "5".into()));
    assert_eq!(
        wrong("4294967295", 1),
        (vec![1], "4294967294".into()),
        "the most"
    );
}

#[test]
fn a_seed_chooses_the_same_each_time_and_as_many_as_asked_for() {
    let (first, left) = wrong("1/10 7", 10_000);
    assert_eq!(wrong("1/10 7", 10_000).0, first);
    assert_ne!(wrong("1/10 8", 10_000).0, first);
    assert!((900..1_100).contains(&first.len()), "{}", first.len());
    assert_eq!(left, "1/10 7", "it goes on");
    assert_eq!(wrong("5/5 1", 3).0, [1, 2, 3]);
}

#[test]
fn what_is_no_plan_is_refused() {
    let bad = [
        "",
        "-1",
        "x",
        "1-",
        "-",
        "0-3",
        "4-3",
        "1/10",
        "0/10 1",
        "11/10 1",
        "1/0 1",
        "1/10 -1",
        "4294967296",
        "1 2",
        "1/10 1 1",
        "3-4294967296",
    ];
    for text in bad {
        assert_eq!(Plan::parse(text), None, "{text}");
    }
}

#[test]
fn ring_sizes() {
    fn of(text: &str) -> Written<'_> {
        Written {
            ring_size: Some(text),
        }
    }
    assert_eq!(parse(&Written::default()), Ok(256));
    for size in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let text = size.to_string();
        assert_eq!(parse(&of(&text)), Ok(size));
    }
    for text in ["0", "3", "-4", "255", "512", "4k", ""] {
        let said = parse(&of(text)).unwrap_err().to_string();
        let due = format!(
            "parameter ring_size={text} is not allowed: must be a power of two from 1 to 256"
        );
        assert_eq!(said, due);
    }
}
