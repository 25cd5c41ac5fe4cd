// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand.

use driver_model::plan::Plan;
use pcie_edu_model::registers::{COMPUTED, TRANSFERRED};
use pcie_edu_model::wrong::{Wrong, FLIPPED};

#[test]
fn interrupts_get_lost_as_many_as_asked_for() {
    let mut wrong = Wrong::default();
    assert_eq!(wrong.interrupted(COMPUTED), COMPUTED);
    wrong.faults.drop = Plan::next(2);
    assert_eq!(wrong.interrupted(COMPUTED), 0);
    assert_eq!(wrong.interrupted(COMPUTED | TRANSFERRED), 0);
    assert_eq!(wrong.interrupted(TRANSFERRED), TRANSFERRED);
    assert_eq!((wrong.dropped, wrong.faults.drop), (2, Plan::None));
}

#[test]
fn what_comes_while_nothing_ends_comes_later() {
    let mut wrong = Wrong::default();
    assert_eq!(wrong.freeze(false), 0);
    assert_eq!(wrong.freeze(true), 0);
    assert!(wrong.is_frozen());
    assert_eq!(wrong.interrupted(COMPUTED), 0);
    // Once more changes nothing.
    assert_eq!(wrong.freeze(true), 0);
    assert_eq!(wrong.interrupted(TRANSFERRED), 0);
    assert_eq!(wrong.freeze(false), COMPUTED | TRANSFERRED);
    assert!(!wrong.is_frozen());
    assert_eq!(wrong.freeze(false), 0);
    assert_eq!(wrong.interrupted(TRANSFERRED), TRANSFERRED);
    // What is lost does not come later.
    wrong.freeze(true);
    wrong.faults.drop = Plan::next(1);
    assert_eq!(wrong.interrupted(COMPUTED), 0);
    assert_eq!((wrong.freeze(false), wrong.dropped), (0, 1));
}

#[test]
fn transfers_come_back_wrong_as_many_as_asked_for() {
    let mut wrong = Wrong::default();
    wrong.faults.flip = Plan::next(2);
    for flipped in [1, 2, 2] {
        let before = wrong.flipped;
        let mut bytes = [7, 7];
        wrong.transferred(&mut bytes);
        let due = 7 ^ (FLIPPED * u8::from(wrong.flipped > before));
        assert_eq!((bytes, wrong.flipped), ([due, 7], flipped));
    }
    assert!(wrong.faults.flip.is_none());
    // An empty one has no byte, and does not count.
    wrong.faults.flip = Plan::parse("2-2").unwrap();
    for (bytes, due) in [
        (&mut [][..], 2),
        (&mut [7], 2),
        (&mut [7], 3),
        (&mut [7], 3),
    ] {
        wrong.transferred(bytes);
        assert_eq!(wrong.flipped, due);
    }
}
