// SPDX-License-Identifier: GPL-2.0-only

//! High-resolution timers that tell ALSA when a period of a stream has ended.
//!
//! The kernel crate's `HrTimerHandle` owns its timer, and dropping it to arm anew waits for the callback,
//! which is not possible in a trigger operation: these are armed anew in any context.
//!
//! C header: `include/linux/hrtimer.h`

use core::marker::PhantomPinned;
use core::mem::offset_of;
use core::ptr::addr_of;

use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::types::Opaque;

use crate::lib::bindings;
use crate::lib::kernel::lockless::alarm::{Alarm, Hrtimer};
use crate::lib::model::pace::Pace;
use crate::lib::model::stream::Wake;

/// What happens when one of several timers goes off, in interrupt context (in a softirq on `PREEMPT_RT`).
pub(crate) trait Handler: Send + Sync + Sized {
    /// The timer with the number `number` has gone off; it is `now`. Returns what ALSA is then told.
    fn expired(&self, number: usize, now: u64) -> Wake;

    /// ALSA drains the stream. Called with the stream locked, after [`PeriodTimer::request_drain_check`].
    fn drain_started(&self, number: usize) {
        let _ = number;
    }

    /// Arms this timer again, if it is to go on, and any other, for no time before `earliest`. Called
    /// last, since what ALSA was told may have stopped the stream.
    fn rearm(&self, number: usize, timers: &PeriodTimers<Self>, earliest: u64);
}

/// Timers with one [`Handler`].
#[pin_data(PinnedDrop)]
pub(crate) struct PeriodTimers<H: Handler> {
    timers: KVec<Pin<KBox<PeriodTimer<H>>>>,
    /// 1 once they are about to go: a callback does nothing then. (6.18 has no atomic `bool`.)
    dropping: Atomic<u32>,
    #[pin]
    handler: H,
    #[pin]
    _pinned: PhantomPinned,
}

