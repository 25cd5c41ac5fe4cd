// SPDX-License-Identifier: GPL-2.0-only

//! The kernel crate's shape of a PCI driver in Linux 6.18: its data is a box of itself, and what is managed is pinned.

use kernel::device::{Bound, Core};
use kernel::devres::Devres;
use kernel::pci::{self, Device};
use kernel::prelude::*;

use super::Driver;

/// What is a driver for the kernel crate.
pub(crate) struct Adapter<D: Driver>(D);

impl<D: Driver> pci::Driver for Adapter<D> {
    type IdInfo = ();

    const ID_TABLE: pci::IdTable<()> = D::TABLE;

    fn probe(device: &Device<Core>, (): &()) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::pin(Self(D::probe(device)?), GFP_KERNEL)?)
    }

    fn unbind(device: &Device<Core>, this: Pin<&Self>) {
        this.0.unbind(device);
    }
}

/// Something of a device, which is there while that is bound: see [`Devres`].
pub(crate) type Managed<T> = Pin<KBox<Devres<T>>>;

/// Makes something that goes when `device` is unbound, or it is dropped. May sleep.
///
/// # Errors
///
/// `ENOMEM`, or as `value`.
pub(crate) fn manage<T: Send + 'static, E>(
    device: &Device<Bound>,
    value: impl PinInit<T, E>,
) -> Result<Managed<T>>
where
    Error: From<E>,
{
    KBox::pin_init::<Error>(Devres::new(device.as_ref(), value), GFP_KERNEL)
}

/// This module.
macro_rules! module {
    () => {
        &crate::THIS_MODULE
    };
}
pub(crate) use module;

/// Declares the table `TABLE` of the devices that a driver is for, for the driver and for what loads modules.
macro_rules! pci_table {
    ($id:expr) => {
        kernel::pci_device_table!(TABLE, MODULE_TABLE, (), [($id, ())]);
    };
}
pub(crate) use pci_table;
