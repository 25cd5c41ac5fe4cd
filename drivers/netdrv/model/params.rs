// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters.

use crate::lib::model::number::integer;
use crate::lib::model::parameters::{bad_value, written, BadParameter};

/// How many frames a ring has room for if nothing else is asked for, and at most.
pub const RING_MAX: u32 = 256;

// The same, but for `enable`, as in the table of `bindings/helpers.c`.
written! {
    ring_size: "256",
}

/// Whether a ring may have room for so many frames.
pub fn is_ring_size(frames: u32) -> bool {
    frames.is_power_of_two() && frames <= RING_MAX
}

/// Reads what was written: how many frames a ring has room for.
///
/// # Errors
///
/// A value that is not allowed.
pub fn parse<'a>(written: &Written<'a>) -> Result<u32, BadParameter<'a>> {
    let Some(value) = written.ring_size else {
        return Ok(RING_MAX);
    };
    integer(value)
        .and_then(|frames| u32::try_from(frames).ok())
        .filter(|frames| is_ring_size(*frames))
        .ok_or(bad_value(
            "ring_size",
            value,
            "a power of two from 1 to 256",
        ))
}
