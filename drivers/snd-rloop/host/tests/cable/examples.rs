// SPDX-License-Identifier: GPL-2.0-only

//! What the random programs show as well, one by one, to be read.

use driver_model::clock::PITCH_MIN;
use driver_model::stream::Params;
use driver_model::stream::Wake;
use snd_rloop_model::cable::Refusal;
use snd_rloop_model::end::{EndState, Port};
use Port::Playback;

use crate::memory::{Fake, NextWakeup as _, Slot};
use crate::random::Op;
use crate::rig::{plain, variant, Pcm, Rig, Spec, Stop, CAPTURE};

fn rig() -> Rig {
    Rig::new([variant(2, 48_000, 2), variant(2, 44_100, 2)], 1_000, 1)
}

fn prepared(playback: &Spec, capture: &Spec) -> Rig {
    let mut rig = rig();
    rig.prepare(Playback, playback).unwrap();
    rig.prepare(CAPTURE, capture).unwrap();
    rig
}

/// Frames of the log from `first` on: how many are silence, then how many are data.
fn silence_then_data(log: &[Slot]) -> (usize, usize) {
    let silence = log.iter().take_while(|slot| **slot == Slot::Silence);
    let silence = silence.count();
    let data = log[silence..].iter();
    (
        silence,
        data.take_while(|slot| **slot != Slot::Silence).count(),
    )
}

#[test]
fn ends_that_start_together_have_no_offset() {
    for first in [Playback, CAPTURE] {
        let mut rig = prepared(&plain(16, 4), &plain(10, 3));
        rig.write(64, true);
        rig.perform(&Op::StartBoth(first));
        rig.pass_frames(29, 0);
        rig.check();
        assert_eq!(silence_then_data(&rig.oracle.captures[0].log), (0, 29));
        rig.read(29, true);
        assert_eq!(rig.stream(CAPTURE).appl, 29);
        assert_eq!(rig.cable.end(CAPTURE).counters.silence, 0);
    }
}

#[test]
fn linked_ends_start_in_one_frame_though_the_clock_went_on_in_between() {
    for second in [Playback, CAPTURE] {
        let mut rig = prepared(&plain(16, 4), &plain(16, 4));
        rig.write(64, true);
        rig.perform(&Op::StartLate(second, 7));
        rig.pass_frames(10, 0);
        rig.check();
        assert_eq!(rig.cable.end(Playback).position, 17);
        assert_eq!(rig.cable.end(CAPTURE).position, 17);
        assert_eq!(silence_then_data(&rig.oracle.captures[0].log), (0, 17));
        assert_eq!(rig.cable.end(Playback).counters.unheard, 0);
    }
}

#[test]
fn linked_ends_pause_in_one_frame_though_the_clock_went_on_in_between() {
    for (first, second) in [(Playback, CAPTURE), (CAPTURE, Playback)] {
        let mut rig = prepared(&plain(16, 4), &plain(16, 4));
        rig.write(64, true);
        rig.start(first);
        rig.start(second);
        rig.pass_frames(10, 0);
        let together = rig.now;
        rig.cable.pause(first, together);
        rig.cable.advance(rig.oracle.when(13));
        rig.cable.pause(second, together);
        assert_eq!(rig.cable.end(Playback).position, 10);
        assert_eq!(rig.cable.end(CAPTURE).position, 10);
        assert_eq!(rig.cable.end(Playback).counters.unheard, 0);
        assert_eq!(rig.cable.end(CAPTURE).counters.silence, 0);
    }
}

#[test]
fn a_buffer_that_goes_while_its_end_runs_stops_the_clock() {
    let mut rig = prepared(&plain(16, 4), &plain(16, 4));
    rig.write(64, true);
    rig.start(Playback);
    assert!(rig.cable.is_running());
    drop(rig.cable.take_buffer(Playback));
    assert!(!rig.cable.is_running());
}

#[test]
fn what_alsa_has_been_told_is_not_taken_back() {
    for (first, second) in [(Playback, CAPTURE), (CAPTURE, Playback)] {
        let mut rig = prepared(&plain(16, 4), &plain(16, 4));
        rig.write(64, true);
        rig.start(first);
        let then = rig.now;
        rig.pass_frames(3, 0);
        assert_eq!(rig.cable.pointer(first, rig.now, false), Some(3));
        let later = rig.oracle.when(4);
        rig.cable.advance(later);
        assert!(rig.cable.start(second, then));
        assert_eq!(rig.cable.end(first).position, 3);
        rig.cable.advance(later);
        assert_eq!(rig.cable.end(first).position, 7);
        assert_eq!(rig.cable.end(second).position, 4);
        let silence = rig.cable.end(CAPTURE).counters.silence;
        assert_eq!(silence, if first == CAPTURE { 3 } else { 0 });
    }
}

