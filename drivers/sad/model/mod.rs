// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The FIFO, the strobe clock and what is recorded of it. Needs no kernel: the module compiles these very files,
//! and so does the crate `sad-model` for tests on the host (`cargo test`).

pub mod converter;
pub mod fifo;
pub mod intervals;
pub mod params;
pub mod recording;
