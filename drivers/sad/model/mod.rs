// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The FIFO, the strobe clock and what is recorded of it. Needs no kernel: the module compiles these very files,
//! and so does the crate `sad-model` for tests on the host (`cargo test`).

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod converter;
pub mod fifo;
pub mod intervals;
pub mod params;
pub mod recording;
