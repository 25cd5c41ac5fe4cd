// SPDX-License-Identifier: GPL-2.0-only

//! The alarms of streams that share a timer: what those who arm it and its callback agree on.
//!
//! Arming an alarm is to note the time; only the first of all reprograms the timer. The callback
//! serves all that are due.

use core::cmp::Ordering;

use super::atomic::{Acquire, Atomic, Relaxed, Release};

/// A timer, as `include/linux/hrtimer.h` has it. Its functions may be called from several threads
/// at once.
pub(crate) trait Hrtimer {
    /// Arms the timer for `when` nanoseconds or up to `slack` later, replacing an earlier expiry:
    /// `hrtimer_start_range_ns()`. Any context.
    fn start(&self, when: i64, slack: u64);

    /// Arms the timer as [`Hrtimer::start`] does, from its callback: at no cost, where that returns
    /// `HRTIMER_RESTART`. Returns whether it has to. To be called with the lock held under which all
    /// of them arm it, so that nobody does meanwhile.
    fn restart(&self, when: i64, slack: u64) -> bool;

    /// Disarms the timer, unless its callback is running: `hrtimer_try_to_cancel()`. Returns whether
    /// it was not: what an earlier callback did has then happened before. Any context.
    fn try_to_cancel(&self) -> bool;
}

/// The stream that an alarm is for, whether the timer's callback is to check it, and when it is due.
///
/// # Invariants
///
/// From the [`Schedule::try_to_cancel`] on that succeeds after [`Alarm::detach`], no callback holds
/// an address that it had before from [`Alarm::stream`]. While there is a stream and
/// [`Alarm::check_requested`], the alarm is due now.
pub(crate) struct Alarm {
    /// The address of the stream that the callback notifies ALSA of, or 0.
    stream: Atomic<usize>,
    /// 1 if the callback is to check the stream. (6.18 has no atomic `bool`.)
    check: Atomic<u32>,
    /// The time for which it is armed (ns), or [`NEVER`]. Written with the lock held under which
    /// all are armed, hence relaxed.
    due: Atomic<u64>,
}

/// The time for which an alarm is armed that is not.
const NEVER: u64 = u64::MAX;

impl Alarm {
    /// Makes an alarm for no stream. Any context.
    pub(crate) fn new() -> Self {
        Self {
            stream: Atomic::new(0),
            check: Atomic::new(0),
            due: Atomic::new(NEVER),
        }
    }

    /// Sets the stream that the callback is for, by its address. Any context.
    pub(crate) fn attach(&self, stream: usize) {
        // Release: what the callback finds there has been written before.
        self.stream.store(stream, Release);
    }

    /// Undoes [`Alarm::attach`]: once [`Schedule::try_to_cancel`] has succeeded after this, nobody
    /// uses that address any more. Any context.
    pub(crate) fn detach(&self) {
        self.stream.store(0, Relaxed);
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

    /// Notes that no check is to come: the callback has checked the stream, and the handler knows
    /// what was found. Until then whoever arms the alarm does so for now. Any context.
    pub(crate) fn end_check(&self) {
        self.check.store(0, Relaxed);
    }

    /// Whether the alarm is due at `now` (ns). With the lock held.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.due.load(Relaxed) <= now
    }

    /// Takes the alarm if it is due at `now`: it is then not armed. One whose stream is still to be
    /// checked stays. To be called by the callback, with the lock held.
    pub(crate) fn take(&self, now: u64) -> bool {
        let due = self.is_due(now) && !(self.check_requested() && self.stream().is_some());
        if due {
            self.due.store(NEVER, Relaxed);
        }
        due
    }
}

/// The schedule of the alarms that share a timer: what it is armed for.
///
/// All functions are to be given the same timer and the same alarms, and called with one lock held
/// unless they say something else, so that the last of the callers has its way.
pub(crate) struct Schedule {
    /// The time of the alarm that the timer was last armed for, or [`NEVER`].
    first: Atomic<u64>,
    /// How many alarms are due then, or 0 where they have not been counted. One that was cancelled
    /// while the callback ran may be counted, too, until whoever cancels it has succeeded.
    together: Atomic<u32>,
    /// The time before which the timer is not to expire, whatever is due.
    closed: Atomic<u64>,
    /// 1 while the callback serves alarms, and arms the timer at the end.
    serving: Atomic<u32>,
    /// By how many nanoseconds an alarm may be late.
    slack: u64,
}

impl Schedule {
    /// Makes the schedule of alarms that are not armed, and may be up to `slack` nanoseconds late.
    /// Any context.
    pub(crate) fn new(slack: u64) -> Self {
        Self {
            first: Atomic::new(NEVER),
            together: Atomic::new(0),
            closed: Atomic::new(0),
            serving: Atomic::new(0),
            slack,
        }
    }

