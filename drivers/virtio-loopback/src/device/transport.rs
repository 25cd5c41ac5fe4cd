// SPDX-License-Identifier: GPL-2.0-only

//! What virtio core, and so its driver, asks of a device.

use kernel::prelude::*;
use kernel::sync::CondVarTimeoutResult;
use kernel::time::msecs_to_jiffies;

use super::Loopback;
use crate::lib::kernel::virtio::pool::Pool;
use crate::lib::kernel::virtio::{Rings, Transport};
use crate::model::policy::{ACCESS_PLATFORM, VERSION_1};
use crate::model::state::Phase;
use crate::queues::{Gated, Queues};

/// How long a driver waits for a backend that was serving the one before it, in milliseconds.
const LET_GO_MAX: u32 = 1000;

impl Transport for Loopback {
    type Locked = Queues;

    fn pool(&self) -> &Pool<Queues> {
        &self.pool
    }

    fn features(&self) -> u64 {
        self.offered
    }

    fn take_features(&self, features: u64) -> Result {
        for needed in [VERSION_1, ACCESS_PLATFORM] {
            if features >> needed & 1 == 0 {
                pr_err!("{}: the driver can't do without feature {}\n", self, needed);
                return Err(EINVAL);
            }
        }
        self.shown.lock().taken = features;
        Ok(())
    }

    fn status(&self) -> u8 {
        self.shown.lock().state.status()
    }

    fn set_status(&self, status: u8) {
        self.shown.lock().state.set_status(status);
        self.event.signal();
    }

    fn reset(&self) {
        {
            let mut shown = self.shown.lock();
            self.pool.lock().other.open = false;
            shown.state.reset();
        }
        self.event.signal();
    }

    fn config_generation(&self) -> u32 {
        self.shown.lock().config_generation
    }

    fn read_config(&self, offset: usize, to: &mut [u8]) {
        let shown = self.shown.lock();
        let config = &shown.config[..shown.config_size];
        let there = config.get(offset..).unwrap_or_default();
        // What is not there is zero.
        for (to, from) in to.iter_mut().zip(there) {
            *to = *from;
        }
    }

    fn write_config(&self, _: usize, _: &[u8]) {
        self.shown.lock().config_writes += 1;
        self.event.signal();
    }

    fn begin_queues(&self, count: usize) -> Result {
        if count > self.queues as usize {
            pr_err!(
                "{}: the driver wants {} queues of {}\n",
                self,
                count,
                self.queues
            );
            return Err(ENOENT);
        }
        let mut shown = self.shown.lock();
        let mut left = msecs_to_jiffies(LET_GO_MAX);
        loop {
            match shown.state.phase() {
                _ if shown.closed => return Err(ENODEV),
                Phase::Broken => return Err(EIO),
                Phase::Stopping if left == 0 => {
                    pr_err!(
                        "{}: the backend has not let go of the last driver's queues\n",
                        self
                    );
                    return Err(ETIMEDOUT);
                }
                Phase::Stopping => {}
                Phase::Idle | Phase::Ready | Phase::Live => return Ok(()),
            }
            left = match self.let_go.wait_interruptible_timeout(&mut shown, left) {
                CondVarTimeoutResult::Woken { jiffies } => jiffies,
                CondVarTimeoutResult::Signal { .. } => return Err(ERESTARTSYS),
                // It may have let go at the same moment.
                CondVarTimeoutResult::Timeout => 0,
            };
        }
    }

    fn queue_size(&self, _: u32) -> Result<u32> {
        Ok(self.queue_size)
    }

    fn queue_made(&self, index: u32, rings: Rings) -> Result {
        let place = self.has(index)?;
        let gated = Gated::new(rings)?;
        let old = self.pool.lock().other.set_gated(place, Some(gated));
        // Not under the lock.
        drop(old);
        Ok(())
    }

    fn queues_gone(&self) {
        self.pool.lock().other.open = false;
        for place in 0..self.queues as usize {
            let gated = self.pool.lock().other.set_gated(place, None);
            // Not under the lock.
            drop(gated);
        }
    }

    fn notify(&self, index: u32) -> bool {
        match self.publish(index, false) {
            Ok(Ok(())) => true,
            Err(_) => false,
            Ok(Err(why)) => {
                self.log_broken(index, why);
                false
            }
        }
    }
}
