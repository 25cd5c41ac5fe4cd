// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Moving frames, in steps of a bounded cost.
//!
//! Whoever moves frames holds the cable's lock, with interrupts off. So no more is moved at a time
//! than [`Effort::step`] allows; the position that is reported to ALSA is that of what has been
//! moved, and the rest follows. So that there seldom is a rest, a timer moves frames before much
//! has piled up ([`Effort::carry`]), though nobody may be waiting for them; none is needed where the
//! readers' buffers are no larger than that.
//!
//! Where frames come in faster than they can be moved, those that a reader's buffer can't hold any
//! more are not moved at all: they are lost, and counted.

use core::ops::DerefMut;

use super::super::end::{copy_frames, End, EndState, Port};
use super::delay::DELAY_CHUNK;
use super::Cable;
use crate::lib::model::layout::Layout;
use crate::lib::model::stream::Buffer;

/// The effort that is made in one go, in units: the cost of a byte that is moved in one run with
/// others, some 0.3 instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The most that may be moved with the lock held.
    pub step: u64,
    /// The least that may pile up before a timer moves it: this, or as much as comes in in 1/8000 s
    /// if that is more.
    pub carry: u64,
}

impl Effort {
    /// The effort for ends that start, and may be stopped, together with others, while all of these
    /// are locked: so many streams. The more they are, the less may pile up at each.
    pub fn shared(streams: u32) -> Self {
        let (each, all) = (Self::default(), CARRY_ALL / u64::from(streams.max(1)));
        Self {
            carry: all.clamp(CARRY_MIN, each.carry),
            ..each
        }
    }
}

/// The units that may pile up at linked streams together, before a timer moves them.
const CARRY_ALL: u64 = 1 << 20;
/// The units that may pile up at each, however many they are: with 128 it is all.
const CARRY_MIN: u64 = 8 << 10;

impl Default for Effort {
    /// 0.1 to 0.2 ms on a machine of 500 MIPS.
    fn default() -> Self {
        Self {
            step: 256 << 10,
            carry: 32 << 10,
        }
    }
}

/// The units for a sample that changes its layout, beside its bytes.
const SAMPLE: u64 = 16;
/// The units for a frame of which a seed says whether it goes wrong.
const SEEDED: u64 = 64;
/// The units for a run of samples, in each step.
const RUN: u64 = 32;
/// The units for a buffer that is written to, in each step.
const TARGET: u64 = 256;
/// The least number of frames that a timer goes off for: as of a period.
const FRAMES_MIN: u64 = 16;
/// The steps that what can't wait may take: an end that starts or stops does so in its frame.
const STEPS_AT_ONCE: u64 = 2;

/// The place where moved frames are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Nowhere: they are only counted.
    Nothing,
    /// In the delay line: in the readers' buffers they would be overwritten before anybody sees
    /// them.
    DelayLine,
    /// In the readers' buffers, too.
    All,
}

/// The cost of moving frames, in units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// For any number of them, in each step.
    step: u64,
    /// For each of them.
    frame: u64,
}

impl Cost {
    /// Adds the cost of filling a buffer: from another, or with silence.
    fn add(&mut self, from: Option<&Layout>, to: &Layout) {
        let channels = to.channels as u64;
        let runs = to.planes().map_or(1, |_| channels);
        self.step += TARGET + RUN * runs;
        self.frame += to.frame() as u64;
        if from.is_some_and(|from| from.planes().is_some() != to.planes().is_some()) {
            self.frame += SAMPLE * channels;
        }
    }

    /// The cost with another's added to it.
    fn with(self, other: Self) -> Self {
        Self {
            step: self.step + other.step,
            frame: self.frame + other.frame,
        }
    }

    /// The cost without another's, which has been added to it.
    fn without(self, other: Self) -> Self {
        Self {
            step: self.step - other.step,
            frame: self.frame - other.frame,
        }
    }

    /// The number of frames that can be moved for `units`, at least 1 if these are a `whole`
    /// step's.
    fn frames(&self, units: u64, whole: bool) -> u64 {
        let frames = units.saturating_sub(self.step).checked_div(self.frame);
        frames.unwrap_or(u64::MAX).max(u64::from(whole))
    }

