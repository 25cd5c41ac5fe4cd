// SPDX-License-Identifier: GPL-2.0-only

//! The files of a node. All entries may sleep.
//!
//! A file is opened without a purpose. `CREATE` makes it the owner of a device, which goes when it is closed; `BIND_CALL`
//! makes it a doorbell, which can be given to others, since it can do nothing but ring.

use kernel::iov::IovIterSource;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};
use kernel::uaccess::{UserPtr, UserSlice};

use crate::device::Loopback;
use crate::lib::kernel::chardev::{Closer, File, Mode, Operations};
use crate::lib::kernel::virtio::Device;
use crate::model::abi::{
    self, BindCall, Create, Generation, QueueState, SetConfig, SetKick, Structure, Version,
};
use crate::model::gate::SIZE_MAX;
use crate::model::policy::{BASE, MEMORY_MAX_MIB, QUEUES_MAX};
use crate::node::{Node, Owned};

pub(crate) static OPERATIONS: Operations<OpenFile> = Operations::new();

/// How many bytes are written to a doorbell, as to an eventfd.
const RING: usize = 8;

/// What a file is for.
enum Kind {
    Unbound,
    Owner(Owned),
    Doorbell(Arc<Device<Loopback>>, u32),
}

/// An open file.
#[pin_data]
pub(crate) struct OpenFile {
    node: Arc<Node>,
    #[pin]
    kind: Mutex<Kind>,
}

/// A structure of the program's.
fn given<T, const N: usize>(address: usize) -> Result<T>
where
    T: Structure<Bytes = [u8; N]>,
{
    let mut bytes = [0; N];
    let slice = UserSlice::new(UserPtr::from_addr(address), N);
    slice.reader().read_slice(&mut bytes)?;
    Ok(T::read(&bytes))
}

/// Writes a structure to the program's memory.
fn give<T, const N: usize>(address: usize, value: &T) -> Result<isize>
where
    T: Structure<Bytes = [u8; N]>,
{
    let slice = UserSlice::new(UserPtr::from_addr(address), N);
    slice.writer().write_slice(&value.write())?;
    Ok(0)
}

impl OpenFile {
    fn create(&self, address: usize) -> Result<isize> {
        let create: Create = given(address)?;
        let mut kind = self.kind.lock();
        let Kind::Unbound = *kind else {
            return Err(ENOTTY);
        };
        *kind = Kind::Owner(self.node.create(&create)?);
        Ok(0)
    }

    fn bind(&self, address: usize) -> Result<isize> {
        let BindCall { device, queue } = given(address)?;
        let mut kind = self.kind.lock();
        let Kind::Unbound = *kind else {
            return Err(ENOTTY);
        };
        let device = self.node.device(device)?;
        device.transport().has(queue)?;
        *kind = Kind::Doorbell(device, queue);
        Ok(0)
    }

    /// The device that the file owns.
    fn owned(&self) -> Result<Arc<Device<Loopback>>> {
        match &*self.kind.lock() {
            Kind::Owner(owned) => Ok(owned.device.clone()),
            _ => Err(ENOTTY),
        }
    }
}

#[vtable]
impl File for OpenFile {
    type Node = Arc<Node>;

    fn open(node: &Arc<Node>, _: Mode) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            node: node.clone(),
            kind <- new_mutex!(Kind::Unbound, "OpenFile::kind"),
        }? Error)
    }

    fn release(&self, _: Mode, _: Closer) {
        let kind = core::mem::replace(&mut *self.kind.lock(), Kind::Unbound);
        if let Kind::Owner(owned) = kind {
            self.node.close(owned);
        }
    }

    fn write(&self, from: &mut IovIterSource<'_>, _: Mode) -> Result<usize> {
        let (device, queue) = match &*self.kind.lock() {
            Kind::Doorbell(device, queue) => (device.clone(), *queue),
            _ => return Err(EBADF),
        };
        if from.len() != RING {
            return Err(EINVAL);
        }
        // What is written does not matter.
        Loopback::ring(&device, queue)?;
        Ok(RING)
    }

    fn ioctl(&self, command: u32, argument: usize, _: Mode) -> Result<isize> {
        match command {
            abi::GET_VERSION => {
                let version = Version {
                    version: abi::VERSION,
                    max_queues: QUEUES_MAX,
                    max_queue_size: SIZE_MAX.into(),
                    max_memory_mib: MEMORY_MAX_MIB,
                    base: BASE,
                };
                give(argument, &version)
            }
            abi::CREATE => self.create(argument),
            abi::BIND_CALL => self.bind(argument),
            abi::GET_STATE => give(argument, &self.owned()?.transport().state()),
            abi::GET_QUEUE => {
                let device = self.owned()?;
                let asked: QueueState = given(argument)?;
                give(argument, &device.transport().queue(asked.index)?)
            }
            abi::SET_KICK => {
                let device = self.owned()?;
                let SetKick { queue, fd } = given(argument)?;
                device.transport().set_kick(queue, fd)
            }
            abi::START => {
                let device = self.owned()?;
                let Generation { generation } = given(argument)?;
                Loopback::start(&device, generation)
            }
            abi::STOPPED => {
                let device = self.owned()?;
                let Generation { generation } = given(argument)?;
                device.transport().stopped(generation)
            }
            abi::SET_CONFIG => {
                let device = self.owned()?;
                let config: SetConfig = given(argument)?;
                device.transport().set_config(&config)?;
                device.config_changed();
                Ok(0)
            }
            _ => Err(ENOTTY),
        }
    }

    fn compat_ioctl(&self, command: u32, argument: usize, mode: Mode) -> Result<isize> {
        // The structures are the same.
        self.ioctl(command, argument, mode)
    }

    fn gone(_: &Arc<Node>) {}
}
