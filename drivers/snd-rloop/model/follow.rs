// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Followers: from the ticks of a master to the speed of a cable's [`Clock`].
//!
//! A master's count is heard from time to time, in units of its own: ticks of a timer, or frames of
//! another card. The count is exact; the time at which it is heard is not. So
//!
//! 1. a straight line is fitted to the times of the counts ([`Fit`]), by least squares over all of
//!    them so far, and after [`WINDOW`] by the same filter with its gains held. Its slope is the
//!    master's rate, and its noise that of the ticks, averaged;
//! 2. what the cable should have counted is summed up exactly ([`Aim`]), and the clock is made to
//!    go at the master's rate and, for a while, so much faster or slower that it gets there: a
//!    [`Slide`] of at most [`SLEW`]. It never jumps, and where no further tick comes it just goes
//!    on at the master's rate.
//!
//! Before the first ticks a cable goes by its own clock, and after the last at the rate that the
//! master had. Where a master comes back, or leaps, the count goes on from where the cable is: the
//! pause is not made up for.
//!
//! What comes of it (`tests/follow/`): a master is followed once it has been heard for 0.5 s and 8
//! ticks, if it is within ±20 % of nominal. From then on the cable is never farther from the
//! master's count than the ticks' times are from even, to 5 µs (where fewer than 25 of them come in
//! 0.1 s, hardly ever than twice that), and that does not add up, not in a day. A machine on which
//! every fiftieth tick is held up for up to 130 ms makes that hardly ever more than 50 ms. Where a
//! master changes its rate by 1000 ppm from one tick to the next, the cable deviates by less than 1
//! ms, which is made up within 10 s.

use crate::lib::model::clock::{speed, Clock, Slide, PITCH_NOMINAL};
use crate::lib::model::ticks::Heard;
use crate::lib::model::wide::{div_rem, product, scale};

mod fit;

use fit::{Fit, MasterRate, Unit};

const NS_PER_S: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
const MICRO: u64 = 1_000_000;
/// Fractional bits of times relative to the last tick, in nanoseconds.
const TIME_BITS: u32 = 16;

/// The longest time from one tick to the next, in nanoseconds.
pub const TICK_MAX: u64 = NS_PER_S;
/// The span of time that the rate is measured over, in nanoseconds.
pub const WINDOW: u64 = 8 * NS_PER_S;
/// The time (ns) and the number of times for which a master has to be heard before it is followed.
pub const ACQUIRE: (u64, u64) = (NS_PER_S / 2, 8);
/// The most by which a cable goes faster or slower than its master, in millionths.
pub const SLEW: u64 = 5_000;
/// The time that a slide takes where [`SLEW`] does not make it longer, in nanoseconds.
pub const SETTLE: u64 = NS_PER_S;
/// The time after which a master counts as silent, in nanoseconds, or after four ticks if that is
/// longer. If it comes back, it is another one, as far as the count is concerned.
pub const SILENCE: u64 = 250 * MS;
/// The farthest that a cable lets itself be from its master, in nanoseconds.
pub const FAR: u64 = 500 * MS;

/// The time that a cable's clock tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// Its own time: no master has been heard for long enough.
    Own,
    /// Its own time, or the rate that it held before: the master is out of range, more than 20 %
    /// faster or slower than nominal.
    Ignoring,
    /// The master.
    Following,
    /// The rate that the master had, since it is silent.
    Holdover,
}

/// The aim of a cable's clock: where it should be.
#[derive(Clone, Copy, Debug)]
struct Aim {
    /// Frames at the master's last count, and the rest of a frame in parts.
    frames: u64,
    rest: u64,
    /// Parts per frame, at most 10^15.
    frame: u64,
    /// Parts per unit: a fraction's numerator, at most 10^15, and the pitch.
    unit: u64,
    pitch: u64,
    /// Millionths of a frame by which the sum is beyond where it should be.
    bias: i64,
}

