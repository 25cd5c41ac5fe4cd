// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand, for testing the programs above: `/sys/kernel/debug/snd_rloop/cardN/`.
//!
//! | file | what a 1 does |
//! |---|---|
//! | `unplug` | takes the card away, as a USB card that is pulled out; it does not come back |

use kernel::c_str;
use kernel::debugfs::{Dir, File};
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::alsa::card::Card;

/// The files of one card; they go when this value does.
pub(crate) struct Faults {
    _unplug: Pin<KBox<File<Arc<Card>>>>,
}

impl Faults {
    /// Makes the files of a card in `parent`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, nothing is made.
    pub(crate) fn new(parent: &Dir, card: &Arc<Card>) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("card{}", card.number()))?;
        let dir = parent.subdir(&name);
        let file = dir.write_callback_file(c_str!("unplug"), card.clone(), &unplug);
        Ok(Self {
            _unplug: KBox::pin_init(file, GFP_KERNEL)?,
        })
    }
}

fn unplug(card: &Arc<Card>, written: &mut UserSliceReader) -> Result {
    // Room for the end of the line that `echo` writes.
    let mut word = [0; 2];
    let bytes = written.len();
    if bytes > word.len() {
        return Err(EINVAL);
    }
    written.read_slice(&mut word[..bytes])?;
    match &word[..bytes] {
        b"1" | b"1\n" => {
            pr_info!("card {} is unplugged\n", card.number());
            card.disconnect();
            Ok(())
        }
        _ => Err(EINVAL),
    }
}
