// SPDX-License-Identifier: GPL-2.0-only

//! The oscillator: which sample is the n-th.
//!
//! A sample is a function of its number alone. So the waveform goes round without a seam however many samples are
//! made at a time, and a program that records twice the same gets twice the same.

use crate::lib::model::encode::{encode, store, Sample};
use crate::lib::model::format::Format;
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
    /// White noise: each sample depends on its number alone.
    Noise,
}

/// All waveforms, with their names.
pub const WAVEFORMS: [(&str, Waveform); 7] = [
    ("sine", Waveform::Sine),
    ("square", Waveform::Square),
    ("saw", Waveform::Saw),
    ("impulse", Waveform::Impulse),
    ("counter", Waveform::Counter),
    ("silence", Waveform::Silence),
    ("noise", Waveform::Noise),
];

/// The level of full scale.
pub const LEVEL_MAX: u32 = 1 << 16;

/// What can be changed while it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is played.
    pub waveform: Waveform,
    /// Turns in 1000 s.
    pub millihertz: u32,
    /// Up to [`LEVEL_MAX`].
    pub level: u32,
    /// What is added with each turn, in parts of [`LEVEL_MAX`] of the range of a sample, beyond which it begins anew
    /// at the other end.
    pub lift: u32,
}

/// An oscillator, at the rate of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oscillator {
    settings: Settings,
    rate: u32,
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
    /// An oscillator whose 0th sample begins a turn, for `rate` samples per second.
    pub fn new(settings: Settings, rate: u32) -> Self {
        Self {
            settings,
            rate,
            step: step(settings.millihertz, rate),
            anchor: (0, Phase::default()),
        }
    }

    /// Changes what is played from the sample `number` on, whose phase stays as it would have been.
    pub fn set(&mut self, settings: Settings, number: u64) {
        self.anchor = (number, self.phase(number));
        self.step = step(settings.millihertz, self.rate);
        self.settings = settings;
    }

    /// The sample `number`, in `format`.
    pub fn sample(&self, number: u64, format: &Format) -> Sample {
        match self.settings.waveform {
            Waveform::Counter => store(format, number),
            _ => encode(format, self.value(number), number),
        }
    }

    /// The level of the sample `number`, full scale being the range of the type.
    fn value(&self, number: u64) -> i32 {
        let Phase { turns, part } = self.phase(number);
        let value = match self.settings.waveform {
            Waveform::Sine => sine(part),
            Waveform::Square if part >> 63 == 0 => i32::MAX,
            Waveform::Square => -i32::MAX,
            Waveform::Saw => ((part >> 32) as u32 ^ 1 << 31) as i32,
            Waveform::Impulse if part < self.step => i32::MAX,
            Waveform::Impulse | Waveform::Silence | Waveform::Counter => 0,
            Waveform::Noise => noise(number) as i32,
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
fn step(millihertz: u32, rate: u32) -> u64 {
    let all = 1_000 * u64::from(rate.max(1));
    let (step, _) = div_rem(u128::from(u64::from(millihertz) % all) << 64, all);
    step
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
    let square = x * x >> 31;
    let sum = TERMS
        .iter()
        .fold(0, |sum, term| (sum * square >> 31) + term);
    let value = (x * sum >> 30).min(i64::from(i32::MAX));
    (if quarter < 2 { value } else { -value }) as i32
}

/// 32 bits that look like chance (the finalizer of splitmix64).
fn noise(number: u64) -> u32 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits >> 32) as u32
}