impl Aim {
    /// The aim of a cable with this rate and pitch, whose master counts in `unit`: nothing so far.
    fn new(unit: Unit, rate: u32, pitch: u32) -> Self {
        let (numerator, denominator) = unit.frames(rate);
        Self {
            frames: 0,
            rest: 0,
            frame: denominator * MICRO,
            unit: numerator,
            pitch: u64::from(pitch),
            bias: 0,
        }
    }

    /// Adds what the master has counted.
    fn add(&mut self, units: u64) {
        // A fit that is not broken has less than 10 s of units, less than 10^16 parts.
        let sum = product(units.saturating_mul(self.unit), self.pitch) + u128::from(self.rest);
        let (frames, rest) = div_rem(sum, self.frame);
        self.frames = self.frames.wrapping_add(frames);
        self.rest = rest;
    }

    /// The error of a clock that is to go at `speed`: by how many millionths of a frame it is
    /// behind at `now`.
    fn error(&self, fit: &Fit, clock: &Clock, speed: u64, now: u64) -> i64 {
        let (part, _) = div_rem(product(self.rest, MICRO), self.frame);
        let at_count = self.frames.wrapping_mul(MICRO).wrapping_add(part);
        let since =
            now.saturating_sub(fit.last).min(8 * TICK_MAX) as i64 - (fit.ahead >> TIME_BITS);
        let due = at_count.wrapping_add_signed(scale(since, speed, NS_PER_S));
        (due.wrapping_sub(clock.micro_frames(now)) as i64).wrapping_sub(self.bias)
    }
}

/// The follower of a cable's clock: of its own time, or of a master.
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    /// The fit through the master's ticks; some once it has been heard.
    fit: Option<Fit>,
    /// The master's rate when it was last followed.
    held: Option<MasterRate>,
    /// The aim; some while a master is followed and the cable's clock goes.
    aim: Option<Aim>,
    /// Ticks heard.
    ticks: u64,
    /// Times that the count was lost: the master was silent, or leapt.
    breaks: u64,
    /// The steps in which the clock's time passes, in nanoseconds.
    step: u64,
}

impl Follower {
    /// Makes a follower of no master; time passes in steps of `step` nanoseconds.
    pub fn new(step: u64) -> Self {
        Self {
            fit: None,
            held: None,
            aim: None,
            ticks: 0,
            breaks: 0,
            step,
        }
    }

    /// The time that the clock tracks at `now`.
    pub fn state(&self, now: u64) -> Tracking {
        match (&self.fit, self.held) {
            (Some(fit), held) if self.is_heard(now) && fit.is_known() => match held {
                _ if !fit.is_in_range() => Tracking::Ignoring,
                _ => Tracking::Following,
            },
            (_, Some(_)) => Tracking::Holdover,
            (_, None) => Tracking::Own,
        }
    }

    /// Ticks heard since the master was chosen.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Times since then that the master was silent or leapt, so that its count was lost.
    pub fn breaks(&self) -> u64 {
        self.breaks
    }

    /// The deviation of the master, or of the last one if it is silent, from the nominal rate, for
    /// a cable with this rate; in thousandths of a ppm, positive if it is faster. `None` before it
    /// is known.
    pub fn deviation(&self, rate: u32) -> Option<i64> {
        let known = self.fit.filter(Fit::is_known);
        let master = known.map(|fit| fit.master_rate()).or(self.held)?;
        let nominal = speed(rate, PITCH_NOMINAL);
        let faster = master.speed(rate, PITCH_NOMINAL).wrapping_sub(nominal) as i64;
        Some(scale(faster, NS_PER_S, nominal))
    }

    /// Starts the clock of a cable at `now`.
    pub fn start(&mut self, rate: u32, pitch: u32, now: u64) -> Clock {
        let mut clock = Clock::new(rate, pitch, now).in_steps(self.step);
        self.aim = None;
        self.take_up(&mut clock, rate, pitch, now);
        clock
    }

    /// Drops the fit: what is heard next is of another master, or of one that was not listened to
    /// for a while.
    pub fn interrupt(&mut self) {
        self.fit = None;
        self.aim = None;
    }

