// SPDX-License-Identifier: GPL-2.0-only

//! Parallel ports, for output of bytes.
//!
//! C header: `include/linux/parport.h`

use core::ptr::NonNull;

use kernel::error::from_err_ptr;
use kernel::prelude::*;
use kernel::str::CStr;

use crate::lib::bindings;

/// A parallel port that is claimed until this value goes. Dropping it may sleep.
///
/// # Invariants
///
/// `device` points to a device of which this value is the only user, and which has claimed its port.
pub(crate) struct ParallelPort {
    device: NonNull<bindings::pardevice>,
    strobe: bool,
}

// SAFETY: A claimed port may be used and released by any thread.
unsafe impl Send for ParallelPort {}

impl ParallelPort {
    /// Claims the port with the number `number`; `name` is what it is claimed for in sysfs. With `strobe` each byte
    /// is told of by a pulse on the strobe line. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is no such port, `EBUSY` if another driver has it, `ENOMEM`.
    pub(crate) fn claim(number: u32, name: &CStr, strobe: bool) -> Result<Self> {
        // SAFETY: The name is a string, and is copied.
        let device = unsafe { bindings::rloop_parport_claim(number, name.as_char_ptr()) };
        // INVARIANT: It has just been made and has claimed the port, and nobody else knows it.
        Ok(Self {
            device: NonNull::new(from_err_ptr(device)?).ok_or(ENOMEM)?,
            strobe,
        })
    }

    /// Puts a byte out. Any context.
    pub(crate) fn put(&mut self, byte: u8) {
        // SAFETY: By the invariant the device is there and has the port; `&mut` keeps others from writing to it
        // in between.
        unsafe { bindings::rloop_parport_put(self.device.as_ptr(), byte, self.strobe) };
    }
}

impl Drop for ParallelPort {
    fn drop(&mut self) {
        // SAFETY: By the invariant the device is there, and nobody else uses it.
        unsafe { bindings::rloop_parport_release(self.device.as_ptr()) };
    }
}
