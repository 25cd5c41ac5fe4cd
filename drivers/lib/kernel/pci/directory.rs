// SPDX-License-Identifier: GPL-2.0-only

//! The directory in debugfs of a driver whose devices the PCI core finds: it hands nothing of the driver's to the probe
//! of a device, so the directory is found by a static.

use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};

kernel::sync::global_lock! {
    // SAFETY: `Directory::new` initialises it before there is a `Directory`, and `Directory::get`, which needs none,
    // does not look at it before.
    unsafe(uninit) static DIR: Mutex<Option<Dir>> = None;
}

/// The lock of [`DIR`] is not initialised, is being initialised, or is.
static STATE: Atomic<u32> = Atomic::new(UNUSED);
const UNUSED: u32 = 0;
const TAKEN: u32 = 1;
const READY: u32 = 2;

/// The directory of the driver, of which a module has one. Dropping it removes it, once nobody has a directory in it.
pub(crate) struct Directory(());

impl Directory {
    /// Makes `/sys/kernel/debug/NAME`, before a device is bound. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the module has made one before. Where debugfs is off, nothing is made.
    pub(crate) fn new(name: &CStr) -> Result<Self> {
        STATE.cmpxchg(UNUSED, TAKEN, Relaxed).map_err(|_| EBUSY)?;
        // SAFETY: By the step above this is reached once in the module's life.
        unsafe { DIR.init() };
        *DIR.lock() = Some(Dir::new(name));
        // Release, for whoever finds it ready and takes the lock.
        STATE.store(READY, Release);
        Ok(Self(()))
    }

    /// The driver's directory. May sleep.
    pub(crate) fn get() -> Option<Dir> {
        match STATE.load(Acquire) {
            READY => DIR.lock().clone(),
            _ => None,
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let dir = DIR.lock().take();
        drop(dir);
    }
}
