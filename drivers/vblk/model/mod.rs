// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Where a disk's bytes are, what a power cut leaves of them, what is to go wrong, and the module's parameters. Needs no
//! kernel: the module compiles these very files, and so does the crate `vblk-model` for tests on the host (`cargo
//! test`).

pub mod geometry;
pub mod page;
pub mod params;
pub mod power;
pub mod rules;
