// SPDX-License-Identifier: GPL-2.0-only

//! Interrupts never get more than half of the time, and one that comes alone is never put off.

mod properties;

use properties::cases;
use proptest::prelude::*;
use snd_rloop_pure::pace::Pace;

proptest! {
    #![proptest_config(cases(300))]

    /// Many timers, all of them due all the time.
    #[test]
    fn half_of_the_time_is_left(costs in prop::collection::vec(1_000..300_000u64, 1..50)) {
        let mut pace = Pace::default();
        let (mut now, mut spent, mut longest, mut burst) = (1_000_000_000, 0, 0, 0u64);
        let start = now;
        let mut timers = vec![start; costs.len()];
        while now < start + 200_000_000 {
            let (n, due) = timers.iter().copied().enumerate().min_by_key(|(_, t)| *t).unwrap_or_default();
            if due > now {
                now = due;
                burst = 0;
            }
            if let Some(until) = pace.put_off(now) {
                prop_assert!(until > now && until <= now + 2_000_000);
                timers[n] = until;
                // As long as it takes.
                now += 300;
                burst += 300;
                continue;
            }
            let cost = costs[n];
            pace.spend(now, now + cost);
            now += cost;
            spent += cost;
            burst += cost;
            longest = longest.max(burst);
            timers[n] = now;
        }
        prop_assert!(spent <= (now - start) / 2 + 600_000, "{spent} of {}", now - start);
        prop_assert!(spent >= (now - start) * 2 / 5, "{spent} of {}", now - start);
        // A burst, one that was begun just before its end, and putting off the others.
        prop_assert!(longest <= 250_000 + 300_000 + 100_000, "{longest} at a time");
    }

    #[test]
    fn what_takes_less_than_half_of_the_time_is_never_put_off(
        calls in prop::collection::vec((1_000..200_000u64, 0..1_000_000u64), 1..200)
    ) {
        let (mut pace, mut now) = (Pace::default(), 1_000_000_000);
        for (cost, rest) in calls {
            prop_assert_eq!(pace.put_off(now), None);
            pace.spend(now, now + cost);
            now += 2 * cost + rest;
        }
    }

    #[test]
    fn standing_still_is_not_held_against_anybody(time in 0..u64::MAX / 2) {
        let mut pace = Pace::new(5);
        pace.spend(10, 10 + time);
        prop_assert!(pace.settled() <= 10 + 2_000_000);
    }
}
