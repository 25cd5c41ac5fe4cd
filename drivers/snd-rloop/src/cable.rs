// SPDX-License-Identifier: GPL-2.0-only

//! One cable: the bookkeeping of [`pure::cable`], its lock, and a timer for each end.
//!
//! Lock order: ALSA's stream lock, then the cable's lock, then what arming a timer takes. Nothing
//! in here calls ALSA with the cable's lock held.

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::alsa::buffer::Buffer;
use crate::alsa::lock::{Guard, IrqSpinLock};
use crate::alsa::log;
use crate::alsa::now;
use crate::alsa::pcm::TriggerCommand;
use crate::alsa::period_timer::{Handler, PeriodTimer};
use crate::pure;
use crate::pure::cable::{Direction, Params, Setup, Wake};

type State = pure::cable::Cable<Buffer>;

/// A cable.
pub(crate) struct Cable {
    shared: Arc<Shared>,
    playback: Pin<KBox<PeriodTimer<Ticker>>>,
    capture: Pin<KBox<PeriodTimer<Ticker>>>,
}

/// What both timers and both ends use.
#[pin_data]
struct Shared {
    #[pin]
    state: IrqSpinLock<State>,
}

/// Wakes one end of a cable. A timer goes only while somebody waits for it.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    direction: Direction,
}

impl Handler for Ticker {
    fn expired(&self) -> Wake {
        let mut state = self.shared.state.lock();
        state.wake(self.direction, now())
    }

    fn draining(&self) {
        // A recorder that drains has stopped.
        if self.direction == Direction::Playback {
            let mut state = self.shared.state.lock();
            if !state.end(Direction::Playback).draining() {
                state.drain(now());
            }
        }
    }

    fn rearm(&self, timer: &PeriodTimer<Self>) {
        let state = self.shared.state.lock();
        // Under the lock, so that a stop or a start meanwhile has the last word.
        if let Some(next) = state.next_wakeup(self.direction) {
            timer.arm(next);
        }
    }
}

impl Cable {
    /// Makes a cable with nothing at its ends.
    pub(crate) fn new() -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(Shared {
                state <- IrqSpinLock::new(State::default()),
            }),
            GFP_KERNEL,
        )?;
        let timer = |direction| {
            let shared = shared.clone();
            KBox::pin_init(PeriodTimer::new(Ticker { shared, direction }), GFP_KERNEL)
        };
        Ok(Self {
            playback: timer(Direction::Playback)?,
            capture: timer(Direction::Capture)?,
            shared,
        })
    }

    /// The timer of an end.
    pub(crate) fn timer(&self, direction: Direction) -> &PeriodTimer<Ticker> {
        match direction {
            Direction::Playback => &self.playback,
            Direction::Capture => &self.capture,
        }
    }

    /// The cable as it was when it was last looked at.
    pub(crate) fn last_state(&self) -> Guard<'_, State> {
        self.shared.state.lock()
    }

    /// The cable as it is now, with every frame moved that is due.
    pub(crate) fn state(&self) -> Guard<'_, State> {
        let mut state = self.shared.state.lock();
        state.advance(now());
        state
    }

    /// A program has opened an end.
    pub(crate) fn open(&self, direction: Direction) {
        self.shared.state.lock().open(direction);
    }

    /// A program has closed an end.
    pub(crate) fn close(&self, direction: Direction) {
        self.shared.state.lock().close(direction);
    }

    /// The parameters that the other end has fixed.
    pub(crate) fn bound(&self, direction: Direction) -> Option<Params> {
        self.shared.state.lock().bound(direction)
    }

    /// Sets up an end.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the other end has been prepared with other parameters.
    pub(crate) fn prepare(
        &self,
        direction: Direction,
        params: Params,
        setup: Setup,
        buffer: Buffer,
    ) -> Result {
        let prepared = {
            let mut state = self.shared.state.lock();
            let prepared = state.prepare(direction, params, setup, buffer);
            // A recorder that has been broken off is to be told.
            if direction == Direction::Playback {
                if let Some(next) = state.next_wakeup(Direction::Capture) {
                    self.capture.arm(next);
                }
            }
            prepared
        };
        prepared.map_err(|mismatch| {
            log::debug(format_args!(
                "{direction:?} of {params} refused: the other end of the cable has {}",
                mismatch.fixed
            ));
            EINVAL
        })
    }

    /// Takes the buffer of an end that does not run.
    pub(crate) fn retract(&self, direction: Direction) {
        // Not to be freed with interrupts off.
        let buffer = self.shared.state.lock().retract(direction);
        drop(buffer);
    }

    /// An end gives up its say in the parameters.
    pub(crate) fn release(&self, direction: Direction) {
        self.shared.state.lock().release(direction);
    }

    /// Starts or stops an end at the time `now`. Only changes state: what has to wait is done
    /// when the stream is set up again or closed.
    ///
    /// # Errors
    ///
    /// `EIO` if the end has not been prepared.
    pub(crate) fn trigger(
        &self,
        direction: Direction,
        command: TriggerCommand,
        now: u64,
    ) -> Result {
        let mut state = self.shared.state.lock();
        match command {
            TriggerCommand::Start | TriggerCommand::Resume => {
                if !state.start(direction, now) {
                    return Err(EIO);
                }
            }
            TriggerCommand::Stop => state.stop(direction, now),
            TriggerCommand::Pause => state.pause(direction, now),
            TriggerCommand::Drain => state.drain(now),
        }
        match (command, state.next_wakeup(direction)) {
            (TriggerCommand::Start, _) if direction == Direction::Playback => self.playback.look(),
            (_, Some(next)) => self.timer(direction).arm(next),
            (_, None) => self.timer(direction).disarm(),
        }
        Ok(())
    }

    /// Sets the pitch, in millionths of the nominal rate, at once.
    pub(crate) fn set_pitch(&self, pitch: u32) {
        let mut state = self.shared.state.lock();
        state.set_pitch(pitch, now());
        for direction in [Direction::Playback, Direction::Capture] {
            if let Some(next) = state.next_wakeup(direction) {
                self.timer(direction).arm(next);
            }
        }
    }

    /// Lets a player change the parameters under an open recorder, or no longer.
    pub(crate) fn set_notify(&self, notify: bool) {
        self.shared.state.lock().set_notify(notify);
    }

    /// Where an end is in its buffer; `None` for an xrun.
    pub(crate) fn pointer(&self, direction: Direction) -> Option<u64> {
        self.shared.state.lock().pointer(direction, now())
    }
}
