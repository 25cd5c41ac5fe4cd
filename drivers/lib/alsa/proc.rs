// SPDX-License-Identifier: GPL-2.0-only

//! Files in a card's proc directory, `/proc/asound/CARD/`: texts that can be read, and settings of
//! one line.
//!
//! The card removes them with itself. On a kernel without procfs none is made.
//!
//! C header: `include/sound/info.h`

use core::marker::PhantomData;

use kernel::error::to_result;
use kernel::ffi::{c_char, c_int, c_void};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::str::{CStr, CString};
use kernel::sync::Arc;

use super::card::NewCard;
use crate::lib::bindings;

/// A text that can be read.
pub(crate) trait Text: Send + Sync + 'static {
    /// Writes the whole text to `text`. May sleep; the card may have been disconnected.
    fn read(&self, text: &SeqFile);
}

/// A setting of one line.
pub(crate) trait Setting: Send + Sync + 'static {
    /// The line, with its end. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn read(&self) -> Result<CString>;

    /// Sets it to `text`, at most 128 bytes, of which white space at both ends has been taken off.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// Returned to the program that writes.
    fn write(&self, text: &str) -> Result;
}

/// The longest text that can be written, in bytes.
const TEXT_MAX: usize = 128;

/// Makes the file of a text, mode 0444. May sleep.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn create_text<T: Text>(card: &mut NewCard, name: &CStr, text: Arc<T>) -> Result {
    add(card, text, |card, private| {
        // SAFETY: `card` is valid, and `name` is a string that ALSA copies. By `add`, `private` is
        // a `T`.
        unsafe {
            bindings::rloop_card_proc_new(
                card.as_raw(),
                name.as_char_ptr(),
                private,
                Some(read::<T>),
            )
        }
    })
}

/// Makes the file of a setting, mode 0644. May sleep.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn create_setting<S: Setting>(
    card: &mut NewCard,
    name: &CStr,
    setting: Arc<S>,
) -> Result {
    add(card, setting, |card, private| {
        // SAFETY: `card` is valid, and `name` is a string that ALSA copies. By `add`, `private` is
        // an `S`.
        unsafe {
            bindings::rloop_card_proc_data(
                card.as_raw(),
                name.as_char_ptr(),
                private,
                SettingOps::<S>::OPS,
                4096,
            )
        }
    })
}

/// Makes a file by `make`, which gets the file's `private_data`: it points to the `T` in `owner`,
/// and stays valid until the card has been freed, before which ALSA removes the file and waits for
/// its users.
fn add<T: Send + Sync + 'static>(
    card: &mut NewCard,
    owner: Arc<T>,
    make: impl FnOnce(&mut NewCard, *mut c_void) -> c_int,
) -> Result {
    let private = Arc::as_ptr(&owner).cast_mut().cast();
    // The file's own destructor would be the place to free it. But ALSA (up to 7.2 at least) calls
    // that when the sound core is unloaded, long after the card and perhaps this module has gone.
    card.keep(owner)?;
    match to_result(make(card, private)) {
        // There is no procfs.
        Err(error) if error == ENODEV => Ok(()),
        made => made,
    }
}

/// `snd_info_entry.c.text.read`: prints the text. May sleep.
///
/// # Safety
///
/// `entry` must be one that [`create_text`] has made with this `T`, as it is when ALSA calls.
unsafe extern "C" fn read<T: Text>(
    entry: *mut bindings::snd_info_entry,
    buffer: *mut bindings::snd_info_buffer,
) {
    // SAFETY: `create_text` has made `private_data` a pointer to a `T` that the card keeps.
    let this = unsafe { &*(*entry).private_data.cast::<T>() };
    // SAFETY: A text file's buffer is a `struct seq_file` that only this call uses (`snd_iprintf`
    // in the header says so).
    let text = unsafe { SeqFile::from_raw((*buffer).buffer.cast()) };
    this.read(text);
}

/// The operations of a file whose setting is an `S`.
struct SettingOps<S>(PhantomData<S>);

impl<S: Setting> SettingOps<S> {
    /// The table.
    const OPS: &'static bindings::snd_info_entry_ops = &bindings::snd_info_entry_ops {
        open: None,
        release: None,
        read: Some(Self::read),
        write: Some(Self::write),
        llseek: None,
        poll: None,
        ioctl: None,
        mmap: None,
    };

    /// The setting of a file.
    ///
    /// # Safety
    ///
    /// `entry` must be one that [`create_setting`] has made for `S`, as it is when ALSA calls.
    unsafe fn setting<'a>(entry: *mut bindings::snd_info_entry) -> &'a S {
        // SAFETY: `create_setting` has made `private_data` a pointer to an `S` that the card keeps.
        unsafe { &*(*entry).private_data.cast::<S>() }
    }

    /// `snd_info_entry_ops.read`: copies the line to user space. May sleep.
    ///
    /// # Safety
    ///
    /// As [`SettingOps::setting`]; `to` is memory of the user.
    unsafe extern "C" fn read(
        entry: *mut bindings::snd_info_entry,
        _private: *mut c_void,
        _file: *mut bindings::file,
        to: *mut c_char,
        room: usize,
        position: bindings::loff_t,
    ) -> isize {
        // SAFETY: By this function's precondition.
        let setting = unsafe { Self::setting(entry) };
        answer(|| {
            let line = setting.read()?;
            let from = usize::try_from(position)?;
            let rest = line.to_bytes().get(from..).unwrap_or_default();
            let rest = rest.get(..room).unwrap_or(rest);
            // SAFETY: `rest` is valid for reads of its length; the function checks `to`.
            let copied =
                unsafe { bindings::rloop_copy_to_user(to, rest.as_ptr().cast(), rest.len()) };
            copied.then_some(rest.len()).ok_or(EFAULT)
        })
    }

    /// `snd_info_entry_ops.write`: sets the setting to the line from user space. May sleep.
    ///
    /// # Safety
    ///
    /// As [`SettingOps::setting`]; `from` is memory of the user.
    unsafe extern "C" fn write(
        entry: *mut bindings::snd_info_entry,
        _private: *mut c_void,
        _file: *mut bindings::file,
        from: *const c_char,
        count: usize,
        position: bindings::loff_t,
    ) -> isize {
        // SAFETY: By this function's precondition.
        let setting = unsafe { Self::setting(entry) };
        answer(|| {
            let mut text = [0u8; TEXT_MAX];
            // A line is written at once, or not at all.
            let text = text
                .get_mut(..count)
                .filter(|_| position == 0)
                .ok_or(EINVAL)?;
            // SAFETY: `text` is valid for writes of its length; the function checks `from`.
            let copied =
                unsafe { bindings::rloop_copy_from_user(text.as_mut_ptr().cast(), from, count) };
            if !copied {
                return Err(EFAULT);
            }
            let text = core::str::from_utf8(text).map_err(|_| EINVAL)?;
            setting.write(text.trim())?;
            Ok(count)
        })
    }
}

/// Maps a result to the return value of a file operation.
fn answer(operation: impl FnOnce() -> Result<usize>) -> isize {
    match operation() {
        Ok(size) => isize::try_from(size).unwrap_or(isize::MAX),
        Err(error) => error.to_errno() as isize,
    }
}
