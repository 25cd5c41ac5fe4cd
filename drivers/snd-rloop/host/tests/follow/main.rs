// SPDX-License-Identifier: GPL-2.0-only

//! A cable's clock follows a master: exactly in the long run, without a jump, whatever the master
//! does.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../../lib/host/tests/properties/mod.rs"]
mod properties;
mod rig;

use driver_model::clock::{PITCH_MAX, PITCH_MIN, PITCH_NOMINAL, RATE_MAX, RATE_MIN};
use driver_model::ticks::Heard;
use properties::cases;
use proptest::prelude::*;
use rig::*;
use snd_rloop_model::follow::{Follower, Tracking, SLEW};

proptest! {
    #![proptest_config(cases(48))]

    /// The cable is never farther off than the ticks are; where there are too few for the least
    /// late to be on time, that is twice as much in one master of some ten thousand, and never
    /// three times. 5 µs more are for the drift while it settles.
    #[test]
    fn the_count_is_the_masters_for_good(
        resolution in prop_oneof![Just(MS), Just(10 * MS), Just(100 * MS), MS..100 * MS],
        ppm in prop_oneof![-1_000..=1_000i64, -190_000..=190_000i64],
        jitter in prop_oneof![Just(0), 0..=MS / 5],
        rate in prop_oneof![Just(44_100), Just(48_000), RATE_MIN..=RATE_MAX],
        seed in any::<u64>(),
    ) {
        // A tick's length is to be one that is not taken for a number of frames.
        let frames = u128::from(resolution) * u128::from(rate);
        prop_assume!(frames % 1_000_000_000 > u128::from(rate) || frames % 1_000_000_000 == 0);
        prop_assume!(frames % 1_000_000_000 < 1_000_000_000 - u128::from(rate));
        prop_assume!(resolution % (SECOND / u64::from(rate)) != 0);

        let mut master = Master { seed, ..Master::new(resolution, ppm, jitter) };
        let few = resolution > 4 * MS;
        let most = (jitter * if few { 3 } else { 1 } + 5_000) as f64;
        let mut heard = 0;
        let cable = follow(&mut master, rate, 25, |time, off| {
            heard += 1;
            assert!(off.abs() < most, "{off} ns after {time} ns");
        });
        prop_assert!(heard > 100);
        prop_assert_eq!(cable.follower.breaks(), 0);
        let now = START + 25 * SECOND;
        prop_assert!((cable.follower.deviation(rate).unwrap() / 1_000 - ppm).abs() < 100);
        prop_assert_eq!(cable.follower.state(now), Tracking::Following);
    }

    /// Whatever is heard at whatever times: nothing overflows, the clock neither jumps nor goes
    /// back, and its speed stays within what is promised.
    #[test]
    fn nothing_upsets_it(
        heard in prop::collection::vec((
            0..3u32,
            prop_oneof![0..3u64, any::<u64>()],
            prop_oneof![0..2 * MS, any::<u64>()],
            prop_oneof![Just(48_000), any::<u32>()],
            prop_oneof![0..20 * MS, 0..2 * SECOND],
        ), 0..200),
        rate in RATE_MIN..=RATE_MAX,
    ) {
        let mut cable = Cable::new(rate, START);
        let mut now = START;
        for (kind, count, resolution, master, wait) in heard {
            now += wait;
            match kind {
                0 => cable.hear(Heard::Ticks { count, resolution }, now),
                1 => cable.hear(
                    Heard::Frames { position: count, boundary: resolution, rate: master },
                    now,
                ),
                _ => cable.tick(10 * MS, now),
            }
            cable.position(now);
            let off = speed(&cable, now);
            prop_assert!((-206_000.0..=257_000.0).contains(&off), "{} ppm", off);
        }
    }
}

/// By a slope that is wrong, the least late tick of a block is the one at its end.
#[test]
fn a_master_far_from_nominal_is_followed_as_closely() {
    let jitter = 110_000;
    for seed in 1..20 {
        for ppm in [-190_000, 48_558, 179_297] {
            let mut master = Master {
                seed,
                ..Master::new(MS, ppm, jitter)
            };
            follow(&mut master, 48_000, 12, |time, off| {
                let most = jitter as f64 / 2.0;
                assert!(off.abs() < most, "{ppm} ppm: {off} ns after {time} ns");
            });
        }
    }
}

#[test]
fn it_follows_after_half_a_second_or_eight_ticks() {
    for (resolution, first) in [(MS, 500), (10 * MS, 500), (100 * MS, 800), (SECOND, 8_000)] {
        let mut began = None;
        follow(
            &mut Master::new(resolution, 500, 0),
            48_000,
            20,
            |time, _| {
                began.get_or_insert(time / MS);
            },
        );
        let began = began.unwrap();
        assert!(
            (first - 10..=first + 20).contains(&began),
            "{resolution}: {began} ms"
        );
    }
}

#[test]
fn a_day_leaves_no_frame_behind() {
    let mut last = f64::MAX;
    let mut master = Master::new(100 * MS, -777, MS);
    follow(&mut master, 44_100, 24 * 3600, |_, off| last = off);
    assert!(last.abs() < MS as f64 / 2.0, "{last} ns");
}

