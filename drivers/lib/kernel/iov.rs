// SPDX-License-Identifier: GPL-2.0-only

//! Copies from and to a program's memory that don't wait for it.
//!
//! A program's memory can take for ever: a page may have to be brought in by another program (`userfaultfd(2)`, FUSE).
//! So a lock that others take must not be held meanwhile. Here a copy under a lock is done with page faults off, and
//! fails where memory is not there at once; then the lock is released, the memory is brought in ([`Tries::bring_in`]) and
//! all is done again, or what it has is copied to where it can't go away any more ([`copy_in`]).
//!
//! C headers: `include/linux/uio.h`, `include/linux/uaccess.h`

use kernel::bindings as c;
use kernel::iov::{IovIterDest, IovIterSource};
use kernel::prelude::*;

use crate::lib::bindings;

/// Copies `from` to `to`, `copy_to_iter()`, if all of that memory is there and `to` has room for it; else nothing has
/// happened, but that some of the memory may have been written. Does not sleep.
pub(crate) fn copy_to(to: &mut IovIterDest<'_>, from: &[u8]) -> bool {
    // SAFETY: As many bytes can be read, and the iterator is valid.
    let copied = unsafe {
        bindings::rloop_copy_to_iter_nofault(from.as_ptr().cast(), from.len(), to.as_raw().cast())
    };
    if copied < from.len() {
        // SAFETY: It has just been advanced by as many.
        unsafe { to.revert(copied) };
    }
    copied == from.len()
}

/// Fills `to` from `from`, `copy_from_iter()`, if all of that memory is there and `from` has as many bytes; else `from` is
/// as before, and some of `to` may have been written. Does not sleep.
pub(crate) fn copy_from(from: &mut IovIterSource<'_>, to: &mut [u8]) -> bool {
    // SAFETY: As many bytes can be written, and the iterator is valid.
    let copied = unsafe {
        bindings::rloop_copy_from_iter_nofault(
            to.as_mut_ptr().cast(),
            to.len(),
            from.as_raw().cast(),
        )
    };
    if copied < to.len() {
        // SAFETY: It has just been advanced by as many.
        unsafe { from.revert(copied) };
    }
    copied == to.len()
}

/// How often memory is brought in for one copy: it may be taken away again before that is done. There is memory which
/// can be brought in, but not be copied to (`PROT_MTE`, with another tag).
const TRIES: u32 = 16;

/// A copy that is tried again.
pub(crate) struct Tries(u32);

impl Tries {
    /// None has been made. Any context.
    pub(crate) fn new() -> Self {
        Self(TRIES)
    }

    /// Brings in the memory for the next `bytes` bytes of `to`, at most all of it, after a copy has failed:
    /// `fault_in_iov_iter_writeable()`. The fewer they are the less likely is it taken away again. May sleep, for ever (a
    /// signal that ends the program ends that): no lock must be held.
    ///
    /// # Errors
    ///
    /// `EFAULT` if it is not all there, or can't be had.
    pub(crate) fn bring_in(&mut self, to: &mut IovIterDest<'_>, bytes: usize) -> Result {
        self.0 = self.0.saturating_sub(1);
        // SAFETY: The iterator is valid.
        let left = unsafe { c::fault_in_iov_iter_writeable(to.as_raw(), bytes.min(to.len())) };
        match (left, self.0) {
            (0, 1..) => Ok(()),
            _ => Err(EFAULT),
        }
    }
}

/// Copies the next `bytes` bytes of `from`, or all there are: `copy_from_iter()`. They are `from`'s no more. May sleep,
/// for ever, as [`Tries::bring_in`]: no lock must be held.
///
/// # Errors
///
/// `EFAULT` if some of that memory is not there, `ENOMEM`.
pub(crate) fn copy_in(from: &mut IovIterSource<'_>, bytes: usize) -> Result<KVec<u8>> {
    let mut copy = KVec::from_elem(0, bytes.min(from.len()), GFP_KERNEL)?;
    match from.copy_from_iter(&mut copy) {
        copied if copied < copy.len() => Err(EFAULT),
        _ => Ok(copy),
    }
}
