// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The state of a cable, and the module's parameters.
//!
//! Nothing in here allocates, sleeps, locks, or knows ALSA's structures: all of it may be called in
//! any context, and what changes a cable is called with the cable's lock held. The module compiles
//! these very files, and so does the crate `snd-rloop-model` for tests on the host (`cargo test`).

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod cable;
pub mod end;
pub mod follow;
pub mod params;
pub mod source;