#[test]
fn without_a_master_it_is_the_own_clock() {
    let cable = Cable::new(48_000, START);
    let now = START + 3600 * SECOND;
    assert_eq!(cable.follower.state(now), Tracking::Own);
    assert_eq!(cable.follower.deviation(48_000), None);
    assert_eq!(cable.clock.position(now), 3600 * 48_000);
}

#[test]
fn a_silent_master_leaves_its_rate_behind() {
    let mut cable = follow(
        &mut Master::new(10 * MS, 700, MS / 10),
        48_000,
        20,
        |_, _| {},
    );
    let silent = START + 20 * SECOND;
    assert_eq!(
        cable.follower.state(silent + SECOND / 5),
        Tracking::Following
    );
    assert_eq!(
        cable.follower.state(silent + SECOND / 3),
        Tracking::Holdover
    );
    let hour = silent + 3600 * SECOND;
    assert!((speed(&cable, hour) - 700.0).abs() < 5.0);

    // It comes back at another rate: its count goes on from where the cable is, and the cable
    // follows with no more than the allowed slew.
    let mut error = Error::default();
    let back = Master::new(10 * MS, -300, 0);
    for tick in 0..1_000 {
        let now = hour + back.when(tick);
        cable.tick(10 * MS, now);
        let due = tick as f64 * 480.0;
        if tick < 50 {
            assert_eq!(cable.follower.state(now), Tracking::Holdover);
            assert!((speed(&cable, now) - 700.0).abs() < 5.0);
        } else {
            assert_eq!(cable.follower.state(now), Tracking::Following);
            assert!(error.at(&cable, due, now).abs() < 2_000.0);
        }
    }
    assert_eq!(cable.follower.breaks(), 1);
}

#[test]
fn a_master_that_is_too_fast_or_too_slow_is_ignored() {
    for ppm in [-250_000, 210_000, 900_000] {
        let mut followed = 0;
        let cable = follow(&mut Master::new(10 * MS, ppm, 0), 48_000, 5, |_, _| {
            followed += 1
        });
        assert_eq!(followed, 0, "{ppm} ppm");
        let now = START + 5 * SECOND;
        assert_eq!(cable.follower.state(now), Tracking::Ignoring);
        assert_eq!(cable.clock.position(now), 5 * 48_000);
    }
}

#[test]
fn a_master_that_changes_its_rate_is_caught_up_with() {
    let mut cable = follow(
        &mut Master::new(10 * MS, 500, MS / 20),
        48_000,
        20,
        |_, _| {},
    );
    let mut master = Master::new(10 * MS, -500, MS / 20);
    let mut error = Error::default();
    let changed = START + 20 * SECOND;
    for tick in 0..2_000 {
        let now = changed + master.when(tick) + master.late();
        cable.tick(10 * MS, now);
        let due = (now - changed) as f64 * 0.9995 * 48_000.0 / 1e9;
        let off = error.at(&cable, due, now);
        assert!(off.abs() < 1_000_000.0, "{off} ns at tick {tick}");
        if tick > 1_000 {
            assert!(off.abs() < 100_000.0, "{off} ns at tick {tick}");
            assert!((speed(&cable, now + 2 * SECOND) + 500.0).abs() < 20.0);
        }
    }
    assert_eq!(cable.follower.breaks(), 0);
}

#[test]
fn ticks_that_come_in_bursts_are_all_counted() {
    let mut cable = Cable::new(48_000, START);
    let mut error = Error::default();
    for burst in 1..1_000u64 {
        let now = START + burst * 50 * MS;
        for _ in 0..5 {
            cable.tick(10 * MS, now);
        }
        if burst > 20 {
            let off = error.at(&cable, burst as f64 * 2_400.0, now);
            assert!(off.abs() < 10.0 * MS as f64, "{off} ns at burst {burst}");
        }
    }
    assert_eq!(cable.follower.breaks(), 0);
}

/// The ticks of a tenth of a second come late, all at once.
#[test]
fn a_master_that_is_held_up_loses_nothing() {
    let mut cable = follow(&mut Master::new(10 * MS, 0, MS / 20), 48_000, 20, |_, _| {});
    let due = cable.clock.micro_frames(START + 60 * SECOND) as f64 / 1e6;
    let mut now = START;
    for tick in 2_000..6_000u64 {
        now = START
            + match tick {
                2_000..=2_010 => 20_110 * MS,
                tick => tick * 10 * MS,
            };
        cable.tick(10 * MS, now);
        assert!(speed(&cable, now).abs() < SLEW as f64 + 20_000.0);
    }
    let is = cable.clock.micro_frames(now + 10 * MS) as f64 / 1e6;
    assert!((is - due).abs() < 48.0, "{} frames", is - due);
    assert_eq!(cable.follower.breaks(), 0);
}

