// SPDX-License-Identifier: GPL-2.0-only

//! What the timer of several alarms is armed for (`kernel::lockless::alarm::Schedule`), one step
//! after the other.

use super::alarm::{Alarm, Hrtimer, Schedule};
use super::check;

/// What a timer was last armed for: a time and its slack.
#[derive(Default)]
struct Armed(std::cell::Cell<Option<(i64, u64)>>);

impl Hrtimer for Armed {
    fn start(&self, when: i64, slack: u64) {
        self.0.set(Some((when, slack)));
    }

    fn restart(&self, when: i64, slack: u64) -> bool {
        self.start(when, slack);
        true
    }

    fn try_to_cancel(&self) -> bool {
        self.0.set(None);
        true
    }
}

#[test]
fn of_those_that_are_due_together_the_last_to_go_looks_at_the_others() {
    check(|| {
        let (timer, alarms) = (Armed::default(), [(); 4].map(|()| Alarm::new()));
        let schedule = Schedule::new(0);
        let looks = std::cell::Cell::new(0);
        let arm = |number: usize, when| {
            let alarms = &alarms;
            let all = alarms.iter().inspect(|_| looks.set(looks.get() + 1));
            schedule.arm(&timer, all, &alarms[number], when);
            timer.0.get().map(|(when, _)| when)
        };
        for number in 0..3 {
            assert_eq!(arm(number, 50), Some(50));
        }
        assert_eq!(arm(3, 300), Some(50));
        assert_eq!(arm(0, u64::MAX), Some(50));
        assert_eq!(arm(1, 400), Some(50));
        assert_eq!(looks.get(), 0);
        assert_eq!(arm(2, u64::MAX), Some(300));
        assert_eq!(looks.get(), 4);

        // After the callback the first of them to go counts the others.
        schedule.begin();
        for number in 0..4 {
            arm(number, 500);
        }
        assert!(schedule.end(&timer, alarms.iter(), 0));
        assert_eq!(looks.get(), 4);
        for number in 0..3 {
            assert_eq!(arm(number, u64::MAX), Some(500));
            assert_eq!(looks.get(), 8);
        }
        assert_eq!(arm(3, u64::MAX), None);
        assert_eq!(looks.get(), 12);
    });
}

#[test]
fn the_timer_is_armed_for_the_first_of_all() {
    const TIMES: [u64; 3] = [50, 300, u64::MAX];
    // Of three alarms that are due together: one is armed, one is cancelled, or the callback comes;
    // whatever of these happens four times.
    for case in 0..11_usize.pow(4) {
        check(move || {
            let (timer, alarms) = (Armed::default(), [(); 3].map(|()| Alarm::new()));
            let schedule = Schedule::new(0);
            let mut due = [50; 3];
            for alarm in &alarms {
                schedule.arm(&timer, alarms.iter(), alarm, 50);
            }
            for step in 0..4 {
                match case / 11_usize.pow(step) % 11 {
                    9 => {
                        schedule.try_to_cancel(&timer, alarms.iter(), &alarms[0]);
                        due[0] = u64::MAX;
                    }
                    10 if timer.0.get().is_some() => {
                        schedule.begin();
                        for (alarm, due) in alarms.iter().zip(&mut due) {
                            if alarm.take(100) {
                                *due = u64::MAX;
                            }
                        }
                        timer.0.set(None);
                        schedule.end(&timer, alarms.iter(), 0);
                    }
                    10 => {}
                    choice => {
                        let (number, when) = (choice / 3, TIMES[choice % 3]);
                        schedule.arm(&timer, alarms.iter(), &alarms[number], when);
                        due[number] = when;
                    }
                }
                let first = due.into_iter().min().filter(|when| *when != u64::MAX);
                let armed = timer.0.get().map(|(when, _)| when as u64);
                assert_eq!(armed, first, "{case}: {due:?}");
            }
        });
    }
}

#[test]
fn who_is_late_gets_no_more_slack() {
    check(|| {
        let (timer, alarms) = (Armed::default(), [Alarm::new(), Alarm::new()]);
        let schedule = Schedule::new(100);
        let arm = |number: usize, when| {
            schedule.arm(&timer, alarms.iter(), &alarms[number], when);
            timer.0.get()
        };
        assert_eq!(arm(0, 1_000), Some((1_000, 100)));
        assert_eq!(arm(1, 1_050), Some((1_000, 100)));

        schedule.put_off(&timer, alarms.iter(), 1_040);
        assert_eq!(timer.0.get(), Some((1_040, 60)));
        assert_eq!(arm(1, 900), Some((1_040, 0)));
        assert_eq!(arm(1, 1_050), Some((1_040, 60)));

        schedule.begin();
        assert!(alarms[0].take(1_045) && !alarms[1].take(1_045));
        assert_eq!(arm(0, 500), Some((1_040, 60)));
        assert_eq!(arm(0, 2_000), Some((1_040, 60)));
        assert!(schedule.end(&timer, alarms.iter(), 1_060));
        assert_eq!(timer.0.get(), Some((1_060, 90)));

        schedule.begin();
        assert!(!alarms[0].take(1_100) && alarms[1].take(1_100));
        assert!(schedule.end(&timer, alarms.iter(), 1_120));
        assert_eq!(timer.0.get(), Some((2_000, 100)));
    });
}
