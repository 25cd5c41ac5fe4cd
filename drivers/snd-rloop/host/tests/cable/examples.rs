// SPDX-License-Identifier: GPL-2.0-only

//! What the random programs show as well, one by one, to be read.

use driver_model::clock::PITCH_MIN;
use driver_model::stream::Wake;
use snd_rloop_model::cable::Effort;
use snd_rloop_model::end::Port;
use Port::Playback;

use crate::memory::NextWakeup as _;
use crate::random::Op;
use crate::rig::{plain, prepared, silence_then_data, Pcm, Spec, Stop, CAPTURE};

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
fn what_was_reported_to_alsa_is_not_rewound() {
    for (first, second) in [(Playback, CAPTURE), (CAPTURE, Playback)] {
        let mut rig = prepared(&plain(16, 4), &plain(16, 4));
        rig.write(64, true);
        rig.start(first);
        let then = rig.now;
        rig.pass_frames(3, 0);
        assert_eq!(rig.cable.pointer(first, Some(rig.now)), Some(3));
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
fn a_reader_hears_silence_while_playback_is_paused_and_after_it_has_stopped() {
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
            assert_eq!(rig.cable.pointer(port, Some(rig.now)), told);
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
fn a_reader_that_is_too_slow_is_stopped_and_its_frames_are_counted() {
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
fn nobody_waits_but_what_piles_up_is_moved_where_it_is_much() {
    for (frames, much) in [
        (4_096, false),
        (8_192, false),
        (8_193, true),
        (400_000, true),
    ] {
        let quiet = Spec {
            wakeups: false,
            ..plain(frames, 1)
        };
        let mut rig = prepared(&quiet, &quiet);
        rig.write(frames, true);
        rig.start(Playback);
        rig.start(CAPTURE);
        assert_eq!(rig.cable.next_wakeup(CAPTURE), None);
        // 32 KiB of frames of four bytes at 48 kHz, rounded up.
        let when = 1_000 + 170_666_667;
        assert_eq!(
            rig.cable.next_wakeup(Playback),
            much.then_some(when),
            "{frames} frames"
        );
    }
}

#[test]
fn the_more_streams_are_linked_the_less_piles_up_at_each() {
    let quiet = Spec {
        wakeups: false,
        ..plain(8_192, 1)
    };
    // Frames of four bytes: 1 MiB in all, 8 to 32 KiB each.
    for (streams, frames) in [
        (1, None),
        (32, None),
        (64, Some(4_096)),
        (128, Some(2_048)),
        (1_000, Some(2_048)),
    ] {
        let mut rig = prepared(&quiet, &quiet);
        rig.write(8_192, true);
        rig.cable.share_effort(streams);
        rig.start(Playback);
        // Not linked with as many, but what it does is done for the other end, too.
        rig.cable.share_effort(1);
        rig.start(CAPTURE);
        assert_eq!(rig.cable.carries_after(), frames, "{streams} streams");
        rig.stop(Playback, Pcm::Setup);
        rig.stop(CAPTURE, Pcm::Setup);
        rig.cable.share_effort(1);
        assert_eq!(rig.cable.effort, Effort::default());
    }
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
    assert_eq!(rig.cable.pointer(CAPTURE, None), Some(18));
    assert_eq!(rig.cable.pointer(CAPTURE, Some(rig.now)), Some(19));
    // Where a whole period has passed, that is moved.
    rig.pass_frames(17, 0);
    assert_eq!(rig.cable.wake(CAPTURE, rig.now), Wake::Period);
    assert_eq!(rig.cable.pointer(CAPTURE, None), Some(36));
}
