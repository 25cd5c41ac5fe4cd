// SPDX-License-Identifier: GPL-2.0-only

//! What those who arm a stream's timer and the timer's callback tell each other.

use super::atomic::{Acquire, Atomic, Relaxed, Release};

/// A timer as `include/linux/hrtimer.h` has it. Its functions may be called from several threads at once.
pub(crate) trait Hrtimer {
    /// Lets the callback run at `when` nanoseconds, and not when it would have run before. Any
    /// context.
    fn start(&self, when: i64);

    /// Keeps the callback from running, unless it just does. Any context.
    fn try_to_cancel(&self);

    /// Keeps the callback from running, and waits for it if it just does, which must not wait for the
    /// caller.
    fn cancel_and_wait(&self);
}

/// Which stream a timer is for, and whether its callback is to look at that.
///
/// All functions that take a timer are to be given the same one.
///
/// # Invariants
///
/// From the end of [`Alarm::detach`] on, no callback holds an address that it had before from
/// [`Alarm::stream`]. While [`Alarm::check_requested`], the timer is armed for now, or its callback
/// runs or is about to.
pub(crate) struct Alarm {
    /// The address of the stream that the callback tells ALSA of, or 0.
    stream: Atomic<usize>,
    /// 1 if it is to look at the stream. (6.18 has no atomic `bool`.)
    check: Atomic<u32>,
}

impl Alarm {
    /// Makes what a timer needs that is for no stream.
    pub(crate) fn new() -> Self {
        Self {
            stream: Atomic::new(0),
            check: Atomic::new(0),
        }
    }

    /// Lets the callback run at `when` nanoseconds, or now if it is to look. Any context.
    ///
    /// The callers of this, of [`Alarm::request_check`] and of [`Alarm::disarm`] hold one lock, so that the
    /// last of them has its way.
    pub(crate) fn arm(&self, timer: &impl Hrtimer, when: u64) {
        // Relaxed: whoever has asked for a look before held the same lock.
        match self.check.load(Relaxed) {
            0 => timer.start(i64::try_from(when).unwrap_or(i64::MAX)),
            _ => timer.start(0),
        }
    }

    /// Lets the callback run now, and look. See [`Alarm::arm`].
    pub(crate) fn request_check(&self, timer: &impl Hrtimer) {
        self.check.store(1, Relaxed);
        self.arm(timer, 0);
    }

    /// Keeps the callback from running, unless it just does, or is to look. See [`Alarm::arm`].
    pub(crate) fn disarm(&self, timer: &impl Hrtimer) {
        if !self.check_requested() {
            timer.try_to_cancel();
        }
    }

    /// Keeps the callback from running, whatever for, and waits for it if it just does. Whoever
    /// arms the timer meanwhile is not kept from it.
    pub(crate) fn cancel(&self, timer: &impl Hrtimer) {
        self.begin_check();
        timer.cancel_and_wait();
    }

    /// Says which stream the callback is for, by its address.
    pub(crate) fn attach(&self, stream: usize) {
        // Release: what the callback finds there has been written before.
        self.stream.store(stream, Release);
    }

    /// Takes back what [`Alarm::attach`] said: nobody uses that address after this. May wait, as
    /// [`Alarm::cancel`].
    pub(crate) fn detach(&self, timer: &impl Hrtimer) {
        self.stream.store(0, Relaxed);
        // A callback that has read the old address is over after this; a later one, by whomever the timer is
        // armed again, takes the timer's own lock after this did, and so reads the new one.
        self.cancel(timer);
    }

    /// The address of the stream. To be called by the callback, which may use the stream until it
    /// returns.
    pub(crate) fn stream(&self) -> Option<usize> {
        match self.stream.load(Acquire) {
            0 => None,
            address => Some(address),
        }
    }

    /// Whether the callback is to look at the stream.
    pub(crate) fn check_requested(&self) -> bool {
        self.check.load(Relaxed) != 0
    }

    /// The callback looks, from now on: a later [`Alarm::request_check`] asks for another time.
    pub(crate) fn begin_check(&self) {
        self.check.store(0, Relaxed);
    }
}
