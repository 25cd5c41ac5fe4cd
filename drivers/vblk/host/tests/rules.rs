// SPDX-License-Identifier: GPL-2.0-only

//! Rules are for the requests that they name, as often as they say, and count them.

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;
use proptest::prelude::*;
use vblk_model::rules::{Kind, Operation, Rule, Rules, RULES_MAX};

fn rules(kind: Kind, lines: &[&str]) -> Rules {
    let mut rules = Rules::new(kind);
    for line in lines {
        let rule = Rule::parse(kind, line);
        assert!(rule.is_some_and(|rule| rules.add(rule)), "{line}");
    }
    rules
}

#[test]
fn the_first_that_is_for_a_request_decides() {
    let mut rules = rules(
        Kind::Error,
        &[
            "write 8-15 ENOSPC 2",
            "any all EIO 1",
            "read 100 ENODATA always",
        ],
    );
    assert!(rules.are_pending());
    assert_eq!(rules.apply(Operation::Write, 0, 8), Some(5), "the second");
    assert_eq!(
        rules.apply(Operation::Write, 0, 8),
        None,
        "before the range"
    );
    assert_eq!(rules.apply(Operation::Write, 16, 1), None, "behind it");
    assert_eq!(rules.apply(Operation::Write, 0, 9), Some(28), "into it");
    assert_eq!(
        rules.apply(Operation::Discard, 8, 8),
        None,
        "another operation"
    );
    assert_eq!(
        rules.apply(Operation::Write, 15, 1),
        Some(28),
        "its last sector"
    );
    assert_eq!(rules.apply(Operation::Write, 8, 8), None, "over");
    for _ in 0..9 {
        assert_eq!(rules.apply(Operation::Read, 96, 8), Some(61));
    }
    let shown =
        "write 8-15 ENOSPC 0 fired 2\nany all EIO 0 fired 1\nread 100-100 ENODATA always fired 9\n";
    assert_eq!(rules.to_string(), shown);
    rules.clear();
    assert_eq!(rules.to_string(), "");
    assert!(!rules.are_pending());
}

#[test]
fn a_rule_lets_those_pass_that_its_plan_does_not_choose() {
    let lines = [
        "read all EIO 2-3",
        "any 0-9 ENOSPC 1",
        "read all EILSEQ 5/5 1",
    ];
    let mut rules = rules(Kind::Error, &lines);
    // The first lets it pass, and the second takes it.
    assert_eq!(rules.apply(Operation::Read, 0, 1), Some(28));
    assert_eq!(rules.apply(Operation::Read, 0, 1), Some(5));
    assert_eq!(rules.apply(Operation::Read, 90, 1), Some(5));
    for _ in 0..3 {
        assert_eq!(rules.apply(Operation::Read, 0, 1), Some(84));
    }
    let shown = "read all EIO 0 fired 2\nany 0-9 ENOSPC 0 fired 1\nread all EILSEQ 5/5 1 fired 3\n";
    assert_eq!(rules.to_string(), shown);
}

#[test]
fn a_flush_has_no_place() {
    let mut any = rules(Kind::Hang, &["any 0-10 1"]);
    assert_eq!(any.apply(Operation::Flush, 0, 0), None);
    let mut all = rules(Kind::Hang, &["flush all 1"]);
    assert_eq!(all.apply(Operation::Write, 0, 8), None);
    assert_eq!(all.apply(Operation::Flush, 0, 0), Some(0));
    assert_eq!(Rule::parse(Kind::Hang, "flush 0-10 1"), None);
}

#[test]
fn what_is_none_is_refused() {
    for (kind, lines) in [
        (
            Kind::Error,
            &[
                "",
                "read",
                "read all",
                "read all EIO",
                "read all EIO 0",
                "read all EIO -1",
                "read all EFOO 1",
                "eat all EIO 1",
                "read 5-4 EIO 1",
                "read x EIO 1",
                "read all EIO 1 1",
                "read all 5 1",
                "READ all EIO 1",
                "read -1 EIO 1",
                "read 1- EIO 1",
                "read all EIO 4294967296",
                "read all EIO 1/10",
                "read all EIO 4-3",
                "read all EIO always 1",
            ][..],
        ),
        (
            Kind::Delay,
            &[
                "read all 0 1",
                "read all 60000001 1",
                "read all 1",
                "read all EIO 1",
            ],
        ),
        (Kind::Hang, &["read all", "read all EIO 1", "read all 1 1"]),
    ] {
        for line in lines {
            assert_eq!(Rule::parse(kind, line), None, "{kind:?} {line}");
        }
    }
}

#[test]
fn one_that_is_over_makes_room() {
    let mut rules = Rules::new(Kind::Error);
    let rule = |count: usize| Rule::parse(Kind::Error, &format!("read all EIO {count}")).unwrap();
    for count in 0..RULES_MAX {
        assert!(rules.add(rule(count + 1)));
    }
    assert!(!rules.add(rule(99)));
    assert_eq!(rules.apply(Operation::Read, 0, 1), Some(5));
    assert!(rules.add(rule(99)));
    assert!(!rules.add(rule(99)));
    let shown = rules.to_string();
    assert!(shown.starts_with("read all EIO 2 fired 0\n"), "{shown}");
    assert!(shown.ends_with("read all EIO 99 fired 0\n"), "{shown}");
}

proptest! {
    #![proptest_config(cases(400))]

    /// What is shown is what was written.
    #[test]
    fn shown_as_written(
        operation in prop::sample::select(vec!["any", "read", "write", "discard", "zeroes"]),
        (first, more) in (any::<u32>(), any::<u16>()),
        plan in prop_oneof![
            Just("always".to_owned()),
            (1u32..).prop_map(|count| count.to_string()),
            (2u32..99, 0u32..99).prop_map(|(first, more)| format!("{first}-{}", first + more)),
            (1u32..9, 0u32..9, any::<u32>())
                .prop_map(|(wrong, right, seed)| format!("{wrong}/{} {seed}", wrong + right)),
        ],
        micros in 1u32..=60_000_000,
    ) {
        let last = u64::from(first) + u64::from(more);
        for (kind, value) in [(Kind::Error, "ETIMEDOUT ".to_owned()), (Kind::Delay, format!("{micros} ")), (Kind::Hang, String::new())] {
            let line = format!("{operation} {first}-{last} {value}{plan}");
            prop_assert_eq!(rules(kind, &[&line]).to_string(), format!("{line} fired 0\n"));
        }
    }

    /// As often as asked for, whatever else comes in between.
    #[test]
    fn as_often_as_asked(count in 1u32..20, requests in prop::collection::vec((any::<bool>(), 0u64..40, 1u64..9), 0..80)) {
        let mut rules = rules(Kind::Delay, &[&format!("read 10-19 7 {count}")]);
        let mut due = 0;
        for (reads, first, sectors) in requests {
            let operation = if reads { Operation::Read } else { Operation::Write };
            let hit = reads && (first..first + sectors).any(|sector| (10..20).contains(&sector)) && due < count;
            due += u32::from(hit);
            prop_assert_eq!(rules.apply(operation, first, sectors), hit.then_some(7));
        }
        let end = format!("fired {due}\n");
        prop_assert!(rules.to_string().ends_with(&end));
    }
}
