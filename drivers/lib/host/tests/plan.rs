// SPDX-License-Identifier: GPL-2.0-only

//! A plan chooses what it says, the same ones each time, however they are counted.

mod properties;

use driver_model::faults::Faults;
use driver_model::plan::{Plan, Plans};
use properties::cases;
use proptest::prelude::*;

/// The numbers, from 1, of those that go wrong of the first so many, and what is left of the plan.
fn wrong(text: &str, count: u64) -> (Vec<u64>, String) {
    let mut plan = Plan::parse(text).unwrap_or_else(|| panic!("{text} was refused"));
    let wrong = (1..=count).filter(|_| plan.next_is_wrong()).collect();
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
    // In another version of the driver, too.
    assert_eq!(wrong("1/10 42", 100).0, DUE);
}

/// Those that `1/10 42` chooses of the first hundred.
const DUE: [u64; 8] = [22, 35, 51, 60, 62, 72, 85, 97];

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
    let half = Plans {
        allowed: "",
        takes: Plan::is_at_most_half,
    };
    for text in ["0", "5", "3-7", "1/2 1", "2/5 1"] {
        assert_eq!(half.parse(text), Plan::parse(text), "{text}");
    }
    for text in ["1/1 1", "2/3 1", "x"] {
        assert_eq!(half.parse(text), None, "{text}");
    }
}

/// Plans of each kind, as they are written.
fn plans() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        (1u32..40).prop_map(|count| count.to_string()),
        (1u32..40, 0u32..40).prop_map(|(first, more)| format!("{first}-{}", first + more)),
        (1u32..9, 0u32..9, any::<u32>())
            .prop_map(|(wrong, right, seed)| format!("{wrong}/{} {seed}", wrong + right)),
    ]
}

proptest! {
    #![proptest_config(cases(400))]

    /// In runs the same ones go wrong as one by one; those that are passed over count.
    #[test]
    fn runs_make_no_difference(
        text in plans(),
        runs in prop::collection::vec((1u64..50, 0u8..3), 0..20),
    ) {
        let mut one_by_one = Plan::parse(&text).unwrap();
        let mut plan = one_by_one;
        for (most, way) in runs {
            let (mut due, mut came) = (Vec::new(), Vec::new());
            let mut count = most;
            match way {
                0 => plan.each_wrong(most, |before, run| came.extend(before..before + run)),
                1 => {
                    let (run, wrong) = plan.run(most);
                    prop_assert!((1..=most).contains(&run));
                    count = run;
                    came.extend((0..run).filter(|_| wrong));
                }
                _ => plan.pass(most),
            }
            due.extend((0..count).filter(|_| one_by_one.next_is_wrong()));
            if way < 2 {
                prop_assert_eq!(came, due);
            }
            prop_assert_eq!(plan, one_by_one);
        }
    }

    /// What is shown is what is left, and with a seed what was written.
    #[test]
    fn what_is_left_can_be_written(text in plans(), come in 0u64..100) {
        let mut plan = Plan::parse(&text).unwrap();
        if plan.is_seeded() {
            prop_assert_eq!(&plan.to_string(), &text);
        } else {
            plan.pass(come);
        }
        prop_assert_eq!(Plan::parse(&plan.to_string()), Some(plan), "{}", text);
    }

    /// A range has as many as it says, and a seed chooses about as many.
    #[test]
    fn as_many_as_it_says(text in plans()) {
        let chosen = wrong(&text, 20_000).0.len();
        let due = match (text.split_once('-'), text.split_once(['/', ' '])) {
            (Some((first, last)), _) => last.parse::<usize>().unwrap() - first.parse::<usize>().unwrap() + 1,
            (_, Some((wrong, rest))) => {
                let of: usize = rest.split(' ').next().unwrap().parse().unwrap();
                let due = 20_000 * wrong.parse::<usize>().unwrap() / of;
                prop_assert!(chosen.abs_diff(due) < 500, "{}: {}, {} are due", text, chosen, due);
                chosen
            }
            _ => text.parse().unwrap(),
        };
        prop_assert_eq!(chosen, due);
    }

    /// What gets lost is not asked to come twice, and runs make no difference.
    #[test]
    fn lost_or_twice(
        (drop, double) in (plans(), plans()),
        runs in prop::collection::vec(1u64..50, 0..20),
    ) {
        let (mut drop, mut double) = (Plan::parse(&drop).unwrap(), Plan::parse(&double).unwrap());
        let mut faults = Faults::default();
        (faults.drop, faults.double) = (drop, double);
        for most in runs {
            let (run, copies) = faults.run(most);
            prop_assert!((1..=most).contains(&run));
            for _ in 0..run {
                let due = match drop.next_is_wrong() {
                    true => 0,
                    false => 1 + u64::from(double.next_is_wrong()),
                };
                prop_assert_eq!(copies, due);
            }
            prop_assert_eq!((faults.drop, faults.double), (drop, double));
        }
    }
}
