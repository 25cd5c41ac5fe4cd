// SPDX-License-Identifier: GPL-2.0-only

//! A stream's buffer, lent to the driver while ALSA keeps it.

use core::ptr::{addr_of, null_mut};

use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Full, Release};
use kernel::sync::Arc;
use kernel::time::{delay::fsleep, Delta};

use super::bindings;
use super::quota::{Quota, Share};
use crate::pure::end::{self, Pointers};
use crate::pure::layout::{Layout, Move, Span};

/// A reference to the buffer of a stream and to the pointers that ALSA keeps for it.
///
/// ALSA owns the buffer and may free it soon after the stream has stopped. The reference may
/// outlive it all the same: [`Lease::revoke`] ends every access, and later ones do nothing.
pub(crate) struct Buffer(Arc<Lease>);

/// What a [`Buffer`] refers to.
///
/// # Invariants
///
/// As long as `users` is not negative, or positive after adding [`REVOKED`] back (that is, an
/// [`Access`] exists that was made before the revocation), `area` points to
/// `layout.bytes()` bytes of kernel memory and `runtime`, if it is not null, to the runtime of an open
/// stream. If `owned` is there, `area` points to its elements.
pub(super) struct Lease {
    area: *mut u8,
    runtime: *mut bindings::snd_pcm_runtime,
    layout: Layout,
    users: Atomic<i32>,
    _owned: Option<(KVVec<u8>, Share)>,
}

// SAFETY: The pointers are used only under an `Access`, which keeps their targets alive. The area
// is shared with user space anyway, and only raw reads and writes touch it.
unsafe impl Send for Lease {}

// SAFETY: As above; the pointers themselves never change.
unsafe impl Sync for Lease {}

/// Added to [`Lease::users`] when nobody may begin to use the buffer any more.
const REVOKED: i32 = i32::MIN / 2;

/// Somebody is using the buffer.
struct Access<'a>(&'a Lease);

impl Drop for Access<'_> {
    fn drop(&mut self) {
        self.0.users.fetch_add(-1, Release);
    }
}

impl Lease {
    /// Lends the buffer of a stream that has been set up.
    ///
    /// # Safety
    ///
    /// `runtime` must be that of an open stream whose buffer has been allocated, and
    /// [`Lease::revoke`] must be called before the buffer is freed or the stream is closed.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the buffer is smaller than the layout asks for, `ENOMEM`.
    pub(super) unsafe fn new(
        runtime: *mut bindings::snd_pcm_runtime,
        layout: Layout,
    ) -> Result<Arc<Self>> {
        // SAFETY: The caller promises that `runtime` is valid.
        let (area, bytes) = unsafe { ((*runtime).dma_area, (*runtime).dma_bytes) };
        if area.is_null() || layout.bytes() > bytes || layout.frames == 0 {
            return Err(EINVAL);
        }
        // INVARIANT: `users` is 0, and the area is as large as the layout says. The caller
        // promises to revoke before that changes.
        let lease = Self {
            area,
            runtime,
            layout,
            users: Atomic::new(0),
            _owned: None,
        };
        Ok(Arc::new(lease, GFP_KERNEL)?)
    }

    /// A reference for the driver to keep.
    pub(super) fn lend(self: &Arc<Self>) -> Buffer {
        Buffer(self.clone())
    }

    /// Ends the lease: after this, nobody is using the buffer, and nobody will.
    ///
    /// Sleeps for as long as it takes others to finish a copy. Must be called once.
    pub(super) fn revoke(&self) {
        self.users.fetch_add(REVOKED, Full);
        while self.users.load(Acquire) != REVOKED {
            fsleep(Delta::from_micros(50));
        }
    }

    fn access(&self) -> Option<Access<'_>> {
        // The sum and its old value are one atomic step: either this comes first, and `revoke`
        // waits, or `revoke` does, and this sees it.
        let users = self.users.fetch_add(1, Full);
        let access = Access(self);
        (users >= 0).then_some(access)
    }
}

impl Buffer {
    /// A buffer that is no stream's, of zeros, which counts against `quota`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn own(layout: Layout, quota: &Arc<Quota>) -> Result<Self> {
        let share = quota.take(layout.bytes())?;
        let mut owned = KVVec::from_elem(0u8, layout.bytes(), GFP_KERNEL)?;
        // INVARIANT: The elements are as many bytes as the layout says, and stay where they are when
        // the vector is moved. Nobody revokes this lease; it ends with the last reference.
        let lease = Lease {
            area: owned.as_mut_ptr(),
            runtime: null_mut(),
            layout,
            users: Atomic::new(0),
            _owned: Some((owned, share)),
        };
        Ok(Self(Arc::new(lease, GFP_KERNEL)?))
    }
}

