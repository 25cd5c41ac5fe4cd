// SPDX-License-Identifier: GPL-2.0-only

//! Jobs that are done once, may take as long as they like, and can't fail to be begun.
//!
//! The kernel crate's `Queue::try_spawn` needs memory for each job, and has no queue that can be waited for (as of 7.2).
//!
//! C header: `include/linux/workqueue.h`

use core::marker::PhantomPinned;
use core::pin::Pin;
use core::ptr::NonNull;

use kernel::container_of;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::types::Opaque;

use crate::lib::bindings;

/// A queue of jobs, each of which gets a thread of its own as soon as there is one. Dropping it waits until all of them
/// are done, so none of them may own it.
///
/// # Invariants
///
/// It is a queue that this value alone destroys.
pub(crate) struct Worker(NonNull<bindings::workqueue_struct>);

// SAFETY: A workqueue is not bound to a thread.
unsafe impl Send for Worker {}

// SAFETY: Work can be put into a queue by any number of threads at once.
unsafe impl Sync for Worker {}

impl Worker {
    /// Makes a queue whose threads have this name. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(name: &CStr) -> Result<Self> {
        // SAFETY: The name is a string, and is copied.
        let queue = unsafe { bindings::rloop_worker(name.as_char_ptr()) };
        // INVARIANT: It is new.
        Ok(Self(NonNull::new(queue).ok_or(ENOMEM)?))
    }

    /// Does a job. Any context.
    pub(crate) fn start<J: Job>(&self, job: Prepared<J>) {
        let item = KBox::into_raw(
            // SAFETY: It is not moved: `Item::function` makes it the pinned box again that it was.
            unsafe { Pin::into_inner_unchecked(job.0) },
        );
        // SAFETY: By the invariant the queue is there, which waits for the work; that is set up, and is in no queue,
        // since a `Prepared` is used once.
        unsafe {
            bindings::rloop_work_start(self.0.as_ptr(), Opaque::cast_into(&raw const (*item).raw))
        };
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is there, and is not used after this. What is in it is done first.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}

/// What is to be done.
pub(crate) trait Job: Send + 'static {
    /// Does it. May sleep, for as long as it has to.
    fn run(&mut self);
}

#[pin_data]
struct Item<J> {
    #[pin]
    raw: Opaque<bindings::work_struct>,
    job: J,
    #[pin]
    _pinned: PhantomPinned,
}

/// A job for which there is all that it needs to be begun.
pub(crate) struct Prepared<J: Job>(Pin<KBox<Item<J>>>);

// SAFETY: Work that is in no queue is memory, and `J` is `Send`.
unsafe impl<J: Job> Send for Prepared<J> {}

impl<J: Job> Prepared<J> {
    /// Prepares a job. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(job: J) -> Result<Self> {
        let item = pin_init!(Item {
            // SAFETY: The slot is valid memory for work and stays where it is, since it is structurally pinned. The
            // function gets only work that is set up here.
            raw <- Opaque::ffi_init(|slot| unsafe {
                bindings::rloop_work_init(slot, Some(Self::function));
            }),
            job,
            _pinned: PhantomPinned,
        });
        Ok(Self(KBox::pin_init(item, GFP_KERNEL)?))
    }

    /// `work_struct.func`: does the job, and frees it.
    ///
    /// # Safety
    ///
    /// `work` must be in the `raw` of an `Item<J>` of which [`Worker::start`] has given up the box, as it is when the
    /// queue calls, which it does once.
    unsafe extern "C" fn function(work: *mut bindings::work_struct) {
        // SAFETY: By the precondition it is in one, which is nobody else's. The queue does not look at work that it has
        // begun. It has been pinned, and is dropped where it is.
        let mut item = unsafe {
            let item = container_of!(work.cast::<Opaque<bindings::work_struct>>(), Item<J>, raw);
            KBox::<Item<J>>::from_raw(item)
        };
        item.job.run();
    }
}
