// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The unit that computes factorials, and for whom.

use core::ops::DerefMut;

use super::turns::{Ticket, Turns};
use super::unit::{Meaning, Refused, Unit};

/// The unit, with the job `J` that it does.
#[derive(Debug)]
pub struct Factorial<J, R> {
    unit: Unit<R>,
    /// There is one if and only if the unit runs for it.
    job: Option<J>,
}

/// What an interrupt has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<J> {
    /// Nothing.
    Nothing,
    /// A job that nobody waited for.
    Left,
    /// This one, with this result.
    Job(J, u32),
}

impl<J, R: DerefMut<Target = [u64]>> Factorial<J, R> {
    /// A unit without a job; `busy` is whether the device computes. Those who wait are as many as there is room for.
    pub const fn new(busy: bool, room: R) -> Self {
        Self {
            unit: Unit::new(busy, room),
            job: None,
        }
    }

    /// Those who wait for it.
    pub fn turns(&mut self) -> &mut Turns<R> {
        self.unit.turns()
    }

    /// Starts `job`, of whoever has `ticket`, as [`Unit::hold`]: the device must be given its number right after this.
    /// `busy` asks the device.
    ///
    /// # Errors
    ///
    /// Why it can't be started.
    pub fn start(
        &mut self,
        job: J,
        ticket: Option<Ticket>,
        busy: impl FnOnce() -> bool,
    ) -> Result<(), Refused> {
        self.unit.hold(ticket, busy)?;
        self.unit.start()?;
        self.job = Some(job);
        Ok(())
    }

    /// Whether a job can be started without a ticket.
    pub fn is_free(&self, busy: impl FnOnce() -> bool) -> bool {
        self.unit.is_free(busy)
    }

    /// The device has interrupted, then was `busy` or not, and its register had `value`.
    pub fn interrupted(&mut self, busy: bool, value: u32) -> Ended<J> {
        match (self.unit.interrupted(busy), self.job.take()) {
            (Meaning::Ended, Some(job)) => {
                self.unit.release();
                Ended::Job(job, value)
            }
            (Meaning::Freed, _) => Ended::Left,
            (_, job) => {
                self.job = job;
                Ended::Nothing
            }
        }
    }

    /// Nobody waits any more for the job that `is` says so of; it is returned if it is being done.
    pub fn give_up(&mut self, is: impl FnOnce(&J) -> bool) -> Option<J> {
        if !self.job.as_ref().is_some_and(is) {
            return None;
        }
        self.unit.release();
        self.job.take()
    }

    /// The device goes. Returns the job that it did, if somebody waited for that.
    pub fn leave(&mut self) -> Option<J> {
        self.unit.leave();
        self.job.take()
    }

    /// What it is doing, in a word.
    pub fn word(&self) -> &'static str {
        self.unit.word()
    }
}
