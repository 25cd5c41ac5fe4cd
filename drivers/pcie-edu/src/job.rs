// SPDX-License-Identifier: GPL-2.0-only

//! A number whose factorial somebody waits for.

use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};
use kernel::sync::Arc;

/// A job for the unit that computes factorials.
pub(crate) struct Job {
    /// The number.
    pub(crate) number: u32,
    result: Atomic<u32>,
    /// 1 once there is a result. (6.18 has no atomic `bool`.)
    done: Atomic<u32>,
}

impl Job {
    /// Makes a job that is not done. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(number: u32) -> Result<Arc<Self>> {
        let job = Self {
            number,
            result: Atomic::new(0),
            done: Atomic::new(0),
        };
        Ok(Arc::new(job, GFP_KERNEL)?)
    }

    /// The device has computed it. Any context.
    pub(crate) fn finish(&self, result: u32) {
        self.result.store(result, Relaxed);
        // Release, for whoever finds it done and reads the result.
        self.done.store(1, Release);
    }

    /// The result, if there is one. Any context.
    pub(crate) fn result(&self) -> Option<u32> {
        (self.done.load(Acquire) != 0).then(|| self.result.load(Relaxed))
    }
}
