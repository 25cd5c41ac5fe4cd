// SPDX-License-Identifier: GPL-2.0-only

//! Numbers of 64 bits in decimal, on 32-bit Arm.
//!
//! There the kernel's `core` panics at those from 10000 on: it divides by `__aeabi_uldivmod()`, and
//! `rust/compiler_builtins.rs` has none but one that panics. Modules link to what is in here instead
//! of `core`'s `Display` of `u64` and `i64` (`rloop-decimal` in `module.kbuild`); their own divisions
//! are in `helpers/division.c`.

use core::fmt;

use crate::lib::model::decimal::{decimal, DIGITS};

// Functions of Rust's own ABI, as those are that they stand in for: one compiler with the kernel's flags compiles both, which
// `module.kbuild` asks for, so both sides pass the same types the same way.

/// `<u64 as Display>::fmt`, which has to have the same arguments and the same result. Any context.
#[no_mangle]
fn rloop_display_u64(number: &u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.pad_integral(true, "", decimal(*number, &mut [0; DIGITS]))
}

/// `<i64 as Display>::fmt`, the same way. Any context.
#[no_mangle]
fn rloop_display_i64(number: &i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digits = &mut [0; DIGITS];
    f.pad_integral(*number >= 0, "", decimal(number.unsigned_abs(), digits))
}
