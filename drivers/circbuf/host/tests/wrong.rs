// SPDX-License-Identifier: GPL-2.0-only

//! What goes wrong on demand is what was asked for, and is counted.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use circbuf_model::wrong::{is_pending, least, pass, Wrong, FLIPPED};
use driver_model::faults::Faults;
use driver_model::plan::Plan;
use properties::cases;
use proptest::prelude::*;

fn faults(drop: &str, double: &str, flip: &str) -> Faults {
    let mut faults = Faults::default();
    [faults.drop, faults.double, faults.flip] =
        [drop, double, flip].map(|plan| Plan::parse(plan).unwrap());
    faults
}

#[test]
fn as_many_as_asked_for_go_wrong() {
    let (mut faults, mut wrong, mut out) = (faults("2", "1", "2"), Wrong::default(), Vec::new());
    let taken = pass(&mut faults, &mut wrong, b"abcdefgh", 100, |b| out.push(b));
    assert_eq!(taken, 8);
    let (c, d) = (b'c' ^ FLIPPED, b'd' ^ FLIPPED);
    assert_eq!(out, [c, c, d, b'e', b'f', b'g', b'h']);
    let counted = (wrong.dropped, wrong.doubled, wrong.flipped);
    assert_eq!(counted, (2, 1, 2));
    assert!(!is_pending(&faults));
}

#[test]
fn a_range_is_counted_from_the_next() {
    let (mut faults, mut wrong, mut out) =
        (faults("3-4", "2-3", "1-2"), Wrong::default(), Vec::new());
    pass(&mut faults, &mut wrong, b"abcdefgh", 100, |b| out.push(b));
    let (a, b) = (b'a' ^ FLIPPED, b'b' ^ FLIPPED);
    // The third that is not lost is the fifth.
    assert_eq!(out, [a, b, b, b'e', b'e', b'f', b'g', b'h']);
    assert!(!is_pending(&faults));
}

fn plans() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u32..20).prop_map(|count| count.to_string()),
        (1u32..20, 0u32..20).prop_map(|(first, more)| format!("{first}-{}", first + more)),
        (1u32..4, any::<u32>()).prop_map(|(wrong, seed)| format!("{wrong}/4 {seed}")),
    ]
}

proptest! {
    #![proptest_config(cases(400))]

    /// In pieces, with room for as much as there happens to be, the same comes out as at once.
    #[test]
    fn pieces_make_no_difference(
        (drop, double, flip) in (plans(), plans(), plans()),
        given in prop::collection::vec(any::<u8>(), 0..80),
        rooms in prop::collection::vec(0usize..7, 0..60),
    ) {
        let start = faults(&drop, &double, &flip);
        let (mut at_once, mut wrong, mut whole) = (start, Wrong::default(), Vec::new());
        pass(&mut at_once, &mut wrong, &given, usize::MAX, |b| whole.push(b));

        let (mut faults, mut counted, mut out) = (start, Wrong::default(), Vec::new());
        let mut rest = &given[..];
        for room in rooms.into_iter().chain([7; 60]) {
            let before = out.len();
            let waits = room < least(&faults);
            let taken = pass(&mut faults, &mut counted, rest, room, |b| out.push(b));
            prop_assert!(out.len() - before <= room);
            prop_assert_eq!(taken == 0, waits || rest.is_empty());
            rest = &rest[taken..];
        }
        prop_assert!(rest.is_empty(), "{} bytes are left", rest.len());
        prop_assert_eq!((out.clone(), counted, faults), (whole, wrong, at_once));
        let lengths = given.len() as u64 + counted.doubled - counted.dropped;
        prop_assert_eq!(out.len() as u64, lengths);
    }
}
