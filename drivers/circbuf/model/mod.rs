// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What a write takes, what becomes of it, and the module's parameters. Needs no kernel: the module compiles these very
//! files, and so does the crate `circbuf-model` for tests on the host (`cargo test`).

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod params;
pub mod rules;
pub mod wrong;
