// SPDX-License-Identifier: GPL-2.0-only

//! How much programs can make a card take, of memory or of time. (ALSA has a limit of its own for the buffers
//! of streams: `max_alloc_per_card` in `sound/core/pcm_memory.c`.)

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::lib::kernel::lockless::allowance::Allowance;

/// What can be taken by all together.
pub(crate) struct Quota(Allowance);

/// A part of a [`Quota`], which is given back with this value.
pub(crate) struct Share {
    quota: Arc<Quota>,
    amount: usize,
}

impl Quota {
    /// So much.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(most: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self(Allowance::new(most)), GFP_KERNEL)?)
    }

    /// All of it.
    pub(crate) fn most(&self) -> usize {
        self.0.most()
    }

    /// Takes `amount` of it, if so much is left. Any context.
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
