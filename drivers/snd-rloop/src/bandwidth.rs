// SPDX-License-Identifier: GPL-2.0-only

//! How many bytes per second the streams of a card may ask for together.

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

use crate::lib::kernel::quota::{Quota, Share};
use crate::model::params::BANDWIDTH_UNIT;

/// Bytes in the unit in which streams are counted: 64 bits would be more than a 32-bit processor divides
/// at once.
const UNIT: u32 = 1000;

/// What the streams of a card may ask for.
pub(crate) struct Bandwidth {
    card: u32,
    /// In units of [`BANDWIDTH_UNIT`] bytes per second, as the administrator wrote it.
    most: u32,
    /// In units of [`UNIT`] bytes per second.
    quota: Arc<Quota>,
    /// Not 0 if the log has been told that it was too little.
    logged: Atomic<u32>,
}

impl Bandwidth {
    /// For the card with the number `card`, `most` times [`BANDWIDTH_UNIT`] bytes per second.
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

    /// Takes what a stream of `rate` frames per second asks for, each of so many bytes. May sleep.
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
