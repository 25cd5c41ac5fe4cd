// SPDX-License-Identifier: GPL-2.0-only

//! Text files in a card's proc directory, `/proc/asound/CARD/`.
//!
//! C header: `include/sound/info.h`

use kernel::error::to_result;
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::str::CStr;
use kernel::sync::Arc;
use kernel::types::ForeignOwnable;

use super::bindings;
use super::card::Card;

/// What a file says.
pub(crate) trait TextOps: Send + Sync + 'static {
    /// Writes the whole text.
    fn read(&self, text: &SeqFile);
}

/// Makes a file that reads what `ops` writes.
///
/// It goes with the card. On a kernel without procfs nothing is made.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn create<T: TextOps>(card: &Card, name: &CStr, ops: Arc<T>) -> Result {
    let private = ops.into_foreign();
    // SAFETY: `card` is valid, and `name` is a string that ALSA copies. `private` stays valid
    // until `free` is called, which the file's end calls.
    let made = to_result(unsafe {
        bindings::rloop_card_proc_new(
            card.as_raw(),
            name.as_char_ptr(),
            private.cast(),
            Some(read::<T>),
            Some(free::<T>),
        )
    });
    if let Err(error) = made {
        // SAFETY: Comes from `into_foreign`, and nobody else has it, as nothing was made.
        drop(unsafe { Arc::<T>::from_foreign(private) });
        if error != ENODEV {
            return Err(error);
        }
    }
    Ok(())
}

/// # Safety
///
/// `entry` must be one that [`create`] has made with this `T`, as it is when ALSA calls.
unsafe extern "C" fn read<T: TextOps>(
    entry: *mut bindings::snd_info_entry,
    buffer: *mut bindings::snd_info_buffer,
) {
    // SAFETY: `private_data` comes from `into_foreign` and is valid until `free`, which ALSA calls
    // after the last reader has gone.
    let ops = unsafe { Arc::<T>::borrow((*entry).private_data.cast()) };
    // SAFETY: A text file's buffer is a `struct seq_file` that only this call uses
    // (`snd_iprintf` in the header says so).
    let text = unsafe { SeqFile::from_raw((*buffer).buffer.cast()) };
    ops.read(text);
}

/// # Safety
///
/// `entry` must be one that [`create`] has made with this `T`, at its end.
unsafe extern "C" fn free<T: TextOps>(entry: *mut bindings::snd_info_entry) {
    // SAFETY: `private_data` comes from `into_foreign`, and ALSA calls this once, at the end.
    drop(unsafe { Arc::<T>::from_foreign((*entry).private_data.cast()) });
}
