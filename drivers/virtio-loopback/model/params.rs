// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters.

use crate::lib::model::number::truth;
use crate::lib::model::parameters::{number, switch, written, Allowed, BadParameter};

/// How many nodes there are if nothing else is asked for, and at most.
pub const DEVICES_DEFAULT: u32 = 2;
/// The most nodes.
pub const DEVICES_MAX: u32 = 16;

// The same as in the table of `bindings/helpers.c`.
written! {
    devices: "2",
    untested: "0",
}

/// What the administrator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// How many nodes.
    pub devices: u32,
    /// Whether kinds of devices are allowed that have not been tried.
    pub untested: bool,
}

/// Reads what was written.
///
/// # Errors
///
/// The first value that is not allowed.
pub fn parse<'a>(written: &Written<'a>) -> Result<Parameters, BadParameter<'a>> {
    let (least, most) = (1, i64::from(DEVICES_MAX));
    let allowed = Allowed::Number(least, most);
    let devices = number("devices", written.devices, least..=most, allowed)?;
    Ok(Parameters {
        devices: devices.map_or(DEVICES_DEFAULT, i32::unsigned_abs),
        untested: switch("untested", written.untested, truth)?.unwrap_or(false),
    })
}