    /// Arms one of the alarms for `when` (ns), or for now if the callback is to check its stream.
    pub(crate) fn arm<'a>(
        &self,
        timer: &impl Hrtimer,
        alarms: impl Iterator<Item = &'a Alarm>,
        alarm: &Alarm,
        when: u64,
    ) {
        let when = if alarm.check_requested() { 0 } else { when };
        let old = alarm.due.load(Relaxed);
        if when == old {
            // With many that are due first, it would take long to look at all for each.
            return;
        }
        alarm.due.store(when, Relaxed);
        if self.serving.load(Relaxed) != 0 {
            return;
        }
        let (armed, together) = (self.first.load(Relaxed), self.together.load(Relaxed));
        if when < armed {
            self.start(timer, when);
            self.together.store(1, Relaxed);
        } else if when == armed && together > 0 {
            self.together.store(together + 1, Relaxed);
        } else if old == armed && together > 1 {
            // Linked streams are due together, and may be many: it would take long to look at all
            // for each that stops.
            self.together.store(together - 1, Relaxed);
        } else if old == armed {
            let (first, together) = counted(alarms);
            if first != armed {
                self.start(timer, first);
            }
            self.together.store(together, Relaxed);
        }
    }

    /// Disarms one of the alarms, unless the callback is to check its stream.
    pub(crate) fn disarm<'a>(
        &self,
        timer: &impl Hrtimer,
        alarms: impl Iterator<Item = &'a Alarm>,
        alarm: &Alarm,
    ) {
        self.arm(timer, alarms, alarm, NEVER);
    }

    /// Arms one of the alarms for now, and lets the callback check its stream.
    pub(crate) fn request_check<'a>(
        &self,
        timer: &impl Hrtimer,
        alarms: impl Iterator<Item = &'a Alarm>,
        alarm: &Alarm,
    ) {
        alarm.check.store(1, Relaxed);
        self.arm(timer, alarms, alarm, 0);
    }

    /// Disarms one of the alarms, whatever it is armed for. Returns whether the callback was not
    /// running. One that was may still use the stream and arm the alarm: the caller tries again,
    /// having released the lock, which the callback waits for.
    pub(crate) fn try_to_cancel<'a>(
        &self,
        timer: &impl Hrtimer,
        alarms: impl Iterator<Item = &'a Alarm>,
        alarm: &Alarm,
    ) -> bool {
        alarm.end_check();
        alarm.due.store(NEVER, Relaxed);
        let cancelled = timer.try_to_cancel();
        if cancelled {
            // For the others, before anybody finds the timer off.
            self.start(timer, earliest(alarms));
        }
        cancelled
    }

    /// Puts off the callback that runs, and all later ones: they come at `closed` (ns) or later.
    pub(crate) fn put_off<'a>(
        &self,
        timer: &impl Hrtimer,
        alarms: impl Iterator<Item = &'a Alarm>,
        closed: u64,
    ) {
        self.closed.store(closed, Relaxed);
        self.start(timer, earliest(alarms));
    }

    /// Begins to serve alarms: until [`Schedule::end`] none arms the timer. To be called by the
    /// callback.
    pub(crate) fn begin(&self) {
        self.serving.store(1, Relaxed);
    }

    /// Ends what [`Schedule::begin`] has begun, and arms the timer for the first of the alarms, but
    /// not before `closed` (ns). Returns whether the callback has to restart the timer for that; the
    /// next to be armed may come before.
    pub(crate) fn end<'a>(
        &self,
        timer: &impl Hrtimer,
        alarms: impl Iterator<Item = &'a Alarm>,
        closed: u64,
    ) -> bool {
        self.serving.store(0, Relaxed);
        self.closed.store(closed, Relaxed);
        let first = earliest(alarms);
        self.note(first);
        let (soonest, slack) = self.expiry(first);
        first != NEVER && timer.restart(soonest, slack)
    }

    /// Arms the timer for the alarm that is due at `first` (ns).
    fn start(&self, timer: &impl Hrtimer, first: u64) {
        self.note(first);
        if first == NEVER {
            // A callback that is running finds nothing due.
            timer.try_to_cancel();
            return;
        }
        let (soonest, slack) = self.expiry(first);
        timer.start(soonest, slack);
    }

    /// Notes what the timer is armed for.
    fn note(&self, first: u64) {
        self.first.store(first, Relaxed);
        // Most are served before one of them is disarmed.
        self.together.store(0, Relaxed);
    }

    /// The time for which the timer is armed for an alarm that is due at `first`, and its slack (ns).
    fn expiry(&self, first: u64) -> (i64, u64) {
        let soonest = first.max(self.closed.load(Relaxed));
        // What is late already gets no slack on top of it.
        let slack = first.saturating_add(self.slack).saturating_sub(soonest);
        (i64::try_from(soonest).unwrap_or(i64::MAX), slack)
    }
}

/// The time of the first of the alarms, or [`NEVER`].
fn earliest<'a>(alarms: impl Iterator<Item = &'a Alarm>) -> u64 {
    alarms.fold(NEVER, |first, alarm| first.min(alarm.due.load(Relaxed)))
}

/// The same, and how many are due then.
fn counted<'a>(alarms: impl Iterator<Item = &'a Alarm>) -> (u64, u32) {
    alarms.fold((NEVER, 0), |(first, together), alarm| {
        let due = alarm.due.load(Relaxed);
        match due.cmp(&first) {
            Ordering::Less => (due, 1),
            Ordering::Equal => (first, together + 1),
            Ordering::Greater => (first, together),
        }
    })
}