#[test]
fn a_reader_hears_silence_while_the_player_is_paused_and_after_it_has_stopped() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 4));
    rig.write(64, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(10, 0);
    rig.stop(Playback, Pcm::Paused);
    rig.pass_frames(20, 0);
    rig.start(Playback);
    rig.pass_frames(30, 0);
    rig.stop(Playback, Pcm::Setup);
    rig.pass_frames(40, 0);
    rig.check();
    let log = &rig.oracle.captures[0].log;
    assert_eq!(silence_then_data(log), (0, 10));
    assert_eq!(silence_then_data(&log[10..]), (20, 30));
    assert_eq!(silence_then_data(&log[60..]), (40, 0));
    assert_eq!(rig.cable.end(CAPTURE).counters.silence, 60);
    assert_eq!(rig.cable.end(Playback).counters.lost, 0);
}

/// ALSA sets its pointers back only after the driver has prepared; the cable must not go by those
/// of the last run.
#[test]
fn a_stream_that_is_prepared_again_starts_anew() {
    let mut rig = prepared(&plain(16, 4), &plain(1_000, 2));
    rig.timers = false;
    rig.start(CAPTURE);
    for round in 0..3 {
        rig.write(64, true);
        rig.start(Playback);
        rig.pass_frames(40, 0);
        rig.check();
        rig.update(Playback);
        rig.stop(Playback, Pcm::Setup);
        rig.prepare(
            Playback,
            &Spec {
                keep: true,
                ..plain(16, 4)
            },
        )
        .unwrap();
        let heard = rig.cable.end(CAPTURE).counters;
        assert_eq!((heard.moved, heard.silence), (40 * (round + 1), 0));
    }
}

#[test]
fn the_position_is_unknown_exactly_when_alsa_could_not_tell() {
    for (passed, told) in [(63, Some(63)), (64, None), (65, None)] {
        for port in [Playback, CAPTURE] {
            let mut rig = prepared(&plain(16, 4), &plain(16, 4));
            rig.timers = false;
            rig.write(64, true);
            rig.start(port);
            rig.pass_frames(passed, 0);
            assert_eq!(rig.cable.pointer(port, rig.now, false), told);
        }
    }
}

#[test]
fn a_drain_ends_with_the_last_frame_that_was_written() {
    for wakeups in [true, false] {
        // The whole buffer at once, too: then the position at the end is that of the start.
        for frames in [1, 15, 16, 17, 37, 63, 64] {
            let spec = Spec {
                wakeups,
                ..plain(16, 4)
            };
            let mut rig = prepared(&spec, &plain(100, 2));
            rig.write(frames, true);
            rig.start(CAPTURE);
            rig.drain();
            rig.oracle.run(rig.now);
            let end = rig.oracle.when(frames);
            rig.pass(end - 1);
            assert_eq!(rig.pcm(Playback), Pcm::Draining, "{frames} {wakeups}");
            rig.pass(end);
            assert_eq!(rig.pcm(Playback), Pcm::Setup, "{frames} {wakeups}");
            rig.pass_frames(5, 0);
            rig.check();
            let log = &rig.oracle.captures[0].log;
            assert_eq!(silence_then_data(log), (0, frames as usize));
            assert_eq!(rig.cable.end(Playback).counters.xruns, 0);
        }
    }
}

#[test]
fn a_drain_is_not_given_up_however_slow_the_clock_is() {
    for (period, periods) in [(8_000, 1), (500, 1), (100, 4)] {
        let mut rig = prepared(&plain(period, periods), &plain(100, 2));
        rig.set_pitch(800_000);
        rig.write(period * periods, true);
        rig.drain();
        let buffer = period * periods * 1_000_000_000 / u64::from(rig.variants[0].rate);
        // As long as `snd_pcm_drain` waits.
        let most = (buffer * 11 / 10).max(100_000_000);
        let mut heard = rig.now;
        while rig.pcm(Playback) == Pcm::Draining {
            let next = rig.stream(Playback).timer.unwrap();
            assert!(next - heard < most, "{next} {heard}");
            heard = next;
            rig.pass(next);
        }
        assert_eq!(rig.cable.end(Playback).counters.xruns, 0);
    }
}

