// SPDX-License-Identifier: GPL-2.0-only

//! The device that a card hangs on in sysfs.
//!
//! The kernel crate has `faux::Registration`, but what it gives as a device is of another type in
//! Linux 7.3 than before, and one source is to build for all.
//!
//! C header: `include/linux/device/faux.h`

use core::ptr::{addr_of_mut, null, null_mut, NonNull};

use kernel::prelude::*;
use kernel::str::CStr;

use super::bindings;

/// A registered faux device, which goes when this value does.
///
/// # Invariants
///
/// `self.0` points to a registered faux device that this value alone destroys.
pub(crate) struct Parent(NonNull<bindings::faux_device>);

// SAFETY: The device core may be called from any thread.
unsafe impl Send for Parent {}

// SAFETY: `&self` methods only hand out a pointer.
unsafe impl Sync for Parent {}

impl Parent {
    /// Registers a device.
    ///
    /// # Errors
    ///
    /// `ENODEV` if it can't be registered.
    pub(crate) fn new(name: &CStr) -> Result<Self> {
        // SAFETY: The name is copied; no parent and no operations are needed.
        let device =
            unsafe { bindings::faux_device_create(name.as_char_ptr(), null_mut(), null()) };
        // INVARIANT: Just registered.
        NonNull::new(device).map(Self).ok_or(ENODEV)
    }

    pub(super) fn as_raw(&self) -> *mut bindings::device {
        // SAFETY: By the invariant the device is valid. No reference is made.
        unsafe { addr_of_mut!((*self.0.as_ptr()).dev) }
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        // SAFETY: By the invariant the device is registered, and this value alone destroys it.
        unsafe { bindings::faux_device_destroy(self.0.as_ptr()) };
    }
}
