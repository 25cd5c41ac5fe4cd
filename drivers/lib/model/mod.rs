// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What drivers need and what needs no kernel: arithmetic, formats, layouts, parameters.
//!
//! Nothing in here allocates, sleeps, locks, or knows a driver: all of it may be called in any
//! context. Modules compile these very files, and so does the crate `driver-model` for tests on the
//! host (`cargo test`).
//!
//! There is no 128-bit division in here: the kernel does not link it.

pub mod blocks;
pub mod clock;
pub mod decimal;
pub mod decode;
pub mod encode;
pub mod faults;
pub mod format;
pub mod layout;
pub mod limits;
pub mod mix;
pub mod number;
pub mod pace;
pub mod parameters;
pub mod plan;
pub mod ring;
pub mod slots;
pub mod span;
pub mod stream;
pub mod ticks;
pub mod wide;
