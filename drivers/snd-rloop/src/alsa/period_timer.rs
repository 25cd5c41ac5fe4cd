// SPDX-License-Identifier: GPL-2.0-only

//! A high-resolution timer that tells ALSA when a period of a stream has ended.
//!
//! The kernel crate's `HrTimer` is started once and can then only be changed by its own callback;
//! this one is armed anew in any context, as a trigger operation needs.
//!
//! C header: `include/linux/hrtimer.h`

use core::marker::PhantomPinned;
use core::mem::offset_of;
use core::ptr::addr_of;

use kernel::prelude::*;
use kernel::types::Opaque;

use super::bindings;
use crate::lockless::alarm::{Alarm, Hrtimer};
use crate::pure::end::Wake;

/// What happens when the timer goes off, in interrupt context (in a softirq on `PREEMPT_RT`).
pub(crate) trait Handler: Send + Sync + Sized {
    /// Returns what ALSA is then told.
    fn expired(&self) -> Wake;

    /// ALSA drains the stream. Called with the stream locked, after [`PeriodTimer::look`].
    fn draining(&self);

    /// Arms the timer again, if it is to go on. Called last, since what ALSA was told may have
    /// stopped the stream.
    fn rearm(&self, timer: &PeriodTimer<Self>);
}

/// A timer on `CLOCK_MONOTONIC` that belongs to one direction of a stream.
///
/// # Invariants
///
/// The address in `alarm` is that of an open substream.
#[pin_data(PinnedDrop)]
pub(crate) struct PeriodTimer<H: Handler> {
    #[pin]
    raw: Opaque<bindings::hrtimer>,
    alarm: Alarm,
    handler: H,
    #[pin]
    _pinned: PhantomPinned,
}

// SAFETY: The C functions that take the timer lock it; the rest is `Send`.
unsafe impl<H: Handler> Send for PeriodTimer<H> {}

// SAFETY: As above, and `H` is `Sync`.
unsafe impl<H: Handler> Sync for PeriodTimer<H> {}

