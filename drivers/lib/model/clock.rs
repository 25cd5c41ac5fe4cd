// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Clocks of streams: which frame is due at which time.
//!
//! A position is a pure function of (start, rate, pitch, now). It is computed when somebody asks,
//! from the time that has passed since the last change of pitch, so nothing adds up: neither
//! rounding, nor late timers.
//!
//! Times are in nanoseconds of `CLOCK_MONOTONIC`, pitches in millionths ([`PITCH_NOMINAL`] is the
//! nominal rate), speeds in millionths of a frame per second.

/// The nominal pitch: plays at exactly the nominal rate.
pub const PITCH_NOMINAL: u32 = 1_000_000;
/// The slowest pitch: 80 %.
pub const PITCH_MIN: u32 = 800_000;
/// The fastest pitch: 125 %, snd-aloop's smallest rate shift.
pub const PITCH_MAX: u32 = 1_250_000;

/// The fastest rate shift of snd-aloop: hundred-thousandths of the time that a frame takes at the
/// nominal rate, so a greater one is slower.
pub const RATE_SHIFT_MIN: u32 = 80_000;
/// The slowest rate shift.
pub const RATE_SHIFT_MAX: u32 = 120_000;

/// The rate shift that is nearest to a pitch.
pub fn rate_shift(pitch: u32) -> u32 {
    inverse(pitch).clamp(RATE_SHIFT_MIN, RATE_SHIFT_MAX)
}

/// The pitch that is nearest to a rate shift.
pub fn pitch_of(rate_shift: u32) -> u32 {
    inverse(rate_shift).clamp(PITCH_MIN, PITCH_MAX)
}

/// 10^11 / `number`, rounded, as the one is 10^6 where the other is 10^5.
fn inverse(number: u32) -> u32 {
    let number = u64::from(number.max(1));
    u32::try_from((100_000 * MICRO + number / 2) / number).unwrap_or(u32::MAX)
}

/// The lowest rate in frames per second.
pub const RATE_MIN: u32 = 8_000;
/// The highest rate in frames per second.
pub const RATE_MAX: u32 = 768_000;

const NS_PER_S: u64 = 1_000_000_000;
const MICRO: u64 = 1_000_000;
/// The parts of a frame that a [`Clock`] counts in: what passes in one nanosecond at one millionth
/// of a frame per second.
const PARTS_PER_FRAME: u64 = NS_PER_S * MICRO;
/// The highest speed: the highest rate, 20 % faster for the pitch, and again 20 % and 0.5 % for the
/// clock that it follows.
const SPEED_MAX: u64 = RATE_MAX as u64 * PITCH_MAX as u64 / 1_000 * 1_206;

/// A clock, which counts frames from a start on, at a speed that may be changed, but never with a
/// jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The segment that counts now.
    segment: Segment,
    /// The time at which a [`Slide`] ends, and the segment that counts from then on.
    next: Option<(u64, Segment)>,
    /// The steps in which time passes, in nanoseconds, at least 1.
    step: u64,
}

/// A slide: a speed for a while, by which a clock gets nearer to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slide {
    /// Millionths of a frame per second.
    pub speed: u64,
    /// Its duration in nanoseconds.
    pub lasts: u64,
}

impl Clock {
    /// Makes a clock that is at frame 0 at `now`.
    ///
    /// `rate` and `pitch` are brought into their ranges ([`RATE_MIN`]..=[`RATE_MAX`],
    /// [`PITCH_MIN`]..=[`PITCH_MAX`]); the callers have checked them.
    pub fn new(rate: u32, pitch: u32, now: u64) -> Self {
        // INVARIANT: The speed is a product of two values within their ranges.
        Self {
            segment: Segment {
                anchor: now,
                frames: 0,
                parts: 0,
                speed: speed(rate, pitch),
            },
            next: None,
            step: 1,
        }
    }

    /// The same clock, which has just been started, but standing still between times that are
    /// multiples of `step` nanoseconds, as one that is driven by a tick does.
    pub fn in_steps(self, step: u64) -> Self {
        let step = step.max(1);
        let anchor = floor(self.segment.anchor, step);
        let segment = Segment {
            anchor,
            ..self.segment
        };
        Self {
            segment,
            step,
            ..self
        }
    }

    /// The position at `now`: the number of whole frames that have passed. Before the start it is
    /// that of the start.
    pub fn position(&self, now: u64) -> u64 {
        self.count(now).0
    }

