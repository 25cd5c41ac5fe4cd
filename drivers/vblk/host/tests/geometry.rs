// SPDX-License-Identifier: GPL-2.0-only

//! A request's pieces are all of its bytes, and each is in one page.

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;
use proptest::prelude::*;
use vblk_model::geometry::{is_on, pieces, PAGE};

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn pieces_are_all_of_it(position in 0u64..1 << 40, bytes in 0u64..100_000) {
        let mut at = position;
        for piece in pieces(position, bytes) {
            prop_assert!(piece.bytes > 0 && piece.start + piece.bytes <= PAGE);
            prop_assert_eq!(piece.page * PAGE as u64 + piece.start as u64, at);
            prop_assert_eq!(piece.is_whole(), piece.bytes == PAGE);
            at += piece.bytes as u64;
        }
        prop_assert_eq!(at, position + bytes);
    }
}

#[test]
fn the_end_of_the_disk() {
    assert!(is_on(8192, 4096, 4096));
    assert!(is_on(8192, 8192, 0));
    assert!(!is_on(8192, 4096, 4097));
    assert!(!is_on(8192, 8193, 0));
    assert!(!is_on(u64::MAX, u64::MAX, 1));
}
