// SPDX-License-Identifier: GPL-2.0-only

//! How much memory programs can make a card take. (ALSA has a limit of its own for the buffers of streams:
//! `max_alloc_per_card` in `sound/core/pcm_memory.c`.)

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

use super::log;

/// What can be taken by all together.
pub(crate) struct Quota {
    most: isize,
    taken: Atomic<isize>,
}

/// A part of a [`Quota`], which is given back with this value.
pub(crate) struct Share {
    quota: Arc<Quota>,
    bytes: isize,
}

impl Quota {
    /// So many bytes.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(most: isize) -> Result<Arc<Self>> {
        let taken = Atomic::new(0);
        Ok(Arc::new(Self { most, taken }, GFP_KERNEL)?)
    }

    /// Takes `bytes` of it.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if there are not so many left.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Result<Share> {
        let bytes = isize::try_from(bytes)?;
        let share = Share {
            quota: self.clone(),
            bytes,
        };
        // Relaxed: nothing else depends on the number.
        let before = self.taken.fetch_add(bytes, Relaxed);
        if before.saturating_add(bytes) > self.most {
            log::debug(format_args!(
                "refused: all together take more than {} bytes",
                self.most
            ));
            return Err(ENOMEM);
        }
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.quota.taken.fetch_add(-self.bytes, Relaxed);
    }
}
