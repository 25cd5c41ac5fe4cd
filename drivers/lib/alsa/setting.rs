// SPDX-License-Identifier: GPL-2.0-only

//! Files in a card's proc directory that hold one line, which may be written as well.
//!
//! C header: `include/sound/info.h`

use core::marker::PhantomData;

use kernel::error::to_result;
use kernel::ffi::{c_char, c_void};
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::Arc;

use crate::lib::alsa::card::NewCard;
use crate::lib::bindings;

/// What a file holds.
pub(crate) trait Setting: Send + Sync + 'static {
    /// The line, with its end. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn read(&self) -> Result<CString>;

    /// Sets it to `text`, of which white space at both ends has been taken off. May sleep.
    ///
    /// # Errors
    ///
    /// Given to whoever writes.
    fn write(&self, text: &str) -> Result;
}

/// The longest text that can be written, in bytes.
const TEXT_MAX: usize = 128;

/// Makes a file for `setting`.
///
/// It goes with the card. On a kernel without procfs nothing is made.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn create<S: Setting>(card: &mut NewCard, name: &CStr, setting: Arc<S>) -> Result {
    let private = Arc::as_ptr(&setting).cast_mut();
    card.keep(setting)?;
    // SAFETY: `card` is valid, and `name` is a string that ALSA copies. `private` stays valid until
    // the card has been freed, and before that ALSA removes the file and waits for its users.
    let made = to_result(unsafe {
        bindings::rloop_card_proc_data(
            card.as_raw(),
            name.as_char_ptr(),
            private.cast(),
            Table::<S>::OPS,
            4096,
        )
    });
    match made {
        Err(error) if error == ENODEV => Ok(()),
        made => made,
    }
}

/// The operations of a file whose setting is an `S`.
struct Table<S>(PhantomData<S>);

impl<S: Setting> Table<S> {
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

    /// # Safety
    ///
    /// `entry` must be one that [`create`] has made for `S`, as it is when ALSA calls.
    unsafe fn setting<'a>(entry: *mut bindings::snd_info_entry) -> &'a S {
        // SAFETY: `create` has made `private_data` a pointer to an `S` that the card keeps.
        unsafe { &*(*entry).private_data.cast::<S>() }
    }

    /// # Safety
    ///
    /// As [`Table::setting`]; `to` is memory of the user.
    unsafe extern "C" fn read(
        entry: *mut bindings::snd_info_entry,
        _private: *mut c_void,
        _file: *mut bindings::file,
        to: *mut c_char,
        room: usize,
        position: bindings::loff_t,
    ) -> isize {
        // SAFETY: As this function's.
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

    /// # Safety
    ///
    /// As [`Table::setting`]; `from` is memory of the user.
    unsafe extern "C" fn write(
        entry: *mut bindings::snd_info_entry,
        _private: *mut c_void,
        _file: *mut bindings::file,
        from: *const c_char,
        count: usize,
        position: bindings::loff_t,
    ) -> isize {
        // SAFETY: As this function's.
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

/// What the file system is told.
fn answer(operation: impl FnOnce() -> Result<usize>) -> isize {
    match operation() {
        Ok(size) => isize::try_from(size).unwrap_or(isize::MAX),
        Err(error) => error.to_errno() as isize,
    }
}
