// SPDX-License-Identifier: GPL-2.0-only

//! What goes wrong on demand is what was asked for, and is counted.

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use circbuf_model::wrong::{is_pending, least, pass, Wrong, FLIPPED};
use driver_model::faults::Faults;
use properties::cases;
use proptest::prelude::*;

fn faults(drop: u64, double: u64, flip: u64) -> Faults {
    let mut faults = Faults::default();
    (faults.drop, faults.double, faults.flip) = (drop, double, flip);
    faults
}

#[test]
fn as_many_as_asked_for_go_wrong() {
    let (mut faults, mut wrong, mut out) = (faults(2, 1, 2), Wrong::default(), Vec::new());
    let taken = pass(&mut faults, &mut wrong, b"abcdefgh", 100, |b| out.push(b));
    assert_eq!(taken, 8);
    let (c, d) = (b'c' ^ FLIPPED, b'd' ^ FLIPPED);
    assert_eq!(out, [c, c, d, b'e', b'f', b'g', b'h']);
    let counted = (wrong.dropped, wrong.doubled, wrong.flipped);
    assert_eq!(counted, (2, 1, 2));
    assert!(!is_pending(&faults));
}

proptest! {
    #![proptest_config(cases(400))]

    /// In pieces, with room for as much as there happens to be, the same comes out as at once.
    #[test]
    fn pieces_make_no_difference(
        (drop, double, flip) in (0u64..20, 0u64..20, 0u64..20),
        given in prop::collection::vec(any::<u8>(), 0..80),
        rooms in prop::collection::vec(0usize..7, 0..60),
    ) {
        let start = faults(drop, double, flip);
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
