// SPDX-License-Identifier: GPL-2.0-only

//! The state of a cable behind its locks, and the timers of its ends.
//!
//! Lock order:
//! 1. what ALSA holds when a program opens, sets up or closes a stream, or writes to an element;
//! 2. `OpenStream::resources` of the stream, `CableControls::notified`;
//! 3. `Master::listening`;
//! 4. [`CableLocks::delay_line`], a mutex;
//! 5. ALSA's stream lock, or those of a group of linked streams;
//! 6. the cable's lock, a spin lock that is held with interrupts off;
//! 7. what arming a timer takes.
//!
//! Nothing calls ALSA with the cable's lock held, and nobody holds those of two cables.
//!
//! Whatever is done to a cable ends with its timers being set, in one of two ways:
//! [`SharedCable::change`] for what may sleep, [`SharedCable::arm`] for what comes with a stream
//! locked. So nobody is left asleep who could be notified.

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

/// The state of a cable, with buffers that ALSA owns.
pub(crate) type CableState = cable::Cable<Buffer, KVec<End<Buffer>>>;

/// A cable as the operations of its ends, their timers and the master share it: the state, and a
/// timer for each end. A timer is armed only while somebody waits for it, or frames pile up.
pub(crate) type SharedCable = PeriodTimers<CableLocks>;

/// The locks of a cable, one of them with its state; also the handler of its timers.
#[pin_data]
pub(crate) struct CableLocks {
    #[pin]
    state: IrqSpinLock<CableState>,
    /// Held while another delay line is allocated and put in place.
    #[pin]
    pub(crate) delay_line: Mutex<()>,
}

impl CableLocks {
    /// Makes the locks of a cable at which nothing is open, with these capture ends.
    pub(crate) fn new(captures: KVec<End<Buffer>>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            state <- IrqSpinLock::new(CableState::new(captures)),
            delay_line <- new_mutex!(()),
        }? Error)
    }
}

/// The number of times that the lock is released to catch up with the time, before the rest is left
/// to a timer.
const STEPS_MAX: u32 = 1_000;

/// The number of an end's timer: 0 for playback.
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
    type State = CableState;
    type Wakes = ();

    fn lock(&self) -> Guard<'_, CableState> {
        self.state.lock()
    }

    fn expired(&self, state: &mut CableState, number: usize, now: u64) -> (Wake, ()) {
        (state.wake(timer_port(number), now), ())
    }

    fn is_behind(state: &CableState) -> bool {
        state.is_behind()
    }

    fn drain_started(&self, number: usize) {
        // A capture stream that drains has stopped.
        if timer_port(number) == Port::Playback {
            let mut state = self.state.lock();
            if !state.end(Port::Playback).draining() {
                state.drain(now());
            }
        }
    }

    fn rearm(state: &mut CableState, number: usize, timers: &SharedCable) {
        timers.arm(state, Touched::Wakeup(timer_port(number)));
    }
}

impl SharedCable {
    /// Locks the state, in which frames may be due that have not been moved. Any context; with no
    /// cable locked. Whoever changes it calls [`SharedCable::arm`] before the guard is dropped.
    pub(crate) fn lock(&self) -> Guard<'_, CableState> {
        self.handler().state.lock()
    }

    /// Calls `change` with the state, in which all that is due has been moved, and the time (ns,
    /// `CLOCK_MONOTONIC`); then moves what follows and sets the timers. May sleep, though `change`
    /// must not.
    ///
    /// Frames that are due are moved in steps, with interrupts on in between.
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

    /// Sets the timers that `touched` concerns. Any context.
    pub(crate) fn arm(&self, state: &CableState, touched: Touched) {
        state.timers(touched, |port, when| {
            let timer = self.timer(timer_number(port));
            match when {
                Some(when) => timer.arm(when),
                None => timer.disarm(),
            }
        });
    }
}

impl Listener for SharedCable {
    // With the master's stream locked, which is another card's: takes the cable's lock alone.
    fn heard(&self, heard: Heard, at: u64) {
        let mut state = self.lock();
        if state.hear(heard, at, now()) {
            self.arm(&state, Touched::All);
        }
    }
}
