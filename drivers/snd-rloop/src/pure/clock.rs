// SPDX-License-Identifier: GPL-2.0-only

//! The clock of a cable: which frame is due at which time.
//!
//! A position is a pure function of (start, rate, pitch, now). It is computed when somebody asks,
//! from the time that has passed since the last change of pitch, so nothing adds up: neither
//! rounding, nor late timers.
//!
//! Times are in nanoseconds of `CLOCK_MONOTONIC`, pitches in millionths ([`PITCH_NOMINAL`] is the
//! nominal rate).

/// Plays at exactly the nominal rate.
pub const PITCH_NOMINAL: u32 = 1_000_000;
/// The slowest pitch: 80 %, as in snd-aloop.
pub const PITCH_MIN: u32 = 800_000;
/// The fastest pitch: 120 %, as in snd-aloop.
pub const PITCH_MAX: u32 = 1_200_000;

/// The lowest rate in frames per second.
pub const RATE_MIN: u32 = 8_000;
/// The highest rate in frames per second.
pub const RATE_MAX: u32 = 768_000;

const NS_PER_S: u64 = 1_000_000_000;
const MICRO: u64 = 1_000_000;
/// Parts of a frame that a [`Clock`] counts in: one nanosecond at one millionth of a frame per
/// second.
const PARTS_PER_FRAME: u64 = NS_PER_S * MICRO;

/// Counts frames from a start on, at a rate and a pitch.
///
/// # Invariants
///
/// `parts < PARTS_PER_FRAME`, and `0 < speed <= RATE_MAX * PITCH_MAX`, less than 2^40: no sum or
/// product in here overflows within 500 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// When the pitch was last set.
    anchor: u64,
    /// Whole frames and parts of a frame that had passed by then.
    frames: u64,
    parts: u64,
    /// Millionths of a frame per second.
    speed: u64,
}

impl Clock {
    /// Starts a clock at frame 0.
    ///
    /// `rate` and `pitch` are brought into their ranges ([`RATE_MIN`]..=[`RATE_MAX`],
    /// [`PITCH_MIN`]..=[`PITCH_MAX`]); the callers have checked them.
    pub fn new(rate: u32, pitch: u32, now: u64) -> Self {
        // INVARIANT: `speed` is a product of two values within their ranges.
        Self {
            anchor: now,
            frames: 0,
            parts: 0,
            speed: speed(rate, pitch),
        }
    }

    /// The number of whole frames that have passed at `now`; that of the start before the start.
    pub fn position(&self, now: u64) -> u64 {
        self.count(now).0
    }

    /// Goes on at another pitch from `now` on, with no jump: not even a part of a frame is lost.
    pub fn set_pitch(&mut self, rate: u32, pitch: u32, now: u64) {
        // INVARIANT: `count` gives less than a frame of parts.
        (self.frames, self.parts) = self.count(now);
        self.anchor = self.anchor.max(now);
        self.speed = speed(rate, pitch);
    }

    /// The first time at which [`Clock::position`] is at least `frame`; [`u64::MAX`] where that
    /// is centuries away.
    pub fn when(&self, frame: u64) -> u64 {
        let Some(frames @ 1..) = frame.checked_sub(self.frames) else {
            return self.anchor;
        };

        let speed = self.speed.max(1);
        // ceil((frames * PARTS_PER_FRAME - parts) / speed), digit by digit, since the product
        // does not fit: first megaseconds, then seconds, microseconds and nanoseconds.
        let (megas, rest) = (frames / speed, frames % speed * MICRO);
        let (seconds, rest) = (megas * MICRO + rest / speed, rest % speed * MICRO);
        let (micros, rest) = (rest / speed, rest % speed * 1_000);
        let (nanos, rest) = (rest / speed, rest % speed);

        let late = rest.saturating_sub(self.parts).div_ceil(speed);
        let early = self.parts.saturating_sub(rest) / speed;
        let total = seconds
            .checked_mul(NS_PER_S)
            .and_then(|ns| ns.checked_add(micros * 1_000 + nanos + late))
            .and_then(|ns| ns.checked_sub(early)?.checked_add(self.anchor));
        total.unwrap_or(u64::MAX)
    }

    fn count(&self, now: u64) -> (u64, u64) {
        let elapsed = now.saturating_sub(self.anchor);
        let (seconds, nanos) = (elapsed / NS_PER_S, elapsed % NS_PER_S);
        let (whole, micro) = (self.speed / MICRO, self.speed % MICRO);

        // (seconds * NS_PER_S + nanos) * (whole * MICRO + micro) / PARTS_PER_FRAME, multiplied out
        // so that each term fits.
        let frames = seconds * whole + seconds * micro / MICRO + nanos * whole / NS_PER_S;
        let parts = seconds * micro % MICRO * NS_PER_S
            + nanos * whole % NS_PER_S * MICRO
            + nanos * micro
            + self.parts;
        (
            self.frames + frames + parts / PARTS_PER_FRAME,
            parts % PARTS_PER_FRAME,
        )
    }
}

fn speed(rate: u32, pitch: u32) -> u64 {
    u64::from(rate.clamp(RATE_MIN, RATE_MAX)) * u64::from(pitch.clamp(PITCH_MIN, PITCH_MAX))
}
