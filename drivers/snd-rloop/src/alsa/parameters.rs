// SPDX-License-Identifier: GPL-2.0-only

//! Module parameters, one value for each card, as every ALSA driver has them.
//!
//! The kernel crate has no arrays of parameters; they are declared in `bindings/helpers.c`.

#[allow(unused_imports)] // The prelude of 7.2 has what 6.18's `CStr` can do by itself.
use kernel::prelude::*;
use kernel::str::CStr;

use super::bindings;
use crate::pure::params::NOT_UTF8;

/// The most cards that the kernel can have, and that a parameter takes values for.
pub(crate) const CARDS: u32 = bindings::RLOOP_CARDS;

/// A module parameter.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Parameter {
    Index = bindings::rloop_parameter_RLOOP_PARAMETER_INDEX,
    Id = bindings::rloop_parameter_RLOOP_PARAMETER_ID,
    Enable = bindings::rloop_parameter_RLOOP_PARAMETER_ENABLE,
    Name = bindings::rloop_parameter_RLOOP_PARAMETER_NAME,
    PcmSubstreams = bindings::rloop_parameter_RLOOP_PARAMETER_PCM_SUBSTREAMS,
    PcmNotify = bindings::rloop_parameter_RLOOP_PARAMETER_PCM_NOTIFY,
    Topology = bindings::rloop_parameter_RLOOP_PARAMETER_TOPOLOGY,
}

/// What was written for the `card`-th card, from 0; `None` if nothing was.
///
/// A value that is not UTF-8 is given as [`NOT_UTF8`], which no parameter takes.
pub(crate) fn written(parameter: Parameter, card: u32) -> Option<&'static str> {
    // SAFETY: The function takes any numbers.
    let value = unsafe { bindings::rloop_parameter(parameter as u32, card) };
    if value.is_null() {
        return None;
    }
    // SAFETY: A `charp` parameter that is set points to a string that lives as long as the module
    // does, and cannot change, since the parameters are not writable (0444).
    let value: &'static CStr = unsafe { CStr::from_char_ptr(value) };
    Some(value.to_str().unwrap_or(NOT_UTF8))
}
