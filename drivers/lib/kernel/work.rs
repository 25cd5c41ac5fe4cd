// SPDX-License-Identifier: GPL-2.0-only

//! Work that is done later, where it may sleep.
//!
//! The kernel crate of 6.18 has no delayed work.
//!
//! C header: `include/linux/workqueue.h`

use core::marker::PhantomPinned;
use core::mem::offset_of;

use kernel::prelude::*;
use kernel::types::Opaque;

use crate::lib::bindings;

/// What is done.
pub(crate) trait Work: Send + Sync + Sized {
    /// Does it, and may schedule `work` again.
    fn run(&self, work: &DelayedWork<Self>);
}

/// Work for later.
#[pin_data(PinnedDrop)]
pub(crate) struct DelayedWork<W: Work> {
    #[pin]
    raw: Opaque<bindings::delayed_work>,
    #[pin]
    work: W,
    #[pin]
    _pinned: PhantomPinned,
}

// SAFETY: The work queue may be used from any thread; the rest is `Send`.
unsafe impl<W: Work> Send for DelayedWork<W> {}

// SAFETY: As above, and `W` is `Sync`.
unsafe impl<W: Work> Sync for DelayedWork<W> {}

impl<W: Work> DelayedWork<W> {
    /// Makes work that is not scheduled.
    pub(crate) fn new(work: impl PinInit<W, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: The slot is valid memory for a `struct delayed_work` and stays where it is,
            // since it is structurally pinned. The function gets only work that is set up here.
            raw <- Opaque::ffi_init(|slot| unsafe {
                bindings::rloop_delayed_work_init(slot, Some(Self::function));
            }),
            work <- work,
            _pinned: PhantomPinned,
        }? Error)
    }

    /// Does the work in about `ms` milliseconds, and not when it would have been done before.
    pub(crate) fn schedule(&self, ms: u32) {
        // SAFETY: `raw` was set up by `new` and is pinned; it is cancelled before it is freed.
        unsafe { bindings::rloop_delayed_work_schedule(self.raw.get(), ms) };
    }

    /// What is done.
    pub(crate) fn work(&self) -> &W {
        &self.work
    }

    /// # Safety
    ///
    /// `work` must be in the `raw` of a `DelayedWork<W>`, as it is when the work queue calls.
    unsafe extern "C" fn function(work: *mut bindings::work_struct) {
        let offset = offset_of!(Self, raw) + offset_of!(bindings::delayed_work, work);
        // SAFETY: `Opaque<T>` is as `T`, so this is the offset of the work in `Self`; by the
        // precondition the result points to a `Self`, which is alive since it waits for the work
        // before it goes.
        let this = unsafe { &*work.cast::<u8>().sub(offset).cast::<Self>() };
        this.work.run(this);
    }
}

#[pinned_drop]
impl<W: Work> PinnedDrop for DelayedWork<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: `raw` was set up by `new`. May sleep, as whoever drops what sleeps when it is used.
        // Work that schedules itself meanwhile is cancelled as well.
        unsafe { bindings::cancel_delayed_work_sync(self.raw.get()) };
    }
}
