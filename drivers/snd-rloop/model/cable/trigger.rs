// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Triggers: ends are started and stopped, each in its frame.

use core::ops::DerefMut;

use super::super::end::{End, EndState, Port};
use super::{Cable, Effort};
use crate::lib::model::stream::{Buffer, Wake};

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// Notes that an end is about to start together with so many streams in all.
    pub fn share_effort(&mut self, streams: u32) {
        let carry = Effort::shared(streams).carry;
        self.effort.carry = match self.is_running() {
            true => self.effort.carry.min(carry),
            false => carry,
        };
    }

    /// Starts an end, or lets it go on after a pause, in the frame that is due at `now`, even if
    /// others have been moved beyond it meanwhile: linked ends start in the same frame. With the
    /// stream locked.
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
        self.set_state(port, EndState::Running);
        self.follow_up = self.free_running.then_some(port);
        self.update_playback_lag();
        true
    }

    /// Stops an end at `now`; it keeps its position. With the stream locked.
    pub fn stop(&mut self, port: Port, now: u64) {
        self.halt(port, EndState::Prepared, now);
    }

    /// Pauses an end at `now`; it will go on from its position. With the stream locked.
    pub fn pause(&mut self, port: Port, now: u64) {
        self.halt(port, EndState::Paused, now);
    }

    /// Drains the playback end from `now` on: it plays what has been written so far, then ALSA
    /// stops it. With the stream locked.
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

    /// Forces an xrun on an end that runs; its timer then notifies ALSA. Returns whether it runs.
    pub fn force_xrun(&mut self, port: Port) -> bool {
        let end = self.end_mut(port);
        if end.state != EndState::Running {
            return false;
        }
        end.pending_stop = Some(Wake::Xrun);
        true
    }

    /// Stops an end at `now`, with `state` as its next; counts the xrun, if it was one.
    fn halt(&mut self, port: Port, state: EndState, now: u64) {
        self.sync_to(now);
        self.follow_up = self.free_running.then_some(port);
        let end = self.end_mut(port);
        let forced = end.pending_stop.take_if(|why| *why == Wake::Xrun).is_some();
        if end.state == EndState::Running {
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
            self.set_state(port, state);
        }
        self.stop_clock_if_idle();
    }

    /// Brings the cable to `now`: moves what is due, and rewinds what has been moved beyond it.
    /// Ends that start or stop together do so at the same time, but one after the other.
    fn sync_to(&mut self, now: u64) {
        self.advance_to(now);
        if let Some(clock) = &self.clock {
            let position = clock.position(self.faults.local(now));
            let beyond = self.moved.saturating_sub(position);
            self.rewind(beyond);
        }
    }

    /// Rewinds the last `frames` frames of the ends that run, as far as they have not been reported
    /// to ALSA. They will be moved again.
    ///
    /// Does nothing while a reader gets nearer to another delay: it has had more or fewer frames
    /// than passed.
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
}
