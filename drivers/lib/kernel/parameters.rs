// SPDX-License-Identifier: GPL-2.0-only

//! Module parameters, one value for each device that the module makes by itself.
//!
//! The kernel crate has parameters that are integers, from 7.2 on. Here all are strings, so that a
//! driver refuses a bad one with a message of its own; `helpers/parameters.c` declares them, from a
//! table in the driver's `bindings/helpers.c`.

use core::fmt;

use kernel::error::from_err_ptr;
use kernel::prelude::*;
use kernel::str::CStr;

use crate::lib::bindings;
use crate::lib::model::parameters::{BadParameter, NOT_UTF8};

/// How many values a parameter takes: one for each device.
pub(crate) const DEVICES: u32 = bindings::RLOOP_DEVICES;

/// Parses what was written for the `device`-th device, from 0: `parse` asks what it is given for
/// the value of each parameter. Any context.
///
/// # Errors
///
/// `EINVAL`, with a line in the kernel's log, if a value is not allowed; `ENOENT` if there is no
/// parameter that was asked for.
pub(crate) fn parsed<T>(
    device: u32,
    parse: impl FnOnce(
        &mut dyn FnMut(&'static str) -> Option<&'static str>,
    ) -> Result<T, BadParameter<'static>>,
) -> Result<T> {
    let mut unknown = Ok(());
    let parsed = parse(&mut |parameter| {
        written(parameter, device).unwrap_or_else(|error| {
            unknown = Err(error);
            None
        })
    });
    unknown?;
    parsed.map_err(refuse)
}

/// Logs what is not allowed; `EINVAL`. Any context.
pub(crate) fn refuse(bad: impl fmt::Display) -> Error {
    pr_err!("{}\n", format_args!("{bad}"));
    EINVAL
}

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
fn written(parameter: &str, device: u32) -> Result<Option<&'static str>> {
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
