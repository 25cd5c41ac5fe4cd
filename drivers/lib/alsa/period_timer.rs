// SPDX-License-Identifier: GPL-2.0-only

//! Period timers: high-resolution timers that notify ALSA when a period of a stream has ended.
//!
//! The kernel crate's `HrTimerHandle` owns its timer, and dropping it to arm anew waits for the
//! callback, which is not possible in a trigger operation: these are armed anew in any context.
//!
//! C header: `include/linux/hrtimer.h`

use core::convert::Infallible;
use core::marker::PhantomPinned;
use core::ptr::addr_of;

use kernel::container_of;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::sync::Arc;
use kernel::types::Opaque;

use crate::lib::alsa::trace::debug;
use crate::lib::bindings;
use crate::lib::kernel::lock::IrqSpinLock;
use crate::lib::kernel::lockless::alarm::{Alarm, Hrtimer};
use crate::lib::model::pace::Pace;
use crate::lib::model::stream::{Timed, Wake};

/// The handler of several timers' expiry. Called in hard interrupt context (in a softirq on
/// `PREEMPT_RT`), for different timers on several processors at once.
pub(crate) trait Handler: Send + Sync + Sized {
    /// Handles the expiry of the timer with the number `number` at `now` (ns, `CLOCK_MONOTONIC`).
    /// Returns what ALSA is then notified of. Called with no stream locked; may take the driver's
    /// own locks, which rank below the stream lock.
    fn expired(&self, number: usize, now: u64) -> Wake;

    /// Notes that ALSA drains the stream. Called with the stream locked, after
    /// [`PeriodTimer::request_drain_check`].
    fn drain_started(&self, number: usize) {
        let _ = number;
    }

    /// Arms this timer again, if it is to go on, and any other, for no time before `earliest` (ns,
    /// `CLOCK_MONOTONIC`). Called last, with no stream locked, since ALSA may have stopped the
    /// stream when it was notified.
    fn rearm(&self, number: usize, timers: &PeriodTimers<Self>, earliest: u64);
}

/// The handler of a stream whose state is a value behind one lock.
impl<T: Timed + Send> Handler for IrqSpinLock<T> {
    fn expired(&self, _: usize, now: u64) -> Wake {
        self.lock().wake(now)
    }

    fn rearm(&self, number: usize, timers: &PeriodTimers<Self>, earliest: u64) {
        // Under the lock, so that a stop or a start meanwhile has the last word.
        let state = self.lock();
        if let Some(when) = state.next_wakeup() {
            timers.timer(number).arm_from(earliest, when);
        }
    }
}

impl<T: Timed + Send> PeriodTimers<IrqSpinLock<T>> {
    /// Makes one timer, whose handler is `state` behind a lock. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn one(state: T) -> Result<Arc<Self>> {
        Arc::pin_init(Self::new(1, 0, IrqSpinLock::new(state)), GFP_KERNEL)
    }

    /// Changes the state by `change`, which gets the time (ns, `CLOCK_MONOTONIC`), and sets the one
    /// timer anew. Returns what `change` does. Any context.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T, u64) -> R) -> R {
        // Under the lock, so that whoever changes more meanwhile has the last word.
        let mut state = self.handler.lock();
        let result = change(&mut state, crate::lib::kernel::time::now());
        match state.next_wakeup() {
            Some(when) => self.timer(0).arm(when),
            None => self.timer(0).disarm(),
        }
        result
    }
}

/// Period timers with one [`Handler`], numbered from 0.
#[pin_data(PinnedDrop)]
pub(crate) struct PeriodTimers<H: Handler> {
    timers: KVec<Pin<KBox<PeriodTimer<H>>>>,
    /// 1 once they are being dropped: a callback does nothing then. (6.18 has no atomic `bool`.)
    dropping: Atomic<u32>,
    #[pin]
    handler: H,
    #[pin]
    _pinned: PhantomPinned,
}

