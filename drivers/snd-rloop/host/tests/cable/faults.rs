// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand do what they say, and nothing else.

use driver_model::plan::Plan;
use driver_model::stream::Wake;
use driver_model::ticks::Heard;
use snd_rloop_model::end::{EndState, Port};
use snd_rloop_model::follow::Tracking;
use Port::Playback;

use crate::memory::{NextWakeup as _, Slot};
use crate::rig::{plain, variant, Pcm, Rig, CAPTURE};

/// Both ends run, and 64 frames have been written.
fn running() -> Rig {
    let mut rig = Rig::new([variant(2, 48_000, 2), variant(2, 44_100, 2)], 1_000, 1);
    rig.prepare(Playback, &plain(16, 4)).unwrap();
    rig.prepare(CAPTURE, &plain(100, 2)).unwrap();
    rig.write(64, true);
    rig.start(Playback);
    rig.start(CAPTURE);
    rig
}

/// The place in the reader's buffer at which the playback end's `frame` is, if it is there whole.
fn found(rig: &Rig, frame: u64) -> Option<u64> {
    let memory = rig.streams[1].memory.clone().unwrap();
    let Slot::Frame(id) = rig.oracle.playback.ring[frame as usize] else {
        return None;
    };
    let format = rig.variants[0].format;
    (0..200).find(|slot| memory.holds(*slot, Slot::Frame(id), format))
}

#[test]
fn frames_are_dropped_and_the_others_are_contiguous() {
    let mut rig = running();
    let later = rig.oracle.when(10);
    rig.cable.advance(later);
    rig.cable.faults.drop = Plan::next(5);
    rig.cable.advance(rig.oracle.when(12));
    rig.cable.advance(rig.oracle.when(30));
    assert_eq!(rig.cable.end(Playback).position, 30);
    assert_eq!(rig.cable.end(CAPTURE).position, 25);
    assert!(rig.cable.faults.drop.is_none());
    for (frame, slot) in [
        (9, Some(9)),
        (10, None),
        (14, None),
        (15, Some(10)),
        (29, Some(24)),
    ] {
        assert_eq!(found(&rig, frame), slot, "{frame}");
    }
}

#[test]
fn frames_are_those_that_a_range_or_a_seed_says() {
    let mut rig = running();
    rig.cable.faults.drop = Plan::parse("3-4").unwrap();
    // Of those that are not lost.
    rig.cable.faults.double = Plan::parse("5-5").unwrap();
    rig.cable.faults.flip = Plan::parse("8-8").unwrap();
    rig.cable.advance(rig.oracle.when(20));
    let memory = rig.streams[1].memory.clone().unwrap();
    let format = rig.variants[0].format;
    for (slot, frame) in [0, 1, 4, 5, 6, 6, 7, 8, 9, 10].into_iter().enumerate() {
        let what = rig.oracle.playback.ring[frame];
        // The eighth that arrives, counted once.
        let due = frame != 9;
        assert_eq!(memory.holds(slot as u64, what, format), due, "{slot}");
    }
    let mut rig = running();
    let mut plan = Plan::parse("1/3 42").unwrap();
    rig.cable.faults.drop = plan;
    for frame in 1..=60 {
        rig.cable.advance(rig.oracle.when(frame));
    }
    let left: Vec<u64> = (0..60).filter(|_| !plan.next_is_wrong()).collect();
    assert_eq!(rig.cable.end(CAPTURE).position, left.len() as u64);
    for (slot, frame) in left.into_iter().enumerate() {
        assert_eq!(found(&rig, frame), Some(slot as u64), "{frame}");
    }
    assert_eq!(rig.cable.faults.drop, plan);
}

#[test]
fn frames_are_doubled() {
    let mut rig = running();
    rig.cable.faults.double = Plan::next(3);
    rig.cable.advance(rig.oracle.when(10));
    assert_eq!(rig.cable.end(CAPTURE).position, 13);
    let memory = rig.streams[1].memory.clone().unwrap();
    let format = rig.variants[0].format;
    for (slot, frame) in [0, 1, 2, 0, 1, 2, 3, 4].into_iter().enumerate() {
        let what = rig.oracle.playback.ring[frame];
        assert!(memory.holds(slot as u64, what, format), "{slot}");
    }
}

