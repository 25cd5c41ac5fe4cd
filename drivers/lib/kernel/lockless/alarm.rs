// SPDX-License-Identifier: GPL-2.0-only

//! The alarm of a stream: what those who arm its timer and the timer's callback agree on.

use super::atomic::{Acquire, Atomic, Relaxed, Release};

/// A timer, as `include/linux/hrtimer.h` has it. Its functions may be called from several threads
/// at once.
pub(crate) trait Hrtimer {
    /// Arms the timer for `when` nanoseconds or up to `slack` later, replacing an earlier expiry:
    /// `hrtimer_start_range_ns()`. Any context.
    fn start(&self, when: i64, slack: u64);

    /// Disarms the timer, unless its callback is running: `hrtimer_try_to_cancel()`. Any context.
    fn try_to_cancel(&self);

    /// Disarms the timer, and waits for a running callback, which must not wait for the caller:
    /// `hrtimer_cancel()`. Sleeps.
    fn cancel_and_wait(&self);
}

/// The stream that a timer is for, and whether the timer's callback is to check it.
///
/// All functions that take a timer are to be given the same one.
///
/// # Invariants
///
/// From the end of [`Alarm::detach`] on, no callback holds an address that it had before from
/// [`Alarm::stream`]. While [`Alarm::check_requested`], the timer is armed for now, or its callback
/// runs or is about to.
pub(crate) struct Alarm {
    /// The address of the stream that the callback notifies ALSA of, or 0.
    stream: Atomic<usize>,
    /// 1 if the callback is to check the stream. (6.18 has no atomic `bool`.)
    check: Atomic<u32>,
}

impl Alarm {
    /// Makes an alarm for no stream. Any context.
    pub(crate) fn new() -> Self {
        Self {
            stream: Atomic::new(0),
            check: Atomic::new(0),
        }
    }

    /// Arms the timer for `when` nanoseconds or up to `slack` later, or for now if the callback is to
    /// check the stream. Any context.
    ///
    /// The callers of this, of [`Alarm::request_check`] and of [`Alarm::disarm`] hold one lock, so
    /// that the last of them has its way.
    pub(crate) fn arm(&self, timer: &impl Hrtimer, when: u64, slack: u64) {
        // Relaxed: whoever has requested a check before held the same lock.
        match self.check.load(Relaxed) {
            0 => timer.start(i64::try_from(when).unwrap_or(i64::MAX), slack),
            _ => timer.start(0, 0),
        }
    }

    /// Arms the timer for now, and lets the callback check the stream. Any context; see [`Alarm::arm`].
    pub(crate) fn request_check(&self, timer: &impl Hrtimer) {
        self.check.store(1, Relaxed);
        self.arm(timer, 0, 0);
    }

    /// Disarms the timer, unless its callback is running or is to check the stream. Any context; see
    /// [`Alarm::arm`].
    pub(crate) fn disarm(&self, timer: &impl Hrtimer) {
        if !self.check_requested() {
            timer.try_to_cancel();
        }
    }

    /// Disarms the timer, whatever it is armed for, and waits for a running callback. Does not keep
    /// others from arming the timer meanwhile. Sleeps.
    pub(crate) fn cancel(&self, timer: &impl Hrtimer) {
        self.begin_check();
        timer.cancel_and_wait();
    }

    /// Sets the stream that the callback is for, by its address. Any context.
    pub(crate) fn attach(&self, stream: usize) {
        // Release: what the callback finds there has been written before.
        self.stream.store(stream, Release);
    }

    /// Undoes [`Alarm::attach`]: nobody uses that address after this. Sleeps, as [`Alarm::cancel`]
    /// does.
    pub(crate) fn detach(&self, timer: &impl Hrtimer) {
        self.stream.store(0, Relaxed);
        // A callback that has read the old address is over after this; a later one, by whomever the
        // timer is armed again, takes the timer's own lock after this did, and so reads the new
        // one.
        self.cancel(timer);
    }

    /// The address of the stream. To be called in the timer's callback, which may use the stream
    /// until it returns.
    pub(crate) fn stream(&self) -> Option<usize> {
        match self.stream.load(Acquire) {
            0 => None,
            address => Some(address),
        }
    }

    /// Whether the callback is to check the stream. Any context.
    pub(crate) fn check_requested(&self) -> bool {
        self.check.load(Relaxed) != 0
    }

    /// Notes that the callback begins to check the stream: a later [`Alarm::request_check`]
    /// requests another check. Any context.
    pub(crate) fn begin_check(&self) {
        self.check.store(0, Relaxed);
    }
}
