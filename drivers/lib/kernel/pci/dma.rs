// SPDX-License-Identifier: GPL-2.0-only

//! Memory that a PCI device reads and writes.

use core::ptr::NonNull;

use kernel::device::Bound;
use kernel::error::to_result;
use kernel::pci::Device;
use kernel::prelude::*;
use kernel::sync::aref::ARef;

use super::raw;
use crate::lib::bindings;

/// Says how many bits an address has that `device` can reach, `dma_set_mask_and_coherent()`, before any memory is had
/// for it. May sleep.
///
/// # Errors
///
/// `EIO` if the machine has no memory there.
pub(crate) fn set_dma_bits(device: &Device<Bound>, bits: u32) -> Result {
    // SAFETY: The device is there as long as it is borrowed. Whoever calls this has no memory for it yet, and if they
    // had, it would be freed as it was allocated.
    to_result(unsafe { bindings::rloop_pci_set_dma_bits(raw(device), bits) })
}

/// Memory that a device and the processor see the same of, `dma_alloc_coherent()`. Dropping it frees it, so sleeps: the
/// device must have been kept from it before, by itself or since its [`Master`](super::Master) has been dropped. What
/// it was doing then must have ended before there is another `Master`.
///
/// # Invariants
///
/// At `memory` there are `size` bytes, allocated for `device`, which only this value and the device use.
pub(crate) struct Coherent {
    device: ARef<Device>,
    memory: NonNull<u8>,
    size: usize,
    address: u64,
}

// SAFETY: Memory may be used and freed by any thread.
unsafe impl Send for Coherent {}

impl Coherent {
    /// Allocates `size` bytes, all zeroes. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(device: &Device<Bound>, size: usize) -> Result<Self> {
        let mut address = 0;
        // SAFETY: The device is there as long as it is borrowed.
        let memory = unsafe { bindings::rloop_pci_alloc_coherent(raw(device), size, &mut address) };
        // INVARIANT: Just allocated, and zeroed.
        Ok(Self {
            device: device.into(),
            memory: NonNull::new(memory.cast()).ok_or(ENOMEM)?,
            size,
            address,
        })
    }

    /// Where the device finds it. Any context.
    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    /// Copies `bytes` to its beginning. Any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they are more than there is room for.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result {
        if bytes.len() > self.size {
            return Err(EINVAL);
        }
        // SAFETY: By the invariant and the above there are so many bytes at both, which do not overlap: nobody has a
        // reference to the buffer. They are copied by C, to which the
        // device's accesses, at any time, are as in every driver.
        unsafe {
            let from = bytes.as_ptr().cast();
            bindings::rloop_copy(self.memory.as_ptr().cast(), from, bytes.len());
        }
        Ok(())
    }

    /// Copies what it begins with to `bytes`. Any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if that is more than there is.
    pub(crate) fn get(&self, bytes: &mut [u8]) -> Result {
        if bytes.len() > self.size {
            return Err(EINVAL);
        }
        // SAFETY: As in `put`.
        unsafe {
            let to = bytes.as_mut_ptr().cast();
            bindings::rloop_copy(to, self.memory.as_ptr().cast(), bytes.len());
        }
        Ok(())
    }
}

impl Drop for Coherent {
    fn drop(&mut self) {
        // SAFETY: By the invariant it was allocated for the device with this size, and nobody uses it any more.
        unsafe {
            bindings::rloop_pci_free_coherent(
                raw(&self.device),
                self.size,
                self.memory.as_ptr().cast(),
                self.address,
            );
        }
    }
}
