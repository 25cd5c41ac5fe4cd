// SPDX-License-Identifier: GPL-2.0-only

//! The waveforms are those that floating point says, for as long as one likes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use driver_model::format::{Format, FORMATS};
use properties::cases;
use proptest::prelude::*;
use snd_minivosc_model::oscillator::{Oscillator, Settings, Waveform, LEVEL_MAX, WAVEFORMS};

fn named(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap()
}

fn settings(waveform: Waveform, millihertz: u32) -> Settings {
    Settings {
        waveform,
        millihertz,
        level: LEVEL_MAX,
        lift: 0,
        seed: 0,
    }
}

/// The sample as a number from -1 to 1.
fn level(oscillator: &Oscillator, number: u64) -> f64 {
    f64::from_le_bytes(oscillator.sample(number, named("FLOAT64_LE"), &[]))
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_sine_is_one(millihertz in 1..4_000_000u32, number in 0..10_000_000u64) {
        let oscillator = Oscillator::new(settings(Waveform::Sine, millihertz), 48_000, 0);
        // Exactly: turns are whole numbers of 1/48,000,000.
        let part = u128::from(number) * u128::from(millihertz) % 48_000_000;
        let exact = (part as f64 / 48e6 * std::f64::consts::TAU).sin();
        let off = (level(&oscillator, number) - exact).abs();
        prop_assert!(off < 16.0 / 2f64.powi(31), "{off}");
    }

    #[test]
    fn a_change_goes_on_from_the_same_phase(
        from in 1..1_000_000u32, to in 1..1_000_000u32, at in 0..1_000_000u64,
    ) {
        let mut oscillator = Oscillator::new(settings(Waveform::Saw, from), 48_000, 0);
        let before = level(&oscillator, at);
        oscillator.set(settings(Waveform::Saw, to), at);
        prop_assert_eq!(level(&oscillator, at), before);
        let step = f64::from(to) / 48e6 * 2.0;
        let moved = (level(&oscillator, at + 1) - before).rem_euclid(2.0);
        prop_assert!((moved - step.rem_euclid(2.0)).abs() < 1e-6, "{moved}, {step}");
    }

    #[test]
    fn a_sample_depends_on_its_number_alone(kind in 0..WAVEFORMS.len(), number in any::<u32>()) {
        let oscillator = Oscillator::new(settings(WAVEFORMS[kind], 440_000), 44_100, 0);
        let format = named("S32_LE");
        let first = oscillator.sample(number.into(), format, &[]);
        let _ = oscillator.sample(u64::from(number) / 2, format, &[]);
        prop_assert_eq!(oscillator.sample(number.into(), format, &[]), first);
    }
}

#[test]
fn waveforms_at_their_corners() {
    let at = |waveform, number| {
        level(
            &Oscillator::new(settings(waveform, 1_000_000), 8_000, 0),
            number,
        )
    };
    let square: Vec<bool> = (0..16).map(|n| at(Waveform::Square, n) > 0.0).collect();
    assert_eq!(
        square,
        [[true; 4], [false; 4], [true; 4], [false; 4]].concat()
    );
    let saw: Vec<f64> = (0..9).map(|n| at(Waveform::Saw, n)).collect();
    assert_eq!(saw, [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, -1.0]);
    let pulses: Vec<u64> = (0..24)
        .filter(|n| at(Waveform::Impulse, *n) > 0.5)
        .collect();
    assert_eq!(pulses, [0, 8, 16]);
    assert_eq!(at(Waveform::Silence, 5), 0.0);
}

#[test]
fn an_impulse_comes_once_a_turn_whatever_the_rate() {
    let oscillator = Oscillator::new(settings(Waveform::Impulse, 1_234_567), 44_100, 0);
    let pulses = (0..44_100_000).filter(|n| oscillator.sample(*n, named("S8"), &[])[0] != 0);
    assert_eq!(pulses.count(), 1_234_567);
}

