// SPDX-License-Identifier: GPL-2.0-only

//! `eventfd(2)` of a program, to which the kernel writes.
//!
//! C header: `include/linux/eventfd.h`

use core::ptr::NonNull;

use kernel::error::from_err_ptr;
use kernel::prelude::*;

use crate::lib::bindings;

/// A reference of an eventfd.
///
/// # Invariants
///
/// It points to an `eventfd_ctx` of which this value has a reference.
pub(crate) struct EventFd(NonNull<bindings::eventfd_ctx>);

// SAFETY: An eventfd is not bound to a thread.
unsafe impl Send for EventFd {}

// SAFETY: Any number of threads may write to one.
unsafe impl Sync for EventFd {}

impl EventFd {
    /// The eventfd of a descriptor of the current program. May sleep.
    ///
    /// # Errors
    ///
    /// `EBADF` if the descriptor is none, `EINVAL` if it is no eventfd.
    pub(crate) fn new(descriptor: i32) -> Result<Self> {
        // SAFETY: The function looks at the current thread's descriptors.
        let eventfd = from_err_ptr(unsafe { bindings::rloop_eventfd_get(descriptor) })?;
        // INVARIANT: The reference is ours.
        Ok(Self(NonNull::new(eventfd).ok_or(EBADF)?))
    }

    /// Adds 1, and wakes who waits for that. Any context, but not inside of a wake-up of another eventfd: no driver of
    /// virtio kicks a queue from there.
    pub(crate) fn signal(&self) {
        // SAFETY: By the invariant it is there.
        unsafe { bindings::rloop_eventfd_signal(self.0.as_ptr()) };
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: By the invariant the reference is ours, and it is not used after this.
        unsafe { bindings::rloop_eventfd_put(self.0.as_ptr()) };
    }
}
