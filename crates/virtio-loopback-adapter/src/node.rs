// SPDX-License-Identifier: MIT OR Apache-2.0
//! `/dev/loopback-N`, whose structures are those that the module compiles.
#![allow(unsafe_code, reason = "an ioctl's number says nothing to the compiler")]

use std::fs::File;
use std::os::fd::{FromRawFd as _, IntoRawFd as _};
use std::path::{Path, PathBuf};

use driver_models::virtio_loopback::abi::{
    self, BindCall, Create, DeviceState, Generation, QueueState, SetKick, Structure, Version,
};
use rustix::io::Errno;
use rustix::ioctl::{Updater, ioctl};
use vmm_sys_util::eventfd::EventFd;

use crate::error::{Error, Result};

/// An open file of a node.
pub(crate) struct Node {
    path: PathBuf,
    file: File,
}

/// Calls an ioctl with a structure, which it may change.
///
/// # Safety
///
/// `COMMAND` must be an ioctl of the module that takes or returns a `T`.
unsafe fn call<const COMMAND: u32, T, const N: usize>(
    file: &File,
    value: &mut T,
) -> rustix::io::Result<()>
where
    T: Structure<Bytes = [u8; N]>,
{
    let mut bytes = value.write();
    // SAFETY: By the precondition the ioctl reads and writes `N` bytes.
    let update = unsafe { Updater::<COMMAND, [u8; N]>::new(&mut bytes) };
    // SAFETY: As above. A file that is none of the module's refuses a number that it doesn't know.
    unsafe { ioctl(file, update) }?;
    *value = T::read(&bytes);
    Ok(())
}

impl Node {
    /// Opens a node.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(path);
        let file = file.map_err(|error| Error::Node {
            path: path.to_path_buf(),
            what: "open",
            errno: Errno::from_io_error(&error).unwrap_or(Errno::IO),
        })?;
        let node = Self {
            path: path.to_path_buf(),
            file,
        };
        let mut version = Version::read(&[0; Version::SIZE]);
        // SAFETY: That is its structure.
        node.said("GET_VERSION", unsafe {
            call::<{ abi::GET_VERSION }, _, { Version::SIZE }>(&node.file, &mut version)
        })?;
        match version.version {
            abi::VERSION => Ok(node),
            there => Err(Error::Version {
                there,
                known: abi::VERSION,
            }),
        }
    }

    fn said(&self, what: &'static str, result: rustix::io::Result<()>) -> Result<()> {
        result.map_err(|errno| Error::Node {
            path: self.path.clone(),
            what,
            errno,
        })
    }

    /// Makes a device, which goes when this file is closed.
    pub(crate) fn create(&self, mut create: Create) -> Result<()> {
        // SAFETY: That is its structure.
        let result =
            unsafe { call::<{ abi::CREATE }, _, { Create::SIZE }>(&self.file, &mut create) };
        self.said("CREATE", result)
    }

    /// How the device is.
    pub(crate) fn state(&self) -> Result<DeviceState> {
        let mut state = DeviceState::read(&[0; DeviceState::SIZE]);
        // SAFETY: That is its structure.
        let result =
            unsafe { call::<{ abi::GET_STATE }, _, { DeviceState::SIZE }>(&self.file, &mut state) };
        self.said("GET_STATE", result).map(|()| state)
    }

    /// How a queue is.
    pub(crate) fn queue(&self, index: u32) -> Result<QueueState> {
        let mut queue = QueueState::read(&[0; QueueState::SIZE]);
        queue.index = index;
        // SAFETY: That is its structure.
        let result =
            unsafe { call::<{ abi::GET_QUEUE }, _, { QueueState::SIZE }>(&self.file, &mut queue) };
        self.said("GET_QUEUE", result).map(|()| queue)
    }

    /// Has an eventfd written to when there is something to do in a queue.
    pub(crate) fn set_kick(&self, queue: u32, fd: i32) -> Result<()> {
        // SAFETY: That is its structure.
        let result = unsafe {
            call::<{ abi::SET_KICK }, _, { SetKick::SIZE }>(&self.file, &mut SetKick { queue, fd })
        };
        self.said("SET_KICK", result)
    }

    /// The backend serves the queues. `false` if the driver has changed its mind meanwhile.
    pub(crate) fn start(&self, generation: u32) -> Result<bool> {
        // SAFETY: That is its structure.
        self.unless_stale("START", unsafe {
            call::<{ abi::START }, _, { Generation::SIZE }>(
                &self.file,
                &mut Generation { generation },
            )
        })
    }

    /// The backend has let go of the queues. `false` if that was not asked for.
    pub(crate) fn stopped(&self, generation: u32) -> Result<bool> {
        // SAFETY: That is its structure.
        self.unless_stale("STOPPED", unsafe {
            call::<{ abi::STOPPED }, _, { Generation::SIZE }>(
                &self.file,
                &mut Generation { generation },
            )
        })
    }

    fn unless_stale(&self, what: &'static str, result: rustix::io::Result<()>) -> Result<bool> {
        match result {
            Err(Errno::STALE) => Ok(false),
            other => self.said(what, other).map(|()| true),
        }
    }

    /// A doorbell of a queue of this device: a file to which a backend writes as to an eventfd.
    pub(crate) fn doorbell(&self, device: u32, queue: u32) -> Result<EventFd> {
        let node = Self::open(&self.path)?;
        let mut bind = BindCall { device, queue };
        // SAFETY: That is its structure.
        let result =
            unsafe { call::<{ abi::BIND_CALL }, _, { BindCall::SIZE }>(&node.file, &mut bind) };
        node.said("BIND_CALL", result)?;
        // SAFETY: The descriptor is ours to give. It is no eventfd, but takes the one call that is made of it here:
        // it is handed to the backend.
        Ok(unsafe { EventFd::from_raw_fd(node.file.into_raw_fd()) })
    }
}
