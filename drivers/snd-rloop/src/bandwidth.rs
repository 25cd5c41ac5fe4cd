// SPDX-License-Identifier: GPL-2.0-only

//! The bandwidth of a card: how many bytes per second its streams may ask for together.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

use crate::lib::kernel::quota::{Quota, Share};
use crate::model::params::BANDWIDTH_UNIT;

/// The bytes in the unit in which streams are counted: 64 bits would be more than a 32-bit
/// processor divides at once.
const UNIT: u32 = 1000;

/// The bandwidth that the streams of a card may ask for.
pub(crate) struct Bandwidth {
    card: u32,
    /// The limit in units of [`BANDWIDTH_UNIT`] bytes per second, as root wrote it.
    most: u32,
    /// The same in units of [`UNIT`] bytes per second, shared out.
    quota: Arc<Quota>,
    /// Not 0 once a refusal has been logged.
    logged: Atomic<u32>,
}

impl Bandwidth {
    /// Makes the bandwidth of the card with the number `card`: `most` times [`BANDWIDTH_UNIT`]
    /// bytes per second. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(card: u32, most: u32) -> Result<Self> {
        let quota = (most as usize).saturating_mul((BANDWIDTH_UNIT / UNIT) as usize);
        Ok(Self {
            card,
            most,
            quota: Quota::new(quota)?,
            logged: Atomic::new(0),
        })
    }

    /// Takes the share of a stream of `rate` frames per second, each of `frame_bytes` bytes. May
    /// sleep (it may log).
    ///
    /// # Errors
    ///
    /// `EBUSY` if there is not so much left; the first time with a line in the kernel's log.
    pub(crate) fn take(&self, rate: u32, frame_bytes: u32) -> Result<Share> {
        let wanted = rate.saturating_mul(frame_bytes).div_ceil(UNIT);
        let share = self.quota.take(wanted as usize);
        if share.is_none() && self.logged.xchg(1, Relaxed) == 0 {
            let (card, most) = (self.card, self.most);
            pr_warn!("card {card}: a stream of {wanted} kB/s is refused, since all of the card's together would take more than bandwidth={most} (MB/s) allows; this is said once\n");
        }
        share.ok_or(EBUSY)
    }
}