    /// The cost of so many frames.
    fn of(&self, frames: u64) -> u64 {
        self.step.saturating_add(self.frame.saturating_mul(frames))
    }
}

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// Moves frames whose play time has passed at `now`, in the order of time; at a free-running
    /// cable, frames that have been written and that all readers have room for. No more than may be
    /// moved at a time.
    ///
    /// Returns whether all have been moved.
    pub fn advance(&mut self, now: u64) -> bool {
        self.advance_by(self.due(now))
    }

    /// As [`Cable::advance`], where so many frames are due.
    pub(super) fn advance_by(&mut self, due: u64) -> bool {
        self.advance_for(due, self.effort.step)
    }

    /// Moves all frames whose play time has passed at `now`, or loses them.
    pub(super) fn advance_to(&mut self, now: u64) {
        let units = self.effort.step.saturating_mul(STEPS_AT_ONCE);
        if !self.advance_for(self.due(now), units) && self.clock.is_some() {
            self.lose_frames(self.due(now));
        }
    }

    /// Whether more is due than could be moved in one go.
    pub fn is_behind(&self) -> bool {
        self.backlog
    }

    /// The number of frames that are to be moved at `now`.
    pub fn due(&self, now: u64) -> u64 {
        match &self.clock {
            Some(clock) => clock
                .position(self.faults.local(now))
                .saturating_sub(self.moved),
            None if self.faults.frozen() => 0,
            None => self.movable_frames(),
        }
    }

    /// Moves up to `left` frames, which are due, for so many units.
    fn advance_for(&mut self, mut left: u64, mut units: u64) -> bool {
        if left == 0 {
            (self.backlog, self.skipping) = (false, false);
            return true;
        }
        // If nobody has looked for long, what comes first will be overwritten in each reader's
        // buffer by what follows.
        let (heard, line) = (self.reader_frames(), self.delay_line_frames());
        let surplus = left.saturating_sub(heard.saturating_add(line));
        if surplus > 0 {
            if self.skipping {
                // As it was the last time, and it has not been moved since.
                self.lose_frames(left);
                return true;
            }
            self.skipping = true;
            self.move_frames(surplus, Keep::Nothing);
            left -= surplus;
        }
        let cost = self.cost();
        let mut whole = true;
        while left > 0 {
            let most = cost.frames(units, whole);
            if most == 0 {
                break;
            }
            let (next, keep) = match left.checked_sub(heard) {
                Some(ahead @ 1..) => (ahead, Keep::DelayLine),
                // Or what is still to be heard would be overwritten.
                _ if line > 0 => (left.min(DELAY_CHUNK), Keep::All),
                _ => (left, Keep::All),
            };
            let next = next.min(most);
            self.move_frames(next, keep);
            left -= next;
            (units, whole) = (units.saturating_sub(cost.of(next)), false);
        }
        self.update_playback_lag();
        self.backlog = left > 0;
        self.skipping &= self.backlog;
        !self.backlog
    }

    /// The number of frames that the reader with the largest buffer can have before it.
    fn reader_frames(&self) -> u64 {
        let captures = self.captures.iter().filter_map(|end| end.running());
        let frames = captures.map(|buffer| buffer.layout().frames);
        frames.max().unwrap_or(0)
    }

    /// The number of frames that the delay line holds.
    fn delay_line_frames(&self) -> u64 {
        self.delay_line
            .as_ref()
            .map_or(0, |line| line.layout().frames)
    }

    /// Loses the next `frames` frames: no reader gets them, and each has an xrun.
    fn lose_frames(&mut self, frames: u64) {
        self.move_frames(frames, Keep::Nothing);
        for end in self.captures.iter_mut() {
            end.note_overrun();
        }
        self.update_playback_lag();
        (self.backlog, self.skipping) = (false, false);
    }

    /// Moves the next `frames` frames, those that an injected fault concerns as it wants it.
    fn move_frames(&mut self, frames: u64, keep: Keep) {
        let mut left = frames;
        self.moved_unseen = true;
        while left > 0 {
            let (run, copies) = match (self.has_reader(), keep) {
                (true, Keep::Nothing) => {
                    self.faults.pass(left);
                    (left, 1)
                }
                (true, _) => self.faults.run(left),
                (false, _) => (left, 1),
            };
            left -= run;
            self.move_run(run, copies, keep);
            self.moved += run;
        }
        if keep == Keep::Nothing {
            // What the delay lines hold is of another time.
            self.delay_line_begin = self.moved;
            if let Some(replacement) = &mut self.replacement {
                replacement.restart(self.moved);
            }
        }
    }

    /// Whether a frame can be moved to all readers in one go, if all ends run that have been
    /// prepared.
    pub(super) fn fits_step(&self) -> bool {
        let cost = self.cost_for(|end| end.setup.and(end.buffer.as_ref()));
        self.flipping(cost).of(1) <= Effort::default().step
    }

    /// The cost of moving frames now.
    fn cost(&self) -> Cost {
        debug_assert_eq!(self.running_cost, self.cost_for(End::running));
        let mut cost = self.flipping(self.running_cost);
        if self.faults.scatter() {
            cost.frame += cost.step;
        }
        cost
    }

    /// The cost with that of flipping bits, as long as a fault wants it.
    fn flipping(&self, mut cost: Cost) -> Cost {
        if !self.faults.flip.is_none() && cost.frame > 0 {
            let flip = match self.faults.flip.is_seeded() {
                true => SEEDED,
                false => SAMPLE,
            };
            cost.frame += flip * self.captures.len() as u64;
        }
        cost
    }

    /// The cost of moving frames with the buffers that `used` says.
    fn cost_for(&self, used: impl Fn(&End<B>) -> Option<&B>) -> Cost {
        let mut cost = Cost::default();
        let playback = used(&self.playback).map(B::layout);
        let replacement = self.replacement.as_ref();
        let replacement = replacement.map(|replacement| &replacement.line);
        for line in self.delay_line.iter().chain(replacement) {
            cost.add(playback, line.layout());
        }
        for end in self.captures.iter() {
            if let Some(buffer) = used(end) {
                cost = cost.with(self.capture_cost(playback, buffer));
            }
        }
        cost
    }

    /// The cost of filling one capture end's buffer, with a playback end of this layout.
    fn capture_cost(&self, playback: Option<&Layout>, buffer: &B) -> Cost {
        let mut cost = Cost::default();
        let line = self.delay_line.as_ref().map(B::layout);
        cost.add(line.or(playback), buffer.layout());
        cost
    }

    /// Changes an end's state. With many readers it would take long to find out each time what
    /// they cost together, which is the first, and how much they hold: so it is kept.
    pub(super) fn set_state(&mut self, port: Port, state: EndState) {
        let ran = self.end(port).running().is_some();
        self.end_mut(port).state = state;
        let end = self.end(port);
        let runs = end.running().is_some();
        let (Port::Capture(number), Some(buffer)) = (port, &end.buffer) else {
            self.recount();
            return;
        };
        if ran == runs {
            return;
        }
        let cost = self.capture_cost(self.playback.running().map(B::layout), buffer);
        if runs {
            let frames = buffer.layout().frames;
            self.longest_reader = match self.first_reader < self.captures.len() {
                true => self.longest_reader.max(frames),
                false => frames,
            };
            self.running_cost = self.running_cost.with(cost);
            self.first_reader = self.first_reader.min(number);
        } else {
            self.running_cost = self.running_cost.without(cost);
            if self.first_reader == number {
                self.first_reader = self.reader_from(number + 1);
            }
        }
    }

    /// Finds out anew what the ends that run cost. To be called when the playback end has started
    /// or stopped, and when a delay line has come or gone.
    pub(super) fn recount(&mut self) {
        self.running_cost = self.cost_for(End::running);
        self.first_reader = self.reader_from(0);
        self.longest_reader = self.reader_frames();
    }

    /// The first capture end from `number` on that runs, or the number of all if none does.
    fn reader_from(&self, number: usize) -> usize {
        let mut captures = self.captures.iter().skip(number);
        let ahead = captures.position(|end| end.running().is_some());
        ahead.map_or(self.captures.len(), |ahead| number + ahead)
    }

    /// The carrier: the end whose timer moves frames when many have piled up. One that runs, if
    /// there is one.
    pub fn carrier(&self) -> Option<Port> {
        if self.playback.running().is_some() {
            return Some(Port::Playback);
        }
        debug_assert_eq!(self.first_reader, self.reader_from(0));
        (self.first_reader < self.captures.len()).then_some(Port::Capture(self.first_reader))
    }

    /// The number of frames that may pile up before the carrier moves them, though nobody waits for
    /// them; `None` if there is nothing to be moved, or never more than that, however many pile up.
    pub fn carries_after(&self) -> Option<u64> {
        let (cost, params) = (self.cost(), self.params?);
        let units = cost.frame.saturating_mul(params.rate.into()) / 8_000;
        let units = units.max(self.effort.carry).min(self.effort.step);
        let frames = units.checked_div(cost.frame)?.max(FRAMES_MIN);
        debug_assert!(self.longest_reader >= self.reader_frames());
        // Others are overwritten before anybody sees them.
        let seen = self.longest_reader + self.delay_line_frames();
        (seen > frames).then_some(frames)
    }

    /// The number of frames that can be moved at a free-running cable: what has been written and
    /// not been moved, as far as there is a reader and all of them have room for it.
    fn movable_frames(&self) -> u64 {
        let ready = self.playback.running().map_or(0, |source| {
            let written = self.playback.written(source);
            written.saturating_sub(self.playback.position)
        });
        let captures = self.captures.iter();
        let rooms = captures.filter_map(|end| Some(end.room(end.running()?)));
        // A fault may let a frame take the room of two.
        let most = if self.faults.double.is_none() { 1 } else { 2 };
        let room = rooms.min().unwrap_or(0) / most;
        room.min(ready)
    }

    /// Whether the playback end and a capture end run.
    fn has_reader(&self) -> bool {
        self.playback.running().is_some() && self.first_reader < self.captures.len()
    }

    /// Moves the next `frames` frames, a run that is treated alike; the readers get them `copies`
    /// times.
    fn move_run(&mut self, frames: u64, copies: u64, keep: Keep) {
        let kept = keep == Keep::All;
        let delay = self.delay();
        let silence = self
            .params
            .map_or(&[0][..], |params| params.format.silence());
        let (playback, captures) = (&mut self.playback, &mut self.captures);
        let heard = self.first_reader < captures.len();

        let source = playback.running();
        let written = source.map(|source| playback.written(source));
        let data = written.map_or(0, |written| {
            written.saturating_sub(playback.position).min(frames)
        });
        let flip = self.faults.flip;
        let source = source.map(|source| (source, playback.position));
        if keep != Keep::Nothing {
            let next = self
                .replacement
                .as_ref()
                .map(|replacement| &replacement.line);
            for line in self.delay_line.iter().chain(next) {
                copy_frames(line, self.moved, source, data, frames, silence);
            }
        }
        for capture in captures.iter_mut() {
            for _ in 0..copies {
                let at = capture.position;
                match &self.delay_line {
                    Some(line) => {
                        let line = (line, self.delay_line_begin);
                        capture.receive_delayed(line, (self.moved, frames), delay, silence, kept);
                    }
                    None if kept => capture.receive(source, data, frames, silence),
                    None => capture.skip(frames),
                }
                if capture.running().is_some() {
                    capture.counters.silence += frames - data;
                }
                if kept {
                    { flip }.each_wrong(data, |before, frames| capture.flip(at + before, frames));
                }
            }
        }
        if heard && copies > 0 {
            self.faults.flip.pass(data);
        }

        let Some(written) = written else { return };
        if heard {
            playback.note_gap(written, frames);
        } else {
            playback.note_late(written);
        }
        playback.position += frames;
        playback.counters.moved += frames;
        if !heard {
            playback.counters.unheard += frames;
            playback.gap = playback.position..playback.position;
        }
    }
}
