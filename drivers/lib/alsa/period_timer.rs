// SPDX-License-Identifier: GPL-2.0-only

//! Period timers: they notify ALSA when a period of a stream has ended.
//!
//! Those of one handler share a high-resolution timer, and one expiry serves all that are due. The
//! kernel crate's `HrTimerHandle` owns its timer, and dropping it to arm anew waits for the
//! callback, which is not possible in a trigger operation: these are armed anew in any context.
//!
//! C header: `include/linux/hrtimer.h`

mod one;

use core::marker::PhantomPinned;
use core::ptr::addr_of;

use kernel::container_of;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::time::{delay::fsleep, Delta};
use kernel::types::Opaque;

use crate::lib::alsa::trace::debug;
use crate::lib::bindings;
use crate::lib::kernel::lock::Guard;
use crate::lib::kernel::lockless::alarm::{Alarm, Hrtimer, Schedule};
use crate::lib::kernel::time::now;
use crate::lib::model::pace::Pace;
use crate::lib::model::stream::Wake;

/// The handler of several timers' expiry. Its functions are called in hard interrupt context (in a
/// softirq on `PREEMPT_RT`), and with no stream locked but for [`Handler::drain_started`];
/// [`Handler::lock`] is called in any context, also with a stream locked.
pub(crate) trait Handler: Send + Sync + Sized {
    /// The state behind the lock, which ranks below the stream lock.
    type State: Send;

    /// Whom else than ALSA an expiry wakes.
    type Wakes: Copy + Default;

    /// Takes the lock under which the timers are armed.
    fn lock(&self) -> Guard<'_, Self::State>;

    /// Handles the expiry of the timer with the number `number` at `now` (ns, `CLOCK_MONOTONIC`).
    /// Returns what ALSA is then notified of, and whom [`Handler::wake`] is to wake.
    fn expired(&self, state: &mut Self::State, number: usize, now: u64) -> (Wake, Self::Wakes);

    /// Wakes those that [`Handler::expired`] has named: without the lock, since they may be many.
    fn wake(&self, wakes: Self::Wakes) {
        let _ = wakes;
    }

    /// Whether a timer has left as much to do as may be done in one go: others that are due are then
    /// handled in the next expiry.
    fn is_behind(state: &Self::State) -> bool {
        let _ = state;
        false
    }

    /// Notes that ALSA drains the stream. Called with the stream locked and the state not, after
    /// [`PeriodTimer::request_drain_check`].
    fn drain_started(&self, number: usize) {
        let _ = number;
    }

    /// Arms this timer again, if it is to go on, and any other. Called last, since ALSA may have
    /// stopped the stream when it was notified.
    fn rearm(state: &mut Self::State, number: usize, timers: &PeriodTimers<Self>);
}

/// The most timers that one expiry serves. More that are due are served by the next, which comes at
/// once while [`Pace`] lets it.
const SERVED_MAX: usize = 4;

/// A timer that an expiry serves: its number, and what [`Handler::expired`] has returned.
type Served<H> = (u32, Wake, <H as Handler>::Wakes);

