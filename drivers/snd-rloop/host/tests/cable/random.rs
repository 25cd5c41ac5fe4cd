// SPDX-License-Identifier: GPL-2.0-only

//! Random programs.

use driver_model::clock::{PITCH_MAX, PITCH_MIN, PITCH_NOMINAL};
use driver_model::stream::Params;
use proptest::prelude::*;
use snd_rloop_model::end::{Port, CATCH_UP};
use Port::Playback;

use crate::properties::cases;
use crate::rig::{opposite, variant, Pcm, Rig, Spec, Stop, CAPTURE};

/// Capture ends of the cable.
const READERS: usize = 3;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Prepare(Port, Spec),
    Start(Port),
    StartBoth(Port),
    StartLate(Port, u64),
    Stop(Port),
    Pause(Port),
    Drain,
    Write(u64, bool),
    WriteSlowly(u64, u64),
    Poke(u64),
    Read(usize, u64, bool),
    Pointer(Port),
    Wake(Port),
    Advance,
    Pitch(u32),
    Delay(u64),
    Close(Port),
    Check,
}

impl Rig {
    pub(crate) fn perform(&mut self, op: &Op) {
        match op {
            Op::Prepare(port, spec) => drop(self.prepare(*port, spec)),
            Op::Start(port) => self.start(*port),
            Op::StartBoth(first) => {
                self.start(*first);
                self.start(opposite(*first));
            }
            Op::StartLate(port, frames) => self.start_late(*port, *frames),
            Op::Stop(port) => {
                if self.pcm(*port) == Pcm::Paused {
                    self.start(*port);
                }
                self.stop(*port, Pcm::Setup);
            }
            Op::Pause(port) if self.pcm(*port) == Pcm::Running => {
                self.stop(*port, Pcm::Paused);
            }
            Op::Pause(_) => {}
            Op::Drain => self.drain(),
            Op::Write(frames, sync) => self.write(*frames, *sync),
            Op::WriteSlowly(frames, takes) => self.write_slowly(*frames, *takes),
            Op::Poke(ahead) => self.poke(*ahead),
            Op::Read(number, frames, sync) => self.read_from(*number, *frames, *sync),
            Op::Pointer(port) => self.update(*port),
            Op::Wake(port) => self.wake(*port),
            Op::Advance => _ = self.cable.advance(self.now),
            Op::Pitch(pitch) => self.set_pitch(*pitch),
            Op::Delay(delay) => self.set_delay(*delay),
            Op::Close(port) => self.close(*port),
            Op::Check => self.check_in_a_frame(),
        }
    }
}

/// The playback end, or one of [`READERS`] readers.
fn port() -> impl Strategy<Value = Port> {
    prop_oneof![3 => Just(Playback), 2 => Just(CAPTURE), 1 => (1..READERS).prop_map(Port::Capture)]
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        prop_oneof![19 => Just(0usize), 1 => Just(1usize)],
        2..13u64,
        prop_oneof![1 => Just(1u64), 4 => 2..5u64],
        prop::option::of(0..5usize),
        2..5u32,
        prop::bool::weighted(0.7),
        prop_oneof![6 => Just(Stop::Empty), 1 => Just(Stop::Early), 3 => Just(Stop::Never)],
        any::<bool>(),
    )
        .prop_map(
            |(variant, period, periods, gap, boundary, wakeups, stop, keep)| Spec {
                variant,
                period,
                periods,
                gap,
                boundary,
                wakeups,
                stop,
                keep,
            },
        )
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (port(), spec()).prop_map(|(port, spec)| Op::Prepare(port, spec)),
        4 => port().prop_map(Op::Start),
        1 => port().prop_map(Op::StartBoth),
        2 => (port(), 0..20u64).prop_map(|(second, late)| Op::StartLate(second, late)),
        1 => port().prop_map(Op::Stop),
        1 => port().prop_map(Op::Pause),
        2 => Just(Op::Drain),
        12 => (1..50u64, any::<bool>()).prop_map(|(frames, sync)| Op::Write(frames, sync)),
        2 => (1..50u64, 0..30u64).prop_map(|(frames, takes)| Op::WriteSlowly(frames, takes)),
        3 => (0..30u64).prop_map(Op::Poke),
        12 => (0..READERS, 1..50u64, any::<bool>())
            .prop_map(|(number, frames, sync)| Op::Read(number, frames, sync)),
        4 => port().prop_map(Op::Pointer),
        2 => port().prop_map(Op::Wake),
        3 => Just(Op::Advance),
        2 => prop_oneof![
            Just(PITCH_NOMINAL), Just(PITCH_MIN), Just(PITCH_MAX), PITCH_MIN..=PITCH_MAX
        ].prop_map(Op::Pitch),
        2 => prop_oneof![2 => Just(0u64), 3 => 0..40u64, 1 => 40..3_000u64].prop_map(Op::Delay),
        1 => port().prop_map(Op::Close),
        2 => Just(Op::Check),
    ]
}