impl<H: Handler> PeriodTimers<H> {
    /// Makes `count` timers that are not armed, and whose expiry may be up to `slack` nanoseconds
    /// late, so that one interrupt serves several. May sleep. Fails with `ENOMEM`.
    pub(crate) fn new<E>(
        count: usize,
        slack: u64,
        handler: impl PinInit<H, E>,
    ) -> impl PinInit<Self, Error>
    where
        Error: From<E>,
    {
        try_pin_init!(&this in Self {
            timers: {
                let mut timers = KVec::with_capacity(count, GFP_KERNEL)?;
                for number in 0..count {
                    // INVARIANT: The timers are part of what `this` points to, which is pinned, and
                    // all are cancelled before any of it goes.
                    let timer = PeriodTimer::new(this.as_ptr(), number, slack);
                    let timer = KBox::pin_init::<Infallible>(timer, GFP_KERNEL)?;
                    timers.push(timer, GFP_KERNEL)?;
                }
                timers
            },
            dropping: Atomic::new(0),
            handler <- handler,
            _pinned: PhantomPinned,
        }? Error)
    }

    /// The timer with the number `number`, less than [`PeriodTimers::count`]. Any context.
    pub(crate) fn timer(&self, number: usize) -> &PeriodTimer<H> {
        &self.timers[number]
    }

    /// The number of timers. Any context.
    pub(crate) fn count(&self) -> usize {
        self.timers.len()
    }

    /// The handler of all of them. Any context.
    pub(crate) fn handler(&self) -> &H {
        &self.handler
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for PeriodTimers<H> {
    fn drop(self: Pin<&mut Self>) {
        // A callback may arm any of the timers, so none is freed before all are at rest. After the
        // first round all callbacks are over that did not see `dropping`; after the second, what
        // they have armed is cancelled, too.
        self.dropping.store(1, Release);
        for _ in 0..2 {
            for timer in self.timers.iter() {
                timer.cancel();
            }
        }
    }
}

/// A timer on `CLOCK_MONOTONIC` for one substream at a time.
///
/// # Invariants
///
/// The address in `alarm` is that of an open substream. `all` points to the [`PeriodTimers`] that
/// this timer is part of, which stay where they are and cancel it before they go.
#[pin_data(PinnedDrop)]
pub(crate) struct PeriodTimer<H: Handler> {
    #[pin]
    raw: Opaque<bindings::hrtimer>,
    alarm: Alarm,
    all: *const PeriodTimers<H>,
    number: usize,
    /// By how many nanoseconds it may expire late.
    slack: u64,
    #[pin]
    _pinned: PhantomPinned,
}

// SAFETY: The C functions that take the timer lock it, `all` is only read, and `H` is `Send`.
unsafe impl<H: Handler> Send for PeriodTimer<H> {}

// SAFETY: As above, and `H` is `Sync`.
unsafe impl<H: Handler> Sync for PeriodTimer<H> {}

impl<H: Handler> PeriodTimer<H> {
    /// Makes a timer that is not armed. What `all` points to is used by the callback alone, and may
    /// still be uninitialised here.
    fn new(all: *const PeriodTimers<H>, number: usize, slack: u64) -> impl PinInit<Self> {
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
            slack,
            _pinned: PhantomPinned,
        })
    }

    /// Arms the timer for `when` (ns, `CLOCK_MONOTONIC`), replacing an earlier expiry. It expires
    /// then or up to its slack later. Any context.
    pub(crate) fn arm(&self, when: u64) {
        self.arm_from(0, when);
    }

    /// As [`PeriodTimer::arm`], but it does not expire before `earliest`, even if that is later than
    /// its slack allows.
    pub(crate) fn arm_from(&self, earliest: u64, when: u64) {
        let soonest = when.max(earliest);
        let slack = when.saturating_add(self.slack).saturating_sub(soonest);
        self.alarm.arm(self, soonest, slack);
    }

    /// Arms the timer for now, to check whether ALSA has started the stream only to drain it, which
    /// it does not say (`snd_pcm_do_drain_init()` in `sound/core/pcm_native.c`). Called with the
    /// stream locked, which the callback waits for: then ALSA is done with the start.
    pub(crate) fn request_drain_check(&self) {
        self.alarm.request_check(self);
    }

    /// Disarms the timer, unless it is to check for a drain; does not wait for a running callback.
    /// Any context.
    pub(crate) fn disarm(&self) {
        self.alarm.disarm(self);
    }

    /// Disarms the timer, whatever it is armed for, and waits for a running callback. Sleeps, and
    /// must not be called with a lock held that the callback takes: the stream's, or the handler's.
    pub(super) fn cancel(&self) {
        self.alarm.cancel(self);
    }

    /// Sets the substream that the callback notifies ALSA of. Any context.
    ///
    /// # Safety
    ///
    /// `substream` must be open, and [`PeriodTimer::detach`] must be called before it is closed.
    pub(super) unsafe fn attach(&self, substream: *mut bindings::snd_pcm_substream) {
        // INVARIANT: The caller promises it.
        self.alarm.attach(substream as usize);
    }

