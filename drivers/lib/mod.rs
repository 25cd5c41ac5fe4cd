// SPDX-License-Identifier: GPL-2.0-only

//! The source that drivers share: each compiles these files into its own module, as `crate::lib`.
//!
//! Imports go down only: a driver's to `alsa` and `kernel`, theirs to `model`. All `unsafe` is in
//! here. Nothing in here knows a driver, but for what bindgen makes of its headers.
//!
//! Parts that need more C than all drivers have are compiled where a driver's Kbuild asks for them
//! (`rloop-parts`).

#![expect(
    unreachable_pub,
    reason = "parts of it are crates of their own as well, for tests on the host"
)]
#![allow(dead_code, unused_imports, reason = "each driver needs a part of it")]

#[cfg(lib_alsa)]
pub(crate) mod alsa;
mod bindings;
pub(crate) mod kernel;
pub mod model;
