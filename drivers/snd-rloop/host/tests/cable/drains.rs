// SPDX-License-Identifier: GPL-2.0-only

//! Drains, one after the other.

use driver_model::stream::Wake;
use snd_rloop_model::end::Port;
use Port::Playback;

use crate::memory::NextWakeup as _;
use crate::random::Op;
use crate::rig::{plain, prepared, silence_then_data, Pcm, Spec, Stop, CAPTURE};

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
            noticed = cable.pointer(Playback, Some(when)) != Some(alsa.hw);
        }
    }
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
    // The capture end's own, for each of its periods.
    let periods = 32;
    assert!(
        rig.fired - before <= periods + 2,
        "{} wake-ups",
        rig.fired - before
    );
}
