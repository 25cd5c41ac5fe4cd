// SPDX-License-Identifier: GPL-2.0-only

//! Registers of a PCI device.

use core::ptr::NonNull;

use kernel::device::Bound;
use kernel::error::from_err_ptr;
use kernel::ffi::c_void;
use kernel::pci::Device;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::aref::ARef;

use super::{manage, raw, Managed};
use crate::lib::bindings;

/// The registers of a device, mapped. Dropping it unmaps them, so sleeps.
///
/// # Invariants
///
/// At `base` there are `SIZE` bytes of registers of `device`, mapped for this value alone.
pub(crate) struct Bar<const SIZE: usize> {
    device: ARef<Device>,
    number: i32,
    base: NonNull<c_void>,
}

// SAFETY: Registers may be used and unmapped by any thread.
unsafe impl<const SIZE: usize> Send for Bar<SIZE> {}

// SAFETY: Each access is one instruction; what several of them together do is the driver's affair.
unsafe impl<const SIZE: usize> Sync for Bar<SIZE> {}

impl<const SIZE: usize> Bar<SIZE> {
    /// Maps the registers in the BAR `number`, `pci_request_region()` and `pci_iomap()`; `name` is whose they are in
    /// `/proc/iomem`. The device has been [`super::enable`]d. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there are less than `SIZE` bytes of them, `EBUSY` if another driver has them, `ENOMEM`.
    pub(crate) fn map(
        device: &Device<Bound>,
        number: i32,
        name: &'static CStr,
    ) -> Result<Managed<Self>> {
        let mut size = 0;
        // SAFETY: The device is there as long as it is borrowed, and the name as long as the module.
        let base =
            unsafe { bindings::rloop_pci_map(raw(device), number, name.as_char_ptr(), &mut size) };
        let base = NonNull::new(from_err_ptr(base)?).ok_or(ENOMEM)?;
        // INVARIANT: Just mapped. If it is too small nobody uses it before it is dropped.
        let bar = Self {
            device: device.into(),
            number,
            base,
        };
        if size < SIZE {
            return Err(ENODEV);
        }
        manage(device, bar)
    }

    /// The register at `OFFSET`, which is aligned to its `BYTES`.
    fn at<const OFFSET: usize, const BYTES: usize>(&self) -> *mut c_void {
        build_assert!(OFFSET % BYTES == 0 && OFFSET + BYTES <= SIZE);
        // SAFETY: By the invariant, and what is asserted when this is compiled, the register is within the mapping.
        unsafe { self.base.as_ptr().byte_add(OFFSET) }
    }

    /// Reads the register of 32 bits at `OFFSET`, `readl()`: all ones if the device has gone. Any context.
    pub(crate) fn read32<const OFFSET: usize>(&self) -> u32 {
        // SAFETY: There is such a register.
        unsafe { bindings::rloop_read32(self.at::<OFFSET, 4>()) }
    }

    /// Writes the register of 32 bits at `OFFSET`, `writel()`. Any context.
    pub(crate) fn write32<const OFFSET: usize>(&self, value: u32) {
        // SAFETY: There is such a register.
        unsafe { bindings::rloop_write32(value, self.at::<OFFSET, 4>()) };
    }

    /// Writes the register of 64 bits at `OFFSET`, `writeq()`: at once, or where the processor has 32 bits the lower half
    /// first. Any context.
    pub(crate) fn write64<const OFFSET: usize>(&self, value: u64) {
        // SAFETY: There is such a register.
        unsafe { bindings::rloop_write64(value, self.at::<OFFSET, 8>()) };
    }
}

impl<const SIZE: usize> Drop for Bar<SIZE> {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is mapped, and nobody uses it any more.
        unsafe { bindings::rloop_pci_unmap(raw(&self.device), self.number, self.base.as_ptr()) };
    }
}