impl end::Buffer for Buffer {
    fn layout(&self) -> &Layout {
        &self.0.layout
    }

    fn pointers(&self) -> Pointers {
        let Some(_access) = self.0.access() else {
            return Pointers::default();
        };
        let runtime = self.0.runtime;
        if runtime.is_null() {
            return Pointers::default();
        }
        // SAFETY: The stream is open as long as `_access` exists, so its runtime is valid, and so
        // are the two pages that hold the pointers. Others may write to them meanwhile, user
        // space among them, hence the volatile reads; any value is harmless.
        unsafe {
            Pointers {
                hw: addr_of!((*(*runtime).status).hw_ptr).read_volatile() as u64,
                appl: addr_of!((*(*runtime).control).appl_ptr).read_volatile() as u64,
                boundary: addr_of!((*runtime).boundary).read_volatile() as u64,
                stop_threshold: addr_of!((*runtime).stop_threshold).read_volatile() as u64,
            }
        }
    }

    fn copy_from(&self, source: &Self, what: Move) {
        let (Some(_target), Some(_source)) = (self.0.access(), source.0.access()) else {
            return;
        };
        let fits = |at: usize, step: usize, area: &Layout| {
            let steps = what.count.checked_sub(1).and_then(|n| n.checked_mul(step));
            let end = steps.and_then(|n| n.checked_add(at)?.checked_add(what.bytes));
            end.is_some_and(|end| end <= area.bytes())
        };
        if !fits(what.source, what.source_step, &source.0.layout)
            || !fits(what.target, what.target_step, &self.0.layout)
        {
            return;
        }
        // SAFETY: Both buffers are there as long as `_source` and `_target` exist, and the checks
        // above have shown that every piece lies within them. They are different buffers, so they
        // don't overlap; user space may write to them meanwhile, as it may to
        // the buffer of any sound card.
        unsafe {
            let (from, to) = (source.0.area.add(what.source), self.0.area.add(what.target));
            match what.bytes {
                _ if what.count == 1 => from.copy_to_nonoverlapping(to, what.bytes),
                1 => strided::<1>(from, to, &what),
                2 => strided::<2>(from, to, &what),
                3 => strided::<3>(from, to, &what),
                4 => strided::<4>(from, to, &what),
                8 => strided::<8>(from, to, &what),
                _ => {
                    for i in 0..what.count {
                        from.add(i * what.source_step)
                            .copy_to_nonoverlapping(to.add(i * what.target_step), what.bytes);
                    }
                }
            }
        }
    }

    fn fill(&self, what: Span, sample: &[u8]) {
        let Some(_access) = self.0.access() else {
            return;
        };
        let end = what.offset.checked_add(what.bytes);
        let fits = end.is_some_and(|end| end <= self.0.layout.bytes());
        if sample.is_empty() || !fits {
            return;
        }
        let first = sample[0];
        // SAFETY: The buffer is there as long as `_access` exists, and the check above has shown
        // that the span lies within it. What is copied within it has been written before, and as
        // `more <= done` the two pieces don't overlap; user space may write to it meanwhile, as it
        // may to the buffer of any sound card.
        unsafe {
            let to = self.0.area.add(what.offset);
            if sample.iter().all(|byte| *byte == first) {
                to.write_bytes(first, what.bytes);
            } else {
                let mut done = sample.len().min(what.bytes);
                sample.as_ptr().copy_to_nonoverlapping(to, done);
                while done < what.bytes {
                    let more = done.min(what.bytes - done);
                    to.copy_to_nonoverlapping(to.add(done), more);
                    done += more;
                }
            }
        }
    }

    fn flip(&self, offset: usize) {
        let Some(_access) = self.0.access() else {
            return;
        };
        if offset < self.0.layout.bytes() {
            // SAFETY: The buffer is there as long as `_access` exists, and the byte lies within it.
            unsafe {
                let byte = self.0.area.add(offset);
                byte.write(byte.read() ^ 1);
            }
        }
    }
}

/// Moves pieces of `N` bytes.
///
/// # Safety
///
/// Every piece that `what` describes, from `from` and `to` on, must lie in memory that may be
/// read and written, respectively.
unsafe fn strided<const N: usize>(from: *const u8, to: *mut u8, what: &Move) {
    for i in 0..what.count {
        // SAFETY: The caller promises that this piece may be read and written.
        unsafe {
            let piece = from.add(i * what.source_step).cast::<[u8; N]>();
            to.add(i * what.target_step)
                .cast::<[u8; N]>()
                .write(piece.read());
        }
    }
}