    /// The position at `now` in millionths of a frame, modulo 2^64.
    pub fn micro_frames(&self, now: u64) -> u64 {
        let (frames, parts) = self.count(now);
        frames
            .wrapping_mul(MICRO)
            .wrapping_add(parts / (PARTS_PER_FRAME / MICRO))
    }

    /// Sets the pitch from `now` on, with no jump: not even a part of a frame is lost.
    pub fn set_pitch(&mut self, rate: u32, pitch: u32, now: u64) {
        self.set_speed(speed(rate, pitch), None, now);
    }

    /// Sets the speed from `now` on, with no jump; for the time of a slide, if there is one, it is
    /// that of the slide.
    pub fn set_speed(&mut self, speed: u64, slide: Option<Slide>, now: u64) {
        let now = floor(now, self.step);
        let segment = self.segment_at(now).change(speed, now);
        (self.segment, self.next) = match slide {
            Some(slide) => {
                let slow = segment.change(slide.speed, now);
                let end = slow.anchor.saturating_add(slide.lasts);
                (slow, Some((end, slow.change(speed, end))))
            }
            None => (segment, None),
        };
    }

    /// Sets the steps in which time passes, in nanoseconds, from `now` on. The position stays until
    /// the next step.
    pub fn set_step(&mut self, step: u64, now: u64) {
        let speed = self.segment_at(now).speed;
        let segment = self.segment_at(floor(now, self.step));
        let segment = segment.change(speed, floor(now, self.step));
        self.step = step.max(1);
        self.segment = Segment {
            anchor: segment.anchor.max(now),
            ..segment
        };
        self.next = None;
    }

    /// The first time at which [`Clock::position`] is at least `frame`; [`u64::MAX`] where that is
    /// centuries away.
    pub fn when(&self, frame: u64) -> u64 {
        let segment = match &self.next {
            Some((_, segment)) if segment.frames < frame => segment,
            _ => &self.segment,
        };
        ceil(segment.when(frame), self.step)
    }

    /// The speed at `now`, in millionths of a frame per second.
    pub fn speed(&self, now: u64) -> u64 {
        self.segment_at(floor(now, self.step)).speed
    }

    /// The whole frames and parts of a frame that have passed at `now`.
    fn count(&self, now: u64) -> (u64, u64) {
        let now = floor(now, self.step);
        self.segment_at(now).count(now)
    }

    /// The segment that counts at `now`.
    fn segment_at(&self, now: u64) -> &Segment {
        match &self.next {
            Some((end, segment)) if now >= *end => segment,
            _ => &self.segment,
        }
    }
}

/// A segment: frames at one speed.
///
/// # Invariants
///
/// `parts < PARTS_PER_FRAME`, and `0 < speed <= SPEED_MAX`, about 2^40: no sum or product in here
/// overflows within 400 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    /// The time of its begin.
    anchor: u64,
    /// The whole frames and parts of a frame that had passed by then.
    frames: u64,
    parts: u64,
    /// Millionths of a frame per second.
    speed: u64,
}

impl Segment {
    /// The segment that goes on at `speed` from where this one is at `now`.
    fn change(&self, speed: u64, now: u64) -> Self {
        // INVARIANT: `count` gives less than a frame of parts.
        let (frames, parts) = self.count(now);
        Self {
            anchor: self.anchor.max(now),
            frames,
            parts,
            speed: speed.clamp(1, SPEED_MAX),
        }
    }

    /// As [`Clock::when`].
    fn when(&self, frame: u64) -> u64 {
        let Some(frames @ 1..) = frame.checked_sub(self.frames) else {
            return self.anchor;
        };

        let speed = self.speed.max(1);
        // ceil((frames * PARTS_PER_FRAME - parts) / speed), digit by digit, since the product does
        // not fit: first megaseconds, then seconds, microseconds and nanoseconds.
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

    /// As [`Clock::count`].
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

/// The speed at `rate` and `pitch`, in millionths of a frame per second.
pub fn speed(rate: u32, pitch: u32) -> u64 {
    u64::from(rate.clamp(RATE_MIN, RATE_MAX)) * u64::from(pitch.clamp(PITCH_MIN, PITCH_MAX))
}

/// The last multiple of `step` that is not after `time`.
fn floor(time: u64, step: u64) -> u64 {
    time - time.checked_rem(step).unwrap_or(0)
}

/// The first multiple of `step` that is not before `time`; [`u64::MAX`] where there is none.
fn ceil(time: u64, step: u64) -> u64 {
    time.checked_next_multiple_of(step).unwrap_or(u64::MAX)
}
