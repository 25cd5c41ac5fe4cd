// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Where a disk's bytes are, what a power cut leaves of them, what is to go wrong, and the module's parameters. Needs no
//! kernel: the module compiles these very files, and so does the crate `vblk-model` for tests on the host (`cargo
//! test`).

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod geometry;
pub mod page;
pub mod params;
pub mod power;
pub mod rules;
