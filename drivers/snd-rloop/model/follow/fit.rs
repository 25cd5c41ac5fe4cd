// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The fit of a master: a straight line through the times of its ticks, whose slope is its rate.

use super::{ACQUIRE, MS, NS_PER_S, SILENCE, TICK_MAX, TIME_BITS, WINDOW};
use crate::lib::model::clock::speed;
use crate::lib::model::ticks::Heard;
use crate::lib::model::wide::{div_rem, product, scale};

/// Fractional bits of a [`Fit`]'s slope, which is in nanoseconds.
const SLOPE_BITS: u32 = 32;
/// The master's time, in nanoseconds, whose ticks count as one: that which is least late.
const BLOCK: u64 = 100 * MS;
/// Which tick of a block is least late can be told only by a slope that is about right. Where so
/// many ticks or more make a block, and the slope turns out to be far from nominal (by more than
/// this part of it), the line begins with the block of this number, of which it can.
const MANY: u64 = 10;
const FAR_OFF: u64 = 512;
const BEGIN: u64 = 3;
/// The number of blocks on end out of line that make a new line.
const OUTLIERS: u32 = 4;
/// The number of blocks on end on one side of the line after which its window is halved: chance
/// hardly does that, so the master's rate has changed.
const RUN: i32 = 16;

/// The unit that a master counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Ticks of so many nanoseconds, 1 to [`TICK_MAX`].
    Tick(u64),
    /// Frames at this rate, at least 1.
    Frame(u64),
}

impl Unit {
    /// The unit of a tick; `None` if no clock can be told from it.
    pub(super) fn new(heard: Heard) -> Option<Self> {
        match heard {
            Heard::Ticks { resolution, .. } => (1..=TICK_MAX)
                .contains(&resolution)
                .then_some(Self::Tick(resolution)),
            Heard::Frames { rate, .. } => (rate > 0).then_some(Self::Frame(u64::from(rate))),
        }
    }

    /// Its nominal length in nanoseconds, with [`SLOPE_BITS`]; less than 2^63.
    fn nominal(self) -> u64 {
        match self {
            Self::Tick(resolution) => resolution << SLOPE_BITS,
            Self::Frame(rate) => (NS_PER_S << SLOPE_BITS) / rate.max(1),
        }
    }

    /// The speed of a cable with this rate and pitch that follows a nominal master, in millionths
    /// of a frame per second.
    pub(super) fn speed(self, rate: u32, pitch: u32) -> u64 {
        match (self, self.frames(rate)) {
            (Self::Tick(resolution), (frames, 1)) => {
                div_rem(product(frames * u64::from(pitch), NS_PER_S), resolution).0
            }
            _ => speed(rate, pitch),
        }
    }

    /// The number of frames of a cable with this rate that it is, as a fraction, less than 2^50 /
    /// 2^32.
    ///
    /// Nanoseconds are too coarse for most periods. Where a tick's length is that of a whole number
    /// of frames, rounded, or of so many frames that were rounded one by one (as
    /// `Documentation/sound/utimers.rst` of the kernel computes it), that number is meant.
    pub(super) fn frames(self, rate: u32) -> (u64, u64) {
        let rate = u64::from(rate).max(1);
        let resolution = match self {
            Self::Frame(master) => return (rate, master),
            Self::Tick(resolution) => resolution,
        };
        let product = resolution * rate;
        let whole = (product + NS_PER_S / 2) / NS_PER_S;
        let rounded = (whole * NS_PER_S).abs_diff(product) < rate;
        let frame = NS_PER_S / rate;
        match (resolution.checked_rem(frame), resolution.checked_div(frame)) {
            _ if whole > 0 && rounded => (whole, 1),
            (Some(0), Some(frames)) => (frames, 1),
            _ => (product, NS_PER_S),
        }
    }
}

/// A fit: a straight line through the times of a master's counts.
///
/// A tick may be heard late, never early, and often all that are due come at once: of each
/// [`BLOCK`] the least late tick is taken. The line is the least-squares fit of these, kept up by
/// the gains of an expanding-memory filter (the n-th of evenly spaced points corrects the line's
/// offset by 2(2n-1)/n(n+1) of what it is off, and its slope by 6/n(n+1) of that per unit), with n
/// held at [`WINDOW`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// The unit of the counts.
    pub(super) unit: Unit,
    /// The last tick: its time, and for frames the master's position.
    pub(super) last: u64,
    pub(super) position: u64,
    /// The time of the first tick.
    first: u64,
    /// Ticks so far.
    ticks: u64,
    /// Units that the fit spans.
    span: u64,
    /// Nanoseconds per unit, with [`SLOPE_BITS`].
    slope: u64,
    /// The line's time at the last count, after `last`; nanoseconds with [`TIME_BITS`].
    pub(super) ahead: i64,
    /// Units since the fit, the least late tick of these, in nanoseconds with [`TIME_BITS`], and
    /// where in the block that was.
    block: u64,
    best: Option<(i64, u64)>,
    /// Units from the tick that was last taken into the fit to the end of its block.
    rest: u64,
    /// Blocks so far.
    blocks: u64,
    /// The distance of these from the line, on average; nanoseconds with [`TIME_BITS`].
    jitter: u64,
    /// Blocks on end that were out of line.
    outliers: u32,
    /// Blocks on end that were late, or (negative) early.
    run: i32,
    /// The time to wait for the next tick, in nanoseconds.
    pub(super) patience: u64,
}

