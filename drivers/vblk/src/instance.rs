// SPDX-License-Identifier: GPL-2.0-only

//! One disk with its node, and how they are made. All functions may sleep.

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::disk::{Disk, OPERATIONS};
use crate::faults;
use crate::lib::kernel::block::{Limits, Major, Registration};
use crate::lib::kernel::instances::Driver;
use crate::lib::kernel::plug::{Plug, Pluggable, Plugged};
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

impl Pluggable for Disk {
    type Node = Registration<Self>;

    /// Requests fail, also those that wait, and a file system is shut down.
    fn leave(&self, node: Registration<Self>) {
        // From here on no request waits, so what follows does not either.
        Self::leave(self);
        node.die();
        drop(node);
        self.clear();
    }

    fn in_use(&self, node: &Registration<Self>) -> bool {
        node.users() > 0
    }
}

/// Changes the size of a disk in bytes.
///
/// # Errors
///
/// `ENODEV` if its node has been taken away.
fn resize(plug: &Plug<Disk>, bytes: u64) -> Result {
    plug.with_node(|node| {
        let (disk, name) = (plug.device(), plug.name());
        let Some(node) = node else {
            pr_err!("/dev/{} has been taken away\n", name);
            return Err(ENODEV);
        };
        // The block layer must not send what is beyond the end.
        let sectors = bytes / SECTOR as u64;
        if bytes < disk.bytes() {
            node.resize(sectors);
            disk.set_bytes(bytes);
        } else {
            disk.set_bytes(bytes);
            node.resize(sectors);
        }
        pr_info!("/dev/{} has {} MiB now\n", name, bytes >> 20);
        Ok(())
    })
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
    type Instance = Plugged<Disk>;

    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Geometry, BadParameter<'a>> {
        parse(&Written::collect(written))
    }

    fn make(
        &self,
        module: &'static ThisModule,
        name: &CStr,
        geometry: &Geometry,
    ) -> Result<Plugged<Disk>> {
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
        let mut plugged = Plugged::new(disk.clone(), name, self.faults.subdir(name))?;
        faults::add(plugged.faults())?;
        let major = self.major.clone();
        let node = Registration::new(&OPERATIONS, module, major, name, &limits, disk);
        let node = node.inspect_err(|error| {
            pr_err!("/dev/{} can't be made: error {}\n", name, error.to_errno());
        })?;
        let (mib, queues) = (geometry.bytes >> 20, node.queues());
        plugged.plug_in(node);
        pr_info!(
            "/dev/{} has {} MiB in blocks of {} bytes, and {} hardware queues\n",
            name,
            mib,
            geometry.block,
            queues
        );
        Ok(plugged)
    }

    fn change(disk: &Plugged<Disk>, parameter: &str, geometry: &Geometry) -> Option<Result> {
        (parameter == "disk_size_mb").then(|| resize(disk.plug(), geometry.bytes))
    }
}
