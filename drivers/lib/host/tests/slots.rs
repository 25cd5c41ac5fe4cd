// SPDX-License-Identifier: GPL-2.0-only

//! A map of granules, in step with a list of what is taken.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod properties;

use driver_model::slots::Slots;
use properties::cases;
use proptest::prelude::*;

fn slots(granules: usize) -> Slots<Vec<u64>> {
    let words = Slots::<Vec<u64>>::words(granules);
    Slots::new(vec![u64::MAX; words], granules).unwrap()
}

#[test]
fn all_of_it_can_be_taken() {
    for granules in [1, 63, 64, 65, 128, 1000] {
        let mut map = slots(granules);
        assert_eq!(map.take(granules + 1), None);
        assert_eq!(map.take(granules), Some(0));
        assert_eq!((map.take(1), map.free()), (None, 0));
        assert!(map.give(0, granules) && map.free() == granules);
        assert!(!map.give(0, 1), "it is free already");
    }
    assert!(Slots::new(vec![0u64; 2], 64).is_none());
}

#[test]
fn what_is_not_there_can_t_be_given_back() {
    let mut map = slots(100);
    assert_eq!(map.take(100), Some(0));
    assert!(!map.give(99, 2) && !map.give(usize::MAX, 2) && !map.give(101, 0));
    assert_eq!(map.free(), 0);
}

#[test]
fn the_next_search_begins_behind_the_last() {
    let mut map = slots(128);
    assert_eq!((map.take(8), map.take(8)), (Some(0), Some(8)));
    assert!(map.give(0, 8));
    assert_eq!(map.take(8), Some(16));
    assert_eq!(map.take(104), Some(24));
    assert_eq!(map.take(8), Some(0));
}

proptest! {
    #![proptest_config(cases(300))]

    /// Runs never overlap, and a run is refused only where there is none.
    #[test]
    fn runs_do_not_overlap(
        granules in 1usize..400,
        calls in prop::collection::vec((any::<bool>(), 1usize..40, any::<prop::sample::Index>()), 1..120),
    ) {
        let mut map = slots(granules);
        let mut taken = vec![false; granules];
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (take, count, which) in calls {
            if take || runs.is_empty() {
                let there = taken.windows(count).any(|run| run.iter().all(|t| !t));
                match map.take(count) {
                    Some(start) => {
                        prop_assert!(taken[start..start + count].iter().all(|t| !t));
                        taken[start..start + count].fill(true);
                        runs.push((start, count));
                    }
                    None => prop_assert!(!there, "there was room for {}", count),
                }
            } else {
                let (start, count) = runs.swap_remove(which.index(runs.len()));
                prop_assert!(map.give(start, count));
                taken[start..start + count].fill(false);
            }
            prop_assert_eq!(map.free(), taken.iter().filter(|t| !**t).count());
        }
    }
}