    /// Hears a tick of the master at `now`.
    pub fn hear(&mut self, heard: Heard, now: u64) {
        let Some(unit) = Unit::new(heard) else { return };
        let position = match heard {
            Heard::Ticks { .. } => 0,
            Heard::Frames { position, .. } => position,
        };
        let Some(fit) = self.fit.as_mut().filter(|fit| fit.unit == unit) else {
            self.begin(unit, position, now);
            return;
        };
        let units = match heard {
            Heard::Ticks { count, .. } => count,
            Heard::Frames { .. } if position >= fit.position => position - fit.position,
            Heard::Frames { boundary, .. } => boundary.saturating_sub(fit.position - position),
        };
        if units == 0 {
            return;
        }
        self.ticks += 1;
        if !fit.tick(units, now) {
            self.breaks += 1;
            self.begin(unit, position, now);
            return;
        }
        fit.position = position;
        if fit.is_known() && fit.is_in_range() {
            self.held = Some(fit.master_rate());
            if let Some(aim) = &mut self.aim {
                aim.add(units);
            }
        } else {
            self.aim = None;
        }
    }

    /// Begins a fit at this tick.
    fn begin(&mut self, unit: Unit, position: u64, now: u64) {
        self.fit = Some(Fit::new(unit, position, now));
        self.aim = None;
    }

    /// Whether the master is not silent at `now`.
    fn is_heard(&self, now: u64) -> bool {
        self.fit
            .is_some_and(|fit| now.saturating_sub(fit.last) <= fit.patience)
    }

    /// Steers a clock nearer to the master, from `now` on.
    pub fn steer(&mut self, clock: &mut Clock, rate: u32, pitch: u32, now: u64) {
        let (Some(fit), Tracking::Following) = (&self.fit, self.state(now)) else {
            return;
        };
        let Some(aim) = &mut self.aim else {
            self.take_up(clock, rate, pitch, now);
            return;
        };
        let speed = fit.master_rate().speed(rate, pitch);
        let error = aim.error(fit, clock, speed, now);
        let far = scale(FAR as i64, speed, NS_PER_S);
        if error.abs() > far {
            self.breaks += 1;
            self.aim = None;
            self.take_up(clock, rate, pitch, now);
            return;
        }

        let most = scale(SLEW as i64, speed, MICRO);
        let extra = scale(error, NS_PER_S, SETTLE).clamp(-most, most);
        let lasts = match extra {
            0 => 0,
            extra => scale(error.abs(), NS_PER_S, extra.unsigned_abs()).unsigned_abs(),
        };
        let slide = Slide {
            speed: speed.saturating_add_signed(extra),
            lasts,
        };
        clock.set_speed(speed, Some(slide), now);
    }

    /// Sets another pitch from `now` on; the clock stays as near to the master as before.
    pub fn set_pitch(&mut self, clock: &mut Clock, rate: u32, old: u32, new: u32, now: u64) {
        let error = self.error(clock, rate, old, now);
        self.aim = None;
        self.take_up(clock, rate, new, now);
        if let Some(aim) = &mut self.aim {
            aim.bias -= error;
        }
    }

    /// The error of a clock: by how many millionths of a frame it is behind; 0 if no master is
    /// followed.
    fn error(&self, clock: &Clock, rate: u32, pitch: u32, now: u64) -> i64 {
        match (&self.aim, &self.fit) {
            (Some(aim), Some(fit)) => {
                let speed = fit.master_rate().speed(rate, pitch);
                aim.error(fit, clock, speed, now)
            }
            _ => 0,
        }
    }

    /// Sets a clock to the master's rate, or the one that it had, or its own. If the master is
    /// followed, its count goes on from where the clock is.
    fn take_up(&mut self, clock: &mut Clock, rate: u32, pitch: u32, now: u64) {
        let speed = match self.held {
            Some(master) => master.speed(rate, pitch),
            None => speed(rate, pitch),
        };
        clock.set_speed(speed, None, now);
        if let (Some(fit), Tracking::Following) = (&self.fit, self.state(now)) {
            let mut aim = Aim::new(fit.unit, rate, pitch);
            aim.bias = aim.error(fit, clock, speed, now);
            self.aim = Some(aim);
        }
    }
}
