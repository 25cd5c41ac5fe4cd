// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/sad/NODE/` the files of
//! [`fault_files`](crate::lib::kernel::fault_files), which count samples, and one more:
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `unplug` | `1` | takes the device away, as one that is pulled out; it does not come back |

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::device::change;
use crate::lib::kernel::debugfs::one;
use crate::lib::kernel::fault_files::{FaultFiles, Faulty};
use crate::lib::model::faults::Faults;
use crate::plug::Plug;

/// Makes the files of a device in `dir`. May sleep.
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
    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        change(&self.timers, |converter, _| look(&mut converter.faults))
    }

    fn freeze(&self, freeze: bool) {
        change(&self.timers, |converter, now| {
            converter.freeze(freeze, now);
        });
    }
}

/// Writes to `unplug`. May sleep.
fn unplug(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    one("unplug", written)?;
    pr_info!("card {} is unplugged\n", plug.card().number());
    plug.pull();
    Ok(())
}
