// SPDX-License-Identifier: GPL-2.0-only

//! One cable: a clock, a playback end and one or more capture ends.
//!
//! [`Cable`] is the state that the driver keeps under the cable's lock. Each entry takes the time
//! and first moves every frame whose play time has passed since the last entry from the playback
//! end's buffer into those of the capture ends. A position that ALSA is told is therefore never ahead of
//! what has been moved, and whoever acts on it (a player that overwrites what was played, a reader
//! that takes what was recorded) finds the frames where they belong, however late a timer was.
//!
//! A frame goes straight from the one buffer to the others: all are reachable here just while
//! their end runs, so a ring in between would only be one more copy.

use core::fmt;
use core::ops::DerefMut;

use super::end::{End, EndState, Port};
use super::faults::Faults;
use super::follow::Follower;
use crate::lib::model::clock::{Clock, PITCH_NOMINAL};
use crate::lib::model::layout::Access;
use crate::lib::model::stream::{Buffer, Params, Setup, Wake};

mod advance;
mod delay;
mod notify;
mod timing;
mod trigger;

pub use advance::Effort;
use delay::Replacement;
pub use delay::DELAY_LINE_BYTES_MAX;
pub use notify::Touched;

/// Why a stream can't be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has other parameters than these, which another end has fixed.
    Mismatch(Params),
    /// To move a frame to so many readers with so many channels takes too long.
    TooMuch,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(fixed) => write!(f, "another end of the cable has {fixed}"),
            Self::TooMuch => f.write_str("the cable's readers have too many channels together"),
        }
    }
}

/// The state of one cable, whose capture ends are in an `R`.
#[derive(Debug)]
pub struct Cable<B, R> {
    /// The parameters of all ends, while at least one has been prepared and has not let go.
    params: Option<Params>,
    /// Whether the playback end may change the parameters under open capture ends.
    notify: bool,
    /// Whether it has no clock: frames move as soon as they have been written and there is room.
    free_running: bool,
    /// In millionths of the nominal rate.
    pitch: u32,
    /// Goes while an end runs.
    clock: Option<Clock>,
    /// What the clock goes by.
    follower: Follower,
    /// The clock's position up to which everything has been moved.
    moved: u64,
    /// What the playback end was last prepared with.
    played: Option<(Params, Access)>,
    playback: End<B>,
    captures: R,
    /// By how many frames the readers are to be behind the player.
    delay: u64,
    /// Where frames are meanwhile: there if there is a delay, or was one.
    delay_line: Option<B>,
    /// The clock's position from which on they are there.
    delay_line_begin: u64,
    /// The line that is to be the next.
    replacement: Option<Replacement<B>>,
    /// How much may be done in one go.
    pub effort: Effort,
    /// Whether more is due than could be moved in one go.
    backlog: bool,
    /// Without a clock: the end that was last started or stopped, until a timer has seen to what follows.
    follow_up: Option<Port>,
    /// Whether frames have moved since ALSA last asked or told of a position.
    moved_unseen: bool,
    /// Whether frames were left out that a reader's buffer can't hold, and what follows is still to be moved:
    /// until then no reader may see where it is.
    skipping: bool,
    /// Injected faults.
    pub faults: Faults,
}

