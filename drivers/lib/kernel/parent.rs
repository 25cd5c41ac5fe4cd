// SPDX-License-Identifier: GPL-2.0-only

//! The platform device that is a card's parent in sysfs.
//!
//! Programs that keep settings for a card name it by the place of its parent (udev's `ID_PATH`,
//! `/dev/snd/by-path`), and udev finds no place on the faux bus. The kernel crate has no
//! abstraction over making platform devices.
//!
//! C header: `include/linux/platform_device.h`

use core::ptr::{addr_of_mut, NonNull};

use kernel::device::Device;
use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::str::{CStr, CString};

use crate::lib::bindings;

/// The number of a platform device that is the only one of its name.
const NO_NUMBER: c_int = -1;

/// An owned platform device, without a driver; dropping it unregisters it.
///
/// # Invariants
///
/// `device` points to a platform device of which this value holds a reference. It is registered if
/// and only if `registered`, and this value alone unregisters it.
pub(crate) struct Parent {
    device: NonNull<bindings::platform_device>,
    registered: bool,
    name: CString,
}

// SAFETY: The device core may be called from any thread, and takes its own locks.
unsafe impl Send for Parent {}

// SAFETY: `&self` methods only hand out a pointer.
unsafe impl Sync for Parent {}

impl Parent {
    /// Registers the device `name.number`, or `name` if there is no number:
    /// `platform_device_add()`. No other must have that name. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the device core returns.
    pub(crate) fn new(name: &CStr, number: Option<u32>) -> Result<Self> {
        let (number, full) = match number {
            Some(number) => (
                c_int::try_from(number)?,
                CString::try_from_fmt(fmt!("{}.{}", name, number))?,
            ),
            None => (NO_NUMBER, CString::try_from_fmt(fmt!("{}", name))?),
        };
        // SAFETY: The name is a string, and is copied.
        let device = unsafe { bindings::platform_device_alloc(name.as_char_ptr(), number) };
        // INVARIANT: It is new, not yet registered, and its first reference is ours.
        let mut parent = Self {
            device: NonNull::new(device).ok_or(ENOMEM)?,
            registered: false,
            name: full,
        };
        // SAFETY: By the invariant it is valid and not registered. If it can't be, it stays so, and
        // dropping `parent` gives the reference back, as the device core asks for.
        to_result(unsafe { bindings::platform_device_add(parent.device.as_ptr()) })?;
        // INVARIANT: Just registered.
        parent.registered = true;
        Ok(parent)
    }

    /// Unregisters the device, `platform_device_del()`, so that another may have its name; cards
    /// that have it as their parent must have been disconnected. It stays valid until this value is
    /// dropped. A second call does nothing. May sleep.
    pub(crate) fn unregister(&mut self) {
        if self.registered {
            // INVARIANT: It isn't from here on.
            self.registered = false;
            // SAFETY: By the invariant it was registered, and nobody else unregisters it. The
            // reference is kept.
            unsafe { bindings::platform_device_del(self.device.as_ptr()) };
        }
    }

    /// The device's name: `name.number`, or `name` if there is no number. Any context.
    pub(crate) fn name(&self) -> &str {
        self.name.to_str().unwrap_or_default()
    }

    /// The device. Any context.
    pub(crate) fn device(&self) -> &Device {
        // SAFETY: By the invariant the device is valid, and this value's reference keeps it as long as the result
        // lives, which borrows it.
        unsafe { Device::from_raw(self.as_raw().cast()) }
    }

    /// The device, valid as long as this value. Any context.
    pub(in crate::lib) fn as_raw(&self) -> *mut bindings::device {
        // SAFETY: By the invariant the device is valid. No reference is made.
        unsafe { addr_of_mut!((*self.device.as_ptr()).dev) }
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        self.unregister();
        // SAFETY: By the invariant this is our reference, and it is not used after this.
        unsafe { bindings::platform_device_put(self.device.as_ptr()) };
    }
}
