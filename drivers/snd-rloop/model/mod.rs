// SPDX-License-Identifier: GPL-2.0-only

//! The state of a cable, and the module's parameters.
//!
//! Nothing in here allocates, locks, or knows ALSA's structures. The module compiles these very
//! files, and so does the crate `snd-rloop-model` for tests on the host (`cargo test`).

pub mod cable;
pub mod end;
pub mod faults;
pub mod follow;
pub mod params;
pub mod source;