impl<B, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// A cable at which nothing is open.
    pub fn new(captures: R) -> Self {
        Self {
            params: None,
            notify: false,
            free_running: false,
            pitch: PITCH_NOMINAL,
            clock: None,
            follower: Follower::new(1),
            moved: 0,
            played: None,
            playback: End::new(),
            captures,
            delay: 0,
            delay_line: None,
            delay_line_begin: 0,
            replacement: None,
            effort: Effort::default(),
            backlog: false,
            follow_up: None,
            moved_unseen: false,
            skipping: false,
            faults: Faults::default(),
        }
    }

    /// The end at `port`, which must be there.
    pub fn end(&self, port: Port) -> &End<B> {
        match port {
            Port::Playback => &self.playback,
            Port::Capture(number) => &self.captures[number],
        }
    }

    fn end_mut(&mut self, port: Port) -> &mut End<B> {
        match port {
            Port::Playback => &mut self.playback,
            Port::Capture(number) => &mut self.captures[number],
        }
    }

    /// Every port of the cable.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        let captures = (0..self.captures.len()).map(Port::Capture);
        core::iter::once(Port::Playback).chain(captures)
    }

    /// The parameters that the cable has now.
    pub fn params(&self) -> Option<Params> {
        self.params
    }

    /// The parameters and the access that the playback end has, or had last.
    pub fn played(&self) -> Option<(Params, Access)> {
        self.played
    }

    /// The pitch in millionths of the nominal rate.
    pub fn pitch(&self) -> u32 {
        self.pitch
    }

    /// Whether an end runs.
    pub fn is_running(&self) -> bool {
        self.ports().any(|port| self.end(port).running().is_some())
    }

    /// Whether it has no clock.
    pub fn is_free_running(&self) -> bool {
        self.free_running
    }

    /// Takes the clock away or gives it back. Only if nothing is open; returns whether it is so now.
    pub fn set_free_running(&mut self, free_running: bool) -> bool {
        if self
            .ports()
            .all(|port| self.end(port).state == EndState::Closed)
        {
            self.free_running = free_running;
        }
        self.free_running == free_running
    }

    /// Whether the playback end may change the parameters under open capture ends.
    pub fn notify(&self) -> bool {
        self.notify
    }

    /// Lets the playback end change the parameters under open capture ends, or no longer.
    pub fn set_notify(&mut self, notify: bool) {
        self.notify = notify;
    }

    /// What the end at `port` is bound to: the parameters that another end has prepared.
    pub fn bound(&self, port: Port) -> Option<Params> {
        let others = self.ports().filter(|other| {
            // A player that may change the parameters minds nobody.
            *other != port && !(port == Port::Playback && self.notify)
        });
        let mut prepared = others.filter_map(|other| self.end(other).setup);
        prepared.next().and(self.params)
    }

    /// A program has opened this end.
    pub fn open(&mut self, port: Port) {
        self.end_mut(port).state = EndState::Open;
    }

    /// A program has closed this end; it had let go before.
    pub fn close(&mut self, port: Port) {
        self.end_mut(port).state = EndState::Closed;
    }

    /// Takes the buffer of an end that has stopped, since ALSA may soon free it.
    pub fn take_buffer(&mut self, port: Port) -> Option<B> {
        let end = self.end_mut(port);
        if end.state != EndState::Closed {
            end.state = EndState::Open;
        }
        end.pending_stop = None;
        let buffer = end.buffer.take();
        self.stop_clock_if_idle();
        buffer
    }

    /// The end no longer has a say in the cable's parameters. Returns the delay lines that are no longer
    /// needed.
    pub fn drop_params(&mut self, port: Port) -> [Option<B>; 2] {
        self.end_mut(port).setup = None;
        if self.ports().any(|port| self.end(port).setup.is_some()) {
            return [None, None];
        }
        self.params = None;
        let replacement = self.replacement.take().map(|replacement| {
            self.delay = replacement.delay;
            replacement.line
        });
        [self.delay_line.take(), replacement]
    }

    /// Stops the clock, if no end runs.
    fn stop_clock_if_idle(&mut self) {
        self.update_playback_lag();
        if !self.is_running() {
            self.clock = None;
        }
    }
}

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// Sets up an end that stands still: it starts at position 0.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]: then the end has neither parameters nor buffer.
    pub fn prepare(
        &mut self,
        port: Port,
        params: Params,
        setup: Setup,
        buffer: B,
    ) -> Result<(), Refusal> {
        if let Some(fixed) = self.bound(port).filter(|fixed| *fixed != params) {
            return Err(Refusal::Mismatch(fixed));
        }
        let free_running = self.free_running;
        let end = self.end_mut(port);
        end.free_running = free_running;
        *end = core::mem::take(end).prepared(setup, buffer, params.rate);
        // Readers that no longer fit don't count.
        let changes = port == Port::Playback && self.params != Some(params);
        if !changes && !self.fits_step() {
            let end = self.end_mut(port);
            (end.setup, end.state) = (None, EndState::Open);
            return Err(Refusal::TooMuch);
        }
        if changes {
            self.stop_captures();
        }
        self.params = Some(params);
        if port == Port::Playback {
            self.played = Some((params, setup.access));
        }
        Ok(())
    }

    /// The capture ends no longer fit what is played. Those that run stand still from here on, and
    /// what they have recorded can be read; the others can't start before they have new parameters.
    fn stop_captures(&mut self) {
        for end in self.captures.iter_mut() {
            if end.setup.take().is_some() {
                let running = end.state == EndState::Running;
                end.pending_stop = running.then_some(Wake::Stop);
                end.state = EndState::Open;
            }
        }
        self.stop_clock_if_idle();
    }
}
