// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The oscillator: which sample is the n-th.
//!
//! A sample is a function of its number alone. So the waveform goes round without a seam however many samples are
//! made at a time, and a program that records twice the same gets twice the same.

use crate::lib::model::encode::{encode, store, Sample};
use crate::lib::model::format::Format;
use crate::lib::model::mix::mix;
use crate::lib::model::wide::{div_rem, product};

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waveform {
    /// A sine, 0 at the beginning of each turn.
    Sine,
    /// Full scale for half a turn, the negative for the other half.
    Square,
    /// From the lowest to the highest value, once a turn.
    Saw,
    /// One sample of full scale at the beginning of each turn.
    Impulse,
    /// The sample's number, in as many bits as a sample has.
    Counter,
    /// Nothing.
    Silence,
    /// White noise: each sample depends on its number and the seed alone.
    Noise,
    /// One that the user has given.
    User,
}

/// All waveforms, and their names; the user's is the last.
pub const WAVEFORMS: &[Waveform] = &[
    Waveform::Sine,
    Waveform::Square,
    Waveform::Saw,
    Waveform::Impulse,
    Waveform::Counter,
    Waveform::Silence,
    Waveform::Noise,
    Waveform::User,
];
/// See [`WAVEFORMS`].
pub const NAMES: &[&str] = &[
    "sine", "square", "saw", "impulse", "counter", "silence", "noise", "user",
];

/// The level of full scale.
pub const LEVEL_MAX: u32 = 1 << 16;

/// The highest frequency, in mHz: half of the highest rate.
pub const MILLIHERTZ_MAX: u32 = 384_000_000;

/// One of [`Settings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The place of [`Settings::waveform`] in [`WAVEFORMS`].
    Waveform,
    /// [`Settings::millihertz`]
    Frequency,
    /// [`Settings::level`]
    Level,
    /// [`Settings::lift`]
    Lift,
}

/// All settings: the names of their control elements, and their greatest values.
pub const SETTINGS: [(Setting, &str, u32); 4] = [
    (
        Setting::Waveform,
        "Oscillator Waveform",
        WAVEFORMS.len() as u32 - 1,
    ),
    (Setting::Frequency, "Oscillator Frequency", MILLIHERTZ_MAX),
    (Setting::Level, "Oscillator Level", LEVEL_MAX),
    (Setting::Lift, "Oscillator Lift", LEVEL_MAX - 1),
];

/// What can be changed while it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is played.
    pub waveform: Waveform,
    /// Turns in 1000 s. If 0, a turn of the user's waveform takes as many frames as it has samples, and the others
    /// stand still.
    pub millihertz: u32,
    /// Up to [`LEVEL_MAX`].
    pub level: u32,
    /// What is added with each turn, in parts of [`LEVEL_MAX`] of the range of a sample, beyond which it begins anew
    /// at the other end.
    pub lift: u32,
    /// Which noise it is.
    pub seed: u32,
}

impl Settings {
    /// The value of a setting.
    pub fn get(&self, setting: Setting) -> u32 {
        match setting {
            Setting::Waveform => {
                let place = WAVEFORMS.iter().position(|w| *w == self.waveform);
                place.unwrap_or(0) as u32
            }
            Setting::Frequency => self.millihertz,
            Setting::Level => self.level,
            Setting::Lift => self.lift,
        }
    }

    /// The same but for one setting, if that can have this value.
    pub fn with(mut self, setting: Setting, value: u32) -> Option<Self> {
        match setting {
            Setting::Waveform => self.waveform = *WAVEFORMS.get(value as usize)?,
            Setting::Frequency => self.millihertz = value,
            Setting::Level => self.level = value,
            Setting::Lift => self.lift = value,
        }
        Some(self)
    }
}

/// An oscillator, at the rate of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oscillator {
    settings: Settings,
    rate: u32,
    /// How many samples the user's waveform has.
    given: usize,
    /// What a sample adds to the phase, in parts of 2^64 of a turn.
    step: u64,
    /// The number of a sample, and its phase: how many turns, and which part of the next.
    anchor: (u64, Phase),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Phase {
    turns: u64,
    part: u64,
}

