// SPDX-License-Identifier: GPL-2.0-only

//! Messages for dynamic debug, which the kernel crate has no macro for.

use core::fmt;

use crate::lib::bindings;

/// Prints a line by `pr_debug()`, if dynamic debug is on for this module (`echo 'module NAME +p' >
/// /sys/kernel/debug/dynamic_debug/control`). Any context.
pub(crate) fn debug(message: fmt::Arguments<'_>) {
    // SAFETY: The function hands the pointer to `%pA`, which reads a `fmt::Arguments`, and keeps
    // nothing of it.
    unsafe { bindings::rloop_debug(core::ptr::from_ref(&message).cast()) }
}
