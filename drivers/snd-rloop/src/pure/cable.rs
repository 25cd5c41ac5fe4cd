// SPDX-License-Identifier: GPL-2.0-only

//! One cable: a clock, a playback end and a capture end.
//!
//! [`Cable`] is the state that the driver keeps under the cable's lock. Each entry takes the time
//! and first moves every frame whose play time has passed since the last entry from the playback
//! end's buffer into the capture end's. A position that ALSA is told is therefore never ahead of
//! what has been moved, and whoever acts on it (a player that overwrites what was played, a reader
//! that takes what was recorded) finds the frames where they belong, however late a timer was.
//!
//! A frame goes straight from the one buffer to the other: both are reachable here just while
//! their end runs, so a ring in between would only be a second copy.

use core::fmt;

use super::clock::{Clock, PITCH_NOMINAL};
use super::format::Format;
use super::layout::{moves, spans, Access, Layout, Move, Span};
use super::ring::{distance, next_boundary};

/// Which way an end of a cable faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Frames go into the cable.
    Playback,
    /// Frames come out of the cable.
    Capture,
}

/// What ALSA keeps about a stream and changes on its own, read afresh each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// The position that ALSA believes in, modulo `boundary`.
    pub hw: u64,
    /// How far the program has written or read, modulo `boundary`.
    pub appl: u64,
    /// Where the two wrap: a multiple of the buffer's size.
    pub boundary: u64,
    /// The stream stops with an xrun when this many frames are free (playback) or unread
    /// (capture); never if it is more than the buffer has.
    pub stop_threshold: u64,
}

/// A stream's buffer, shared with the program that has opened the stream.
pub trait Buffer {
    /// How its samples lie.
    fn layout(&self) -> &Layout;
    /// ALSA's pointers now.
    fn pointers(&self) -> Pointers;
    /// Carries out a [`Move`] from `source` into this buffer.
    fn copy_from(&self, source: &Self, what: Move);
    /// Fills a [`Span`] with `sample` over and over.
    fn fill(&self, what: Span, sample: &[u8]);
}

/// What the two ends of a cable must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// The sample format.
    pub format: &'static Format,
    /// Frames per second.
    pub rate: u32,
    /// Samples in a frame.
    pub channels: u32,
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {} Hz with {} channel(s)",
            self.format.name, self.rate, self.channels
        )
    }
}

/// What each end chooses for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// From one wake-up to the next, in frames, at least 1.
    pub period: u64,
    /// The buffer's size, in frames.
    pub buffer: u64,
    /// Whether the program wants to be woken after each period.
    pub wakeups: bool,
    /// How the program gets at the buffer.
    pub access: Access,
}

/// What an end is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody has opened it.
    #[default]
    Closed,
    /// Opened, but it has no say in the parameters.
    Open,
    /// It has parameters and a buffer, and stands still.
    Prepared,
    /// It moves.
    Running,
    /// It will go on from where it stopped.
    Paused,
}

/// Counted since the card was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were played into the cable, or delivered to the reader.
    pub moved: u64,
    /// Playback: of these, the ones that no reader was there for.
    pub unheard: u64,
    /// Capture: of these, the ones that were silence because nothing was played.
    pub silence: u64,
    /// Playback: frames that were written only after their play time, when a running reader had
    /// been given silence in their place. Capture: frames that were thrown away because the
    /// reader did not take them in time.
    pub lost: u64,
    /// Times that the stream ran dry (playback) or full (capture) and was stopped for it.
    pub xruns: u64,
    /// Wake-ups for a period or a drain.
    pub wakeups: u64,
    /// Of these, the ones that came so late that the next was due as well.
    pub late: u64,
}

/// One end of a cable.
#[derive(Debug)]
pub struct End<B> {
    /// What it is doing.
    pub state: State,
    /// What it has chosen; there from prepare until it lets go.
    pub setup: Option<Setup>,
    /// Frames since prepare that have been moved.
    pub position: u64,
    /// Sums.
    pub counters: Counters,
    /// There from prepare until [`Cable::retract`]; used only while running.
    buffer: Option<B>,
    /// The position that ALSA was last told.
    reported: u64,
    /// One position by ALSA's count and by ours, to translate its pointers.
    known: (u64, u64),
    /// The next position at which a period ends.
    boundary: u64,
    /// Where what was written ends, once the stream drains.
    drain: Option<u64>,
    /// Whether ALSA has been told that the drain has ended.
    drained: bool,
    /// It ran when the other end was prepared with other parameters, and ALSA is to stop it.
    broken: bool,
    /// Positions that are accounted for as lost, or (playback) given to the reader as silence.
    gap: (u64, u64),
}

