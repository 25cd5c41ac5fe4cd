// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What of the driver needs no kernel: the device's registers, and who may use which part of it when. No unsafe.

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod command;
pub mod factorial;
pub mod numbers;
pub mod params;
pub mod registers;
pub mod transfer;
pub mod turns;
pub mod unit;
pub mod wrong;
