// SPDX-License-Identifier: GPL-2.0-only

//! Interrupts: what the device tells of.

use super::{is_computing, is_moving, Bar, Device};
use crate::lib::kernel::pci::Handler;
use crate::model::factorial::Ended;
use crate::model::registers::{ACKNOWLEDGE, COMPUTED, FACTORIAL, GONE, INTERRUPTS, TRANSFERRED};
use crate::model::unit::Meaning;

/// In interrupt context (in a thread on `PREEMPT_RT`).
impl Handler for Device {
    fn interrupt(&self) -> bool {
        let Some(bar) = self.bar.try_access() else {
            return false;
        };
        let raised = bar.read32::<INTERRUPTS>();
        if raised == 0 || raised == GONE {
            return false;
        }
        // Before the device is asked whether it is busy: what it raises after this interrupts again.
        bar.write32::<ACKNOWLEDGE>(raised);
        let mut units = self.units.lock();
        units.counters.interrupts += 1;
        let told = units.wrong.interrupted(raised);
        drop(units);
        if told != 0 {
            self.told(&bar, told);
        }
        true
    }
}

impl Device {
    /// The device has told of these. Any context.
    pub(super) fn told(&self, bar: &Bar, raised: u32) {
        let mut job = Ended::Nothing;
        let mut units = self.units.lock();
        if raised & COMPUTED != 0 {
            let busy = is_computing(bar);
            job = units.factorial.interrupted(busy, bar.read32::<FACTORIAL>());
        }
        let mut meaning = Meaning::Nothing;
        if raised & TRANSFERRED != 0 {
            meaning = units.transfer.interrupted(is_moving(bar));
        }
        if matches!((&job, meaning), (Ended::Nothing, Meaning::Nothing)) {
            units.counters.spurious += 1;
        }
        drop(units);
        if let Ended::Job(job, result) = &job {
            job.finish(*result);
        }
        if !matches!(job, Ended::Nothing) {
            self.computing.wake_all();
        }
        if meaning != Meaning::Nothing {
            self.transferring.wake_all();
        }
    }
}
