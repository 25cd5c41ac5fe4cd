// SPDX-License-Identifier: GPL-2.0-only

//! The state of a cable behind its lock, and the timers of its ends.
//!
//! Lock order: ALSA's stream lock, then the cable's lock, then what arming a timer takes. Nothing
//! in here calls ALSA with the cable's lock held.
//!
//! Whatever is done to a cable ends with its timers being set, in one of two ways: [`SharedCable::change`] for
//! what may sleep, [`SharedCable::arm`] for what comes with a stream locked. So nobody is left asleep who could
//! be told something.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::Mutex;

use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::period_timer::{Handler, PeriodTimers};
use crate::lib::alsa::timer::Listener;
use crate::lib::kernel::lock::{Guard, IrqSpinLock};
use crate::lib::kernel::time::now;
use crate::lib::model::stream::Wake;
use crate::lib::model::ticks::Heard;
use crate::model::cable::{self, Touched};
use crate::model::end::{End, Port};

/// A cable's state.
pub(crate) type CableState = cable::Cable<Buffer, KVec<End<Buffer>>>;

/// The ends' timers, and what they, the operations of all ends and the master use. A timer goes only while
/// somebody waits for it, or frames pile up.
pub(crate) type SharedCable = PeriodTimers<CableLocks>;

/// A cable's state.
#[pin_data]
pub(crate) struct CableLocks {
    #[pin]
    state: IrqSpinLock<CableState>,
    /// Held while the delay line is looked at and another one is made. Taken before the state's lock.
    #[pin]
    pub(crate) delay_line: Mutex<()>,
}

impl CableLocks {
    /// Makes the state of a cable at which nothing is open, with these capture ends.
    pub(crate) fn new(captures: KVec<End<Buffer>>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            state <- IrqSpinLock::new(CableState::new(captures)),
            delay_line <- new_mutex!(()),
        }? Error)
    }
}

/// How often the lock is let go to catch up with the time, before what is left is left.
const STEPS_MAX: u32 = 1_000;

/// The number of an end's timer.
pub(crate) fn timer_number(port: Port) -> usize {
    match port {
        Port::Playback => 0,
        Port::Capture(number) => number + 1,
    }
}

/// The end that the timer with the number `number` is for.
fn timer_port(number: usize) -> Port {
    number.checked_sub(1).map_or(Port::Playback, Port::Capture)
}

impl Handler for CableLocks {
    fn expired(&self, number: usize, now: u64) -> Wake {
        self.state.lock().wake(timer_port(number), now)
    }

    fn drain_started(&self, number: usize) {
        // A recorder that drains has stopped.
        if timer_port(number) == Port::Playback {
            let mut state = self.state.lock();
            if !state.end(Port::Playback).draining() {
                state.drain(now());
            }
        }
    }

    fn rearm(&self, number: usize, timers: &SharedCable, earliest: u64) {
        // Under the lock, so that a stop or a start meanwhile has the last word.
        let state = self.state.lock();
        timers.arm_from(earliest, &state, Touched::Wakeup(timer_port(number)));
    }
}

impl SharedCable {
    /// The state as it is, which may be behind the time. Any context.
    pub(crate) fn lock(&self) -> Guard<'_, CableState> {
        self.handler().state.lock()
    }

    /// Does something to a cable that has moved all that is due by then, and sees to it that whoever waits
    /// is told. May sleep, though `change` must not.
    ///
    /// What is due is moved in steps, with interrupts on in between.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut CableState, u64) -> T) -> T {
        let mut state = self.lock();
        for _ in 0..STEPS_MAX {
            if state.advance(now()) {
                break;
            }
            drop(state);
            state = self.lock();
        }
        let result = change(&mut state, now());
        state.advance(now());
        self.arm(&state, Touched::All);
        result
    }

    /// Sets the timers that `touched` concerns to the times that are right now.
    pub(crate) fn arm(&self, state: &CableState, touched: Touched) {
        self.arm_from(0, state, touched);
    }

    /// As [`SharedCable::arm`], but none for a time before `earliest`.
    fn arm_from(&self, earliest: u64, state: &CableState, touched: Touched) {
        for (port, when) in state.timers(touched) {
            let timer = self.timer(timer_number(port));
            match when {
                Some(when) => timer.arm(when.max(earliest)),
                None => timer.disarm(),
            }
        }
    }
}

impl Listener for SharedCable {
    fn heard(&self, heard: Heard, at: u64) {
        let mut state = self.lock();
        if state.hear(heard, at, now()) {
            self.arm(&state, Touched::All);
        }
    }
}
