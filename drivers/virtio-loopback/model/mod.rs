// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What of the driver needs no kernel: the gate between a driver's rings and those that a program serves, the states of
//! a device, what devices are allowed, and the structures of the ioctls. The module compiles these very files; so does
//! the crate `virtio-loopback-model` for tests on the host (`cargo test`), and the adapter has the ioctls from them.

#![allow(
    unreachable_pub,
    reason = "it is a crate of its own as well, for tests on the host"
)]

pub mod abi;
pub mod gate;
pub mod params;
pub mod policy;
pub mod state;