/// Frames that pass and nanoseconds more or less: just before a frame, on it, after it, between.
fn wait() -> impl Strategy<Value = (u64, i64)> {
    let frames = prop_oneof![4 => Just(0u64), 12 => 1..8u64, 4 => 8..30u64, 1 => 30..200u64];
    // Longer than a delay line lets through at a time.
    let frames = prop_oneof![40 => frames, 1 => 1_000..6_000u64];
    let off = prop_oneof![Just(0i64), Just(-1i64), Just(1i64), -2_000..2_000i64];
    (frames, off)
}

fn variants() -> impl Strategy<Value = [Params; 2]> {
    prop::sample::select(vec![
        [variant(2, 48_000, 2), variant(2, 44_100, 2)],
        [variant(34, 8_000, 3), variant(32, 8_000, 3)],
        [variant(1, 768_000, 1), variant(1, 768_000, 2)],
        [variant(16, 44_100, 2), variant(16, 96_000, 2)],
    ])
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn a_cable_is_what_the_oracle_says(
        variants in variants(),
        start in prop_oneof![Just(0u64), 0..1u64 << 62],
        specs in (spec(), spec(), prop::option::of(spec())),
        first in 1..50u64,
        program in prop::collection::vec((wait(), op()), 1..100),
        latency in prop_oneof![
            3 => Just(vec![0u64]),
            1 => prop::collection::vec(
                prop_oneof![Just(0u64), 0..100_000u64, 0..2_000_000u64], 1..8),
        ],
        timers in prop::bool::weighted(0.8),
        delay in prop_oneof![2 => Just(0u64), 1 => 1..100u64],
        diligent: bool,
    ) {
        let mut rig = Rig::new(variants, start, READERS);
        (rig.latency, rig.timers) = (latency, timers);
        rig.set_delay(delay);
        let _ = rig.prepare(Playback, &specs.0);
        let _ = rig.prepare(CAPTURE, &specs.1);
        if let Some(spec) = &specs.2 {
            let _ = rig.prepare(Port::Capture(1), spec);
        }
        rig.write(first, true);
        if diligent {
            rig.perform(&Op::StartBoth(Playback));
        }
        for ((frames, off), op) in &program {
            if diligent {
                rig.live(*frames, *off);
            } else {
                rig.pass_frames(*frames, *off);
            }
            rig.perform(op);
        }
        rig.check_in_a_frame();

        // A drain ends, whoever else still does anything.
        if rig.timers && rig.pcm(Playback) == Pcm::Draining {
            let latest = rig.latency.iter().max().copied().unwrap();
            let lag = rig.oracle.delay.max(rig.oracle.playback.lag);
            rig.pass_frames(rig.oracle.playback.frames + CATCH_UP * lag + 1, 3 * latest as i64);
            prop_assert_eq!(rig.pcm(Playback), Pcm::Setup);
            rig.check_in_a_frame();
        }
        for port in rig.ports() {
            rig.close(port);
        }
        prop_assert!(!rig.cable.is_running());
        prop_assert_eq!(rig.cable.params(), None);
    }
}