#[test]
fn the_drain_of_a_stream_that_ran_dry_and_does_not_stop_for_it_ends_with_the_next_frame() {
    for wakeups in [true, false] {
        let spec = Spec {
            wakeups,
            stop: Stop::Never,
            ..plain(16, 4)
        };
        let mut rig = prepared(&spec, &plain(100, 2));
        rig.write(20, true);
        rig.start(Playback);
        rig.pass_frames(50, 0);
        rig.update(Playback);
        rig.drain();
        rig.pass_frames(1, 0);
        assert_eq!(rig.pcm(Playback), Pcm::Setup);
        assert_eq!(rig.stream(Playback).hw, 51);
    }
}

#[test]
fn the_drain_of_a_stream_that_was_reset_while_paused_is_noticed_at_any_position() {
    for played in 60..70 {
        let spec = Spec {
            wakeups: false,
            ..plain(16, 4)
        };
        let mut rig = prepared(&spec, &plain(100, 2));
        rig.write(64, true);
        rig.start(Playback);
        rig.pass_frames(40, 0);
        rig.update(Playback);
        rig.write(40, true);
        rig.pass_frames(played - 40, 0);
        rig.update(Playback);
        rig.stop(Playback, Pcm::Paused);
        // `snd_pcm_reset`: what was not played is forgotten, and ALSA counts from 0 again.
        let cable = &mut rig.cable;
        let memory = rig.streams[0].memory.clone().unwrap();
        let mut alsa = memory.pointers.get();
        (alsa.hw, alsa.appl) = (0, 0);
        memory.pointers.set(alsa);
        assert!(cable.start(Playback, rig.now));
        cable.drain(rig.now);
        // ALSA looks whether the stream has drained when it sees the position move.
        let mut noticed = false;
        while !noticed {
            let when = cable.next_wakeup(Playback).expect("ALSA has not noticed");
            assert_eq!(cable.wake(Playback, when), Wake::Period);
            noticed = cable.pointer(Playback, when, false) != Some(alsa.hw);
        }
    }
}

#[test]
fn a_stream_that_never_stops_is_heard_beyond_its_pointer() {
    let spec = Spec {
        stop: Stop::Never,
        wakeups: false,
        ..plain(16, 4)
    };
    let mut rig = prepared(&spec, &plain(100, 2));
    rig.write(1, true);
    rig.perform(&Op::StartBoth(Playback));
    for _ in 0..10 {
        rig.pass_frames(13, 0);
        rig.poke(20);
    }
    rig.check();
    assert_eq!(silence_then_data(&rig.oracle.captures[0].log), (0, 130));
    assert_eq!(rig.cable.end(Playback).counters.lost, 0);
}

#[test]
fn frames_that_come_late_are_counted_and_not_played() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.timers = false;
    rig.write(20, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(18, 0);
    rig.write_slowly(30, 12);
    rig.stop(Playback, Pcm::Setup);
    rig.check();
    // 20 in time, 10 of the others too late.
    assert_eq!(silence_then_data(&rig.oracle.captures[0].log), (0, 20));
    assert_eq!(rig.cable.end(Playback).counters.lost, 10);
    assert_eq!(rig.cable.end(CAPTURE).counters.silence, 10);
}

#[test]
fn late_frames_are_counted_whatever_happens_next() {
    let late = || {
        let mut rig = prepared(&plain(16, 4), &plain(100, 2));
        rig.timers = false;
        rig.write(20, true);
        rig.perform(&Op::StartBoth(Playback));
        rig.pass_frames(18, 0);
        rig.write_slowly(30, 12);
        rig
    };
    let mut rig = late();
    rig.drain();
    rig.pass_frames(30, 0);
    rig.check();
    assert_eq!(rig.cable.end(Playback).counters.lost, 10);

    let mut rig = late();
    rig.stop(CAPTURE, Pcm::Paused);
    rig.pass_frames(3, 0);
    rig.check();
    assert_eq!(rig.cable.end(Playback).counters.lost, 10);

    let mut rig = late();
    rig.stop(Playback, Pcm::Paused);
    assert_eq!(rig.cable.end(Playback).counters.lost, 10);
}

