// SPDX-License-Identifier: GPL-2.0-only

//! Virtio devices that a module stands for, whose memory and interrupts are somebody else's.
//!
//! The kernel crate has nothing for virtio (as of 7.3). Here a [`Device`] is what virtio core's drivers are bound to; a
//! [`Transport`] is what the module does when they ask something of it; a [`Pool`](pool::Pool) is the only memory that
//! the other end sees: whatever a driver hands out is copied to it, and back.
//!
//! C headers: `include/linux/virtio.h`, `include/linux/virtio_config.h`, `include/linux/virtio_ring.h`

pub(crate) mod barrier;
mod device;
pub(crate) mod eventfd;
mod map;
pub(crate) mod memory;
mod operations;
pub(crate) mod pool;

use kernel::bindings as c;
use kernel::error::Error;

pub(crate) use device::{Device, Rings, Transport};

/// `ESTALE`, which the kernel crate does not name: what somebody has in mind is not there any more. Any context.
pub(crate) fn stale() -> Error {
    Error::from_errno(-(c::ESTALE as i32))
}
