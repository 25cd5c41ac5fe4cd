// SPDX-License-Identifier: GPL-2.0-only

//! A clock's position is floor(time * rate * pitch), to the frame, over centuries and over any
//! sequence of pitches; `when` is its exact inverse.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod properties;

use driver_model::clock::{
    pitch_of, rate_shift, Clock, PITCH_MAX, PITCH_MIN, PITCH_NOMINAL, RATE_MAX, RATE_MIN,
};
use properties::cases;
use proptest::prelude::*;

const PARTS_PER_FRAME: u128 = 1_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 24 * 3600 * SECOND;
const CENTURIES: u64 = 500 * 365 * DAY;

/// The same clock in exact arithmetic: 10^-15 frames, summed over the segments of one pitch.
#[derive(Clone, Copy)]
struct Exact {
    anchor: u64,
    parts: u128,
    speed: u128,
}

impl Exact {
    fn new(rate: u32, pitch: u32, now: u64) -> Self {
        Self {
            anchor: now,
            parts: 0,
            speed: u128::from(rate) * u128::from(pitch),
        }
    }

    fn parts(&self, now: u64) -> u128 {
        self.parts + u128::from(now.saturating_sub(self.anchor)) * self.speed
    }

    fn position(&self, now: u64) -> u64 {
        u64::try_from(self.parts(now) / PARTS_PER_FRAME).unwrap()
    }

    fn set_pitch(&mut self, rate: u32, pitch: u32, now: u64) {
        *self = Self {
            anchor: self.anchor.max(now),
            parts: self.parts(now),
            speed: u128::from(rate) * u128::from(pitch),
        };
    }

    fn when(&self, frame: u64) -> u64 {
        let ahead = (u128::from(frame) * PARTS_PER_FRAME).saturating_sub(self.parts);
        let time = u128::from(self.anchor) + ahead.div_ceil(self.speed);
        u64::try_from(time).unwrap_or(u64::MAX)
    }
}

fn rate() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(RATE_MIN),
        Just(RATE_MAX),
        Just(44_100),
        Just(48_000),
        RATE_MIN..=RATE_MAX
    ]
}

fn pitch() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(PITCH_MIN),
        Just(PITCH_MAX),
        Just(PITCH_NOMINAL),
        Just(PITCH_NOMINAL + 1),
        Just(PITCH_NOMINAL - 1),
        PITCH_MIN..=PITCH_MAX
    ]
}

/// From nanoseconds over days to centuries, each scale as likely.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..2_000u64,
        0..SECOND,
        0..DAY,
        (0..DAY, 0..400u64).prop_map(|(time, days)| time + days * DAY),
        0..CENTURIES,
    ]
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_position_is_exact_to_the_frame(
        rate in rate(), pitch in pitch(), start in time(), elapsed in time()
    ) {
        let clock = Clock::new(rate, pitch, start);
        let exact = Exact::new(rate, pitch, start);
        let now = start.saturating_add(elapsed);
        prop_assert_eq!(clock.position(now), exact.position(now));
        prop_assert_eq!(clock.position(start), 0);
        prop_assert_eq!(clock.position(start.saturating_sub(1)), 0);
        prop_assert!(clock.position(now) <= clock.position(now.saturating_add(1)));
    }

    #[test]
    fn a_change_of_pitch_neither_jumps_nor_loses_a_fraction(
        rate in rate(),
        first in pitch(),
        start in 0..DAY,
        changes in prop::collection::vec(
            (pitch(), prop_oneof![0..50_000u64, 0..SECOND, 0..20 * DAY]), 0..40),
        elapsed in time(),
        ahead in prop_oneof![0..100u64, 0..1u64 << 40],
    ) {
        let mut clock = Clock::new(rate, first, start);
        let mut exact = Exact::new(rate, first, start);
        let mut now = start;
        for (pitch, wait) in changes {
            now += wait;
            let before = clock.position(now);
            clock.set_pitch(rate, pitch, now);
            exact.set_pitch(rate, pitch, now);
            prop_assert_eq!(clock.position(now), before);
            prop_assert_eq!(before, exact.position(now));
            let frame = before + ahead;
            prop_assert_eq!(clock.when(frame), exact.when(frame));
        }
        now = now.saturating_add(elapsed);
        prop_assert_eq!(clock.position(now), exact.position(now));
    }

    #[test]
    fn a_frame_is_due_at_the_first_nanosecond_that_has_it(
        rate in rate(), pitch in pitch(), then in pitch(), start in 0..DAY, change in time(),
        elapsed in time(),
    ) {
        let mut clock = Clock::new(rate, pitch, start);
        let mut exact = Exact::new(rate, pitch, start);
        clock.set_pitch(rate, then, start + change / 2);
        exact.set_pitch(rate, then, start + change / 2);
        let frame = clock.position((start + change / 2).saturating_add(elapsed)) + 1;
        let due = clock.when(frame);
        prop_assert_eq!(due, exact.when(frame));
        if due < u64::MAX {
            prop_assert!(clock.position(due) >= frame);
            prop_assert!(clock.position(due - 1) < frame);
        }
        // What has passed is not awaited.
        prop_assert!(clock.when(clock.position(start + change / 2)) <= start + change / 2);
    }

    #[test]
    fn a_time_before_the_anchor_does_not_turn_the_clock_back(
        rate in rate(), pitch in pitch(), then in pitch(), back in 1..SECOND, elapsed in time()
    ) {
        let (start, late) = (DAY, DAY + SECOND);
        let mut clock = Clock::new(rate, pitch, start);
        clock.set_pitch(rate, pitch, late);
        let mut same = clock;
        clock.set_pitch(rate, then, late - back);
        same.set_pitch(rate, then, late);
        prop_assert_eq!(clock, same);
        let now = late.saturating_add(elapsed);
        prop_assert!(clock.position(now) >= u64::from(rate) * u64::from(PITCH_MIN) / 1_000_000);
    }
}