#[test]
fn frames_that_nobody_was_there_for_are_not_lost() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.timers = false;
    rig.write(20, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(30, 0);
    rig.stop(CAPTURE, Pcm::Paused);
    rig.pass_frames(19, 0);
    rig.cable.advance(rig.now);
    rig.commit(5);
    rig.pass_frames(1, 0);
    rig.start(CAPTURE);
    rig.pass_frames(5, 0);
    rig.cable.advance(rig.now);
    rig.commit(39);
    rig.pass_frames(1, 0);
    rig.check();
    assert_eq!(rig.cable.end(Playback).counters.lost, 5);
    assert_eq!(rig.cable.end(Playback).counters.unheard, 20);
}

#[test]
fn a_reader_that_is_too_slow_is_told_so_and_its_frames_are_counted() {
    let mut rig = prepared(&plain(16, 4), &plain(16, 2));
    rig.write(64, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(20, 0);
    rig.read(5, true);
    rig.timers = false;
    rig.pass_frames(40, 0);
    rig.update(CAPTURE);
    assert_eq!(rig.pcm(CAPTURE), Pcm::Xrun);
    let counters = rig.cable.end(CAPTURE).counters;
    assert_eq!((counters.moved, counters.xruns, counters.lost), (60, 1, 55));
}

#[test]
fn the_first_to_prepare_binds_the_other_until_both_have_let_go() {
    let other = Spec {
        variant: 1,
        ..plain(16, 4)
    };
    for (first, second) in [(Playback, CAPTURE), (CAPTURE, Playback)] {
        let mut rig = rig();
        let fixed = rig.variants[0];
        assert_eq!(
            (rig.cable.bound(first), rig.cable.bound(second)),
            (None, None)
        );
        rig.prepare(first, &plain(16, 4)).unwrap();
        assert_eq!(
            (rig.cable.bound(first), rig.cable.bound(second)),
            (None, Some(fixed))
        );
        assert_eq!(rig.prepare(second, &other), Err(Refusal::Mismatch(fixed)));
        assert!(
            !rig.cable.start(second, rig.now),
            "it has not been prepared"
        );
        assert!(!rig.cable.is_running());

        // The one that has fixed them may change its mind while it is alone.
        rig.prepare(first, &other).unwrap();
        rig.prepare(second, &other).unwrap();
        rig.close(first);
        let fixed = rig.variants[1];
        assert_eq!(
            rig.prepare(first, &plain(16, 4)),
            Err(Refusal::Mismatch(fixed))
        );
        rig.close(second);
        assert_eq!(rig.cable.params(), None);
        rig.prepare(first, &plain(16, 4)).unwrap();
    }
}

/// Prepares the player with other parameters than those of its buffer.
fn prepare_with(rig: &mut Rig, params: Params) {
    let setup = rig.cable.end(Playback).setup.unwrap();
    let memory = Fake(rig.streams[0].memory.clone().unwrap());
    rig.cable.prepare(Playback, params, setup, memory).unwrap();
}

#[test]
fn a_player_changes_the_parameters_under_a_recorder_that_is_told() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.cable.set_notify(true);
    rig.start(CAPTURE);
    rig.pass_frames(40, 0);
    rig.update(CAPTURE);
    let other = variant(2, 96_000, 2);
    assert_eq!(rig.cable.bound(Playback), None);
    prepare_with(&mut rig, other);
    assert_eq!(rig.cable.params(), Some(other));
    // The recorder is woken at once, told to stop, and stays where it was.
    assert_eq!(rig.cable.end(CAPTURE).state, EndState::Open);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), Some(0));
    let later = rig.now + 1_000_000_000;
    assert_eq!(rig.cable.wake(CAPTURE, later), Wake::Stop);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), None);
    assert_eq!(rig.cable.pointer(CAPTURE, later, false), Some(40));
    // It starts again only with the new parameters.
    assert!(!rig.cable.start(CAPTURE, later));
    assert_eq!(rig.cable.bound(CAPTURE), Some(other));
}

#[test]
fn a_recorder_that_stands_still_is_not_woken_for_new_parameters_and_can_not_start() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.cable.set_notify(true);
    let other = variant(2, 96_000, 2);
    prepare_with(&mut rig, other);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), None);
    assert!(!rig.cable.start(CAPTURE, rig.now));
}

