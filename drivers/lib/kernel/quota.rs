// SPDX-License-Identifier: GPL-2.0-only

//! Quotas: how much memory or time programs can make a card take. (ALSA has a limit of its own for
//! the buffers of streams: `max_alloc_per_card` in `sound/core/pcm_memory.c`.)

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::lib::kernel::lockless::allowance::Allowance;

/// A quota, which many take shares of.
pub(crate) struct Quota(Allowance);

/// A share of a [`Quota`]; dropping it gives it back. Any context.
pub(crate) struct Share {
    quota: Arc<Quota>,
    amount: usize,
}

impl Quota {
    /// A quota of `most`, in any unit. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(most: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self(Allowance::new(most)), GFP_KERNEL)?)
    }

    /// The whole quota. Any context.
    pub(crate) fn most(&self) -> usize {
        self.0.most()
    }

    /// Takes a share of `amount`; `None` if so much is not left. Any context.
    pub(crate) fn take(self: &Arc<Self>, amount: usize) -> Option<Share> {
        self.0.take(amount).then(|| Share {
            quota: self.clone(),
            amount,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.quota.0.give_back(self.amount);
    }
}
