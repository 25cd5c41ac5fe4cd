// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! A unit of the device that does one job at a time: who may use it, and what its interrupts mean.
//!
//! Those who want it have it in turns. Whoever does not wait for theirs has it only if nobody else does.
//!
//! A job can't be stopped once it has been started, and what is asked of the device meanwhile is ignored. So whoever
//! no longer waits for their job leaves the unit behind, and nobody has it until the device says that it has ended: by
//! its interrupt, or by a register that says whether it is busy.
//!
//! That register says so before the interrupt comes. So the next job can be started before the interrupt of the last
//! one, which then is no end of it: an end is an interrupt that finds the device not busy. If the new job has ended
//! as well by then, its own interrupt comes later, and finds nothing to end, or again a device that is busy.

use core::ops::DerefMut;

use super::turns::{Ticket, Turns};

/// A unit, and those who wait for it, in room for so many that the caller has brought.
#[derive(Debug)]
pub struct Unit<R> {
    state: State,
    turns: Turns<R>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has it, and it does nothing.
    Idle,
    /// Somebody has it, and it does nothing.
    Held,
    /// It does a job for whoever has it.
    Running,
    /// It does a job that nobody waits for.
    Left,
    /// It can't be had any more.
    Gone,
}

/// Why a unit can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Somebody has it or the turn, or it does a job that nobody waits for: later it can be had.
    Busy,
    /// Never again.
    Gone,
}

/// What an interrupt means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing: it is of a job that has been dealt with.
    Nothing,
    /// The job has ended of whoever has the unit, who still has it.
    Ended,
    /// A job has ended that nobody waited for, and the unit can be had.
    Freed,
}

impl<R: DerefMut<Target = [u64]>> Unit<R> {
    /// A unit that nobody has. `busy` is whether the device does a job that was begun by somebody before.
    pub const fn new(busy: bool, room: R) -> Self {
        let state = match busy {
            true => State::Left,
            false => State::Idle,
        };
        let turns = Turns::new(room);
        Self { state, turns }
    }

    /// Those who wait for it.
    pub fn turns(&mut self) -> &mut Turns<R> {
        &mut self.turns
    }

    /// Gives the unit to whoever has `ticket`, who waits no more then, or has come without one. `busy` asks the device;
    /// it is called only where that matters.
    ///
    /// # Errors
    ///
    /// Why it can't be had.
    pub fn hold(
        &mut self,
        ticket: Option<Ticket>,
        busy: impl FnOnce() -> bool,
    ) -> Result<(), Refused> {
        self.can_be_had(ticket, busy)?;
        if let Some(ticket) = ticket {
            self.turns.go(ticket);
        }
        self.state = State::Held;
        Ok(())
    }

    /// Whether [`Unit::hold`] would succeed without a ticket.
    pub fn is_free(&self, busy: impl FnOnce() -> bool) -> bool {
        self.can_be_had(None, busy).is_ok()
    }

    fn can_be_had(
        &self,
        ticket: Option<Ticket>,
        busy: impl FnOnce() -> bool,
    ) -> Result<(), Refused> {
        match self.state {
            State::Gone => Err(Refused::Gone),
            _ if !self.turns.is_turn_of(ticket) => Err(Refused::Busy),
            State::Idle => Ok(()),
            State::Left if !busy() => Ok(()),
            _ => Err(Refused::Busy),
        }
    }

    /// Whoever has the unit starts a job. The device must be told right after this, before it is asked or interrupts
    /// again.
    ///
    /// # Errors
    ///
    /// Nobody has it: it has gone.
    pub fn start(&mut self) -> Result<(), Refused> {
        match self.state {
            State::Held => {
                self.state = State::Running;
                Ok(())
            }
            _ => Err(Refused::Gone),
        }
    }

    /// The device has interrupted, and then was `busy` or not.
    pub fn interrupted(&mut self, busy: bool) -> Meaning {
        match self.state {
            State::Running if !busy => {
                self.state = State::Held;
                Meaning::Ended
            }
            State::Left if !busy => {
                self.state = State::Idle;
                Meaning::Freed
            }
            _ => Meaning::Nothing,
        }
    }

    /// How the job of whoever has the unit has ended; `None` as long as it runs.
    ///
    /// # Errors
    ///
    /// The device has gone, whether before its end or after it nobody knows.
    pub fn outcome(&self) -> Option<Result<(), Refused>> {
        match self.state {
            State::Running => None,
            State::Gone => Some(Err(Refused::Gone)),
            _ => Some(Ok(())),
        }
    }

    /// Whoever has the unit gives it back, whether their job has ended or not. Returns whether they leave one behind.
    pub fn release(&mut self) -> bool {
        self.state = match self.state {
            State::Held => State::Idle,
            State::Running => State::Left,
            other => other,
        };
        self.state == State::Left
    }

    /// The device goes: nobody has the unit any more. Returns whether it did a job that somebody waited for. Done again it
    /// does nothing.
    pub fn leave(&mut self) -> bool {
        let left = self.state == State::Running;
        self.state = State::Gone;
        left
    }

    /// Whether it does a job, whoever waits for it.
    pub fn is_busy(&self) -> bool {
        matches!(self.state, State::Running | State::Left)
    }

    /// Whether the device has gone.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// What it is doing, in a word.
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Idle => "idle",
            State::Held => "held",
            State::Running => "running",
            State::Left => "left",
            State::Gone => "gone",
        }
    }
}
