// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The clock of a cable: its pitch, and the master that it follows.

use core::ops::DerefMut;

use super::super::end::End;
use super::super::follow::{Follower, Tracking};
use super::Cable;
use crate::lib::model::stream::Buffer;
use crate::lib::model::ticks::Heard;

impl<B, R> Cable<B, R> {
    /// The follower of the clock.
    pub fn follower(&self) -> &Follower {
        &self.follower
    }

    /// The time that the clock tracks at `now`.
    pub fn follows(&self, now: u64) -> Tracking {
        self.follower.state(self.faults.local(now))
    }

    /// Sets the source of the clock from `now` on: its own time in steps of `step` nanoseconds,
    /// until a master is heard.
    pub fn set_source(&mut self, step: u64, now: u64) {
        let now = self.faults.local(now);
        self.follower = Follower::new(step);
        if let (Some(clock), Some(params)) = (&mut self.clock, self.params) {
            clock.set_step(step, now);
            clock.set_pitch(params.rate, self.pitch, now);
        }
    }

    /// Notes that another master is listened to from now on.
    pub fn listen(&mut self) {
        self.follower.interrupt();
    }

    /// Hears a tick of the master, which came at the time `at`; it is `now`. Returns whether the
    /// clock goes much faster or slower since, so that timers should be set anew: by less than a
    /// hundredth they may be late.
    pub fn hear(&mut self, heard: Heard, at: u64, now: u64) -> bool {
        if self.faults.frozen() {
            return false;
        }
        let (at, now) = (self.faults.local(at), self.faults.local(now));
        self.follower.hear(heard, at);
        let (Some(clock), Some(params)) = (&mut self.clock, self.params) else {
            return false;
        };
        let before = clock.speed(now);
        self.follower.steer(clock, params.rate, self.pitch, now);
        before.abs_diff(clock.speed(now)) > before / 100
    }
}

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// Sets the pitch, in millionths of the nominal rate, from `now` on.
    pub fn set_pitch(&mut self, pitch: u32, now: u64) {
        self.advance(now);
        let old = core::mem::replace(&mut self.pitch, pitch);
        if let (Some(clock), Some(params)) = (&mut self.clock, self.params) {
            let (follower, now) = (&mut self.follower, self.faults.local(now));
            follower.set_pitch(clock, params.rate, old, pitch, now);
        }
    }

    /// Stops the clock's time at `now`, or lets it go on: an injected fault.
    pub fn freeze(&mut self, freeze: bool, now: u64) {
        self.advance(now);
        if self.faults.frozen() && !freeze {
            // The master's time went on.
            self.follower.interrupt();
        }
        self.faults.freeze(freeze, now);
    }
}
