// SPDX-License-Identifier: GPL-2.0-only

//! The model by itself.

use {{root}}_model::{bounded, MOST};

#[test]
fn a_number_is_bounded() {
    assert_eq!(bounded(0), 0);
    assert_eq!(bounded(MOST), MOST);
    assert_eq!(bounded(MOST + 1), MOST);
}
