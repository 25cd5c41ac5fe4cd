// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters: from what the administrator wrote to the rules of a buffer.

use super::rules::{Rules, ATOMIC};
use crate::lib::model::number::truth;
use crate::lib::model::parameters::{bad, number, switch, written, Allowed, BadParameter};

/// The size of a buffer in bytes if nothing else is asked for.
pub const SIZE_DEFAULT: usize = 4096;
/// The largest size of a buffer in bytes.
pub const SIZE_MAX: usize = 1 << 30;

// The same, but for `enable`, as in the table of `bindings/helpers.c`.
written! {
    buffer_size: "4096",
    atomic: "0",
    overwrite: "0",
}

/// Reads what was written for one buffer.
///
/// # Errors
///
/// The first value that is not allowed.
pub fn parse<'a>(written: &Written<'a>) -> Result<Rules, BadParameter<'a>> {
    let (least, most) = (1, SIZE_MAX as i64);
    let sizes = Allowed::Number(least, most);
    let size = number("buffer_size", written.buffer_size, least..=most, sizes)?;
    let rules = Rules {
        capacity: size.map_or(SIZE_DEFAULT, |size| size.unsigned_abs() as usize),
        atomic: switch("atomic", written.atomic, truth)?.unwrap_or(false),
        overwrite: switch("overwrite", written.overwrite, truth)?.unwrap_or(false),
    };
    match written.buffer_size {
        Some(size) if rules.atomic && rules.capacity < ATOMIC => {
            let allowed = "at least 4096 (PIPE_BUF) where atomic=1";
            bad("buffer_size", size, Allowed::Words(allowed))
        }
        _ => Ok(rules),
    }
}
