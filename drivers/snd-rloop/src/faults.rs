// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in a card's directory, `/sys/kernel/debug/snd_rloop/cardN/`, a directory
//! `cableM` for each cable, with the files of [`fault_files`](crate::lib::kernel::fault_files).
//!
//! Only frames delivered to a running capture end count. Streams are called `playback`, `capture`
//! and `captureN`.

use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::CString;

use crate::cable::Cable;
use crate::cable_ends::CableEnds;
use crate::lib::kernel::fault_files::FaultFiles;

/// The files of a card's cables.
pub(crate) type CableFiles = KVec<FaultFiles<Cable>>;

/// Makes the directories of a card's cables in `dir`. May sleep.
///
/// # Errors
///
/// `ENOMEM`. Where debugfs is off, nothing is made.
pub(crate) fn create(dir: &Dir, cables: &[CableEnds]) -> Result<CableFiles> {
    let mut all = KVec::new();
    for (number, ends) in cables.iter().enumerate() {
        let name = CString::try_from_fmt(fmt!("cable{}", number))?;
        let files = FaultFiles::new(dir.subdir(&name), ends.cable.clone())?;
        all.push(files, GFP_KERNEL)?;
    }
    Ok(all)
}
