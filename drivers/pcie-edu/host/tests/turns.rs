// SPDX-License-Identifier: GPL-2.0-only

//! Turns, in the order in which those who wait have come.

use std::collections::VecDeque;

use pcie_edu_model::turns::{Ticket, Turns};
use proptest::prelude::*;

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody comes.
    Come,
    /// Whose turn it is has had it.
    Take,
    /// Somebody who waits gives up.
    GiveUp(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Come),
        2 => Just(Step::Take),
        1 => any::<prop::sample::Index>().prop_map(Step::GiveUp),
    ]
}

/// Puts somebody behind all others; there is made room for them as the driver does.
fn come(turns: &mut Turns<Vec<u64>>) -> Ticket {
    loop {
        if let Some(ticket) = turns.come() {
            return ticket;
        }
        let room = turns.room();
        let old = turns.enlarge(vec![u64::MAX; room + 3]);
        assert_eq!((old.len(), turns.room()), (room, room + 3));
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    /// Whoever comes, has their turn and gives up in whatever order: it is always the turn of the one who waits longest,
    /// and of nobody else, and only where nobody waits that of one who has not waited.
    #[test]
    fn the_first_is_first(steps in prop::collection::vec(step(), 1..200)) {
        let mut turns = Turns::new(Vec::new());
        let mut waiting = VecDeque::new();
        let mut gone = Vec::new();
        for step in steps {
            match step {
                Step::Come => waiting.push_back(come(&mut turns)),
                Step::Take => {
                    if let Some(first) = waiting.pop_front() {
                        prop_assert!(turns.go(first));
                        gone.push(first);
                    }
                }
                Step::GiveUp(which) => {
                    if let Some(ticket) = waiting.remove(which.index(waiting.len().max(1))) {
                        let was_first = turns.is_turn_of(Some(ticket));
                        prop_assert_eq!(turns.go(ticket), was_first);
                        gone.push(ticket);
                    }
                }
            }
            prop_assert_eq!(turns.is_turn_of(None), waiting.is_empty());
            for (place, ticket) in waiting.iter().enumerate() {
                prop_assert_eq!(turns.is_turn_of(Some(*ticket)), place == 0);
            }
            for ticket in &gone {
                prop_assert!(!turns.is_turn_of(Some(*ticket)));
                prop_assert!(!turns.go(*ticket));
            }
        }
    }
}

#[test]
fn who_comes_again_and_again_waits_for_the_others() {
    let mut turns = Turns::new(vec![0; 2]);
    let mut often = come(&mut turns);
    for _ in 0..10 {
        let other = come(&mut turns);
        assert!(turns.is_turn_of(Some(often)) && turns.go(often));
        often = come(&mut turns);
        assert!(turns.is_turn_of(Some(other)) && turns.go(other));
    }
    // There was room for both.
    assert_eq!(turns.room(), 2);
}

#[test]
fn less_room_is_not_taken() {
    let mut turns = Turns::new(vec![0; 2]);
    let first = come(&mut turns);
    assert_eq!(turns.enlarge(vec![9; 2]), [9, 9]);
    assert_eq!(turns.enlarge(vec![9; 3]).len(), 2);
    assert!(turns.is_turn_of(Some(first)));
}
