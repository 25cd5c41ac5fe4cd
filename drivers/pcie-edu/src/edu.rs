// SPDX-License-Identifier: GPL-2.0-only

//! The driver: how a device is bound and unbound.

use kernel::c_str;
use kernel::device::Bound;
use kernel::pci::Device as PciDevice;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Arc;

use crate::device::{Bar, Device};
use crate::faults;
use crate::file::{Open, OPERATIONS};
use crate::lib::kernel::chardev::Registration;
use crate::lib::kernel::fault_files::FaultFiles;
use crate::lib::kernel::parameters::parsed;
use crate::lib::kernel::pci::{self, Coherent, Interrupt, Managed, Master};
use crate::model::numbers::MOST;
use crate::model::params::{parse, Config};
use crate::model::registers::{BUFFER_SIZE, DEVICE, IDENTITY, VENDOR};
use crate::number::Number;

/// Everybody may use the device.
const PERMISSIONS: u16 = 0o666;

pci::pci_table!(pci::id(VENDOR, DEVICE));

/// A device that is bound.
pub(crate) struct Edu {
    // In this order: nobody asks for faults, no file is opened any more, no interrupt handled, the device tells of nothing
    // and reaches no memory, and then that may go, and the number.
    _faults: FaultFiles<Device>,
    _node: Registration<Open>,
    _interrupt: Managed<Interrupt<Device>>,
    device: Begun,
    _master: Master,
    _memory: Arc<Device>,
    _number: Number,
}

/// A device that tells of its results. Dropping this ends that, as [`Device::leave`].
struct Begun(Arc<Device>);

impl Drop for Begun {
    fn drop(&mut self) {
        // Where something is to be said of an error, unbinding has done so.
        let _ = self.0.leave();
    }
}

/// The module's parameters. Any context.
///
/// # Errors
///
/// `EINVAL`, with a line in the kernel's log, if one is not allowed.
pub(crate) fn config() -> Result<Config> {
    parsed(0, |written| parse(written))
}

impl pci::Driver for Edu {
    const TABLE: kernel::pci::IdTable<()> = &TABLE;

    fn probe(device: &PciDevice<Bound>) -> Result<Self> {
        let Config { dma_bits } = config()?;
        let number = Number::take().inspect_err(|_| {
            dev_err!(
                device.as_ref(),
                "{MOST} devices are bound already, and no more have a number\n"
            );
        })?;
        let name = match number.get() {
            0 => CString::try_from_fmt(fmt!("pcie_edu"))?,
            number => CString::try_from_fmt(fmt!("pcie_edu{number}"))?,
        };
        pci::enable(device)?;
        let bar = Bar::map(device, 0, c_str!("pcie_edu"))?;
        pci::set_dma_bits(device, dma_bits).inspect_err(|_| {
            dev_err!(
                device.as_ref(),
                "parameter dma_bits={dma_bits}: this machine has no memory that the device could reach; load the \
                 module with more, and give QEMU's edu a dma_mask to match\n"
            );
        })?;
        let buffer = Coherent::new(device, BUFFER_SIZE)?;
        let address = buffer.address();
        let registers = device.resource_start(0)?;
        let shared = Device::new(device, bar, buffer, dma_bits)?;
        shared.begin()?;
        let begun = Begun(shared.clone());
        // Only now: what the device transferred until then was to memory of others.
        let master = Master::new(device);
        let ident = shared.ident()?;
        if ident != IDENTITY {
            dev_warn!(
                device.as_ref(),
                "it says that it is {ident:#010x}, not {IDENTITY:#010x}\n"
            );
        }
        let interrupt = Interrupt::request(device, &name, shared.clone())?;
        let faults = faults::of(&shared, &name)?;
        if faults::refuse() {
            dev_info!(device.as_ref(), "it is not bound, as was asked for\n");
            return Err(EIO);
        }
        let node = Registration::new(
            &OPERATIONS,
            pci::module!(),
            &name,
            PERMISSIONS,
            Some(device.as_ref()),
            shared.clone(),
        )?;
        dev_info!(
            device.as_ref(),
            "/dev/{}: BAR0 at {registers:#x}, ident {ident:#010x}, DMA buffer at {address:#x}\n",
            &*name
        );
        Ok(Self {
            _faults: faults,
            _node: node,
            _interrupt: interrupt,
            device: begun,
            _master: master,
            _memory: shared,
            _number: number,
        })
    }

    fn unbind(&self, device: &PciDevice<Bound>) {
        if let Err(error) = self.device.0.leave() {
            let what = match error == EIO {
                true => "a transfer has not ended in a second",
                false => "it goes on interrupting",
            };
            dev_err!(device.as_ref(), "{what}\n");
        }
    }
}