/// Period timers with one [`Handler`], numbered from 0.
#[pin_data(PinnedDrop)]
pub(crate) struct PeriodTimers<H: Handler> {
    timers: KVec<PeriodTimer<H>>,
    schedule: Schedule,
    /// The number of the timer that is looked at first, or the count of all. Used by the callback alone,
    /// hence relaxed.
    turn: Atomic<u32>,
    /// How often the timer has expired. Written by the callback alone, hence relaxed.
    expiries: Atomic<u64>,
    #[pin]
    raw: Opaque<bindings::hrtimer>,
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
                    // INVARIANT: The timers are part of what `this` points to, which is pinned.
                    timers.push(PeriodTimer::new(this.as_ptr(), number), GFP_KERNEL)?;
                }
                timers
            },
            schedule: Schedule::new(slack),
            turn: Atomic::new(0),
            expiries: Atomic::new(0),
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

    /// How often the timer has expired, be it for several of them or for none. Any context.
    pub(crate) fn expiries(&self) -> u64 {
        self.expiries.load(Relaxed)
    }

    /// The alarms of all of them.
    fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.timers.iter().map(|timer| &timer.alarm)
    }

    /// `hrtimer.function`: notifies ALSA of what [`Handler::expired`] says, unless [`Pace`] puts it
    /// off.
    ///
    /// # Safety
    ///
    /// `timer` must be the `raw` of a `PeriodTimers<H>`, as it is when the timer core calls.
    unsafe extern "C" fn callback(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the precondition it is the `raw` of a `Self`, which is alive since it cancels
        // the timer before it is dropped.
        let this = unsafe { &*container_of!(timer.cast::<Opaque<bindings::hrtimer>>(), Self, raw) };
        this.expiries.store(this.expiries() + 1, Relaxed);
        let from = now();
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
        if let Some(later) = pace.put_off(from) {
            let state = this.handler.lock();
            this.schedule.put_off(this, this.alarms(), later);
            drop(state);
            set_pace(pace);
            return bindings::hrtimer_restart_HRTIMER_NORESTART;
        }
        for timer in this.timers.iter() {
            timer.check();
        }
        let mut served = [(0, Wake::Nothing, H::Wakes::default()); SERVED_MAX];
        let (served, left) = this.take(from, &mut served);
        for (number, wake, wakes) in served.iter() {
            this.handler.wake(*wakes);
            this.timer(*number as usize).notify(*wake);
        }
        // What it takes to arm the timer is reckoned with, so that the clock need not be read once more.
        let closed = pace.spend(from, now(), left);
        set_pace(pace);
        let mut state = this.handler.lock();
        for (number, ..) in served.iter() {
            H::rearm(&mut state, *number as usize, this);
        }
        let restart = this.schedule.end(this, this.alarms(), closed);
        drop(state);
        match restart {
            true => bindings::hrtimer_restart_HRTIMER_RESTART,
            false => bindings::hrtimer_restart_HRTIMER_NORESTART,
        }
    }

    /// Takes the timers that are due at `now`, as many as `served` has room for: the number of each,
    /// what ALSA is to be notified of, and whom to wake; and whether others are left that are due. In
    /// the callback, which then ends what is begun here.
    fn take<'a>(&self, now: u64, served: &'a mut [Served<H>]) -> (&'a [Served<H>], bool) {
        let mut state = self.handler.lock();
        self.schedule.begin();
        let first = self.turn.load(Relaxed) as usize;
        let (mut count, mut left) = (0, false);
        for number in Iterator::chain(first..self.count(), 0..first) {
            if !self.timer(number).alarm.take(now) {
                continue;
            }
            let (wake, wakes) = self.handler.expired(&mut state, number, now);
            if let Some(slot) = served.get_mut(count) {
                *slot = (number as u32, wake, wakes);
                count += 1;
            }
            if count == served.len() || H::is_behind(&state) {
                // However many are due again by then, the others come first.
                self.turn.store(number as u32 + 1, Relaxed);
                left = self.alarms().any(|alarm| alarm.is_due(now));
                break;
            }
        }
        (served.get(..count).unwrap_or_default(), left)
    }
}

#[pinned_drop]
impl<H: Handler> PinnedDrop for PeriodTimers<H> {
    fn drop(self: Pin<&mut Self>) {
        // Also what a callback has armed that was running.
        // SAFETY: `raw` was set up by `new` and is pinned.
        unsafe { bindings::hrtimer_cancel(self.raw.get()) };
    }
}

impl<H: Handler> Hrtimer for PeriodTimers<H> {
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

    fn restart(&self, when: i64, slack: u64) -> bool {
        // SAFETY: `raw` was set up by `new` and is pinned. Its callback runs, and alone calls this, by
        // `Schedule::end`; it holds the handler's lock, without which nobody arms the timer.
        unsafe { bindings::rloop_hrtimer_restart(self.raw.get(), when, slack) }
    }

    fn try_to_cancel(&self) -> bool {
        // SAFETY: `raw` was set up by `new` and is pinned.
        unsafe { bindings::hrtimer_try_to_cancel(self.raw.get()) >= 0 }
    }
}

/// A timer on `CLOCK_MONOTONIC` for one substream at a time.
///
/// # Invariants
///
/// The address in `alarm` is that of an open substream. `all` points to the [`PeriodTimers`] that
/// this timer is part of, which stay where they are.
pub(crate) struct PeriodTimer<H: Handler> {
    alarm: Alarm,
    all: *const PeriodTimers<H>,
    number: usize,
}

// SAFETY: `all` is only read, and the [`PeriodTimers`] there are `Send` and `Sync` but for the
// pointers back to them.
unsafe impl<H: Handler> Send for PeriodTimer<H> {}

// SAFETY: As above.
unsafe impl<H: Handler> Sync for PeriodTimer<H> {}

// SAFETY: The C functions that take `raw` lock it, but for `rloop_hrtimer_restart`, see there; and
// `H` is `Send`.
unsafe impl<H: Handler> Send for PeriodTimers<H> {}

// SAFETY: As above, and `H` is `Sync`.
unsafe impl<H: Handler> Sync for PeriodTimers<H> {}

