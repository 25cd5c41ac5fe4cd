// SPDX-License-Identifier: GPL-2.0-only

//! How much memory programs can make a card take. (ALSA has a limit of its own for the buffers of streams:
//! `max_alloc_per_card` in `sound/core/pcm_memory.c`.)

use kernel::prelude::*;
use kernel::sync::Arc;

use super::log;
use crate::lockless::allowance::Allowance;

/// What can be taken by all together, in bytes.
pub(crate) struct Quota(Allowance);

/// A part of a [`Quota`], which is given back with this value.
pub(crate) struct Share {
    quota: Arc<Quota>,
    bytes: usize,
}

impl Quota {
    /// So many bytes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(most: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self(Allowance::new(most)), GFP_KERNEL)?)
    }

    /// Takes `bytes` of it.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if there are not so many left.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Result<Share> {
        if !self.0.take(bytes) {
            log::debug(format_args!(
                "refused: all together take more than {} bytes",
                self.0.most()
            ));
            return Err(ENOMEM);
        }
        Ok(Share {
            quota: self.clone(),
            bytes,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.quota.0.give_back(self.bytes);
    }
}
