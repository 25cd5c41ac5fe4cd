// SPDX-License-Identifier: GPL-2.0-only

//! The kernel crate's shape of a PCI driver from Linux 7.2 on: its data is of a type of its own, which may borrow from
//! the device; and what is managed is not pinned.

use kernel::device::{Bound, Core};
use kernel::devres::Devres;
use kernel::pci::{self, Device};
use kernel::prelude::*;

use super::Driver;

/// What is a driver for the kernel crate.
pub(crate) struct Adapter<D: Driver>(D);

/// What a probe is told of the entry in the table, which says nothing here.
#[cfg(not(kernel_7_3))]
type Info<'a> = &'a ();
/// What a probe is told of the entry in the table, which says nothing here.
#[cfg(kernel_7_3)]
type Info<'a> = Option<&'a ()>;

impl<D: Driver> pci::Driver for Adapter<D> {
    type IdInfo = ();
    type Data<'bound> = Self;

    const ID_TABLE: pci::IdTable<()> = D::TABLE;

    fn probe<'bound>(
        device: &'bound Device<Core<'_>>,
        _info: Info<'bound>,
    ) -> impl PinInit<Self, Error> + 'bound {
        D::probe(device).map(Self)
    }

    fn unbind<'bound>(device: &'bound Device<Core<'_>>, this: Pin<&Self>) {
        this.0.unbind(device);
    }
}

/// Something of a device, which is there while that is bound: see [`Devres`].
pub(crate) type Managed<T> = Devres<T>;

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
    Devres::new(device.as_ref(), value)
}

/// This module.
#[cfg(not(kernel_7_3))]
macro_rules! module {
    () => {
        &crate::THIS_MODULE
    };
}
/// This module.
#[cfg(kernel_7_3)]
macro_rules! module {
    () => {
        kernel::module::this_module::<crate::LocalModule>()
    };
}
pub(crate) use module;

/// Declares the table `TABLE` of the devices that a driver is for, for the driver and for what loads modules.
#[cfg(not(kernel_7_3))]
macro_rules! pci_table {
    ($id:expr) => {
        kernel::pci_device_table!(TABLE, MODULE_TABLE, (), [($id, ())]);
    };
}
/// Declares the table `TABLE` of the devices that a driver is for, for the driver and for what loads modules.
#[cfg(kernel_7_3)]
macro_rules! pci_table {
    ($id:expr) => {
        kernel::pci_device_table!(TABLE, (), [($id, ())]);
    };
}
pub(crate) use pci_table;
