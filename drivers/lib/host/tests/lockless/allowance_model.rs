// SPDX-License-Identifier: GPL-2.0-only

//! The delay lines of a card's cables take of one allowance (`alsa::quota::Quota`).

use loom::sync::Arc;
use loom::thread;

use super::allowance::Allowance;
use super::check;

#[test]
fn no_more_is_taken_than_there_is_and_all_comes_back() {
    check(|| {
        let allowance = Arc::new(Allowance::new(10));
        let other = Arc::clone(&allowance);
        let taker = thread::spawn(move || {
            if other.take(6) {
                assert!(!other.take(5), "11 of 10");
                other.give_back(6);
            }
        });
        if allowance.take(6) {
            assert!(!allowance.take(5), "11 of 10");
            allowance.give_back(6);
        }
        taker.join().expect("a taker failed");
        assert!(allowance.take(10), "not all has come back");
        assert!(!allowance.take(1), "more has come back than was taken");
    });
}

#[test]
fn who_asks_for_too_much_is_in_nobodys_way() {
    check(|| {
        let allowance = Arc::new(Allowance::new(10));
        let [first, second] = [(); 2].map(|()| {
            let allowance = Arc::clone(&allowance);
            thread::spawn(move || allowance.take(6))
        });
        assert!(allowance.take(3), "3 beside 6 of 10");
        let taken = [first, second].map(|taker| taker.join().expect("a taker failed"));
        assert!(taken[0] != taken[1], "one of the two: {taken:?}");
    });
}

#[test]
fn no_sum_is_too_large() {
    check(|| {
        let allowance = Allowance::new(usize::MAX);
        assert!(allowance.take(usize::MAX));
        assert!(!allowance.take(1) && !allowance.take(usize::MAX));
        assert!(allowance.take(0));
        assert_eq!(allowance.most(), usize::MAX);
    });
}
