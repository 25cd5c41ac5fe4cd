// SPDX-License-Identifier: GPL-2.0-only

//! The driver's files that need no kernel, for tests on the host.

#![no_std]

#[path = "../model/mod.rs"]
mod model;

pub use model::*;
