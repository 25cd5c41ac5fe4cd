// SPDX-License-Identifier: GPL-2.0-only

//! Delayed work: what is done later, where it may sleep.
//!
//! The kernel crate's `DelayedWork` can be neither cancelled nor rescheduled (as of 7.2).
//!
//! C header: `include/linux/workqueue.h`

use core::marker::PhantomPinned;

use kernel::container_of;
use kernel::prelude::*;
use kernel::types::Opaque;

use crate::lib::bindings;

/// The work of a [`DelayedWork`].
pub(crate) trait Work: Send + Sync + Sized {
    /// Runs the work, on `system_long_wq`; may sleep, also for long, and may schedule `work` again.
    /// It does not run twice at once.
    fn run(&self, work: &DelayedWork<Self>);
}

/// A work item, `struct delayed_work`; dropping it cancels the work and waits for it, so sleeps.
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
    /// Makes work that is not scheduled. Fails as `work` does. Any context.
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

    /// Schedules the work in about `ms` milliseconds (0: as soon as possible), replacing a pending
    /// run: `mod_delayed_work()`. Any context.
    pub(crate) fn schedule(&self, ms: u32) {
        // SAFETY: `raw` was set up by `new` and is pinned; it is cancelled before it is freed.
        unsafe { bindings::rloop_delayed_work_schedule(self.raw.get(), ms) };
    }

    /// The work. Any context.
    pub(crate) fn work(&self) -> &W {
        &self.work
    }

    /// `work_struct.func`: runs the work. May sleep.
    ///
    /// # Safety
    ///
    /// `work` must be in the `raw` of a `DelayedWork<W>`, as it is when the work queue calls.
    unsafe extern "C" fn function(work: *mut bindings::work_struct) {
        // SAFETY: By the precondition it is in the `raw` of a `Self`, which is alive since it waits
        // for the work before it is dropped.
        let this = unsafe {
            let delayed = container_of!(work, bindings::delayed_work, work);
            &*container_of!(delayed.cast::<Opaque<bindings::delayed_work>>(), Self, raw)
        };
        this.work.run(this);
    }
}

#[pinned_drop]
impl<W: Work> PinnedDrop for DelayedWork<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: `raw` was set up by `new` and is pinned. Sleeps until the work is over; work that
        // schedules itself meanwhile is cancelled as well.
        unsafe { bindings::cancel_delayed_work_sync(self.raw.get()) };
    }
}
