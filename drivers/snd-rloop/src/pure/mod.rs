// SPDX-License-Identifier: GPL-2.0-only

//! What needs no kernel: the arithmetic and the bookkeeping of a cable.
//!
//! Nothing in here allocates, locks, or knows ALSA's structures. The module compiles these very
//! files, and so does the crate `snd-rloop-pure` for tests on the host (`cargo test`).
//!
//! There is no 128-bit division in here: the kernel does not link it.

pub mod blocks;
pub mod cable;
pub mod clock;
pub mod end;
pub mod faults;
pub mod follow;
pub mod format;
pub mod layout;
pub mod limits;
pub mod number;
pub mod pace;
pub mod params;
pub mod ring;
pub mod source;
pub mod wide;
