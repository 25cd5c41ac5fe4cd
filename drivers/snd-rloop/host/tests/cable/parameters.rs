// SPDX-License-Identifier: GPL-2.0-only

//! Parameters: who is bound to whose, and who may change them.

use driver_model::stream::{Params, Wake};
use snd_rloop_model::cable::Refusal;
use snd_rloop_model::end::{EndState, Port};
use Port::Playback;

use crate::memory::{Fake, NextWakeup as _, UNTOUCHED};
use crate::random::Op;
use crate::rig::{plain, prepared, rig, variant, Pcm, Rig, Spec, CAPTURE};

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

/// Prepares the playback end with other parameters than those of its buffer.
fn prepare_with(rig: &mut Rig, params: Params) {
    let setup = rig.cable.end(Playback).setup.unwrap();
    let memory = Fake(rig.streams[0].memory.clone().unwrap());
    rig.cable.prepare(Playback, params, setup, memory).unwrap();
}

#[test]
fn playback_changes_the_parameters_under_a_capture_end_that_is_notified() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.cable.set_notify(true);
    rig.start(CAPTURE);
    rig.pass_frames(40, 0);
    rig.update(CAPTURE);
    let other = variant(2, 96_000, 2);
    assert_eq!(rig.cable.bound(Playback), None);
    prepare_with(&mut rig, other);
    assert_eq!(rig.cable.params(), Some(other));
    // The capture end is woken at once, told to stop, and stays where it was.
    assert_eq!(rig.cable.end(CAPTURE).state, EndState::Open);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), Some(0));
    let later = rig.now + 1_000_000_000;
    assert_eq!(rig.cable.wake(CAPTURE, later), Wake::Stop);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), None);
    assert_eq!(rig.cable.pointer(CAPTURE, Some(later)), Some(40));
    // It starts again only with the new parameters.
    assert!(!rig.cable.start(CAPTURE, later));
    assert_eq!(rig.cable.bound(CAPTURE), Some(other));
}

#[test]
fn a_capture_end_that_stands_still_is_not_woken_for_new_parameters_and_can_not_start() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.cable.set_notify(true);
    let other = variant(2, 96_000, 2);
    prepare_with(&mut rig, other);
    assert_eq!(rig.cable.next_wakeup(CAPTURE), None);
    assert!(!rig.cable.start(CAPTURE, rig.now));
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
    // So that what goes through the line piles up.
    rig.cable.effort.carry = 1;
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
    // What frames cost is known at once: without the line, and with the one that a prepare brings.
    assert_eq!(rig.cable.carries_after(), None);
    let params = rig.cable.params().unwrap();
    let layout = rig.cable.needed_delay_line(&params, Some(50)).unwrap();
    let line = Fake::new(layout, UNTOUCHED);
    assert!(rig.cable.replace_delay_line(Some(line)).is_none());
    assert!(rig.cable.carries_after().is_some());
}