impl<H: Handler> PeriodTimers<H> {
    /// Makes `count` timers that are not armed.
    pub(crate) fn new(count: usize, handler: impl PinInit<H, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            timers: {
                let mut timers = KVec::with_capacity(count, GFP_KERNEL)?;
                for number in 0..count {
                    // INVARIANT: The timers are part of what `this` points to, which is pinned, and all
                    // are cancelled before any of it goes.
                    let timer = PeriodTimer::new(this.as_ptr(), number);
                    timers.push(KBox::pin_init(timer, GFP_KERNEL)?, GFP_KERNEL)?;
                }
                timers
            },
            dropping: Atomic::new(0),
            handler <- handler,
            _pinned: PhantomPinned,
        }? Error)
    }

    /// The timer with the number `number`, which must be there.
    pub(crate) fn timer(&self, number: usize) -> &PeriodTimer<H> {
        &self.timers[number]
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.timers.len()
    }

    /// What happens when one goes off.
    pub(crate) fn handler(&self) -> &H {
        &self.handler
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for PeriodTimers<H> {
    fn drop(self: Pin<&mut Self>) {
        // A callback may arm any of the timers, so none is freed before all are at rest. After the first
        // round all callbacks are over that did not see this; after the second, what they have armed is
        // cancelled, too.
        self.dropping.store(1, Release);
        for _ in 0..2 {
            for timer in self.timers.iter() {
                timer.cancel();
            }
        }
    }
}

/// A timer on `CLOCK_MONOTONIC` that belongs to one direction of a stream.
///
/// # Invariants
///
/// The address in `alarm` is that of an open substream. `all` points to the [`PeriodTimers`] that this timer
/// is part of, which stay where they are and cancel it before they go.
#[pin_data(PinnedDrop)]
pub(crate) struct PeriodTimer<H: Handler> {
    #[pin]
    raw: Opaque<bindings::hrtimer>,
    alarm: Alarm,
    all: *const PeriodTimers<H>,
    number: usize,
    #[pin]
    _pinned: PhantomPinned,
}

// SAFETY: The C functions that take the timer lock it, `all` is only read, and `H` is `Send`.
unsafe impl<H: Handler> Send for PeriodTimer<H> {}

// SAFETY: As above, and `H` is `Sync`.
unsafe impl<H: Handler> Sync for PeriodTimer<H> {}

impl<H: Handler> PeriodTimer<H> {
    /// Makes a timer that is not armed. What `all` points to is used by the callback alone.
    fn new(all: *const PeriodTimers<H>, number: usize) -> impl PinInit<Self> {
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
            all,
            number,
            _pinned: PhantomPinned,
        })
    }

    /// Arms the timer for `when` (ns, `CLOCK_MONOTONIC`), replacing an earlier expiry. Any context.
    pub(crate) fn arm(&self, when: u64) {
        self.alarm.arm(self, when);
    }

    /// Lets the timer go off at once, to see whether ALSA has started the stream only to drain it, of
    /// which it does not tell (`snd_pcm_do_drain_init` in `sound/core/pcm_native.c`). Called with
    /// the stream locked, which the callback waits for: then ALSA is done with the start.
    pub(crate) fn request_drain_check(&self) {
        self.alarm.request_check(self);
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

    /// Sets the substream that ALSA is told of.
    ///
    /// # Safety
    ///
    /// `substream` must be open, and [`PeriodTimer::detach`] must be called before it is closed.
    pub(super) unsafe fn attach(&self, substream: *mut bindings::snd_pcm_substream) {
        // INVARIANT: The caller promises it.
        self.alarm.attach(substream as usize);
    }

    /// Undoes [`PeriodTimer::attach`]. Waits as [`PeriodTimer::cancel`].
    pub(super) fn detach(&self) {
        self.alarm.detach(self);
    }

    fn handler(&self) -> &H {
        // SAFETY: By the type's invariants it is there as long as this timer.
        unsafe { &(*self.all).handler }
    }

    /// Tells the handler if ALSA drains the stream.
    ///
    /// # Safety
    ///
    /// `substream` must be open.
    unsafe fn check_drain(&self, substream: *mut bindings::snd_pcm_substream) {
        // SAFETY: The substream is open, and it is unlocked with the flags with which it was locked.
        unsafe {
            let flags = bindings::_snd_pcm_stream_lock_irqsave(substream);
            self.alarm.begin_check();
            if state(substream) == bindings::rloop_constant_RLOOP_PCM_STATE_DRAINING {
                self.handler().drain_started(self.number);
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
        // SAFETY: By the type's invariants all of them are there as long as this timer.
        let all = unsafe { &*this.all };
        if all.dropping.load(Acquire) != 0 {
            return bindings::hrtimer_restart_HRTIMER_NORESTART;
        }
        let now = crate::lib::kernel::time::now();
        // SAFETY: A timer's callback stays on its processor, and no other runs there meanwhile.
        let bindings::rloop_pace {
            settled,
            closed,
            last,
            cost,
        } = unsafe { bindings::rloop_pace() };
        let mut pace = Pace {
            settled,
            closed,
            last,
            cost,
        };
        if let Some(later) = pace.put_off(now) {
            this.start(i64::try_from(later).unwrap_or(i64::MAX));
            set_pace(pace);
            return bindings::hrtimer_restart_HRTIMER_NORESTART;
        }
        let substream = this.alarm.stream().unwrap_or(0) as *mut bindings::snd_pcm_substream;
        if !substream.is_null() && this.alarm.check_requested() {
            // SAFETY: By the type's invariants the substream is open, and stays so while the
            // callback runs.
            unsafe { this.check_drain(substream) };
        }
        match this.handler().expired(this.number, now) {
            _ if substream.is_null() => {}
            Wake::Nothing => {}
            // SAFETY: As above, so it has a runtime.
            Wake::KeepDraining => unsafe { bindings::rloop_pcm_keep_draining(substream) },
            // SAFETY: As above.
            Wake::Period => unsafe { bindings::snd_pcm_period_elapsed(substream) },
            // SAFETY: As above.
            Wake::Xrun => unsafe {
                bindings::snd_pcm_stop_xrun(substream);
            },
            // SAFETY: As above.
            Wake::Stop => unsafe { Self::stop(substream) },
        }
        let earliest = pace.earliest(now, crate::lib::kernel::time::now());
        this.handler().rearm(this.number, all, earliest);
        pace.spend(now, crate::lib::kernel::time::now());
        set_pace(pace);
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

/// Sets this processor's account. To be called by a timer's callback.
fn set_pace(pace: Pace) {
    let pace = bindings::rloop_pace {
        settled: pace.settled,
        closed: pace.closed,
        last: pace.last,
        cost: pace.cost,
    };
    // SAFETY: The function takes any numbers, and sets them for whichever processor it is.
    unsafe { bindings::rloop_set_pace(pace) };
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
