// SPDX-License-Identifier: GPL-2.0-only

//! Interrupts never get more than half of the time, and one that comes alone is never put off.

mod properties;

use driver_model::pace::Pace;
use properties::cases;
use proptest::prelude::*;

/// The time that it takes to arm a timer.
const ARM: u64 = 2_000;

/// Timers that are due again `period` after they were, each of which costs something.
struct Timers {
    due: Vec<u64>,
    /// As which of all each was armed.
    armed: Vec<u64>,
    costs: Vec<u64>,
    period: u64,
}

/// The work of a processor.
#[derive(Default)]
struct Done {
    /// How often timers were armed.
    armed: u64,
    /// Time spent on timers.
    spent: u64,
    /// The longest without a break.
    longest: u64,
    /// How often each was served.
    served: Vec<u64>,
}

impl Timers {
    /// As `hrtimer_interrupt()`: all that are due, then those that have become so, three times.
    fn run(&mut self, from: u64, until: u64) -> Done {
        let (mut pace, mut now, mut done) = (Pace::default(), from, Done::default());
        done.served = vec![0; self.due.len()];
        while now < until {
            now = now.max(self.due.iter().copied().min().unwrap_or(until));
            let entry = now;
            for _ in 0..3 {
                let due = now;
                // The one that was due first, of several the one that was armed first.
                while let Some(n) = (0..self.due.len())
                    .filter(|n| self.due[*n] <= due)
                    .min_by_key(|n| (self.due[*n], self.armed[*n]))
                {
                    let begin = now;
                    done.armed += 1;
                    self.armed[n] = done.armed;
                    if let Some(later) = pace.put_off(now) {
                        now += ARM;
                        self.due[n] = later;
                        continue;
                    }
                    now += self.costs[n];
                    let next = pace.spend(begin, now, false);
                    now += ARM;
                    done.spent += now - begin;
                    done.served[n] += 1;
                    self.due[n] = (self.due[n] + self.period).max(next);
                }
            }
            done.longest = done.longest.max(now - entry);
        }
        done
    }
}

/// As `PeriodTimers::callback`: the time at which the last of `count` is served that share a timer,
/// are all due at `from`, and cost `cost` each.
fn served_together(from: u64, count: u64, cost: u64) -> u64 {
    let (mut pace, mut now, mut left) = (Pace::default(), from, count);
    loop {
        if let Some(later) = pace.put_off(now) {
            now = later;
            continue;
        }
        let begin = now;
        let served = left.min(4);
        left -= served;
        now += served * cost;
        if left == 0 {
            return now;
        }
        now = (now + ARM).max(pace.spend(begin, now, left > 0));
    }
}

const START: u64 = 1_000_000_000;
const TIME: u64 = 200_000_000;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn half_of_the_time_is_left(
        costs in prop::collection::vec(1_000..100_000u64, 1..100), period in 1_000..100_000u64, together in any::<bool>(),
    ) {
        let due = (0..costs.len() as u64).map(|n| if together { START } else { START + n * 777 });
        let count = costs.len() as u64;
        let mut timers = Timers {
            due: due.collect(),
            armed: vec![0; costs.len()],
            costs: costs.clone(),
            period,
        };
        let done = timers.run(START, START + TIME);
        prop_assert!(done.spent <= TIME / 2 + 300_000, "{}", done.spent);
        // A burst, one that was begun just before its end, and putting off the others.
        prop_assert!(done.longest <= 200_000 + 100_000 + (count + 2) * ARM, "{}", done.longest);
        prop_assert!(done.served.iter().all(|times| *times > 0), "{:?}", done.served);
    }

    #[test]
    fn what_takes_less_than_half_of_the_time_is_never_put_off(
        calls in prop::collection::vec((1_000..100_000u64, 0..1_000_000u64), 1..200)
    ) {
        let (mut pace, mut now) = (Pace::default(), START);
        for (cost, rest) in calls {
            prop_assert_eq!(pace.put_off(now), None);
            let settled = now + 2 * (cost + ARM);
            let next = pace.spend(now, now + cost, false);
            prop_assert!(next == settled || cost > 20_000 && next == settled + 200_000);
            now = settled + rest;
        }
    }

    #[test]
    fn those_that_share_a_timer_are_served_in_one_go(count in 1..32u64, cost in 1_000..100_000u64) {
        let taken = served_together(START, count, cost) - START;
        let busy = count * cost + count.div_ceil(4) * ARM;
        // After a burst comes a pause that is as long.
        prop_assert!(busy >= 200_000 || taken <= busy, "{taken} ns for {busy}");
        prop_assert!(taken <= 2 * busy + 10_000, "{taken} ns for {busy}");
        prop_assert!(2 * busy <= taken + 250_000 + 4 * cost, "{taken} ns for {busy}");
    }

    #[test]
    fn standing_still_is_not_held_against_anybody(time in 0..u64::MAX / 2) {
        let mut pace = Pace { settled: 5, ..Pace::default() };
        pace.spend(10, 10 + time, false);
        prop_assert!(pace.settled <= 10 + 2_000_000);
    }
}

#[test]
fn a_timer_that_is_armed_again_and_again_puts_nobody_off_for_long() {
    let mut pace = Pace::default();
    pace.spend(START, START + 1_000_000, false);
    for n in 0..100_000 {
        let now = START + 1_000_000 + n;
        let Some(later) = pace.put_off(now) else {
            break;
        };
        assert!(later <= now + 4_000_000, "{} ns", later - now);
    }
}
