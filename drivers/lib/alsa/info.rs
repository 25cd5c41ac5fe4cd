// SPDX-License-Identifier: GPL-2.0-only

//! Text files in a card's proc directory, `/proc/asound/CARD/`.
//!
//! C header: `include/sound/info.h`

use kernel::error::to_result;
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::lib::alsa::card::NewCard;
use crate::lib::bindings;

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
pub(crate) fn create<T: TextOps>(card: &mut NewCard, name: &CStr, ops: Arc<T>) -> Result {
    let private = core::ptr::from_ref(&*ops).cast_mut();
    // The file's own destructor would be the place to free it. But ALSA (up to 7.2 at least) calls
    // that when the sound core is unloaded, long after the card and perhaps this module has gone.
    card.keep(ops)?;
    // SAFETY: `card` is valid, and `name` is a string that ALSA copies. `private` stays valid
    // until the card has been freed, and before that ALSA removes the file and waits for readers.
    let made = to_result(unsafe {
        bindings::rloop_card_proc_new(
            card.as_raw(),
            name.as_char_ptr(),
            private.cast(),
            Some(read::<T>),
        )
    });
    match made {
        Err(error) if error == ENODEV => Ok(()),
        made => made,
    }
}

/// # Safety
///
/// `entry` must be one that [`create`] has made with this `T`, as it is when ALSA calls.
unsafe extern "C" fn read<T: TextOps>(
    entry: *mut bindings::snd_info_entry,
    buffer: *mut bindings::snd_info_buffer,
) {
    // SAFETY: `create` has made `private_data` a pointer to a `T` that the card keeps.
    let ops = unsafe { &*(*entry).private_data.cast::<T>() };
    // SAFETY: A text file's buffer is a `struct seq_file` that only this call uses
    // (`snd_iprintf` in the header says so).
    let text = unsafe { SeqFile::from_raw((*buffer).buffer.cast()) };
    ops.read(text);
}
