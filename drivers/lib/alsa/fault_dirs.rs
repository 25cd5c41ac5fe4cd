// SPDX-License-Identifier: GPL-2.0-only

//! The debugfs directories of a driver's cards, `/sys/kernel/debug/MODULE/cardN/`: the file
//! `unplug`, to which `1` is written and which takes the card away, as a USB card that is pulled
//! out; and what else a driver has.
//!
//! A card that has been unplugged is still there for its files, but another may have its number
//! meanwhile. The directory of that name is then the other's.

use kernel::c_str;
use kernel::debugfs::{Dir, File};
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::{Arc, Mutex};
use kernel::uaccess::UserSliceReader;

use crate::lib::alsa::card::Card;
use crate::lib::kernel::debugfs::one;

/// The directory for all cards. `F` is what a driver makes in a card's directory, which goes with
/// it.
#[pin_data]
pub(crate) struct FaultDirs<F> {
    dir: Dir,
    #[pin]
    cards: Mutex<KVec<Entry<F>>>,
}

/// The directory of one card.
struct Entry<F> {
    slot: u32,
    number: i32,
    _unplug: Pin<KBox<File<Arc<Card>>>>,
    _files: F,
}

/// The debugfs directory of a card. Dropping it removes the directory, and waits for whoever is
/// writing to its files.
pub(crate) struct FaultDir<F> {
    all: Arc<FaultDirs<F>>,
    slot: u32,
}

impl<F> FaultDirs<F> {
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

    /// Makes the directory of the card `slot`, with what `make` makes in it. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what `make` returns.
    pub(crate) fn add(
        self: &Arc<Self>,
        slot: u32,
        card: &Arc<Card>,
        make: impl FnOnce(&Dir) -> Result<F>,
    ) -> Result<FaultDir<F>> {
        let number = card.number();
        let mut cards = self.cards.lock();
        cards.retain(|entry| entry.number != number);
        let name = CString::try_from_fmt(fmt!("card{}", number))?;
        let dir = self.dir.subdir(&name);
        let file = dir.write_callback_file(c_str!("unplug"), card.clone(), &unplug);
        let entry = Entry {
            slot,
            number,
            _unplug: KBox::pin_init(file, GFP_KERNEL)?,
            _files: make(&dir)?,
        };
        cards.push(entry, GFP_KERNEL)?;
        let all = self.clone();
        Ok(FaultDir { all, slot })
    }
}

impl<F> Drop for FaultDir<F> {
    fn drop(&mut self) {
        let mut cards = self.all.cards.lock();
        cards.retain(|entry| entry.slot != self.slot);
    }
}

/// Writes to `unplug`: disconnects the card. May sleep.
fn unplug(card: &Arc<Card>, written: &mut UserSliceReader) -> Result {
    one("unplug", written)?;
    pr_info!("card {} is unplugged\n", card.number());
    card.disconnect();
    Ok(())
}