#[test]
fn nobody_waits_so_there_is_no_wakeup() {
    let quiet = Spec {
        wakeups: false,
        ..plain(16, 4)
    };
    let mut rig = prepared(&quiet, &plain(16, 4));
    rig.write(64, true);
    rig.start(Playback);
    assert_eq!(rig.cable.next_wakeup(Playback), None);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), None);
    rig.start(CAPTURE);
    // 16 frames at 48 kHz, rounded up.
    assert_eq!(rig.cable.next_wakeup(CAPTURE), Some(1_000 + 333_334));
    rig.set_pitch(PITCH_MIN);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), Some(1_000 + 416_667));
    rig.stop(CAPTURE, Pcm::Paused);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), None);
}

#[test]
fn parameters_are_said_in_a_line() {
    let params = variant(32, 96_000, 8);
    assert_eq!(params.to_string(), "S24_3LE at 96000 Hz with 8 channel(s)");
}

#[test]
fn a_delay_line_does_not_survive_a_change_of_parameters() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.cable.set_notify(true);
    rig.set_delay(50);
    rig.write(64, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(20, 0);
    // What is under way keeps the line.
    rig.set_delay(0);
    rig.stop(Playback, Pcm::Setup);
    let wide = variant(10, 48_000, 4);
    prepare_with(&mut rig, wide);
    assert_eq!(rig.cable.needed_delay_line(&wide, None), None);
    assert!(rig.cable.replace_delay_line(None).is_some());
    assert!(rig.cable.replace_delay_line(None).is_none());
}

#[test]
fn a_delay_line_that_was_kept_for_what_was_under_way_goes_with_the_next_prepare() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.set_delay(50);
    rig.write(64, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(20, 0);
    rig.set_delay(0);
    // What is under way keeps it.
    assert!(rig.cable.replace_delay_line(None).is_none());
    rig.stop(Playback, Pcm::Setup);
    rig.stop(CAPTURE, Pcm::Setup);
    assert!(rig.cable.replace_delay_line(None).is_some());
}

/// Once for what is left, and once for the whole delay: not for each frame by which it grows.
#[test]
fn a_drain_under_a_delay_that_has_grown_wakes_nobody_in_vain() {
    let mut rig = prepared(
        &Spec {
            wakeups: false,
            ..plain(16, 4)
        },
        &plain(100, 50),
    );
    rig.write(64, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(62, 0);
    rig.set_delay(3_000);
    let before = rig.fired;
    rig.drain();
    rig.pass_frames(64 + 3_001, 0);
    assert_eq!(rig.pcm(Playback), Pcm::Setup);
    // The recorder's own, for each of its periods.
    let periods = 32;
    assert!(
        rig.fired - before <= periods + 2,
        "{} wake-ups",
        rig.fired - before
    );
}

#[test]
fn after_a_long_time_no_more_is_moved_than_can_be_heard() {
    for delay in [0, 100, 400_000] {
        let never = Spec {
            stop: Stop::Never,
            wakeups: false,
            ..plain(2_000, 2)
        };
        let mut rig = prepared(&never, &never);
        rig.timers = false;
        rig.set_delay(delay);
        rig.write(4_000, true);
        rig.start(Playback);
        rig.start(CAPTURE);
        rig.pass_frames(10_000, 0);
        rig.check();
        let memory = rig.streams[1].memory.clone().unwrap();
        let before = memory.moved.get();
        rig.pass_frames(1_000_000, 0);
        rig.check();
        let frames = (memory.moved.get() - before) / memory.layout.frame();
        // The buffer, and what goes through a delay line at a time.
        assert!(frames <= 4_000 + 1_024, "{frames}");
    }
}

#[test]
fn an_end_that_is_woken_after_another_moves_nothing_for_it() {
    let mut rig = prepared(&plain(16, 4), &plain(16, 4));
    rig.timers = false;
    rig.write(64, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(18, 0);
    assert_eq!(rig.cable.wake(Playback, rig.now), Wake::Period);
    rig.pass_frames(1, 0);
    assert_eq!(rig.cable.wake(CAPTURE, rig.now), Wake::Period);
    // As of when it was notified; whoever else asks is told what is so now.
    assert_eq!(rig.cable.pointer(CAPTURE, rig.now, true), Some(18));
    assert_eq!(rig.cable.pointer(CAPTURE, rig.now, false), Some(19));
    // Where a whole period has passed, that is moved.
    rig.pass_frames(17, 0);
    assert_eq!(rig.cable.wake(CAPTURE, rig.now), Wake::Period);
    assert_eq!(rig.cable.pointer(CAPTURE, rig.now, true), Some(36));
}
