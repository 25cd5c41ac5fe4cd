// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What the oscillator plays, and where a recording of it is. Needs no kernel: the module compiles these very files,
//! and so does the crate `snd-minivosc-model` for tests on the host (`cargo test`).

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod oscillator;
pub mod params;
pub mod voice;
pub mod wav;