#[test]
fn a_counter_is_the_samples_number() {
    let oscillator = Oscillator::new(settings(Waveform::Counter, 440_000), 48_000, 0);
    assert_eq!(
        oscillator.sample(0x0102_0304, named("S16_LE"), &[])[..2],
        [4, 3]
    );
    assert_eq!(
        oscillator.sample(0x0102_0304, named("S24_3BE"), &[])[..3],
        [2, 3, 4]
    );
    assert_eq!(oscillator.sample(300, named("U8"), &[])[0], 44);
}

#[test]
fn level_and_lift() {
    let mut half = settings(Waveform::Square, 1_000_000);
    half.level = LEVEL_MAX / 2;
    let value = level(&Oscillator::new(half, 8_000, 0), 0);
    assert!((value - 0.5).abs() < 1e-9, "{value}");
    let mut climbing = settings(Waveform::Silence, 1_000_000);
    climbing.lift = LEVEL_MAX / 16;
    let oscillator = Oscillator::new(climbing, 8_000, 0);
    // A sixteenth of the range, which is 2, with each turn of eight samples; then from the other end.
    let steps: Vec<f64> = (0..16).map(|turn| level(&oscillator, 8 * turn)).collect();
    for (turn, value) in steps.iter().enumerate() {
        let wanted = (turn as f64 / 8.0 + 1.0).rem_euclid(2.0) - 1.0;
        assert!((value - wanted).abs() < 1e-9, "{turn}: {value}");
    }
}

#[test]
fn noise_has_no_level_and_full_power() {
    let oscillator = Oscillator::new(settings(Waveform::Noise, 440_000), 48_000, 0);
    let samples: Vec<f64> = (0..100_000).map(|n| level(&oscillator, n)).collect();
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    let power = samples.iter().map(|value| value * value).sum::<f64>() / samples.len() as f64;
    assert!(mean.abs() < 0.01, "{mean}");
    // Of an even distribution.
    assert!((power - 1.0 / 3.0).abs() < 0.01, "{power}");
}

#[test]
fn noises_of_two_seeds_have_nothing_in_common() {
    let of = |seed| {
        let settings = Settings {
            seed,
            ..settings(Waveform::Noise, 440_000)
        };
        let oscillator = Oscillator::new(settings, 48_000, 0);
        (0..100_000u64)
            .map(|n| level(&oscillator, n))
            .collect::<Vec<f64>>()
    };
    for (one, other) in [(0, 1), (1, 2), (1, i32::MAX as u32)] {
        let products = of(one).into_iter().zip(of(other)).map(|(a, b)| a * b);
        let common = products.sum::<f64>() / 100_000.0;
        assert!(common.abs() < 0.005, "{one}, {other}: {common}");
    }
}

#[test]
fn turns_of_whole_frames_begin_where_they_should() {
    // 1 kHz at 48 kHz: 24 and 24, from the first frame to the last of nine hours.
    let oscillator = Oscillator::new(settings(Waveform::Square, 1_000_000), 48_000, 0);
    for number in (0..200).chain(1_555_200_000..1_555_200_200) {
        let high = level(&oscillator, number) > 0.0;
        assert_eq!(high, number % 48 < 24, "{number}");
    }
}

#[test]
fn a_waveform_of_the_users_goes_round_a_sample_a_frame() {
    let given: Vec<i32> = (0..21).map(|n| n << 20).collect();
    let oscillator = Oscillator::new(settings(Waveform::User, 0), 8_000, given.len());
    let s32 = named("S32_LE");
    for number in (0..1_000).chain(1 << 40..(1 << 40) + 1_000) {
        let sample = oscillator.sample(number, s32, &given);
        assert_eq!(sample[..4], given[(number % 21) as usize].to_le_bytes());
    }
    // At a frequency, each is there for as long as the others: 8000 / 420 = 19.05 frames a turn.
    let oscillator = Oscillator::new(settings(Waveform::User, 420_000), 8_000, given.len());
    for number in 0..8_000u64 {
        let sample = oscillator.sample(number, s32, &given);
        let wanted = given[(number * 420 % 8_000 * 21 / 8_000) as usize];
        assert_eq!(sample[..4], wanted.to_le_bytes(), "{number}");
    }
    let none = oscillator.sample(5, s32, &[]);
    assert_eq!(none[..4], [0; 4]);
}