    /// Undoes [`PeriodTimer::attach`]; sleeps as [`PeriodTimer::cancel`] does.
    pub(super) fn detach(&self) {
        self.alarm.detach(self);
    }

    /// The handler, from within the callback.
    fn handler(&self) -> &H {
        // SAFETY: By the type's invariants `all` outlives this timer. Only the callback calls this,
        // which is not armed before `all` is initialised.
        unsafe { &(*self.all).handler }
    }

    /// Notifies the handler if ALSA drains the stream. In the callback, with no stream locked.
    ///
    /// # Safety
    ///
    /// `substream` must be open.
    unsafe fn check_drain(&self, substream: *mut bindings::snd_pcm_substream) {
        // SAFETY: The substream is open, and it is unlocked with the flags with which it was
        // locked.
        unsafe {
            let flags = bindings::_snd_pcm_stream_lock_irqsave(substream);
            self.alarm.begin_check();
            if state(substream) == bindings::rloop_constant_RLOOP_PCM_STATE_DRAINING {
                self.handler().drain_started(self.number);
            }
            bindings::snd_pcm_stream_unlock_irqrestore(substream, flags);
        }
    }

    /// Stops a capture stream that runs, `snd_pcm_stop()`. What it has captured can be read to the
    /// end. In the callback, with no stream locked.
    ///
    /// # Safety
    ///
    /// `substream` must be open.
    unsafe fn stop(substream: *mut bindings::snd_pcm_substream) {
        // SAFETY: The substream is open, so it has a runtime, and it is unlocked with the flags
        // with which it was locked.
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

    /// `hrtimer.function`: notifies ALSA of what [`Handler::expired`] says, unless [`Pace`] puts it
    /// off.
    ///
    /// # Safety
    ///
    /// `timer` must be the `raw` of a `PeriodTimer<H>`, as it is when the timer core calls.
    unsafe extern "C" fn callback(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the precondition it is the `raw` of a `Self`, which is alive since it cancels
        // the timer before it is dropped.
        let this = unsafe { &*container_of!(timer.cast::<Opaque<bindings::hrtimer>>(), Self, raw) };
        // SAFETY: By the type's invariants they outlive this timer.
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
            // It is late already.
            this.start(i64::try_from(later).unwrap_or(i64::MAX), 0);
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
            // SAFETY: As above: the substream is open.
            Wake::Nothing => unsafe { debug(substream, format_args!("timer")) },
            // SAFETY: As above: the substream is open, so it has a runtime; its lock is not held.
            Wake::KeepDraining => unsafe { bindings::rloop_pcm_keep_draining(substream) },
            // SAFETY: As above.
            Wake::Period => unsafe {
                debug(substream, format_args!("timer: period elapsed"));
                bindings::snd_pcm_period_elapsed(substream);
                // That wakes nobody before there is as much room as the program asked for.
                bindings::rloop_pcm_keep_draining(substream);
            },
            // SAFETY: As above.
            Wake::Xrun => unsafe {
                bindings::snd_pcm_stop_xrun(substream);
            },
            // SAFETY: As above.
            Wake::Stop => unsafe { Self::stop(substream) },
        }
        // What it takes to arm the timer is reckoned with, so that the clock need not be read once more.
        let to = crate::lib::kernel::time::now();
        let earliest = pace.spend(now, to);
        set_pace(pace);
        this.handler().rearm(this.number, all, earliest);
        bindings::hrtimer_restart_HRTIMER_NORESTART
    }
}

impl<H: Handler> Hrtimer for PeriodTimer<H> {
    fn start(&self, when: i64, slack: u64) {
        // SAFETY: `raw` was set up by `new` and is pinned; it is cancelled before it is freed.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.raw.get(),
                when,
                slack,
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

/// Sets this processor's account of time. To be called by a timer's callback.
fn set_pace(pace: Pace) {
    let pace = bindings::rloop_pace {
        settled: pace.settled,
        closed: pace.closed,
        last: pace.last,
        cost: pace.cost,
    };
    // SAFETY: The function takes any numbers. A timer's callback stays on its processor.
    unsafe { bindings::rloop_set_pace(pace) };
}

/// The state that ALSA has a stream in, `SNDRV_PCM_STATE_*`. Any context.
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
