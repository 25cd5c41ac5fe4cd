// SPDX-License-Identifier: GPL-2.0-only

//! Barriers between processors. The kernel crate's have other shapes in 7.2 and in 7.3.
//!
//! C header: `include/asm-generic/barrier.h`

use crate::lib::bindings;

/// Loads before this come before loads after it: `smp_rmb()`. Any context.
pub(crate) fn loads() {
    // SAFETY: It can be called anywhere.
    unsafe { bindings::rloop_smp_rmb() };
}

/// Stores before this come before stores after it: `smp_wmb()`. Any context.
pub(crate) fn stores() {
    // SAFETY: It can be called anywhere.
    unsafe { bindings::rloop_smp_wmb() };
}

/// All before this comes before all after it: `smp_mb()`. Any context.
pub(crate) fn all() {
    // SAFETY: It can be called anywhere.
    unsafe { bindings::rloop_smp_mb() };
}
