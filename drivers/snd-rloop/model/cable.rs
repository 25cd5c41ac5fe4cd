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
use crate::lib::model::ring::next_boundary;
use crate::lib::model::stream::{Buffer, Params, Setup, Wake};

mod advance;
mod delay;
mod timing;

pub use advance::Effort;
use delay::Replacement;
pub use delay::DELAY_LINE_BYTES_MAX;

/// What was done to a cable: see [`Cable::timers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// An end was started or stopped, with its stream locked.
    State(Port),
    /// ALSA has asked for an end's position, or was told of another one, with its stream locked.
    Position(Port),
    /// An end's timer went off, and ALSA was told.
    Wakeup(Port),
    /// Anything else.
    All,
}

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

    /// The timers that may have to be set anew after something was done, and for when: `None` is not at all.
    /// All others are right as they are.
    pub fn timers(&self, touched: Touched) -> impl Iterator<Item = (Port, Option<u64>)> + '_ {
        let (free_running, carrier) = (self.free_running, self.carrier());
        // Time moves the ends of a cable with a clock, whoever looks.
        let none = !free_running && matches!(touched, Touched::Position(_));
        let ports = self.ports().take(if none { 0 } else { usize::MAX });
        ports.filter_map(move |port| match touched {
            // Its timer sees to the others: here a whole group of streams may be locked.
            Touched::State(which) if free_running && port != which => None,
            // What piles up is moved by an end that runs: the player, if it does, whose drain may have waited
            // for a reader that has stopped.
            Touched::State(which) if !free_running && port != which && Some(port) != carrier => {
                None
            }
            Touched::Position(which) if !self.moved_unseen && port != which => None,
            Touched::Wakeup(which) if !free_running && port != which => None,
            _ => Some((port, self.wakeup(port, carrier == Some(port)))),
        })
    }

    /// When an end, which `carries` or not, has something to tell ALSA next, by the clock's time. (With many ends,
    /// to find out for each whether it carries would take long.)
    fn wakeup(&self, port: Port, carries: bool) -> Option<u64> {
        let end = self.end(port);
        if end.pending_stop.is_some() {
            return Some(0);
        }
        if end.free_running {
            let at_once = self.backlog && carries || self.follow_up == Some(port);
            let notify = || end.notify_at(port.direction());
            return at_once.then_some(0).or_else(notify);
        }
        let delay = self.delay_line.as_ref().map_or(0, |_| self.delay());
        let awaited = end.awaited();
        let awaited = awaited.map(|awaited| {
            let frames = awaited.saturating_sub(end.position);
            match port {
                Port::Playback => frames,
                Port::Capture(_) => end.passes_in(frames, self.moved, delay),
            }
        });
        // Nobody may be waiting, but what piles up would have to be moved in one go.
        let piled = carries.then(|| self.carries_after()).flatten();
        let ahead = match (awaited, piled) {
            (Some(awaited), Some(piled)) => awaited.min(piled),
            (awaited, piled) => awaited.or(piled)?,
        };
        let when = self.clock?.when(self.moved.saturating_add(ahead));
        let when = self.faults.when(when)?;
        // However slow the clock is.
        Some(end.drain_deadline().map_or(when, |latest| when.min(latest)))
    }

    /// Starts an end, or lets it go on after a pause, in the frame that is due at `now`, even if
    /// others have been moved beyond it meanwhile: linked ends start in the same frame.
    ///
    /// Returns whether it could: it must have been prepared.
    pub fn start(&mut self, port: Port, now: u64) -> bool {
        self.sync_to(now);
        let end = self.end(port);
        let ready = end.buffer.is_some() && end.setup.is_some();
        let Some(params) = self.params.filter(|_| ready) else {
            return false;
        };
        if self.clock.is_none() && !self.free_running {
            let now = self.faults.local(now);
            self.clock = Some(self.follower.start(params.rate, self.pitch, now));
            (self.moved, self.delay_line_begin) = (0, 0);
        }
        let lag = self.delay_line.as_ref().map_or(0, |_| self.delay());
        let end = self.end_mut(port);
        if port != Port::Playback {
            end.lag = lag;
        }
        // Only now is it certain that ALSA has set its pointers back after `prepare`.
        end.read_pointers();
        end.state = EndState::Running;
        self.follow_up = self.free_running.then_some(port);
        self.update_playback_lag();
        true
    }

    /// Moves what is due at `now`, and takes back what has been moved beyond it: ends that start or
    /// stop together do so at the same time, but one after the other.
    fn sync_to(&mut self, now: u64) {
        self.advance_to(now);
        if let Some(clock) = &self.clock {
            let position = clock.position(self.faults.local(now));
            let beyond = self.moved.saturating_sub(position);
            self.rewind(beyond);
        }
    }

    /// Takes back the last `frames` frames of the ends that run, as far as ALSA has not been told of
    /// them. They will be moved again.
    ///
    /// Not while a reader gets nearer to another delay: it has had more or fewer frames than passed.
    fn rewind(&mut self, frames: u64) {
        if frames == 0 {
            return;
        }
        let (delay, line) = (self.delay(), self.delay_line.is_some());
        let mut captures = self.captures.iter();
        if captures.any(|end| line && end.running().is_some() && end.lag != delay) {
            return;
        }
        let running = self.ports().map(|port| self.end(port));
        let frames = running
            .filter(|end| end.running().is_some())
            .map(End::unreported)
            .fold(frames, u64::min);
        let mut silent = frames;
        if self.playback.running().is_some() {
            silent = self.playback.rewind_playback(frames);
        }
        let mut heard = false;
        for end in self.captures.iter_mut() {
            if end.running().is_some() {
                heard = true;
                end.rewind_capture(frames, silent);
            }
        }
        let playback = &mut self.playback;
        if playback.running().is_some() && !heard {
            playback.counters.unheard = playback.counters.unheard.saturating_sub(frames);
        }
        self.moved -= frames;
    }

    /// Stops an end; it stays where it is. With the stream locked, as all of ALSA's triggers.
    pub fn stop(&mut self, port: Port, now: u64) {
        self.halt(port, EndState::Prepared, now);
    }

    /// Stops an end that will go on. With the stream locked, too.
    pub fn pause(&mut self, port: Port, now: u64) {
        self.halt(port, EndState::Paused, now);
    }

    /// The playback end is to play out what has been written so far, then to stop.
    pub fn drain(&mut self, now: u64) {
        self.advance(now);
        self.follow_up = self.free_running.then_some(Port::Playback);
        let end = &mut self.playback;
        if end.running().is_none() {
            return;
        }
        if let Some(written) = end.note_written() {
            (end.drain, end.drain_notified, end.notified_at) = (Some(written), false, now);
        }
    }

    /// A program has moved its position, which without a clock lets frames move. With the stream locked.
    pub fn acknowledge(&mut self, now: u64) {
        self.moved_unseen = false;
        self.advance(now);
    }

    /// Where an end is in its buffer, in frames. `None` if it has moved by so much since it was
    /// last asked that ALSA could not tell by how much: that is an xrun.
    ///
    /// To be called by ALSA alone, with the stream locked: the answer counts as told. If ALSA asks because
    /// it was `notified` just now, then the answer is of that time: nothing is moved for the frame or two
    /// that have passed since, which with many ends would be done for each of them.
    pub fn pointer(&mut self, port: Port, now: u64, notified: bool) -> Option<u64> {
        self.moved_unseen = false;
        if !notified || self.free_running {
            self.advance(now);
        }
        let skipping = self.skipping;
        let end = self.end_mut(port);
        let (Some(pointers), Some(buffer)) = (end.read_pointers(), &end.buffer) else {
            return Some(0);
        };
        let frames = buffer.layout().frames;
        if end.pending_stop == Some(Wake::Xrun) && end.overrun {
            return None;
        }
        if skipping {
            // What is before that position has not been moved yet.
            return end.reported_position.checked_rem(frames);
        }

        if port != Port::Playback {
            // What the reader has not taken before the next round of the buffer is gone.
            let intact = end.position.saturating_sub(frames);
            let unread = end.appl(&pointers).max(end.gap.end);
            end.counters.lost += intact.saturating_sub(unread);
            end.gap.end = end.gap.end.max(intact);
        }

        let position = end.reportable_position(port.direction());
        let advanced = position.saturating_sub(end.reported_position);
        if advanced >= frames && pointers.stop_threshold <= frames {
            return None;
        }
        // ALSA looks at what it is told only if that differs from what it knows, which a reset
        // while the stream was paused may have set back to 0.
        let noticed = position.checked_rem(frames) != pointers.hw.checked_rem(frames);
        end.drain_notified |= noticed && end.drain.is_some_and(|drain| position >= drain);
        end.reported_position = position;
        position.checked_rem(frames)
    }

    /// How many frames have passed at `now` that need not be moved for an end whose timer has gone off: what it
    /// waits for has been moved, since another end waited for the same.
    fn passed(&self, port: Port, now: u64) -> u64 {
        let end = self.end(port);
        let (Some(awaited), Some(setup), false) = (end.awaited(), end.setup, end.free_running)
        else {
            return 0;
        };
        let passed = self.due(now);
        let plain = end.drain.is_none() && !self.skipping;
        let there = plain && end.position >= awaited && passed < setup.period;
        passed * u64::from(there)
    }

    /// An end's timer has gone off. Returns what ALSA is to be told; [`Cable::timers`] after
    /// that.
    pub fn wake(&mut self, port: Port, now: u64) -> Wake {
        let passed = self.passed(port, now);
        if passed == 0 {
            self.advance(now);
        }
        self.follow_up = None;
        let skipping = self.skipping;
        let end = self.end_mut(port);
        if let Some(why) = end.pending_stop.take() {
            end.counters.xruns += u64::from(why == Wake::Xrun);
            return why;
        }
        let expired = end.drain_deadline().is_some_and(|latest| latest <= now);
        let awaited = end.awaited().filter(|awaited| end.position >= *awaited);
        let due = match end.free_running {
            true => end.notify_at(port.direction()) == Some(0),
            false => awaited.is_some() && !skipping,
        };
        if !due && !expired {
            return Wake::Nothing;
        }
        end.notified_at = now;
        if !due {
            return Wake::KeepDraining;
        }
        end.counters.wakeups += 1;
        if end.free_running {
            return Wake::Period;
        }
        if let (Some(awaited), Some(setup)) = (awaited, end.setup) {
            let position = end.position + passed;
            end.counters.late += u64::from(position - awaited >= setup.period);
            end.boundary = next_boundary(position, setup.period);
        }
        match end.drain.is_some()
            && end.reportable_position(port.direction()) == end.reported_position
        {
            // ALSA would not notice a period.
            true => Wake::KeepDraining,
            false => Wake::Period,
        }
    }

    /// Sets the pitch, in millionths of the nominal rate, from `now` on.
    pub fn set_pitch(&mut self, pitch: u32, now: u64) {
        self.advance(now);
        let old = core::mem::replace(&mut self.pitch, pitch);
        if let (Some(clock), Some(params)) = (&mut self.clock, self.params) {
            let (follower, now) = (&mut self.follower, self.faults.local(now));
            follower.set_pitch(clock, params.rate, old, pitch, now);
        }
    }

    /// Lets the clock stand still from `now` on, or go on.
    pub fn freeze(&mut self, freeze: bool, now: u64) {
        self.advance(now);
        if self.faults.frozen() && !freeze {
            // The master's time went on.
            self.follower.interrupt();
        }
        self.faults.freeze(freeze, now);
    }

    /// Lets an end that runs have an xrun. Returns whether it runs.
    pub fn force_xrun(&mut self, port: Port) -> bool {
        let end = self.end_mut(port);
        if end.state != EndState::Running {
            return false;
        }
        end.pending_stop = Some(Wake::Xrun);
        true
    }

    fn halt(&mut self, port: Port, state: EndState, now: u64) {
        self.sync_to(now);
        self.follow_up = self.free_running.then_some(port);
        let end = self.end_mut(port);
        let forced = end.pending_stop.take_if(|why| *why == Wake::Xrun).is_some();
        if end.state == EndState::Running {
            end.state = state;
            if state == EndState::Paused {
                if port == Port::Playback {
                    end.note_written();
                }
            } else if end.drain.take().is_none() {
                match core::mem::take(&mut end.overrun) {
                    true => end.counters.xruns += u64::from(forced),
                    false => end.note_xrun(port.direction()),
                }
            }
        }
        self.stop_clock_if_idle();
    }
}
