// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Cables: a clock, a playback end and one or more capture ends.
//!
//! ```text
//! program -> playback end's buffer -> [delay line] -> capture ends' buffers -> programs
//!                          moved by whoever asks, up to the clock's position
//! ```
//!
//! [`Cable`] is the state that the driver keeps under the cable's lock. Each entry takes the time
//! (ns, `CLOCK_MONOTONIC`) and first moves every frame whose play time has passed since the last
//! entry from the playback end's buffer into those of the capture ends. The position that is
//! reported to ALSA is therefore never ahead of what has been moved, and a program that acts on it
//! (overwrites what was played, takes what was captured) finds the frames where they belong,
//! however late a timer was.
//!
//! A frame goes straight from the one buffer to the others: all are reachable here just while their
//! end runs, so a ring in between would only be one more copy.

use core::fmt;
use core::ops::DerefMut;

use super::end::{End, EndState, Port};
use super::follow::Follower;
use crate::lib::model::clock::{Clock, PITCH_NOMINAL};
use crate::lib::model::faults::Faults;
use crate::lib::model::layout::Access;
use crate::lib::model::stream::{Buffer, Params, Setup, Wake};

mod advance;
mod delay;
mod notify;
mod timing;
mod trigger;

use advance::Cost;
pub use advance::Effort;
use delay::Replacement;
pub use delay::DELAY_LINE_BYTES_MAX;
pub use notify::Touched;

/// The reason why a stream can't be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has other parameters than these, which another end has fixed.
    Mismatch(Params),
    /// To move a frame to so many capture ends with so many channels takes too long.
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

/// The state of one cable, with buffers `B` and its capture ends in an `R`.
#[derive(Debug)]
pub struct Cable<B, R> {
    /// The parameters of all ends, while at least one has been prepared and has not let go.
    params: Option<Params>,
    /// Whether the playback end may change the parameters under open capture ends.
    notify: bool,
    /// Whether it is free-running: it has no clock, and frames move as soon as they have been
    /// written and there is room.
    free_running: bool,
    /// The pitch in millionths of the nominal rate.
    pitch: u32,
    /// The clock; some while an end runs, unless the cable is free-running.
    clock: Option<Clock>,
    /// The follower of the clock.
    follower: Follower,
    /// The clock's position in frames up to which everything has been moved.
    moved: u64,
    /// The parameters that the playback end was last prepared with.
    played: Option<(Params, Access)>,
    playback: End<B>,
    captures: R,
    /// The delay in frames: by how many the capture ends are to be behind the playback end.
    delay: u64,
    /// The buffer in which frames are meanwhile: some if there is a delay, or was one.
    delay_line: Option<B>,
    /// The clock's position from which on the delay line has frames.
    delay_line_begin: u64,
    /// The delay line that is about to replace it.
    replacement: Option<Replacement<B>>,
    /// The bound of what may be done in one go.
    pub effort: Effort,
    /// The cost of moving frames with the ends that run now.
    running_cost: Cost,
    /// The first capture end that runs, or the number of all if none does.
    first_reader: usize,
    /// The frames of the largest buffer that a reader has had since none ran.
    longest_reader: u64,
    /// Whether more is due than could be moved in one go.
    backlog: bool,
    /// Free-running: the end that was last started or stopped, until its timer has seen to what
    /// follows.
    follow_up: Option<Port>,
    /// Whether frames have moved since ALSA last asked for a position, or a program moved its own.
    moved_unseen: bool,
    /// Whether frames were left out that a reader's buffer can't hold, and what follows is still to
    /// be moved: until then no reader may learn its position.
    skipping: bool,
    /// The time of the last wake-up (ns), the position up to which everything had been moved after
    /// it, and the number of frames that it left to be moved: for other ends that wake at that time.
    woken: (u64, u64, u64),
    /// Injected faults.
    pub faults: Faults,
}

impl<B, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// Makes a cable at which nothing is open.
    pub fn new(captures: R) -> Self {
        Self {
            first_reader: captures.len(),
            longest_reader: 0,
            running_cost: Cost::default(),
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
            woken: (0, 0, 0),
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

    /// As [`Cable::end`].
    fn end_mut(&mut self, port: Port) -> &mut End<B> {
        match port {
            Port::Playback => &mut self.playback,
            Port::Capture(number) => &mut self.captures[number],
        }
    }

    /// All ports of the cable, playback first.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        let captures = (0..self.captures.len()).map(Port::Capture);
        core::iter::once(Port::Playback).chain(captures)
    }

    /// The parameters that the cable has now, if an end has been prepared.
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
        self.playback.running().is_some() || self.first_reader < self.captures.len()
    }

    /// Whether it is free-running.
    pub fn is_free_running(&self) -> bool {
        self.free_running
    }

    /// Makes the cable free-running, or clocked, unless an end is open. Returns whether it is so
    /// now.
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

    /// Sets whether the playback end may change the parameters under open capture ends.
    pub fn set_notify(&mut self, notify: bool) {
        self.notify = notify;
    }

    /// The parameters that the end at `port` is bound to: those with which another end has been
    /// prepared.
    pub fn bound(&self, port: Port) -> Option<Params> {
        let others = self.ports().filter(|other| {
            // A playback end that may change the parameters is bound to nobody's.
            *other != port && !(port == Port::Playback && self.notify)
        });
        let mut prepared = others.filter_map(|other| self.end(other).setup);
        prepared.next().and(self.params)
    }

    /// Notes that a program has opened this end.
    pub fn open(&mut self, port: Port) {
        self.end_mut(port).state = EndState::Open;
    }

    /// Notes that a program has closed this end, which has neither buffer nor parameters.
    pub fn close(&mut self, port: Port) {
        self.end_mut(port).state = EndState::Closed;
    }

    /// Drops the clock, if no end runs.
    fn stop_clock_if_idle(&mut self) {
        self.update_playback_lag();
        if !self.is_running() {
            self.clock = None;
        }
    }
}

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// Takes the buffer from an end that has stopped, since ALSA may soon free it. It is to be
    /// dropped with the lock released.
    pub fn take_buffer(&mut self, port: Port) -> Option<B> {
        if self.end(port).state != EndState::Closed {
            self.set_state(port, EndState::Open);
        }
        let end = self.end_mut(port);
        end.pending_stop = None;
        let buffer = end.buffer.take();
        self.stop_clock_if_idle();
        buffer
    }

    /// Drops the parameters of an end, and the cable's with those of the last one. Returns the
    /// delay lines that are no longer needed, to be dropped with the lock released.
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
        let lines = [self.delay_line.take(), replacement];
        self.recount();
        lines
    }

    /// Sets up an end that does not run: its position is then 0.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]: then the end is not prepared.
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
        self.set_state(port, EndState::Open);
        let free_running = self.free_running;
        let end = self.end_mut(port);
        end.free_running = free_running;
        *end = core::mem::take(end).prepared(setup, buffer, params.rate);
        // Capture ends that no longer fit don't count.
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

    /// Stops the capture ends, whose parameters no longer fit the playback end's. What those that
    /// run have captured can be read; none can start before it has been set up anew.
    fn stop_captures(&mut self) {
        for end in self.captures.iter_mut() {
            if end.setup.take().is_some() {
                let running = end.state == EndState::Running;
                end.pending_stop = running.then_some(Wake::Stop);
                end.state = EndState::Open;
            }
        }
        self.recount();
        self.stop_clock_if_idle();
    }
}