impl Oscillator {
    /// An oscillator whose 0th sample begins a turn, for `rate` samples per second. The user's waveform has `given`
    /// samples.
    pub fn new(settings: Settings, rate: u32, given: usize) -> Self {
        Self {
            settings,
            rate,
            given,
            step: step(&settings, rate, given),
            anchor: (0, Phase::default()),
        }
    }

    /// Changes what is played from the sample `number` on, whose phase stays as it would have been.
    pub fn set(&mut self, settings: Settings, number: u64) {
        self.anchor = (number, self.phase(number));
        self.step = step(&settings, self.rate, self.given);
        self.settings = settings;
    }

    /// The sample `number`, in `format`; `given` is the user's waveform.
    pub fn sample(&self, number: u64, format: &Format, given: &[i32]) -> Sample {
        match self.settings.waveform {
            Waveform::Counter => store(format, number),
            _ => encode(format, self.value(number, given), number),
        }
    }

    /// The level of the sample `number`, full scale being the range of the type.
    fn value(&self, number: u64, given: &[i32]) -> i32 {
        let Phase { turns, part } = self.phase(number);
        let value = match self.settings.waveform {
            Waveform::Sine => sine(part),
            Waveform::Square if part >> 63 == 0 => i32::MAX,
            Waveform::Square => -i32::MAX,
            Waveform::Saw => ((part >> 32) as u32 ^ (1 << 31)) as i32,
            Waveform::Impulse if part < self.step => i32::MAX,
            Waveform::Impulse | Waveform::Silence | Waveform::Counter => 0,
            Waveform::Noise => noise(number, self.settings.seed) as i32,
            Waveform::User => {
                let place = (product(part, given.len() as u64) >> 64) as usize;
                given.get(place).copied().unwrap_or(0)
            }
        };
        let scaled = (i64::from(value) * i64::from(self.settings.level)) >> 16;
        let lift = (self.settings.lift << 16).wrapping_mul(turns as u32);
        (scaled as i32).wrapping_add(lift as i32)
    }

    fn phase(&self, number: u64) -> Phase {
        let (from, begin) = self.anchor;
        let passed = product(self.step, number.wrapping_sub(from)).wrapping_add(begin.part.into());
        Phase {
            turns: begin.turns.wrapping_add((passed >> 64) as u64),
            part: passed as u64,
        }
    }
}

/// What a sample adds to the phase. A frequency above the rate is as good as that less the rate.
///
/// It is rounded up: so a sample that begins a turn, or half of one, never comes out as the last of the one before.
/// The other way it is too far by 2^-64 of a turn for each sample, which is less than any turn can be divided into for
/// 2^64 / (1000 · rate) samples: for 90 days at 48 kHz.
fn step(settings: &Settings, rate: u32, given: usize) -> u64 {
    let (turns, all) = match (settings.waveform, settings.millihertz) {
        (Waveform::User, 0) => (1, given.max(2) as u64),
        (_, millihertz) => (u64::from(millihertz), 1_000 * u64::from(rate.max(1))),
    };
    let turns = turns.checked_rem(all).unwrap_or(0);
    let (step, rest) = div_rem(u128::from(turns) << 64, all);
    step + u64::from(rest > 0)
}

/// The sine of a part of a turn, within 16 of the range of an `i32`.
///
/// A polynomial for a quarter of a turn, which the others mirror.
fn sine(part: u64) -> i32 {
    /// sin(π/2 x) = x (c0 + c1 x² + …), in parts of 2^30, from the greatest power down.
    const TERMS: [i64; 7] = [
        61,
        -3_864,
        172_272,
        -5_026_995,
        85_569_306,
        -693_598_668,
        1_686_629_713,
    ];
    let quarter = (part >> 62) as u32;
    // From 0 to 2^31.
    let along = (part << 2 >> 33) as i64;
    let x = if quarter & 1 == 0 {
        along
    } else {
        (1 << 31) - along
    };
    let square = (x * x) >> 31;
    let sum = TERMS
        .iter()
        .fold(0, |sum, term| ((sum * square) >> 31) + term);
    let value = ((x * sum) >> 30).min(i64::from(i32::MAX));
    (if quarter < 2 { value } else { -value }) as i32
}

/// 32 bits that look like chance.
fn noise(number: u64, seed: u32) -> u32 {
    let seed = u64::from(seed).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mix(number ^ seed) >> 32) as u32
}
