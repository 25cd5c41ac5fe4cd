// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/sad/NODE/` the files of
//! [`fault_files`](crate::lib::kernel::fault_files), which count samples, and one more:
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `unplug` | `1` | takes the device away, as one that is pulled out; it does not come back |
//!
//! All functions may sleep, but not what they do with the converter, which is locked meanwhile.

use crate::device::change;
use crate::instance::Recorded;
use crate::lib::kernel::fault_files::Faulty;
use crate::lib::kernel::plug::Plug;
use crate::lib::model::faults::Faults;

impl Faulty for Plug<Recorded> {
    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        change(&self.device().timers, |converter, _| {
            look(&mut converter.faults)
        })
    }

    fn freeze(&self, freeze: bool) {
        change(&self.device().timers, |converter, now| {
            converter.freeze(freeze, now);
        });
    }
}