impl Fit {
    /// Begins a fit at the first tick, at `now`.
    pub(super) fn new(unit: Unit, position: u64, now: u64) -> Self {
        Self {
            unit,
            last: now,
            position,
            first: now,
            ticks: 1,
            span: 0,
            slope: unit.nominal(),
            ahead: 0,
            block: 0,
            best: None,
            rest: 0,
            blocks: 0,
            jitter: 0,
            outliers: 0,
            run: 0,
            patience: 4 * TICK_MAX,
        }
    }

    /// Takes a tick after `units` more, at `now`. Returns whether it fits to the line so far.
    pub(super) fn tick(&mut self, units: u64, now: u64) -> bool {
        let elapsed = now.saturating_sub(self.last);
        let expected = (product(units, self.slope) >> (SLOPE_BITS - TIME_BITS)) as u64;
        let nominal = product(units, self.unit.nominal()) >> SLOPE_BITS;
        let patience = (nominal as u64).saturating_mul(4);
        let patience = patience.clamp(SILENCE, 4 * TICK_MAX);
        if nominal > u128::from(patience) || elapsed > patience {
            return false;
        }
        let late = (elapsed << TIME_BITS) as i64 - expected as i64 - self.ahead;
        if late.unsigned_abs() >> TIME_BITS > patience {
            return false;
        }
        self.patience = patience;
        self.last = now;
        self.ticks += 1;
        self.ahead = late.saturating_neg();

        self.block += units;
        if self.best.is_none_or(|(least, _)| late < least) {
            self.best = Some((late, self.block));
        }
        if product(self.block, self.unit.nominal()) >> SLOPE_BITS >= u128::from(BLOCK) {
            self.fit();
        }
        true
    }

    /// Takes the least late tick of the block that ends with the last one into the fit.
    fn fit(&mut self) {
        let units = core::mem::take(&mut self.block);
        let Some((late, at)) = self.best.take() else {
            return;
        };
        let apart = core::mem::replace(&mut self.rest, units - at) + at;
        self.blocks += 1;
        let nominal = self.unit.nominal();
        let begins = self.blocks == BEGIN
            && self.ticks >= MANY * BEGIN
            && self.slope.abs_diff(nominal) > nominal / FAR_OFF;
        if self.blocks == 1 || begins {
            self.ahead = self.ahead.saturating_add(late);
            self.span = 0;
            return;
        }
        let off = late.unsigned_abs();
        if self.is_known() && off > (8 * self.jitter).max((MS / 5) << TIME_BITS) {
            self.outliers += 1;
            self.span = self.span.saturating_add(units);
            if self.outliers == OUTLIERS {
                // It is the master that has changed, or the line that is wrong: it begins anew from
                // here, and what comes next is believed.
                self.outliers = 0;
                self.ahead = self.ahead.saturating_add(late);
                self.jitter = self.jitter.max(off / 2);
                self.span = self.span.min(units.saturating_mul(8));
            }
            return;
        }
        self.outliers = 0;
        if self.run.signum() * (late.signum() as i32) < 0 {
            self.run = 0;
        }
        self.run += late.signum() as i32;
        if self.run.abs() >= RUN {
            self.run = 0;
            self.span = (self.span / 2).max(units.saturating_mul(8));
        }
        let share = (self.blocks - 1).clamp(1, 16);
        self.jitter = self.jitter - self.jitter / share + off / share;

        let window = div_rem(product(WINDOW, 1 << SLOPE_BITS), nominal).0;
        self.span = (self.span.saturating_add(units)).min(window.max(units));
        let n = self.span.checked_div(units).unwrap_or(0) + 1;
        let least = (nominal / 2).wrapping_sub(self.slope) as i64;
        let most = nominal.saturating_mul(2).wrapping_sub(self.slope) as i64;
        let steeper = scale(
            late,
            6 << (SLOPE_BITS - TIME_BITS),
            n * (n + 1) * apart.clamp(units.div_ceil(2), 2 * units),
        );
        let steeper = steeper.clamp(least, most);
        self.slope = self.slope.saturating_add_signed(steeper);
        let later = scale(late, 2 * (2 * n - 1), n * (n + 1));
        let since = scale(steeper, units - at, 1 << (SLOPE_BITS - TIME_BITS));
        self.ahead = self.ahead.saturating_add(later).saturating_add(since);
    }

    /// Whether the master has been heard for long enough.
    pub(super) fn is_known(&self) -> bool {
        let (time, ticks) = ACQUIRE;
        self.ticks >= ticks && self.blocks >= 4 && self.last.saturating_sub(self.first) >= time
    }

    /// Whether the master's rate is within ±20 % of nominal.
    pub(super) fn is_in_range(&self) -> bool {
        let nominal = self.unit.nominal();
        (nominal / 6 * 5..=nominal / 4 * 5).contains(&self.slope)
    }

    /// The master's rate, by the slope.
    pub(super) fn master_rate(&self) -> MasterRate {
        MasterRate {
            unit: self.unit,
            slope: self.slope,
        }
    }
}

/// The rate of a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MasterRate {
    unit: Unit,
    /// The slope of its [`Fit`].
    slope: u64,
}

impl MasterRate {
    /// The speed of a cable with this rate and pitch that follows it, in millionths of a frame per
    /// second.
    pub(super) fn speed(self, rate: u32, pitch: u32) -> u64 {
        let nominal = self.unit.speed(rate, pitch);
        div_rem(product(nominal, self.unit.nominal()), self.slope).0
    }
}
