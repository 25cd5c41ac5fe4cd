// SPDX-License-Identifier: GPL-2.0-only

//! The debugfs directories of all cards, `/sys/kernel/debug/snd_rloop/cardN/`.
//!
//! A card that has been unplugged is still there for its files, but another may have its number
//! meanwhile. The directory of that name is then the other's.

use kernel::debugfs::Dir;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::{Arc, Mutex};

use crate::cable_ends::CableEnds;
use crate::faults::FaultFiles;
use crate::lib::alsa::card::Card;

/// The directory for all cards.
#[pin_data]
pub(crate) struct FaultDirs {
    dir: Dir,
    #[pin]
    cards: Mutex<KVec<Entry>>,
}

/// The directory of one card.
struct Entry {
    slot: u32,
    number: i32,
    _faults: FaultFiles,
}

/// The debugfs directory of a card. Dropping it removes the directory, and waits for whoever is
/// writing to its files.
pub(crate) struct FaultDir {
    all: Arc<FaultDirs>,
    slot: u32,
}

impl FaultDirs {
    /// Makes the directory `name`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, nothing is made.
    pub(crate) fn new(name: &CStr) -> Result<Arc<Self>> {
        let dir = Dir::new(name);
        let init = pin_init!(Self {
            dir,
            cards <- new_mutex!(KVec::new()),
        });
        Arc::pin_init(init, GFP_KERNEL)
    }

    /// Makes the directory of the card `slot`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn add(
        self: &Arc<Self>,
        slot: u32,
        card: &Arc<Card>,
        cables: &[CableEnds],
    ) -> Result<FaultDir> {
        let number = card.number();
        let mut cards = self.cards.lock();
        cards.retain(|entry| entry.number != number);
        let entry = Entry {
            slot,
            number,
            _faults: FaultFiles::new(&self.dir, card, cables)?,
        };
        cards.push(entry, GFP_KERNEL)?;
        let all = self.clone();
        Ok(FaultDir { all, slot })
    }
}

impl Drop for FaultDir {
    fn drop(&mut self) {
        let mut cards = self.all.cards.lock();
        cards.retain(|entry| entry.slot != self.slot);
    }
}
