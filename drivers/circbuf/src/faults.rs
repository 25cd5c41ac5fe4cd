// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/circbuf/NODE/` the files of
//! [`fault_files`](crate::lib::kernel::fault_files), which count the bytes that are written, and one more:
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `unplug` | `1` | takes the buffer away, as a device that is pulled out; it does not come back |

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::instance::Plug;
use crate::lib::kernel::debugfs::one;
use crate::lib::kernel::fault_files::{FaultFiles, Faulty};
use crate::lib::model::faults::Faults;

/// Makes the files of a buffer in `dir`. May sleep.
///
/// # Errors
///
/// `ENOMEM`. Where debugfs is off, nothing is made.
pub(crate) fn create(dir: Dir, plug: &Arc<Plug>) -> Result<FaultFiles<Plug>> {
    let mut files = FaultFiles::new(dir, plug.clone())?;
    files.add(c_str!("unplug"), &unplug)?;
    Ok(files)
}

impl Faulty for Plug {
    const TIMERS: bool = false;

    fn most_doubled(&self) -> u32 {
        // A byte that arrives twice needs room for both.
        match self.buffer.rules().capacity {
            1 => 0,
            _ => u32::MAX,
        }
    }

    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        self.buffer.faults(look)
    }

    fn freeze(&self, freeze: bool) {
        self.buffer.freeze(freeze);
    }
}

/// Writes to `unplug`. May sleep.
fn unplug(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    one("unplug", written)?;
    plug.pull();
    Ok(())
}