/// A machine that is held up for up to 130 ms now and then, from the very start: the ticks that are
/// due meanwhile come all at once.
#[test]
fn a_machine_that_is_held_up_is_lived_with() {
    let mut chance = Master::new(0, 0, 1_000_000);
    for run in 0..60 {
        let tick = 7_500_000;
        let master = Master::new(tick, 300, 0);
        let mut cable = Cable::new(48_000, START);
        let mut error = Error::default();
        let mut now = START;
        for ticks in 1..4_000 {
            let held_up = now > START + master.when(ticks);
            now = now.max(START + master.when(ticks));
            if !held_up && chance.late() % 50 == 0 {
                now += chance.late() * 130;
            }
            cable.tick(tick, now);
            let time = now - START;
            if time > 2 * SECOND {
                let state = cable.follower.state(now);
                assert_eq!(state, Tracking::Following, "run {run} at {time}");
                let due = time as f64 * 1.0003 * 48_000.0 / 1e9;
                let off = error.at(&cable, due, now) / MS as f64;
                assert!(off.abs() < 50.0, "run {run}: {off} ms at {time}");
            }
        }
        let ppm = cable.follower.deviation(48_000).unwrap() / 1_000;
        assert!((ppm - 300).abs() < 100, "run {run}: {ppm} ppm");
    }
}

#[test]
fn another_card_is_counted_in_its_own_frames() {
    // Periods of 441 frames at 44.1 kHz, some reported together; the position wraps, and its card
    // goes 200 ppm fast.
    let (rate, boundary) = (44_100, 1 << 20);
    let mut cable = Cable::new(48_000, START);
    let mut error = Error::default();
    for period in (1..60_000u64).filter(|period| period % 7 != 3) {
        let now = START + (period * 10 * MS * 1_000_000) / 1_000_200;
        let position = (period * 441) % boundary;
        cable.hear(
            Heard::Frames {
                position,
                boundary,
                rate,
            },
            now,
        );
        if period > 100 {
            let off = error.at(&cable, period as f64 * 480.0, now);
            assert!(off.abs() < 5_000.0, "{off} ns at period {period}");
        }
    }
    assert_eq!(cable.follower.breaks(), 0);
    assert!((cable.follower.deviation(48_000).unwrap() - 200_000).abs() < 1_000);

    // It is started anew: the count breaks, the data do not.
    let now = START + 600 * SECOND;
    cable.hear(
        Heard::Frames {
            position: 441,
            boundary,
            rate,
        },
        now,
    );
    assert_eq!(cable.follower.breaks(), 1);
    assert_eq!(cable.follower.state(now), Tracking::Holdover);
    assert!((speed(&cable, now) - 200.0).abs() < 1.0);
}

/// `Documentation/sound/utimers.rst` of the kernel: 1000000000 / rate * period, in whole numbers.
#[test]
fn a_tick_of_rounded_frames_is_a_whole_period() {
    for (rate, period) in [
        (48_000, 480),
        (44_100, 441),
        (44_100, 1_024),
        (192_000, 960),
    ] {
        let exact = period * SECOND / u64::from(rate);
        let up = (period * SECOND).div_ceil(u64::from(rate));
        for resolution in [SECOND / u64::from(rate) * period, exact, up] {
            let mut cable = Cable::new(rate, START);
            let mut error = Error::default();
            for tick in 1..10_000 {
                let now = START + tick * exact;
                cable.tick(resolution, now);
                if tick > 100 {
                    let off = error.at(&cable, (tick * period) as f64, now);
                    assert!(
                        off.abs() < 2_000.0,
                        "{rate} {period} {resolution}: {off} ns"
                    );
                }
            }
        }
    }
}

#[test]
fn the_pitch_is_on_top_of_the_master() {
    let mut cable = follow(&mut Master::new(10 * MS, 500, 0), 48_000, 20, |_, _| {});
    let mut now = START + 20 * SECOND;
    for pitch in [PITCH_MIN, PITCH_MAX, 1_000_100, PITCH_NOMINAL] {
        let before = cable.position(now);
        cable
            .follower
            .set_pitch(&mut cable.clock, 48_000, cable.pitch, pitch, now);
        cable.pitch = pitch;
        assert_eq!(cable.position(now), before);
        let due = f64::from(pitch) * 1.0005 - 1e6;
        let mut error = Error::default();
        let start = now;
        for tick in 1..200 {
            now = start + Master::new(10 * MS, 500, 0).when(tick);
            cable.tick(10 * MS, now);
            assert!((speed(&cable, now) - due).abs() < 20.0, "pitch {pitch}");
            let frames = tick as f64 * 480.0 * f64::from(pitch) / 1e6;
            assert!(
                error.at(&cable, frames, now).abs() < 3_000.0,
                "pitch {pitch}"
            );
        }
    }
    assert_eq!(cable.follower.breaks(), 0);
}

#[test]
fn with_steps_the_position_moves_with_the_step_only() {
    let mut follower = Follower::new(4 * MS);
    let start = START + MS;
    let clock = follower.start(48_000, PITCH_NOMINAL, start);
    for time in 0..100 * MS / 1_000 {
        let now = start + time * 1_000;
        assert_eq!(clock.position(now), (now - START) / (4 * MS) * 192);
    }
    assert_eq!(clock.when(1), START + 4 * MS);
    assert_eq!(clock.when(192), START + 4 * MS);
    assert_eq!(clock.when(193), START + 8 * MS);
}