/// What ALSA is to be told when a timer has gone off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing.
    Nothing,
    /// A period or a drain has ended.
    Period,
    /// The stream has to stop: the cable has other parameters now.
    Stop,
}

/// The playback stream or the capture stream has other parameters than the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the other end has fixed.
    pub fixed: Params,
}

/// The state of one cable.
#[derive(Debug)]
pub struct Cable<B> {
    /// The parameters of both ends, while at least one has been prepared and has not let go.
    params: Option<Params>,
    /// Whether the playback end may change the parameters under an open capture end.
    notify: bool,
    /// In millionths of the nominal rate.
    pitch: u32,
    /// Goes while an end runs.
    clock: Option<Clock>,
    /// The clock's position up to which everything has been moved.
    moved: u64,
    /// What the playback end was last prepared with.
    played: Option<(Params, Access)>,
    playback: End<B>,
    capture: End<B>,
}

impl<B> End<B> {
    fn new() -> Self {
        Self {
            state: State::Closed,
            setup: None,
            position: 0,
            counters: Counters::default(),
            buffer: None,
            reported: 0,
            known: (0, 0),
            boundary: 0,
            drain: None,
            drained: false,
            broken: false,
            gap: (0, 0),
        }
    }

    /// Whether it plays out what was written and then stops.
    pub fn draining(&self) -> bool {
        self.state == State::Running && self.drain.is_some()
    }

    fn take_back(&mut self, frames: u64) -> u64 {
        let frames = frames.min(self.position.saturating_sub(self.reported));
        self.position -= frames;
        self.counters.moved -= frames;
        frames
    }

    fn running(&self) -> Option<&B> {
        match self.state {
            State::Running => self.buffer.as_ref(),
            _ => None,
        }
    }

    /// The position at which ALSA finds that the stream has drained. ALSA looks only when the
    /// position has moved, so where everything has been played already, one more frame has to go.
    fn drained_at(&self) -> Option<u64> {
        Some(self.drain?.max(self.reported.saturating_add(1)))
    }

    /// The position that ALSA is to be told. Where a drain ends a whole buffer after what ALSA
    /// knows, which it could not tell from no movement at all, it gets there in two steps.
    fn answer(&self, frames: u64) -> u64 {
        let Some(end) = self.drained_at() else {
            return self.position;
        };
        let position = self.position.min(end);
        position.min(self.reported.saturating_add(frames - 1))
    }

    /// The position at which this end next has something to tell ALSA.
    fn awaited(&self) -> Option<u64> {
        self.running()?;
        let boundary = self.setup?.wakeups.then_some(self.boundary);
        let drain = self.drained_at().filter(|_| !self.drained);
        match (boundary, drain) {
            (Some(boundary), Some(drain)) => Some(boundary.min(drain)),
            (boundary, drain) => boundary.or(drain),
        }
    }
}

impl<B: Buffer> End<B> {
    /// ALSA's pointers. To be called with the stream locked only: ALSA then believes in the
    /// position that it was last told.
    fn learn(&mut self) -> Option<Pointers> {
        let pointers = self.buffer.as_ref()?.pointers();
        self.known = (pointers.hw, self.reported);
        Some(pointers)
    }

    /// The position up to which the program has written or read.
    fn appl(&self, pointers: &Pointers) -> u64 {
        let (hw, position) = self.known;
        position.saturating_add_signed(distance(hw, pointers.appl, pointers.boundary))
    }

    /// The position up to which there is something to play.
    ///
    /// A stream that does not stop on an xrun may be written to behind ALSA's back (dmix does
    /// so), hence whatever its buffer holds is played.
    fn written(&self, buffer: &B) -> u64 {
        let pointers = buffer.pointers();
        match self.drain {
            Some(end) => end,
            None if pointers.stop_threshold > buffer.layout().frames => u64::MAX,
            None => self.appl(&pointers),
        }
    }
}