impl<H: Handler> PeriodTimer<H> {
    /// Makes a timer that is not armed. What `all` points to may still be uninitialised here.
    fn new(all: *const PeriodTimers<H>, number: usize) -> Self {
        Self {
            // INVARIANT: No substream.
            alarm: Alarm::new(),
            all,
            number,
        }
    }

    /// All timers with the same handler.
    fn all(&self) -> &PeriodTimers<H> {
        // SAFETY: By the type's invariants this timer is part of them, so they are there, and they
        // are initialised: nobody else has a timer before.
        unsafe { &*self.all }
    }

    /// Arms the timer for `when` (ns, `CLOCK_MONOTONIC`), replacing an earlier expiry. It expires
    /// then or up to its slack later. Any context, with the handler's state locked.
    pub(crate) fn arm(&self, when: u64) {
        let all = self.all();
        all.schedule.arm(all, all.alarms(), &self.alarm, when);
    }

    /// Arms the timer for now, to check whether ALSA has started the stream only to drain it, which
    /// it does not say (`snd_pcm_do_drain_init()` in `sound/core/pcm_native.c`). Called with the
    /// stream locked, which the callback waits for: then ALSA is done with the start; and with the
    /// handler's state locked.
    pub(crate) fn request_drain_check(&self) {
        let all = self.all();
        all.schedule.request_check(all, all.alarms(), &self.alarm);
    }

    /// Disarms the timer, unless it is to check for a drain; does not wait for a running callback.
    /// Any context, with the handler's state locked.
    pub(crate) fn disarm(&self) {
        let all = self.all();
        all.schedule.disarm(all, all.alarms(), &self.alarm);
    }

    /// Waits for a running callback, and disarms the timer, whatever it is armed for, also by that
    /// callback. Sleeps, and must not be called with a lock held that the callback takes: the
    /// stream's, or the handler's.
    pub(super) fn cancel(&self) {
        let all = self.all();
        loop {
            let state = all.handler.lock();
            let cancelled = all.schedule.try_to_cancel(all, all.alarms(), &self.alarm);
            drop(state);
            if cancelled {
                return;
            }
            fsleep(Delta::from_micros(50));
        }
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
        self.alarm.detach();
        // A callback that has read the old address is over after this. A later one reads the new
        // one: the timer is armed for it with the handler's lock held, by this or later.
        self.cancel();
    }

    /// The substream that is attached, or null. In the callback, which may use it until it returns.
    fn substream(&self) -> *mut bindings::snd_pcm_substream {
        self.alarm.stream().unwrap_or(0) as *mut bindings::snd_pcm_substream
    }

    /// Notifies the handler if ALSA drains the stream, where that is to be checked. In the callback,
    /// with no stream locked.
    fn check(&self) {
        if !self.alarm.check_requested() {
            return;
        }
        let substream = self.substream();
        if substream.is_null() {
            return;
        }
        // SAFETY: By the type's invariants the substream is open, and stays so while the callback
        // runs; it is unlocked with the flags with which it was locked.
        unsafe {
            let flags = bindings::_snd_pcm_stream_lock_irqsave(substream);
            if state(substream) == bindings::rloop_constant_RLOOP_PCM_STATE_DRAINING {
                self.all().handler.drain_started(self.number);
            }
            // Not before: whoever arms the timer meanwhile may not know of the drain.
            self.alarm.end_check();
            bindings::snd_pcm_stream_unlock_irqrestore(substream, flags);
        }
    }

    /// Notifies ALSA. In the callback, with no stream locked.
    fn notify(&self, wake: Wake) {
        let substream = self.substream();
        if substream.is_null() {
            return;
        }
        // SAFETY: By the type's invariants the substream is open, and stays so while the callback
        // runs, so it has a runtime; its lock is not held.
        unsafe {
            match wake {
                Wake::Nothing => debug(substream, format_args!("timer")),
                Wake::KeepDraining => bindings::rloop_pcm_keep_draining(substream),
                Wake::Period => {
                    debug(substream, format_args!("timer: period elapsed"));
                    bindings::snd_pcm_period_elapsed(substream);
                    // That wakes nobody before there is as much room as the program asked for.
                    bindings::rloop_pcm_keep_draining(substream);
                }
                Wake::Xrun => {
                    bindings::snd_pcm_stop_xrun(substream);
                }
                Wake::Stop => stop(substream),
            }
        }
    }
}

/// Stops a capture stream that runs, `snd_pcm_stop()`. What it has captured can be read to the end.
/// In a timer's callback, with no stream locked.
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
