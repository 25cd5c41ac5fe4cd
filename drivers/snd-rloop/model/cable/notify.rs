// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Notifications: which position is reported to ALSA, what it is notified of, and when a timer has
//! to go off for that.

use core::ops::DerefMut;

use super::super::end::{End, Port};
use super::Cable;
use crate::lib::model::ring::next_boundary;
use crate::lib::model::stream::{Buffer, Wake};

/// The thing that was done to a cable, by which [`Cable::timers`] tells the timers that it
/// concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// An end was started or stopped, with its stream locked.
    State(Port),
    /// ALSA has asked for an end's position, or its program has moved its own, with its stream
    /// locked.
    Position(Port),
    /// An end's timer went off, and ALSA was notified.
    Wakeup(Port),
    /// Anything else.
    All,
}

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// Calls `set` for the timers that have to be set anew after what was done, with the time for
    /// which (ns): `None` disarms one. All others are right as they are.
    pub fn timers(&self, touched: Touched, mut set: impl FnMut(Port, Option<u64>)) {
        // With many ends it takes long even to look at all of them.
        let (one, other, all) = match (touched, self.free_running) {
            // Its timer sees to the others: here a whole group of streams may be locked.
            (Touched::State(which), true) => (Some(which), None, false),
            // What piles up is moved by an end that runs: the playback end, if it does, whose drain
            // may have waited for a reader that has stopped.
            (Touched::State(which), false) => (Some(which), self.carrier(), false),
            // Time moves the ends of a clocked cable, whoever asks for a position.
            (Touched::Position(_), false) => return,
            (Touched::Position(which), true) if !self.moved_unseen => (Some(which), None, false),
            (Touched::Wakeup(which), false) => (Some(which), None, false),
            _ => (None, None, true),
        };
        let carrier = self.carrier();
        let mut set = |port| set(port, self.wakeup(port, carrier == Some(port)));
        if all {
            return self.ports().for_each(set);
        }
        if let Some(one) = one {
            set(one);
        }
        if let Some(other) = other.filter(|other| one != Some(*other)) {
            set(other);
        }
    }

    /// The time at which an end's timer has to go off (ns): ALSA is to be notified then, or the end
    /// `carries` what has piled up. (With many ends, to find out for each whether it carries would
    /// take long.)
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
        let when = self.clock.as_ref()?.when(self.moved.saturating_add(ahead));
        let when = self.faults.when(when)?;
        // However slow the clock is.
        Some(end.drain_deadline().map_or(when, |latest| when.min(latest)))
    }

    /// Notes that a program has moved its position: at a free-running cable frames move. With the
    /// stream locked.
    pub fn acknowledge(&mut self, now: u64) {
        self.moved_unseen = false;
        self.advance(now);
    }

    /// The position of an end in its buffer, in frames, which is thereby reported. `None` for an
    /// xrun: the end has moved by so much since the last report that ALSA could not tell by how
    /// much.
    ///
    /// To be called by ALSA alone, with the stream locked. If ALSA asks because it was notified just
    /// now, there is no `now`, and the position is that of that time: nothing is moved for the frame
    /// or two that have passed since, which with many ends would be done for each of them.
    pub fn pointer(&mut self, port: Port, now: Option<u64>) -> Option<u64> {
        self.moved_unseen = false;
        // What moves a free-running cable is not the time.
        if let Some(now) = now.or(self.free_running.then_some(0)) {
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
            // What the program has not taken before the next round of the buffer is gone.
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
        // ALSA minds a position only if it differs from what it knows, which a reset while the
        // stream was paused may have set back to 0.
        let noticed = position.checked_rem(frames) != pointers.hw.checked_rem(frames);
        end.drain_notified |= noticed && end.drain.is_some_and(|drain| position >= drain);
        end.reported_position = position;
        position.checked_rem(frames)
    }

    /// The number of frames that have passed, of those `due`, and need not be moved for an end whose
    /// timer has gone off: what it waits for has been moved, since another end waited for the same.
    fn passed(&self, port: Port, due: u64) -> u64 {
        let end = self.end(port);
        let (Some(awaited), Some(setup), false) = (end.awaited(), end.setup, end.free_running)
        else {
            return 0;
        };
        let plain = end.drain.is_none() && !self.skipping;
        let there = plain && end.position >= awaited && due < setup.period;
        due * u64::from(there)
    }

    /// Handles the expiry of an end's timer at `now`. Returns what ALSA is then notified of;
    /// [`Cable::timers`] says what to arm after that. With no stream locked.
    pub fn wake(&mut self, port: Port, now: u64) -> Wake {
        let (at, moved, left) = self.woken;
        let again = (at, moved) == (now, self.moved) && !self.backlog && !self.free_running;
        let due = if again { left } else { self.due(now) };
        let passed = self.passed(port, due);
        if passed == 0 && !(again && due == 0) {
            self.advance_by(due);
        }
        self.woken = (now, self.moved, passed);
        self.follow_up = None;
        let skipping = self.skipping;
        let end = self.end_mut(port);
        end.served += 1;
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
}
