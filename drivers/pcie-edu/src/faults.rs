// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/pcie-edu/NODE/`, as long as the device is bound, of the files of
//! [`fault_files`](crate::lib::kernel::fault_files)
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `drop` | a number | the next so many interrupts get lost |
//! | `flip` | a number | the next so many transfers come back with a bit inverted |
//! | `freeze` | `1`, `0` | no computation and no transfer ends, or all go on |
//!
//! and in `/sys/kernel/debug/pcie-edu/`
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `refuse` | a number | the next so many times that a device is to be bound fail with `EIO` |

use core::fmt;

use kernel::c_str;
use kernel::debugfs::File;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::device::Device;
use crate::lib::kernel::debugfs::number;
use crate::lib::kernel::fault_files::{FaultFiles, Faulty};
use crate::lib::kernel::pci::Directory;
use crate::lib::model::faults::Faults;

/// How many times more a device is not bound.
static REFUSE: Atomic<u32> = Atomic::new(0);
/// How many times it was not.
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
            &|(): &(), text: &mut fmt::Formatter<'_>| writeln!(text, "{}", REFUSE.load(Relaxed)),
            &|(): &(), written: &mut UserSliceReader| -> Result {
                REFUSE.store(number("refuse", written, u32::MAX)?, Relaxed);
                Ok(())
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

/// Whether a device is not to be bound, which is counted. Any context.
pub(crate) fn refuse() -> bool {
    let mut left = REFUSE.load(Relaxed);
    while left > 0 {
        // Relaxed: nothing but the number depends on it.
        match REFUSE.cmpxchg(left, left - 1, Relaxed) {
            Ok(_) => {
                REFUSED.fetch_add(1, Relaxed);
                return true;
            }
            Err(now) => left = now,
        }
    }
    false
}

/// How many times a device was not bound on demand. Any context.
pub(crate) fn refused() -> u64 {
    REFUSED.load(Relaxed)
}