impl<H: Handler> PeriodTimer<H> {
    /// Makes a timer that is not armed.
    pub(crate) fn new(handler: H) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: The slot is valid memory for a timer and stays where it is, since it is
            // structurally pinned. The callback gets only timers that are set up here.
            raw <- Opaque::ffi_init(|slot| unsafe {
                bindings::hrtimer_setup(
                    slot,
                    Some(Self::callback),
                    CLOCK_MONOTONIC,
                    bindings::hrtimer_mode_HRTIMER_MODE_ABS,
                );
            }),
            // INVARIANT: No substream.
            alarm: Alarm::new(),
            handler,
            _pinned: PhantomPinned,
        })
    }

    /// Lets the timer go off at `when` nanoseconds, and not when it would have before.
    ///
    /// May be called in any context.
    pub(crate) fn arm(&self, when: u64) {
        self.alarm.arm(self, when);
    }

    /// Lets the timer go off at once, to see whether ALSA has started the stream only to drain it, of
    /// which it does not tell (`snd_pcm_do_drain_init` in `sound/core/pcm_native.c`). Called with
    /// the stream locked, which the callback waits for: then ALSA is done with the start.
    pub(crate) fn look(&self) {
        self.alarm.look(self);
    }

    /// Keeps the timer from going off, unless it just does, or is to look. Does not wait, so it may
    /// be called in any context.
    pub(crate) fn disarm(&self) {
        self.alarm.disarm(self);
    }

    /// Keeps the timer from going off, and waits for the handler if it just does. Only operations that
    /// may sleep call this, so no lock is held that the callback could wait for.
    pub(super) fn cancel(&self) {
        self.alarm.cancel(self);
    }

    /// Says of which stream ALSA is to be told.
    ///
    /// # Safety
    ///
    /// `substream` must be open, and [`PeriodTimer::detach`] must be called before it is closed.
    pub(super) unsafe fn attach(&self, substream: *mut bindings::snd_pcm_substream) {
        // INVARIANT: The caller promises it.
        self.alarm.attach(substream as usize);
    }

    /// Takes back what [`PeriodTimer::attach`] said. Waits as [`PeriodTimer::cancel`].
    pub(super) fn detach(&self) {
        self.alarm.detach(self);
    }

    /// Tells the handler if ALSA drains the stream.
    ///
    /// # Safety
    ///
    /// `substream` must be open.
    unsafe fn catch_drain(&self, substream: *mut bindings::snd_pcm_substream) {
        // SAFETY: The substream is open, and it is unlocked with the flags with which it was locked.
        unsafe {
            let flags = bindings::_snd_pcm_stream_lock_irqsave(substream);
            self.alarm.looks();
            if state(substream) == bindings::rloop_constant_RLOOP_PCM_STATE_DRAINING {
                self.handler.draining();
            }
            bindings::snd_pcm_stream_unlock_irqrestore(substream, flags);
        }
    }

    /// Stops a recorder that runs. What it has recorded can be read to the end.
    ///
    /// # Safety
    ///
    /// `substream` must be open.
    unsafe fn stop(substream: *mut bindings::snd_pcm_substream) {
        // SAFETY: The substream is open, so it has a runtime, and it is unlocked with the flags with
        // which it was locked.
        unsafe {
            let flags = bindings::_snd_pcm_stream_lock_irqsave(substream);
            if state(substream) == bindings::rloop_constant_RLOOP_PCM_STATE_RUNNING {
                bindings::snd_pcm_stop(
                    substream,
                    bindings::rloop_constant_RLOOP_PCM_STATE_DRAINING as bindings::snd_pcm_state_t,
                );
            }
            bindings::snd_pcm_stream_unlock_irqrestore(substream, flags);
        }
    }

    /// # Safety
    ///
    /// `timer` must be the `raw` of a `PeriodTimer<H>`, as it is when the timer core calls.
    unsafe extern "C" fn callback(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: `Opaque<T>` is as `T`, so this is the offset of the timer in `Self`; by the
        // precondition the result points to a `Self`, which is alive since it cancels the timer
        // before it goes.
        let this = unsafe { &*timer.cast::<u8>().sub(offset_of!(Self, raw)).cast::<Self>() };
        let substream = this.alarm.stream().unwrap_or(0) as *mut bindings::snd_pcm_substream;
        if !substream.is_null() && this.alarm.is_to_look() {
            // SAFETY: By the type's invariants the substream is open, and stays so while the
            // callback runs.
            unsafe { this.catch_drain(substream) };
        }
        match this.handler.expired() {
            _ if substream.is_null() => {}
            Wake::Nothing => {}
            // SAFETY: As above, so it has a runtime.
            Wake::Patience => unsafe { bindings::rloop_pcm_keep_draining(substream) },
            // SAFETY: As above.
            Wake::Period => unsafe { bindings::snd_pcm_period_elapsed(substream) },
            // SAFETY: As above.
            Wake::Xrun => unsafe {
                bindings::snd_pcm_stop_xrun(substream);
            },
            // SAFETY: As above.
            Wake::Stop => unsafe { Self::stop(substream) },
        }
        this.handler.rearm(this);
        bindings::hrtimer_restart_HRTIMER_NORESTART
    }
}

impl<H: Handler> Hrtimer for PeriodTimer<H> {
    fn start(&self, when: i64) {
        // SAFETY: `raw` was set up by `new` and is pinned; it is cancelled before it is freed.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.raw.get(),
                when,
                0,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS,
            );
        }
    }

    fn try_to_cancel(&self) {
        // SAFETY: `raw` was set up by `new` and is pinned.
        unsafe { bindings::hrtimer_try_to_cancel(self.raw.get()) };
    }

    fn cancel_and_wait(&self) {
        // SAFETY: `raw` was set up by `new` and is pinned.
        unsafe { bindings::hrtimer_cancel(self.raw.get()) };
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for PeriodTimer<H> {
    fn drop(self: Pin<&mut Self>) {
        self.cancel();
    }
}

/// The state that ALSA has a stream in.
///
/// # Safety
///
/// `substream` must be open.
unsafe fn state(substream: *mut bindings::snd_pcm_substream) -> u32 {
    // SAFETY: An open substream has a runtime, whose state may be read at any time.
    unsafe { addr_of!((*(*substream).runtime).state).read_volatile() as u32 }
}

/// `CLOCK_MONOTONIC` of `include/uapi/linux/time.h`.
const CLOCK_MONOTONIC: i32 = 1;
