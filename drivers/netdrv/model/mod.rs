// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! A pair's wire, what goes wrong on it, and the module's parameters. Needs no kernel: the module compiles these very
//! files, and so does the crate `netdrv-model` for tests on the host (`cargo test`).

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod account;
pub mod faults;
pub mod params;
pub mod wire;