#[test]
fn a_day_has_the_frames_that_it_should_have() {
    let frames = |rate, pitch, days: u64| Clock::new(rate, pitch, 77).position(77 + days * DAY);
    assert_eq!(frames(8_000, PITCH_NOMINAL, 1), 691_200_000);
    assert_eq!(frames(48_000, PITCH_NOMINAL, 365), 1_513_728_000_000);
    assert_eq!(frames(768_000, PITCH_NOMINAL, 365), 24_219_648_000_000);
    assert_eq!(frames(8_000, 800_000, 10), 5_529_600_000);
    assert_eq!(frames(768_000, 1_200_000, 10), 796_262_400_000);
    // One millionth more is 691.2 frames a day at 8 kHz.
    assert_eq!(frames(8_000, 1_000_001, 1), 691_200_691);
}

#[test]
fn the_ends_of_all_ranges_do_not_overflow() {
    for rate in [RATE_MIN, RATE_MAX] {
        for pitch in [PITCH_MIN, PITCH_MAX] {
            for start in [0, 1, u64::MAX / 2, u64::MAX] {
                let mut clock = Clock::new(rate, pitch, start);
                let mut exact = Exact::new(rate, pitch, start);
                for _ in 0..3 {
                    for now in [0, start, CENTURIES, u64::MAX - 1, u64::MAX] {
                        assert_eq!(clock.position(now), exact.position(now));
                    }
                    for frame in [0, 1, 1 << 44, 1 << 45, 1 << 50, u64::MAX - 1, u64::MAX] {
                        assert_eq!(clock.when(frame), exact.when(frame), "{clock:?} {frame}");
                    }
                    clock.set_pitch(rate, PITCH_MAX, u64::MAX);
                    exact.set_pitch(rate, PITCH_MAX, u64::MAX);
                }
            }
        }
    }
}

#[test]
fn a_rate_or_pitch_out_of_range_is_brought_into_it() {
    let second = |rate, pitch| Clock::new(rate, pitch, 0).position(SECOND);
    assert_eq!(second(0, PITCH_NOMINAL), u64::from(RATE_MIN));
    assert_eq!(second(u32::MAX, PITCH_NOMINAL), u64::from(RATE_MAX));
    assert_eq!(second(10_000, 0), 8_000);
    assert_eq!(second(10_000, u32::MAX), 12_500);
}

/// snd-aloop divides the rate by the shift (`byte_pos` in `sound/drivers/aloop.c`).
#[test]
fn a_rate_shift_is_the_inverse_of_a_pitch() {
    for (shift, pitch) in [
        (100_000, PITCH_NOMINAL),
        (80_000, PITCH_MAX),
        (120_000, 833_333),
        (99_999, 1_000_010),
    ] {
        assert_eq!(pitch_of(shift), pitch);
    }
    for shift in 80_000..=120_000 {
        assert_eq!(rate_shift(pitch_of(shift)), shift);
    }
    assert_eq!(
        (rate_shift(PITCH_MIN), rate_shift(1_000_001)),
        (120_000, 100_000)
    );
}

/// The time up to the next step counts, however often the step is changed meanwhile.
#[test]
fn other_steps_hold_it_up_for_one_step_only() {
    const MS: u64 = 1_000_000;
    for now in (80 * MS..100 * MS).step_by(123_457) {
        let mut clock = Clock::new(48_000, PITCH_NOMINAL, 0);
        let before = clock.position(now);
        for step in [10, 4, 10] {
            clock.set_step(step * MS, now);
            assert_eq!(clock.position(now), before);
        }
        let next = (now / (10 * MS) + 1) * 10 * MS;
        assert_eq!(clock.position(next - 1), before);
        assert_eq!(clock.position(next), next * 48 / MS, "from {now}");
        assert_eq!(clock.when(before + 1), next);
    }
}
