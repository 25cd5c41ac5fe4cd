// SPDX-License-Identifier: GPL-2.0-only

//! What threads and interrupts agree on without a lock.
//!
//! Each file knows of the kernel only the atomics that this one hands it, so that the very same
//! files are compiled on the host, where `host/tests/lockless` tries every order in which their
//! steps can happen.

pub(crate) mod alarm;
pub(crate) mod allowance;
pub(crate) mod ends;
pub(crate) mod gate;

/// The atomics of all these files.
mod atomic {
    pub(super) use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};
}
