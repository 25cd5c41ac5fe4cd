// SPDX-License-Identifier: GPL-2.0-only

//! Queues in which threads sleep until something is so.
//!
//! The kernel crate has condition variables. But what is waited for here changes in interrupts, under a lock that
//! no condition variable takes, or by a step of an atomic, under no lock at all; polling such a variable takes another
//! type; and none can be closed.
//!
//! C header: `include/linux/wait.h`

use kernel::bindings as c;
use kernel::ffi::{c_int, c_long};
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::task::MAX_SCHEDULE_TIMEOUT;
use kernel::time::msecs_to_jiffies;
use kernel::types::Opaque;

use crate::lib::bindings;

/// For how long a thread sleeps that is exiting, in milliseconds: as long as one that closes a terminal waits for its output
/// (`closing_wait` of `tty_port_init()`).
const EXITING_MAX: u32 = 30_000;

/// A queue of threads that sleep, and of those that poll.
///
/// Whoever makes that so which is waited for calls [`WaitQueue::wake_all`] afterwards, or [`WaitQueue::wake_one`] if
/// all who sleep do so by [`WaitQueue::wait_in_turn`].
#[pin_data]
pub(crate) struct WaitQueue {
    #[pin]
    raw: Opaque<c::wait_queue_head>,
    /// 1 once nobody sleeps here any more. (6.18 has no atomic `bool`.)
    closed: Atomic<u32>,
}

// SAFETY: A queue is not bound to a thread.
unsafe impl Send for WaitQueue {}

// SAFETY: The C functions that take a queue lock it.
unsafe impl Sync for WaitQueue {}

/// What else than being woken ends a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Any signal.
    Signal,
    /// A signal that ends the program.
    Kill,
}

/// What a file can be used for from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It can be read.
    Readable,
    /// It can be written.
    Writable,
}

/// Lets others run, if it is their turn: to be called between two steps of a call that may take long, which is to end
/// with what it has done if a signal has come. Whether one has. May sleep.
pub(crate) fn interrupted() -> bool {
    // SAFETY: It may be called by any thread that may sleep.
    unsafe { bindings::rloop_interrupted() }
}

impl WaitQueue {
    /// Makes a queue in which nobody sleeps.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: The slot is valid memory for a queue and stays where it is, since it is structurally pinned.
            // Nothing in the queue is left when it goes: a thread that sleeps borrows it, and whatever polls it
            // holds a file that keeps it (see [`WaitQueue::as_raw`]).
            raw <- Opaque::ffi_init(|slot: *mut c::wait_queue_head| unsafe {
                bindings::rloop_queue_init(slot.cast());
            }),
            closed: Atomic::new(0),
        })
    }

    /// Sleeps until `ready` returns something, which is the result. `ready` is called at first, and each time that
    /// the queue has been woken; it must not sleep. Must be called where sleeping is allowed, with no lock held.
    ///
    /// # Errors
    ///
    /// `ENODEV` once the queue has been closed, `ERESTARTSYS` if a signal came first. No signal reaches a thread that is
    /// exiting; it gets `ETIMEDOUT` after 30 s, for nobody could end its sleep.
    pub(crate) fn wait<T>(&self, until: Until, ready: impl FnMut() -> Option<T>) -> Result<T> {
        self.sleep(0, until, ready)
    }

    /// As [`WaitQueue::wait`] until a signal, but [`WaitQueue::wake_one`] wakes only one of those who sleep so, in the
    /// order in which they came.
    ///
    /// Who returns from this with success has been woken instead of the others: if afterwards there is something left
    /// to be waited for, whatever has become of this caller, it must wake one more. (With an error it has not been
    /// woken instead of another: `prepare_to_wait_event()`.)
    ///
    /// # Errors
    ///
    /// As [`WaitQueue::wait`].
    pub(crate) fn wait_in_turn(&self, mut ready: impl FnMut() -> bool) -> Result {
        let ready = || ready().then_some(());
        self.sleep(c::WQ_FLAG_EXCLUSIVE, Until::Signal, ready)
    }

    /// Sleeps with an entry in the queue that has these `WQ_FLAG`s.
    fn sleep<T>(
        &self,
        flags: u32,
        until: Until,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let state = match until {
            Until::Signal => c::TASK_INTERRUPTIBLE,
            Until::Kill => c::TASK_KILLABLE,
        };
        // SAFETY: This looks at the current thread only.
        let mut left = match unsafe { bindings::rloop_exiting() } {
            true => msecs_to_jiffies(EXITING_MAX) as c_long,
            false => MAX_SCHEDULE_TIMEOUT,
        };
        let entry = Opaque::uninit();
        // SAFETY: `entry` is memory for an entry. It stays where it is until the end of this function, before
        // which it is taken off the queue.
        unsafe { c::init_wait_entry(entry.get(), flags as c_int) };
        loop {
            // SAFETY: The queue was set up by `new` and is pinned, and the entry was set up above. Being in the
            // queue before `ready` looks, this thread does not sleep on if it is woken in between.
            let signal =
                unsafe { c::prepare_to_wait_event(self.raw.get(), entry.get(), state as c_int) };
            let result = if self.closed.load(Acquire) != 0 {
                Some(Err(ENODEV))
            } else if let Some(value) = ready() {
                Some(Ok(value))
            } else if signal != 0 {
                Some(Err(ERESTARTSYS))
            } else if left == 0 {
                Some(Err(ETIMEDOUT))
            } else {
                None
            };
            if let Some(result) = result {
                // SAFETY: As above. (After a signal the entry has been taken off already, which does no harm.)
                unsafe { c::finish_wait(self.raw.get(), entry.get()) };
                return result;
            }
            // SAFETY: This may be called in any thread that may sleep.
            left = unsafe { c::schedule_timeout(left) };
        }
    }

    /// Lets all who sleep or poll look again. Any context.
    pub(crate) fn wake_all(&self) {
        // SAFETY: The queue was set up by `new` and is pinned.
        unsafe { bindings::rloop_queue_wake(self.raw.get().cast()) };
    }

    /// Lets one who sleeps by [`WaitQueue::wait_in_turn`] look again, and all who poll for `event`. Costs next to nothing
    /// if nobody does. Any context.
    pub(crate) fn wake_one(&self, event: Event) {
        let events = match event {
            Event::Readable => bindings::rloop_poll_constant_RLOOP_POLL_IN,
            Event::Writable => bindings::rloop_poll_constant_RLOOP_POLL_OUT,
        };
        // SAFETY: The queue was set up by `new` and is pinned.
        unsafe { bindings::rloop_queue_wake_one(self.raw.get().cast(), events) };
    }

    /// Closes the queue: all who sleep get `ENODEV`, and so do those who come later. Any context.
    pub(crate) fn close(&self) {
        // Release, and before the wake-up, which locks the queue: whoever enters it after that sees this.
        self.closed.store(1, Release);
        self.wake_all();
    }

    /// The queue, for polling. Whoever polls may stay in it until the file is released, so the file must keep
    /// the queue.
    pub(super) fn as_raw(&self) -> *mut c::wait_queue_head {
        self.raw.get()
    }
}
