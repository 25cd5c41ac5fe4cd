// SPDX-License-Identifier: GPL-2.0-only

//! PCI devices: their drivers, registers, interrupts and memory.
//!
//! The kernel crate has all of that, in a shape that differs from version to version. Of it there is used here what
//! is hard to do right, how a driver is bound and how what it has of a device is taken away from it
//! (`kernel::pci::Driver`, `kernel::devres`), behind a file for each shape; the rest is a few calls of C, which are
//! the same everywhere.
//!
//! What a driver gets of a device is [`Managed`]: it can be kept for as long as anybody likes, such as in an open
//! file, but is there only while the driver is bound.
//!
//! C headers: `include/linux/pci.h`, `include/linux/interrupt.h`, `include/linux/dma-mapping.h`

use core::ptr::from_ref;

use kernel::bindings as c;
use kernel::device::Bound;
use kernel::error::to_result;
use kernel::pci::Device;
use kernel::prelude::*;
use kernel::sync::aref::ARef;

use crate::lib::bindings;

mod bar;
mod directory;
mod dma;
mod interrupt;
#[cfg_attr(kernel_7_2, path = "shape_7_2.rs")]
#[cfg_attr(not(kernel_7_2), path = "shape_6_18.rs")]
mod shape;

pub(crate) use bar::Bar;
pub(crate) use directory::Directory;
pub(crate) use dma::{set_dma_bits, Coherent};
pub(crate) use interrupt::{Handler, Interrupt};
pub(crate) use shape::{manage, module, pci_table, Adapter, Managed};

/// The registration of a driver, as long as this value; dropping it unbinds all devices.
pub(crate) type Registration<D> = kernel::driver::Registration<kernel::pci::Adapter<Adapter<D>>>;

/// The driver of a device: a value for each that is bound. The functions may sleep.
pub(crate) trait Driver: Send + Sync + Sized + 'static {
    /// The devices that it is for, made by [`pci_table`].
    const TABLE: kernel::pci::IdTable<()>;

    /// `probe` of `struct pci_driver`: binds a device that has been found.
    ///
    /// # Errors
    ///
    /// Whatever stands in the way; the device stays without a driver.
    fn probe(device: &Device<Bound>) -> Result<Self>;

    /// `remove` of `struct pci_driver`: unbinds the device, which is still there, unless it has been pulled out. After
    /// this the value is dropped, and then all goes that is [`Managed`], the last first.
    fn unbind(&self, device: &Device<Bound>);
}

/// An identification in a [`Driver::TABLE`], `PCI_DEVICE()`: the numbers of vendor and device, of whatever kind. Any
/// context.
pub(crate) const fn id(vendor: u32, device: u32) -> kernel::pci::DeviceId {
    let any = !0;
    let id = c::pci_device_id {
        vendor,
        device,
        subvendor: any,
        subdevice: any,
        class: 0,
        class_mask: 0,
        driver_data: 0,
        override_only: 0,
    };
    // SAFETY: `DeviceId` is a transparent wrapper of this type, and takes any value of it. (What makes one of it in
    // the kernel crate takes vendors of a list, which has not all.)
    unsafe { core::mem::transmute::<c::pci_device_id, kernel::pci::DeviceId>(id) }
}

/// A device, for the C functions. It is valid as long as `device` is borrowed, or counted.
fn raw(device: &Device) -> *mut bindings::pci_dev {
    // `Device` is a transparent wrapper of it.
    from_ref(device).cast_mut().cast()
}

/// A device that answers. Dropping it ends that, so sleeps.
struct Enabled(ARef<Device>);

impl Drop for Enabled {
    fn drop(&mut self) {
        // SAFETY: The device is counted, and was enabled by `enable`.
        unsafe { c::pci_disable_device(raw(&self.0).cast()) };
    }
}

/// Lets a device answer until it is unbound, `pci_enable_device()`, but neither interrupt by its pin nor use the bus:
/// the first thing that a probe does, so that it is the last that is undone. May sleep.
///
/// # Errors
///
/// `ENOMEM`, or what the PCI core returns.
pub(crate) fn enable(device: &Device<Bound>) -> Result {
    // SAFETY: The device is there as long as it is borrowed.
    to_result(unsafe { bindings::rloop_pci_enable(raw(device)) })?;
    let enabled = Enabled(device.into());
    kernel::devres::register(device.as_ref(), enabled, GFP_KERNEL)
}

/// A device that may read and write memory and send messages, `pci_set_master()`. Dropping it ends that, whatever the
/// device is doing: what it reaches memory for goes nowhere then. So it is dropped before that memory is.
pub(crate) struct Master(ARef<Device>);

impl Master {
    /// Lets `device` read and write memory, which what it is doing already does from then on, too. May sleep.
    pub(crate) fn new(device: &Device<Bound>) -> Self {
        // SAFETY: The device is there as long as it is borrowed.
        unsafe { c::pci_set_master(raw(device).cast()) };
        Self(device.into())
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // SAFETY: The device is counted. If it has been pulled out the write goes nowhere.
        unsafe { c::pci_clear_master(raw(&self.0).cast()) };
    }
}
