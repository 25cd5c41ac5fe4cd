// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lab for kernel modules: a toolchain root, kernels, root file systems and guests, each made on first use
//! and kept in a cache.
//!
//! It knows no driver: what one is, a [`driver::Driver`] says, and a [`context::Context`] has all of them.

pub mod arch;
pub mod board;
mod built;
pub mod cache;
pub mod cargo;
mod cause;
pub mod context;
mod cpio;
pub mod debian;
pub mod debootstrap;
pub mod driver;
pub mod error;
pub mod exec;
pub mod fetched;
pub mod guest;
pub mod host;
pub mod kernel;
pub mod klog;
pub mod lock;
pub mod module;
mod once;
pub mod others;
pub mod paths;
pub mod python;
pub mod rootfs;
pub mod sandbox;
pub mod toolchain;
pub mod ui;