impl<B> Default for Cable<B> {
    fn default() -> Self {
        Self {
            params: None,
            notify: false,
            pitch: PITCH_NOMINAL,
            clock: None,
            moved: 0,
            played: None,
            playback: End::new(),
            capture: End::new(),
        }
    }
}

impl<B> Cable<B> {
    /// The end that faces `direction`.
    pub fn end(&self, direction: Direction) -> &End<B> {
        match direction {
            Direction::Playback => &self.playback,
            Direction::Capture => &self.capture,
        }
    }

    fn end_mut(&mut self, direction: Direction) -> &mut End<B> {
        match direction {
            Direction::Playback => &mut self.playback,
            Direction::Capture => &mut self.capture,
        }
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
        self.clock.is_some()
    }

    /// Whether the playback end may change the parameters under an open capture end.
    pub fn notify(&self) -> bool {
        self.notify
    }

    /// Lets the playback end change the parameters under an open capture end, or no longer.
    pub fn set_notify(&mut self, notify: bool) {
        self.notify = notify;
    }

    /// What the end `direction` is bound to: the parameters that the other end has prepared.
    pub fn bound(&self, direction: Direction) -> Option<Params> {
        match direction {
            Direction::Playback if self.notify => None,
            Direction::Playback => self.capture.setup.and(self.params),
            Direction::Capture => self.playback.setup.and(self.params),
        }
    }

    /// A program has opened this end.
    pub fn open(&mut self, direction: Direction) {
        self.end_mut(direction).state = State::Open;
    }

    /// A program has closed this end; it had let go before.
    pub fn close(&mut self, direction: Direction) {
        self.end_mut(direction).state = State::Closed;
    }

    /// Takes the buffer of an end that has stopped, since ALSA may soon free it.
    pub fn retract(&mut self, direction: Direction) -> Option<B> {
        let end = self.end_mut(direction);
        if end.state != State::Closed {
            end.state = State::Open;
        }
        end.broken = false;
        let buffer = end.buffer.take();
        self.rest();
        buffer
    }

    /// The end no longer has a say in the cable's parameters.
    pub fn release(&mut self, direction: Direction) {
        self.end_mut(direction).setup = None;
        if self.playback.setup.is_none() && self.capture.setup.is_none() {
            self.params = None;
        }
    }

    /// Stops the clock, if no end runs.
    fn rest(&mut self) {
        if self.playback.running().is_none() && self.capture.running().is_none() {
            self.clock = None;
        }
    }

    /// When an end has something to tell ALSA next, by the clock's time.
    pub fn next_wakeup(&self, direction: Direction) -> Option<u64> {
        let end = self.end(direction);
        if end.broken {
            return Some(0);
        }
        let ahead = end.awaited()?.saturating_sub(end.position);
        Some(self.clock?.when(self.moved.saturating_add(ahead)))
    }
}

impl<B: Buffer> Cable<B> {
    /// Sets up an end that stands still: it starts at position 0.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the other end has been prepared with other parameters.
    pub fn prepare(
        &mut self,
        direction: Direction,
        params: Params,
        setup: Setup,
        buffer: B,
    ) -> Result<(), Mismatch> {
        if let Some(fixed) = self.bound(direction).filter(|fixed| *fixed != params) {
            return Err(Mismatch { fixed });
        }
        if direction == Direction::Playback && self.params != Some(params) {
            self.break_capture();
        }
        self.params = Some(params);
        if direction == Direction::Playback {
            self.played = Some((params, setup.access));
        }

        let end = self.end_mut(direction);
        *end = End {
            state: State::Prepared,
            setup: Some(setup),
            buffer: Some(buffer),
            boundary: setup.period,
            counters: end.counters,
            ..End::new()
        };
        Ok(())
    }

    /// The capture end no longer fits what is played. Where it runs it stands still from here on, and
    /// what it has recorded can be read; else it can't start before it has new parameters.
    fn break_capture(&mut self) {
        let end = &mut self.capture;
        if end.setup.take().is_some() {
            end.broken = end.state == State::Running;
            end.state = State::Open;
            self.rest();
        }
    }

