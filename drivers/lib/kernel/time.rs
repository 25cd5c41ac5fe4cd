// SPDX-License-Identifier: GPL-2.0-only

//! The time, and the length of a kernel tick.
//!
//! C header: `include/linux/timekeeping.h`

use crate::lib::bindings;

/// The length of a kernel tick in nanoseconds.
pub(crate) const JIFFY: u64 = 1_000_000_000 / bindings::rloop_kernel_constant_RLOOP_HZ as u64;

/// The time of `CLOCK_MONOTONIC` in nanoseconds: `ktime_get()`. Any context.
pub(crate) fn now() -> u64 {
    // SAFETY: `ktime_get` may be called from any context once timekeeping runs, which it does
    // before modules can be loaded.
    let now = unsafe { bindings::ktime_get() };
    u64::try_from(now).unwrap_or(0)
}
