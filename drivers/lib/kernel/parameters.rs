// SPDX-License-Identifier: GPL-2.0-only

//! Module parameters, one value for each device that the module makes by itself.
//!
//! The kernel crate has parameters that are integers, from 7.2 on. Here all are strings, so that a
//! driver refuses a bad one with a message of its own; `helpers/parameters.c` declares them, from a
//! table in the driver's `bindings/helpers.c`.

use kernel::error::from_err_ptr;
use kernel::prelude::*;
use kernel::str::CStr;

use crate::lib::bindings;
use crate::lib::model::parameters::NOT_UTF8;

/// How many values a parameter takes: one for each device.
pub(crate) const DEVICES: u32 = bindings::RLOOP_DEVICES;

/// The value of a parameter that was written and holds for the `device`-th device, from 0; `None`
/// if none does. Any context.
///
/// Some parameters hold for the devices after the one that they were written for, too: see the
/// table in `bindings/helpers.c`.
///
/// A value that is not UTF-8 is given as [`NOT_UTF8`], which no parameter takes.
///
/// # Errors
///
/// `ENOENT` if there is no such parameter.
pub(crate) fn written(parameter: &str, device: u32) -> Result<Option<&'static str>> {
    // SAFETY: The function reads as many bytes as it is told, all of which are there, and takes any
    // number.
    let value =
        unsafe { bindings::rloop_parameter(parameter.as_ptr().cast(), parameter.len(), device) };
    let value = from_err_ptr(value.cast_mut())?;
    if value.is_null() {
        return Ok(None);
    }
    // SAFETY: A `charp` parameter that is set points to a string that lives as long as the module
    // does, and cannot change, since the parameters are not writable (0444).
    let value: &'static CStr = unsafe { CStr::from_char_ptr(value) };
    Ok(Some(value.to_str().unwrap_or(NOT_UTF8)))
}
