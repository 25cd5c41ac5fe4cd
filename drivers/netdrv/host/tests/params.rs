// SPDX-License-Identifier: GPL-2.0-only

//! What parameters may be.

use netdrv_model::params::{parse, Written};

#[test]
fn ring_sizes() {
    fn of(text: &str) -> Written<'_> {
        Written {
            ring_size: Some(text),
        }
    }
    assert_eq!(parse(&Written::default()), Ok(256));
    for size in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let text = size.to_string();
        assert_eq!(parse(&of(&text)), Ok(size));
    }
    for text in ["0", "3", "-4", "255", "512", "4k", ""] {
        let said = parse(&of(text)).unwrap_err().to_string();
        let due = format!(
            "parameter ring_size={text} is not allowed: must be a power of two from 1 to 256"
        );
        assert_eq!(said, due);
    }
}