    /// Starts an end, or lets it go on after a pause, in the frame that is due at `now`, even if
    /// the other end has been moved beyond it meanwhile: linked ends start in the same frame.
    ///
    /// Returns whether it could: it must have been prepared.
    pub fn start(&mut self, direction: Direction, now: u64) -> bool {
        self.bring_to(now);
        let end = self.end(direction);
        let ready = end.buffer.is_some() && end.setup.is_some();
        let Some(params) = self.params.filter(|_| ready) else {
            return false;
        };
        if self.clock.is_none() {
            self.clock = Some(Clock::new(params.rate, self.pitch, now));
            self.moved = 0;
        }
        let end = self.end_mut(direction);
        // Only now is it certain that ALSA has set its pointers back after `prepare`.
        end.learn();
        end.state = State::Running;
        true
    }

    /// Moves what is due at `now`, and takes back what has been moved beyond it: ends that start or
    /// stop together do so at the same time, but one after the other.
    fn bring_to(&mut self, now: u64) {
        self.advance(now);
        if let Some(clock) = &self.clock {
            let beyond = self.moved.saturating_sub(clock.position(now));
            self.rewind(beyond);
        }
    }

    /// Takes back the last `frames` frames of the one end that runs, as far as ALSA has not been
    /// told of them. They will be moved again.
    fn rewind(&mut self, frames: u64) {
        let (player, reader) = (&mut self.playback, &mut self.capture);
        let frames = match (player.running(), reader.running()) {
            (Some(_), None) => {
                let frames = player.take_back(frames);
                player.counters.unheard = player.counters.unheard.saturating_sub(frames);
                player.gap = (player.position, player.position);
                frames
            }
            (None, Some(_)) => {
                let frames = reader.take_back(frames);
                reader.counters.silence = reader.counters.silence.saturating_sub(frames);
                frames
            }
            _ => 0,
        };
        self.moved -= frames;
    }

    /// Stops an end; it stays where it is. With the stream locked, as all of ALSA's triggers.
    pub fn stop(&mut self, direction: Direction, now: u64) {
        self.halt(direction, State::Prepared, now);
    }

    /// Stops an end that will go on.
    pub fn pause(&mut self, direction: Direction, now: u64) {
        self.halt(direction, State::Paused, now);
    }

    /// The playback end is to play out what has been written so far, then to stop.
    pub fn drain(&mut self, now: u64) {
        self.advance(now);
        let end = &mut self.playback;
        if end.running().is_none() {
            return;
        }
        if let Some(pointers) = end.learn() {
            let written = end.appl(&pointers);
            end.note_late(written);
            (end.drain, end.drained) = (Some(written), false);
        }
    }

    /// Where an end is in its buffer, in frames. `None` if it has moved by so much since it was
    /// last asked that ALSA could not tell by how much: that is an xrun.
    ///
    /// To be called by ALSA alone, with the stream locked: the answer counts as told.
    pub fn pointer(&mut self, direction: Direction, now: u64) -> Option<u64> {
        self.advance(now);
        let end = self.end_mut(direction);
        let (Some(pointers), Some(buffer)) = (end.learn(), &end.buffer) else {
            return Some(0);
        };
        let frames = buffer.layout().frames;

        if direction == Direction::Capture {
            // What the reader has not taken before the next round of the buffer is gone.
            let intact = end.position.saturating_sub(frames);
            let unread = end.appl(&pointers).max(end.gap.1);
            end.counters.lost += intact.saturating_sub(unread);
            end.gap.1 = end.gap.1.max(intact);
        }

        let position = end.answer(frames);
        let told = position.saturating_sub(end.reported);
        if told >= frames && pointers.stop_threshold <= frames {
            return None;
        }
        // ALSA looks at what it is told only if that differs from what it knows, which a reset
        // while the stream was paused may have set back to 0.
        let noticed = position.checked_rem(frames) != pointers.hw.checked_rem(frames);
        end.drained |= noticed && end.drain.is_some_and(|drain| position >= drain);
        end.reported = position;
        position.checked_rem(frames)
    }

    /// An end's timer has gone off. Returns what ALSA is to be told; [`Cable::next_wakeup`] after
    /// that.
    pub fn wake(&mut self, direction: Direction, now: u64) -> Wake {
        self.advance(now);
        let end = self.end_mut(direction);
        if core::mem::take(&mut end.broken) {
            return Wake::Stop;
        }
        let (Some(awaited), Some(setup)) = (end.awaited(), end.setup) else {
            return Wake::Nothing;
        };
        if end.position < awaited {
            return Wake::Nothing;
        }
        end.counters.wakeups += 1;
        end.counters.late += u64::from(end.position - awaited >= setup.period);
        end.boundary = next_boundary(end.position, setup.period);
        Wake::Period
    }