#[test]
fn one_bit_is_inverted_in_each_of_some_frames() {
    let mut rig = running();
    rig.cable.faults.flip = Plan::next(2);
    rig.cable.advance(rig.oracle.when(1));
    rig.cable.advance(rig.oracle.when(10));
    let (from, to) = (
        rig.streams[0].memory.clone().unwrap(),
        rig.streams[1].memory.clone().unwrap(),
    );
    let bits: u32 = (from.bytes.borrow().iter().zip(to.bytes.borrow().iter()))
        .take(40)
        .map(|(a, b)| (a ^ b).count_ones())
        .sum();
    assert_eq!(bits, 2);
    assert_eq!(
        (found(&rig, 0), found(&rig, 1), found(&rig, 2)),
        (None, None, Some(2))
    );
}

#[test]
fn faults_wait_until_somebody_hears_them() {
    let mut rig = running();
    rig.stop(CAPTURE, Pcm::Setup);
    rig.cable.faults.drop = Plan::next(5);
    rig.cable.faults.flip = Plan::next(5);
    rig.cable.advance(rig.oracle.when(10));
    let left = (rig.cable.faults.drop, rig.cable.faults.flip);
    assert_eq!(left, (Plan::next(5), Plan::next(5)));
}

#[test]
fn a_clock_that_stood_still_goes_on_from_there() {
    let mut rig = running();
    let (then, later) = (rig.oracle.when(10), rig.oracle.when(1_000));
    rig.cable.freeze(true, then);
    rig.cable.freeze(true, then + 1);
    rig.cable.advance(later);
    assert_eq!(rig.cable.end(Playback).position, 10);
    assert_eq!(rig.cable.next_wakeup(Playback), None);
    rig.cable.freeze(false, later);
    let wakeup = rig.cable.next_wakeup(Playback).unwrap();
    assert_eq!(wakeup, later + (rig.oracle.when(16) - then));
    assert_eq!(rig.cable.wake(Playback, wakeup - 1), Wake::Nothing);
    assert_eq!(rig.cable.wake(Playback, wakeup), Wake::Period);
    assert_eq!(rig.cable.end(CAPTURE).position, 16);
}

#[test]
fn an_xrun_is_had_by_the_end_that_runs_and_is_told_once() {
    for port in [Playback, CAPTURE] {
        let mut rig = running();
        assert!(rig.cable.force_xrun(port));
        assert_eq!(rig.cable.next_wakeup(port), Some(0));
        assert_eq!(rig.cable.wake(port, rig.now), Wake::Xrun);
        assert_eq!(rig.cable.wake(port, rig.now), Wake::Nothing);
        assert_eq!(rig.cable.end(port).counters.xruns, 1);
        rig.cable.stop(CAPTURE, rig.now);
        assert!(!rig.cable.force_xrun(CAPTURE));
        assert_eq!(rig.cable.end(CAPTURE).state, EndState::Prepared);
    }
}

#[test]
fn wakeups_are_late_by_no_more_than_the_jitter() {
    let mut rig = running();
    let ideal = rig.cable.next_wakeup(Playback).unwrap();
    let mut seen = Vec::new();
    for jitter in [1_000, 1_000_000, 7_777_777] {
        rig.cable.faults.jitter = jitter;
        let late = rig.cable.next_wakeup(Playback).unwrap() - ideal;
        assert!(late <= jitter);
        seen.push(late);
    }
    assert!(seen.iter().any(|late| *late > 10_000), "{seen:?}");
}

#[test]
fn a_clock_that_stands_still_does_so_though_its_master_goes_on() {
    const MS: u64 = 1_000_000;
    let mut rig = running();
    let (begin, cable) = (rig.now, &mut rig.cable);
    cable.listen();
    let ms = |ms: u64| begin + ms * MS;
    let mut places = Vec::new();
    for tick in 0..=3_000 {
        let now = ms(10 * tick);
        if tick == 1_000 || tick == 1_500 {
            cable.freeze(tick == 1_000, now);
        }
        if tick == 900 {
            // It goes already.
            cable.freeze(false, now);
            assert_eq!(cable.follows(now), Tracking::Following);
        }
        // 0.1 % faster than nominal.
        let heard = Heard::Ticks {
            count: 1,
            resolution: 10 * MS + MS / 100,
        };
        cable.hear(heard, now, now);
        cable.advance(now);
        places.push(cable.end(Playback).position);
    }
    let rate = rig.variants[0].rate as f64;
    let speed = |from: usize, to: usize| {
        (places[to] - places[from]) as f64 / (to - from) as f64 * 100.0 / rate
    };
    assert!((speed(500, 1_000) - 1.001).abs() < 1e-4);
    assert_eq!(places[1_000], places[1_500]);
    // It goes on from there: 0.5 % is the most that it ever hurries.
    for tick in 1_500..2_900 {
        assert!((speed(tick, tick + 100) - 1.001).abs() < 0.006, "{tick}");
    }
    assert!((speed(2_500, 3_000) - 1.001).abs() < 1e-4);
}
