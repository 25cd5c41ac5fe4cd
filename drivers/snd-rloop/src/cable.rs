// SPDX-License-Identifier: GPL-2.0-only

//! One cable: the bookkeeping of [`pure::cable`], its lock, and a timer for each end.
//!
//! Lock order: ALSA's stream lock, then the cable's lock, then what arming a timer takes. Nothing
//! in here calls ALSA with the cable's lock held.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};

use crate::alsa::buffer::Buffer;
use crate::alsa::lock::{Guard, IrqSpinLock};
use crate::alsa::log;
use crate::alsa::now;
use crate::alsa::pcm::TriggerCommand;
use crate::alsa::period_timer::{Handler, PeriodTimer};
use crate::alsa::quota::Quota;
use crate::alsa::work::DelayedWork;
use crate::master::{step, Master};
use crate::pure;
use crate::pure::cable::{Params, LINE_BYTES_MAX};
use crate::pure::end::{End, Port, Setup, Wake};
use crate::pure::faults::Faults;
use crate::pure::source::SourceText;

type State = pure::cable::Cable<Buffer, KVec<End<Buffer>>>;

/// A cable.
pub(crate) struct Cable {
    shared: Arc<Shared>,
    playback: Pin<KBox<PeriodTimer<Ticker>>>,
    captures: KVec<Pin<KBox<PeriodTimer<Ticker>>>>,
    master: Pin<KBox<DelayedWork<Master>>>,
    /// What the delay lines of all cables of the card may take.
    memory: Arc<Quota>,
}

/// The most that the delay lines of a card take together, in bytes. The old and the new one of a cable
/// whose delay is changed are both there for a moment.
pub(crate) const CARD_BYTES_MAX: usize = 2 * LINE_BYTES_MAX;

/// What all timers, all ends and the master use.
#[pin_data]
pub(crate) struct Shared {
    #[pin]
    pub(crate) state: IrqSpinLock<State>,
    /// Held while the delay line is looked at and another one is made.
    #[pin]
    line: Mutex<()>,
}

/// Wakes one end of a cable. A timer goes only while somebody waits for it.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    port: Port,
}

impl Handler for Ticker {
    fn expired(&self) -> Wake {
        let mut state = self.shared.state.lock();
        state.wake(self.port, now())
    }

    fn draining(&self) {
        // A recorder that drains has stopped.
        if self.port == Port::Playback {
            let mut state = self.shared.state.lock();
            if !state.end(Port::Playback).draining() {
                state.drain(now());
            }
        }
    }

    fn rearm(&self, timer: &PeriodTimer<Self>) {
        let state = self.shared.state.lock();
        // Under the lock, so that a stop or a start meanwhile has the last word.
        if let Some(next) = state.next_wakeup(self.port) {
            timer.arm(next);
        }
    }
}