    /// Sets the pitch, in millionths of the nominal rate, from `now` on.
    pub fn set_pitch(&mut self, pitch: u32, now: u64) {
        self.advance(now);
        self.pitch = pitch;
        if let (Some(clock), Some(params)) = (&mut self.clock, self.params) {
            clock.set_pitch(params.rate, pitch, now);
        }
    }

    fn halt(&mut self, direction: Direction, state: State, now: u64) {
        self.bring_to(now);
        let end = self.end_mut(direction);
        if end.state == State::Running {
            end.state = state;
            if state == State::Prepared && end.drain.take().is_none() {
                end.note_xrun(direction);
            }
        }
        self.rest();
    }

    /// Moves every frame whose play time has passed.
    pub fn advance(&mut self, now: u64) {
        let Some(clock) = &self.clock else { return };
        let position = clock.position(now);
        let frames = position.saturating_sub(self.moved);
        if frames == 0 {
            return;
        }
        self.moved = position;
        let silence = self
            .params
            .map_or(&[0][..], |params| params.format.silence());
        let (player, reader) = (&mut self.playback, &mut self.capture);

        let heard = match (player.running(), reader.running()) {
            (None, None) => 0,
            (None, Some(target)) => {
                spans(target.layout(), reader.position, frames, |span| {
                    target.fill(span, silence)
                });
                0
            }
            (Some(source), None) => {
                let written = player.written(source);
                player.note_late(written);
                frames
            }
            (Some(source), Some(target)) => {
                // What would be overwritten at once need not be moved.
                let skip = frames.saturating_sub(target.layout().frames);
                let (from, to) = (player.position + skip, reader.position + skip);
                let rest = frames - skip;
                let written = player.written(source);
                let data = written.saturating_sub(from).min(rest);
                moves(source.layout(), from, target.layout(), to, data, |what| {
                    target.copy_from(source, what)
                });
                spans(target.layout(), to + data, rest - data, |span| {
                    target.fill(span, silence)
                });
                player.note_gap(written, frames);
                written.saturating_sub(player.position).min(frames)
            }
        };

        if player.running().is_some() {
            player.position += frames;
            player.counters.moved += frames;
            if reader.running().is_none() {
                player.counters.unheard += frames;
                player.gap = (player.position, player.position);
            }
        }
        if reader.running().is_some() {
            reader.position += frames;
            reader.counters.moved += frames;
            reader.counters.silence += frames - heard;
        }
    }
}

impl<B: Buffer> End<B> {
    /// Playback: frames that were given to the reader as silence and have been written since are
    /// lost.
    fn note_late(&mut self, written: u64) {
        let (first, end) = self.gap;
        let late = written.min(end).saturating_sub(first);
        self.counters.lost += late;
        self.gap.0 += late;
    }

    /// Playback: the next `frames` frames are about to be given to the reader, those after
    /// `written` as silence.
    fn note_gap(&mut self, written: u64, frames: u64) {
        if self.drain.is_some() || written == u64::MAX {
            return;
        }
        self.note_late(written);
        let next = self.position + frames;
        if self.gap.0 == self.gap.1 {
            self.gap.0 = written.clamp(self.position, next);
        }
        self.gap.1 = next;
    }

    /// Counts an xrun, if it was one that the stream stopped for.
    fn note_xrun(&mut self, direction: Direction) {
        let (Some(pointers), Some(buffer)) = (self.learn(), &self.buffer) else {
            return;
        };
        let frames = buffer.layout().frames;
        let appl = self.appl(&pointers);
        match direction {
            Direction::Playback => {
                self.note_late(appl);
                let free = (self.position + frames).saturating_sub(appl);
                self.counters.xruns += u64::from(free >= pointers.stop_threshold);
            }
            Direction::Capture => {
                let unread = self.position.saturating_sub(appl);
                if unread >= pointers.stop_threshold {
                    self.counters.xruns += 1;
                    self.counters.lost += self.position.saturating_sub(appl.max(self.gap.1));
                    self.gap.1 = self.position;
                }
            }
        }
    }
}
