// SPDX-License-Identifier: GPL-2.0-only

//! The directory in debugfs of a driver whose devices the PCI core finds, and which of them it is not to take: the core
//! hands nothing of the driver's to the probe of a device, so these are found by a static.

use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};

use crate::lib::model::plan::Plan;

kernel::sync::global_lock! {
    // SAFETY: `Directory::new` initialises it before there is a `Directory`, and `Directory::get`, which needs none,
    // does not look at it before.
    unsafe(uninit) static ROOT: Mutex<Option<Root>> = None;
}

/// What the static holds.
struct Root {
    dir: Dir,
    refuse: Plan,
}

/// The lock of [`ROOT`] is not initialised, is being initialised, or is.
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
        unsafe { ROOT.init() };
        *ROOT.lock() = Some(Root {
            dir: Dir::new(name),
            refuse: Plan::None,
        });
        // Release, for whoever finds it ready and takes the lock.
        STATE.store(READY, Release);
        Ok(Self(()))
    }

    /// The driver's directory. May sleep.
    pub(crate) fn get() -> Option<Dir> {
        Self::with(|root| root.dir.clone())
    }

    /// Looks by `look` at which devices the driver is not to take, which it may change; `None` if there is no directory.
    /// May sleep.
    pub(crate) fn refuse<R>(look: impl FnOnce(&mut Plan) -> R) -> Option<R> {
        Self::with(|root| look(&mut root.refuse))
    }

    fn with<R>(look: impl FnOnce(&mut Root) -> R) -> Option<R> {
        match STATE.load(Acquire) {
            READY => ROOT.lock().as_mut().map(look),
            _ => None,
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let root = ROOT.lock().take();
        drop(root);
    }
}