impl Cable {
    /// Makes a cable with `captures` capture ends and nothing plugged in, on the card with the number
    /// `card`, that goes by `source`, and whose delay takes of `memory`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        captures: u32,
        card: u32,
        source: SourceText,
        memory: Arc<Quota>,
    ) -> Result<Self> {
        let mut ends = KVec::new();
        for _ in 0..captures {
            ends.push(End::new(), GFP_KERNEL)?;
        }
        let shared = Arc::pin_init(
            pin_init!(Shared {
                state <- IrqSpinLock::new(State::new(ends)),
                line <- new_mutex!(()),
            }),
            GFP_KERNEL,
        )?;
        shared.state.lock().set_source(step(&source), now());
        let timer = |port| {
            let shared = shared.clone();
            KBox::pin_init(PeriodTimer::new(Ticker { shared, port }), GFP_KERNEL)
        };
        let mut timers = KVec::new();
        for number in 0..captures as usize {
            timers.push(timer(Port::Capture(number))?, GFP_KERNEL)?;
        }
        Ok(Self {
            playback: timer(Port::Playback)?,
            captures: timers,
            master: KBox::pin_init(Master::new(shared.clone(), card, source), GFP_KERNEL)?,
            shared,
            memory,
        })
    }

    /// What the cable listens to.
    pub(crate) fn master(&self) -> &DelayedWork<Master> {
        &self.master
    }

    /// The timer of an end.
    pub(crate) fn timer(&self, port: Port) -> &PeriodTimer<Ticker> {
        match port {
            Port::Playback => &self.playback,
            Port::Capture(number) => &self.captures[number],
        }
    }

    /// How many capture ends it has.
    pub(crate) fn captures(&self) -> u32 {
        self.captures.len() as u32
    }

    /// Whether it has no clock.
    pub(crate) fn is_free(&self) -> bool {
        self.shared.state.lock().is_free()
    }

    /// Takes the clock away, or gives it back.
    ///
    /// # Errors
    ///
    /// `EBUSY` if an end is open.
    pub(crate) fn set_free(&self, free: bool) -> Result {
        match self.shared.state.lock().set_free(free) {
            true => Ok(()),
            false => Err(EBUSY),
        }
    }

    /// A program has moved its position, at a cable without a clock.
    pub(crate) fn acknowledge(&self) {
        let mut state = self.shared.state.lock();
        state.advance(now());
        self.tell(&state);
    }

    /// On a cable without a clock whatever moves one end moves others, and ALSA is to be told; but
    /// not here, where one stream is locked.
    fn tell(&self, state: &State) {
        if state.is_free() {
            self.rearm(state);
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

    /// A program has opened an end. May sleep.
    pub(crate) fn open(&self, port: Port) {
        self.master.open();
        self.shared.state.lock().open(port);
    }

    /// A program has closed an end. May sleep.
    pub(crate) fn close(&self, port: Port) {
        self.shared.state.lock().close(port);
        self.master.close();
    }

    /// The parameters that another end has fixed.
    pub(crate) fn bound(&self, port: Port) -> Option<Params> {
        self.shared.state.lock().bound(port)
    }

    /// Sets up an end.
    ///
    /// # Errors
    ///
    /// `EINVAL` if another end has been prepared with other parameters, or the delay is too long for
    /// these, `ENOMEM`.
    pub(crate) fn prepare(
        &self,
        port: Port,
        params: Params,
        setup: Setup,
        buffer: Buffer,
    ) -> Result {
        let _line = self.shared.line.lock();
        let line = self.new_line(&params, None)?;
        let mut old = None;
        let prepared = {
            let mut state = self.shared.state.lock();
            let prepared = state.prepare(port, params, setup, buffer);
            if prepared.is_ok() {
                old = state.lay(line);
            }
            // Recorders that have been broken off are to be told.
            if port == Port::Playback {
                for (number, timer) in self.captures.iter().enumerate() {
                    if let Some(next) = state.next_wakeup(Port::Capture(number)) {
                        timer.arm(next);
                    }
                }
            }
            prepared
        };
        drop(old);
        prepared.map_err(|mismatch| {
            log::debug(format_args!(
                "{port:?} of {params} refused: another end of the cable has {}",
                mismatch.fixed
            ));
            EINVAL
        })
    }

    /// Takes the buffer of an end that does not run.
    pub(crate) fn retract(&self, port: Port) {
        // Not to be freed with interrupts off.
        let buffer = self.shared.state.lock().retract(port);
        drop(buffer);
    }

    /// An end gives up its say in the parameters.
    pub(crate) fn release(&self, port: Port) {
        // Not to be freed with interrupts off.
        let line = self.shared.state.lock().release(port);
        drop(line);
    }

    /// A delay line, if there has to be another one.
    fn new_line(&self, params: &Params, delay: Option<u64>) -> Result<Option<Buffer>> {
        let Some(layout) = self.last_state().line_for(params, delay) else {
            return Ok(None);
        };
        if layout.bytes() > LINE_BYTES_MAX {
            log::debug(format_args!(
                "refused: the delay takes more than {LINE_BYTES_MAX} bytes for {params}"
            ));
            return Err(EINVAL);
        }
        Buffer::own(layout, &self.memory).map(Some)
    }

    /// Sets by how many frames the readers are to be behind the player.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is too long for the parameters that the cable has, `ENOMEM` if there is no memory
    /// for it, or the card's cables have taken too much.
    pub(crate) fn set_delay(&self, delay: u64) -> Result {
        let _line = self.shared.line.lock();
        let params = self.last_state().params();
        let line = match params {
            Some(params) => self.new_line(&params, Some(delay))?,
            None => None,
        };
        let old = {
            let mut state = self.shared.state.lock();
            let old = state.set_delay(delay, line, now());
            self.rearm(&state);
            old
        };
        drop(old);
        Ok(())
    }

    /// Starts or stops an end at the time `now`. Only changes state: what has to wait is done
    /// when the stream is set up again or closed.
    ///
    /// # Errors
    ///
    /// `EIO` if the end has not been prepared.
    pub(crate) fn trigger(&self, port: Port, command: TriggerCommand, now: u64) -> Result {
        let mut state = self.shared.state.lock();
        match command {
            TriggerCommand::Start | TriggerCommand::Resume => {
                if !state.start(port, now) {
                    return Err(EIO);
                }
            }
            TriggerCommand::Stop => state.stop(port, now),
            TriggerCommand::Pause => state.pause(port, now),
            TriggerCommand::Drain if port == Port::Playback => state.drain(now),
            // A recorder has stopped, and its program reads what is left.
            TriggerCommand::Drain => {}
        }
        match (command, state.next_wakeup(port)) {
            (TriggerCommand::Start, _) if port == Port::Playback => self.playback.look(),
            (_, Some(next)) => self.timer(port).arm(next),
            (_, None) => self.timer(port).disarm(),
        }
        if state.end(Port::Playback).draining() {
            // It may have waited for a reader that has stopped.
            if let Some(next) = state.next_wakeup(Port::Playback) {
                self.playback.arm(next);
            }
        }
        if state.is_free() {
            state.advance(now);
            self.tell(&state);
        }
        Ok(())
    }

    /// Sets the pitch, in millionths of the nominal rate, at once.
    pub(crate) fn set_pitch(&self, pitch: u32) {
        let mut state = self.shared.state.lock();
        state.set_pitch(pitch, now());
        self.rearm(&state);
    }

    /// Changes what is to go wrong.
    pub(crate) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut state = self.shared.state.lock();
        change(&mut state.faults);
        self.rearm(&state);
    }

    /// Lets the clock stand still, or go on.
    pub(crate) fn freeze(&self, freeze: bool) {
        let mut state = self.shared.state.lock();
        state.freeze(freeze, now());
        self.rearm(&state);
    }

    /// Lets an end have an xrun, if it runs. Returns whether there is such an end.
    pub(crate) fn break_off(&self, port: Port) -> bool {
        let mut state = self.shared.state.lock();
        let there = state.ports().any(|other| other == port);
        if there && state.break_off(port) {
            self.timer(port).arm(0);
        }
        there
    }

    /// Arms the timers for the times that are right now.
    fn rearm(&self, state: &State) {
        for port in state.ports() {
            match state.next_wakeup(port) {
                Some(next) => self.timer(port).arm(next),
                None => self.timer(port).disarm(),
            }
        }
    }

    /// Lets a player change the parameters under an open recorder, or no longer.
    pub(crate) fn set_notify(&self, notify: bool) {
        self.shared.state.lock().set_notify(notify);
    }

    /// Where an end is in its buffer; `None` for an xrun.
    pub(crate) fn pointer(&self, port: Port) -> Option<u64> {
        let mut state = self.shared.state.lock();
        let position = state.pointer(port, now());
        self.tell(&state);
        position
    }
}
