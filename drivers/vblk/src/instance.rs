// SPDX-License-Identifier: GPL-2.0-only

//! One disk with its node, and how they are made.

use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::{Arc, Mutex};
use kernel::{c_str, new_mutex};

use crate::disk::{Disk, OPERATIONS};
use crate::faults;
use crate::lib::kernel::block::{Limits, Major, Registration};
use crate::lib::kernel::fault_files::FaultFiles;
use crate::lib::kernel::instances::{Driver, Instance};
use crate::lib::model::parameters::BadParameter;
use crate::model::geometry::{Geometry, PAGE, SECTOR};
use crate::model::params::{parse, Written, PARAMETERS};

const NAME: &CStr = c_str!("vblk");
/// The name of the disk that the module makes by itself.
const FIRST: &CStr = c_str!("vblk0");
/// How many requests a hardware queue takes at once.
const DEPTH: u32 = 128;
/// The longest read or write in sectors: 4 MiB.
const MOST: u32 = 8192;

/// A disk with its node, which goes when this value does.
pub(crate) struct Made {
    // Before the node: they refer to it.
    _faults: FaultFiles<Plug>,
    plug: Arc<Plug>,
}

/// A disk, and the node by which programs know it, which can be taken away from them at any time.
#[pin_data]
pub(crate) struct Plug {
    pub(crate) disk: Arc<Disk>,
    name: CString,
    #[pin]
    node: Mutex<Option<Registration<Disk>>>,
}

impl Plug {
    /// Takes the node away: requests fail, also those that wait, and a file system is shut down. Done again it does
    /// nothing. May sleep.
    pub(crate) fn pull(&self) {
        let Some(node) = self.node.lock().take() else {
            return;
        };
        // From here on no request waits, so what follows does not either.
        self.disk.leave();
        node.die();
        drop(node);
        self.disk.clear();
        pr_info!("/dev/{} is taken away\n", &*self.name);
    }

    /// Changes the size in bytes. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the node has been taken away.
    fn resize(&self, bytes: u64) -> Result {
        let node = self.node.lock();
        let Some(node) = &*node else {
            pr_err!("/dev/{} has been taken away\n", &*self.name);
            return Err(ENODEV);
        };
        // The block layer must not send what is beyond the end.
        let sectors = bytes / SECTOR as u64;
        if bytes < self.disk.bytes() {
            node.resize(sectors);
            self.disk.set_bytes(bytes);
        } else {
            self.disk.set_bytes(bytes);
            node.resize(sectors);
        }
        pr_info!("/dev/{} has {} MiB now\n", &*self.name, bytes >> 20);
        Ok(())
    }
}

impl Instance for Made {
    fn in_use(&self) -> bool {
        let node = self.plug.node.lock();
        node.as_ref().is_some_and(|node| node.users() > 0)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.plug.pull();
    }
}

/// The driver: it makes disks, with their files for faults in a directory.
pub(crate) struct Disks {
    faults: Dir,
    major: Arc<Major>,
}

impl Disks {
    /// Makes `/sys/kernel/debug/vblk`, and a number for all disks.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EBUSY`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            faults: Dir::new(NAME),
            major: Arc::new(Major::new(NAME)?, GFP_KERNEL)?,
        })
    }
}

impl Driver for Disks {
    const NAME: &'static CStr = NAME;
    const PARAMETERS: &'static [(&'static str, &'static str)] = PARAMETERS;

    type Config = Geometry;
    type Instance = Made;

    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Geometry, BadParameter<'a>> {
        parse(&Written::collect(written))
    }

    fn make(&self, module: &'static ThisModule, name: &CStr, geometry: &Geometry) -> Result<Made> {
        let name = match name.to_bytes() == NAME.to_bytes() {
            true => FIRST,
            false => name,
        };
        let disk = Arc::pin_init(Disk::new(*geometry)?, GFP_KERNEL)?;
        let limits = Limits {
            block: geometry.block as u32,
            sectors: geometry.sectors(),
            read_only: geometry.read_only,
            write_cache: geometry.cache,
            queues: geometry.queues,
            depth: DEPTH,
            most: MOST,
            discards: PAGE as u32,
        };
        let major = self.major.clone();
        let node = Registration::new(&OPERATIONS, module, major, name, &limits, disk.clone());
        let node = node.inspect_err(|error| {
            pr_err!("/dev/{} can't be made: error {}\n", name, error.to_errno());
        })?;
        let (mib, queues) = (geometry.bytes >> 20, node.queues());
        let plug = Arc::pin_init(
            try_pin_init!(Plug {
                disk,
                name: name.try_into()?,
                node <- new_mutex!(Some(node)),
            }? Error),
            GFP_KERNEL,
        )?;
        let faults = faults::create(self.faults.subdir(name), &plug)?;
        pr_info!(
            "/dev/{} has {} MiB in blocks of {} bytes, and {} hardware queues\n",
            name,
            mib,
            geometry.block,
            queues
        );
        Ok(Made {
            _faults: faults,
            plug,
        })
    }

    fn change(made: &Made, parameter: &str, geometry: &Geometry) -> Option<Result> {
        (parameter == "disk_size_mb").then(|| made.plug.resize(geometry.bytes))
    }
}
