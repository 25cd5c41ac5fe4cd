// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/circbuf/NODE/` the files of
//! [`fault_files`](crate::lib::kernel::fault_files), which count the bytes that are written, and one more:
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `unplug` | `1` | takes the buffer away, as a device that is pulled out; it does not come back |
//!
//! All functions may sleep: they take the writer's lock.

use crate::buffer::Buffer;
use crate::lib::kernel::fault_files::Faulty;
use crate::lib::kernel::plug::Plug;
use crate::lib::model::faults::Faults;
use crate::lib::model::plan::{Plan, Plans};

impl Faulty for Plug<Buffer> {
    const TIMERS: bool = false;

    fn plans(&self, fault: &str) -> Plans {
        match (fault, self.device().rules().capacity) {
            ("double", 1) => Plans {
                allowed: "0: a byte that arrives twice needs room for both",
                takes: Plan::is_none,
            },
            _ => Plans::ANY,
        }
    }

    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        self.device().faults(look)
    }

    fn freeze(&self, freeze: bool) {
        self.device().freeze(freeze);
    }
}
