// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/pcie-edu/NODE/`, as long as the device is bound, of the files of
//! [`fault_files`](crate::lib::kernel::fault_files)
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `drop` | a [plan](crate::lib::model::plan) | these interrupts get lost |
//! | `flip` | a plan | these transfers come back with a bit inverted |
//! | `freeze` | `1`, `0` | no computation and no transfer ends, or all go on |
//!
//! and in `/sys/kernel/debug/pcie-edu/`
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `refuse` | a plan | these times that a device is to be bound fail with `EIO` |

use core::fmt;

use kernel::c_str;
use kernel::debugfs::File;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::device::Device;
use crate::lib::kernel::debugfs::plan;
use crate::lib::kernel::fault_files::{FaultFiles, Faulty};
use crate::lib::kernel::pci::Directory;
use crate::lib::model::faults::Faults;
use crate::lib::model::plan::{Plan, Plans};

/// How many times a device was not bound.
static REFUSED: Atomic<u64> = Atomic::new(0);

impl Faulty for Device {
    const TIMERS: bool = false;
    const DOUBLES: bool = false;

    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        Device::faults(self, look)
    }

    fn freeze(&self, freeze: bool) {
        Device::freeze(self, freeze);
    }
}

/// The driver's directory, and what is in it beside those of the devices.
pub(crate) struct Files {
    _refuse: Pin<KBox<File<()>>>,
    _directory: Directory,
}

impl Files {
    /// Makes `/sys/kernel/debug/pcie-edu`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, nothing is made.
    pub(crate) fn new() -> Result<Self> {
        let directory = Directory::new(c_str!("pcie-edu"))?;
        let dir = Directory::get().ok_or(ENODEV)?;
        let refuse = dir.read_write_callback_file(
            c_str!("refuse"),
            (),
            &|(): &(), text: &mut fmt::Formatter<'_>| {
                let left = Directory::refuse(|plan| *plan).unwrap_or_default();
                writeln!(text, "{left}")
            },
            &|(): &(), written: &mut UserSliceReader| -> Result {
                let new = plan("refuse", Plans::ANY, written)?;
                Directory::refuse(|plan| *plan = new).ok_or(ENODEV)
            },
        );
        Ok(Self {
            _refuse: KBox::pin_init(refuse, GFP_KERNEL)?,
            _directory: directory,
        })
    }
}

/// Makes the files of `device`, whose node is called `name`. May sleep.
///
/// # Errors
///
/// `ENOMEM`. Where debugfs is off, nothing is made.
pub(crate) fn of(device: &Arc<Device>, name: &CStr) -> Result<FaultFiles<Device>> {
    let dir = Directory::get().ok_or(ENODEV)?;
    FaultFiles::new(dir.subdir(name), device.clone())
}

/// Whether a device is not to be bound, which is counted. May sleep.
pub(crate) fn refuse() -> bool {
    let refused = Directory::refuse(Plan::next_is_wrong).unwrap_or(false);
    // Relaxed: nothing depends on the number.
    REFUSED.fetch_add(refused.into(), Relaxed);
    refused
}

/// How many times a device was not bound on demand. Any context.
pub(crate) fn refused() -> u64 {
    REFUSED.load(Relaxed)
}
