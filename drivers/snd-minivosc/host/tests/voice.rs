// SPDX-License-Identifier: GPL-2.0-only

//! What is in a recording's buffer does not depend on who looks when.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;
use std::rc::Rc;

use driver_model::format::{Format, FORMATS};
use driver_model::layout::{Access, Layout, Move, Span};
use driver_model::plan::Plan;
use driver_model::stream::{Buffer, Params, Pointers, Setup, Timed, Wake};
use proptest::prelude::*;
use snd_minivosc_model::oscillator::{Oscillator, Settings, Waveform, LEVEL_MAX, NAMES};
use snd_minivosc_model::voice::Voice;

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;

/// A buffer in memory.
#[derive(Clone)]
struct Memory(Layout, Rc<RefCell<Vec<u8>>>);

impl Memory {
    fn new(layout: Layout) -> Self {
        Self(layout, Rc::new(RefCell::new(vec![0xee; layout.bytes()])))
    }
}

impl Buffer for Memory {
    fn layout(&self) -> &Layout {
        &self.0
    }

    fn pointers(&self) -> Pointers {
        Pointers::default()
    }

    fn copy_from(&self, _: &Self, _: Move) {}

    fn fill(&self, what: Span, sample: &[u8]) {
        assert!(what.fits(self.0.bytes()));
        let mut bytes = self.1.borrow_mut();
        for row in 0..what.rows {
            let row = &mut bytes[what.offset + row * what.step..][..what.bytes];
            row.chunks_exact_mut(sample.len())
                .for_each(|to| to.copy_from_slice(sample));
        }
    }

    fn flip(&self, offset: usize) {
        self.1.borrow_mut()[offset] ^= 1;
    }
}

fn named(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap()
}

const GIVEN: [i32; 21] = [7 << 20; 21];

fn settings(waveform: Waveform) -> Settings {
    Settings {
        waveform,
        millihertz: 440_000,
        level: LEVEL_MAX,
        lift: 0,
        seed: 0,
    }
}

struct Rig {
    voice: Voice<Memory, Vec<i32>>,
    memory: Memory,
    setup: Setup,
    params: Params,
    read: u64,
}

impl Rig {
    fn new(period: u64, buffer: u64, wakeups: bool, marks: bool, channels: usize) -> Self {
        let params = Params {
            format: named("S16_LE"),
            rate: 48_000,
            channels: channels as u32,
        };
        let setup = Setup {
            period,
            buffer,
            wakeups,
            access: Access::RwInterleaved,
        };
        let memory = Memory::new(Layout {
            frames: buffer,
            channels,
            sample: 2,
            plane: None,
        });
        let mut voice = Voice::new(settings(Waveform::Sine), marks, GIVEN.to_vec());
        voice.prepare(params, setup, memory.clone());
        Self {
            voice,
            memory,
            setup,
            params,
            read: 0,
        }
    }

    /// The frames that are there by `position`, in the buffer's frames.
    fn read(&mut self, position: u64) -> Vec<Vec<u8>> {
        let size = self.memory.0.frame();
        let bytes = self.memory.1.borrow();
        let mut frames = Vec::new();
        while self.read % self.setup.buffer != position {
            let at = (self.read % self.setup.buffer) as usize * size;
            frames.push(bytes[at..at + size].to_vec());
            self.read += 1;
        }
        frames
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn frames_are_the_oscillators_whoever_looks_when(
        period in 1..200u64, periods in 2..9u64, wakeups: bool, channels in 1..4usize,
        steps in prop::collection::vec(0..40_000_000u64, 1..40),
    ) {
        let mut rig = Rig::new(period, period * periods, wakeups, false, channels);
        let oscillator = Oscillator::new(settings(Waveform::Sine), rig.params.rate, GIVEN.len());
        let (start, mut now, mut made) = (1_000, 1_000, 0);
        prop_assert!(rig.voice.start(start));
        for step in steps {
            // A program that is never a buffer late, on a machine whose timers are not, either.
            now += step % ((period * periods - 1) * 1_000_000_000 / 48_000);
            while let Some(due) = rig.voice.next_wakeup().filter(|due| *due <= now) {
                if rig.voice.wake(due) == Wake::Period {
                    let position = rig.voice.pointer(due, true).unwrap();
                    prop_assert_eq!(position, (due - start) * 48_000 / 1_000_000_000 % (period * periods));
                }
            }
            let position = rig.voice.pointer(now, false);
            let frames = (now - start) * 48_000 / 1_000_000_000;
            prop_assert_eq!(position, Some(frames % (period * periods)));
            for frame in rig.read(frames % (period * periods)) {
                let sample = &oscillator.sample(made, rig.params.format, &GIVEN)[..2];
                prop_assert_eq!(frame, sample.repeat(channels));
                made += 1;
            }
            prop_assert_eq!(made, frames);
        }
    }

    #[test]
    fn who_waits_is_woken(period in 16..2_000u64, periods in 2..9u64) {
        let mut rig = Rig::new(period, period * periods, true, false, 1);
        let start = 5_000;
        prop_assert!(rig.voice.start(start));
        for number in 1..=10 {
            let (mut now, mut rounds) = (0, 0);
            loop {
                let next = rig.voice.next_wakeup().unwrap();
                prop_assert!(next >= now, "{next} is before {now}");
                now = next;
                rounds += 1;
                prop_assert!(rounds < 100);
                if rig.voice.wake(now) == Wake::Period {
                    break;
                }
            }
            // Not a nanosecond before the period is full, and none after.
            let frames = number * period;
            prop_assert_eq!(now, start + (frames * 1_000_000_000).div_ceil(48_000));
            prop_assert_eq!(rig.voice.pointer(now, false), Some(frames % (period * periods)));
        }
    }
}

#[test]
fn marks_begin_periods_and_turns() {
    let mut rig = Rig::new(10, 30, true, true, 2);
    assert!(rig.voice.start(0));
    let mut frames = Vec::new();
    for number in 1..=9 {
        let position = rig
            .voice
            .pointer(number * 10 * 1_000_000_000 / 48_000 + 1, false);
        frames.extend(rig.read(position.unwrap()));
    }
    for (number, frame) in frames.iter().enumerate() {
        let (turn, period) = (
            frame == &[0xff, 0x7f, 0xff, 0x7f],
            frame == &[0, 0x80, 0, 0x80],
        );
        assert_eq!(turn, number % 30 == 0, "{number}: {frame:02x?}");
        assert_eq!(period, number % 10 == 0 && !turn, "{number}: {frame:02x?}");
    }
    assert_eq!(frames.len(), 90);
}

#[test]
fn a_pause_leaves_nothing_out() {
    let mut rig = Rig::new(100, 1_000, true, false, 1);
    assert!(rig.voice.start(0));
    rig.voice.stop(2_000_000);
    assert_eq!(rig.voice.pointer(900_000_000, false), Some(96));
    assert_eq!(rig.voice.next_wakeup(), None);
    assert!(rig.voice.start(1_000_000_000));
    assert_eq!(rig.voice.pointer(1_000_000_000, false), Some(96));
    assert_eq!(rig.voice.pointer(1_002_000_000, false), Some(192));
    let oscillator = Oscillator::new(settings(Waveform::Sine), 48_000, GIVEN.len());
    for (number, frame) in rig.read(192).iter().enumerate() {
        assert_eq!(
            *frame,
            oscillator.sample(number as u64, named("S16_LE"), &[])[..2]
        );
    }
}

#[test]
fn a_stop_makes_nothing_and_loses_nothing() {
    let mut rig = Rig::new(2_000, 6_000, true, false, 1);
    assert!(rig.voice.start(0));
    // Before the timer has gone off.
    rig.voice.stop(4_000_000);
    assert!(rig.memory.1.borrow().iter().all(|byte| *byte == 0xee));
    // What is changed in a pause is heard after it.
    let changed = settings(Waveform::Square);
    rig.voice.set(changed, 900_000_000);
    assert!(rig.voice.start(1_000_000_000));
    assert_eq!(rig.voice.pointer(1_000_000_000, false), Some(192));
    assert_eq!(rig.voice.pointer(1_004_000_000, false), Some(384));
    let mut oscillator = Oscillator::new(settings(Waveform::Sine), 48_000, GIVEN.len());
    for (number, frame) in (0..).zip(rig.read(384)) {
        if number == 192 {
            oscillator.set(changed, number);
        }
        let sample = oscillator.sample(number, named("S16_LE"), &[]);
        assert_eq!(frame, sample[..2], "frame {number}");
    }
}

#[test]
fn a_stream_whose_timer_is_late_stops_where_it_can_come_in_one_go() {
    let mut rig = Rig::new(10_000, 60_000, true, false, 1);
    assert!(rig.voice.start(0));
    rig.voice.stop(1_000_000_000);
    assert!(rig.voice.start(5_000_000_000));
    assert_eq!(rig.voice.pointer(5_000_000_000, false), Some(2048));
    assert_eq!(rig.voice.pointer(5_001_000_000, false), Some(2096));
}

#[test]
fn a_period_that_ended_right_before_a_pause_is_told_after_it() {
    let mut rig = Rig::new(100, 1_000, true, false, 1);
    assert!(rig.voice.start(0));
    // 144 frames: the pause was sooner than the timer.
    rig.voice.stop(3_000_000);
    assert!(rig.voice.start(1_000_000_000));
    assert_eq!(rig.voice.next_wakeup(), Some(1_000_000_000));
    assert_eq!(rig.voice.wake(1_000_000_000), Wake::Period);
    let next = rig.voice.next_wakeup().unwrap();
    assert_eq!(rig.voice.wake(next), Wake::Period);
    assert_eq!(rig.voice.pointer(next, false), Some(200));
}

#[test]
fn a_program_that_is_a_buffer_late_gets_an_xrun() {
    let mut rig = Rig::new(100, 400, true, false, 1);
    assert!(rig.voice.start(0));
    assert_eq!(rig.voice.pointer(8_000_000, false), Some(384));
    assert_eq!(rig.voice.pointer(17_000_000, false), None);
    // Without wake-ups, ALSA counts the turns itself.
    let mut rig = Rig::new(100, 400, false, false, 1);
    assert!(rig.voice.start(0));
    assert_eq!(rig.voice.pointer(8_000_000, false), Some(384));
    assert_eq!(rig.voice.pointer(17_000_000, false), Some(16));
}

#[test]
fn what_was_not_prepared_does_not_start() {
    let mut voice = Voice::<Memory, _>::new(settings(Waveform::User), false, GIVEN.to_vec());
    assert!(!voice.start(0));
    assert_eq!(voice.next_wakeup(), None);
    assert_eq!(voice.wake(5), Wake::Nothing);
    assert_eq!(voice.names(), NAMES);
    let voice = Voice::<Memory, Vec<i32>>::new(settings(Waveform::Sine), false, vec![]);
    assert_eq!(voice.names().last(), Some(&"noise"));
}

#[test]
fn a_buffer_of_one_period_is_full_at_its_end() {
    let mut rig = Rig::new(480, 480, true, false, 1);
    assert!(rig.voice.start(0));
    for number in 1..=3 {
        let now = number * 10_000_000;
        while rig.voice.wake(rig.voice.next_wakeup().unwrap()) != Wake::Period {}
        assert_eq!(rig.voice.pointer(now, true), Some(0));
    }
    // Later than that it is too late, and who was not notified can't know.
    assert_eq!(rig.voice.pointer(40_100_000, false), None);
    assert_eq!(rig.voice.wake(51_000_000), Wake::Period);
    assert_eq!(rig.voice.pointer(51_000_000, true), None);
}

/// What the first channel of the frames by `now` says that their numbers are.
fn counted(rig: &mut Rig, now: u64) -> Vec<u32> {
    let position = rig.voice.pointer(now, false).unwrap();
    let number = |frame: &Vec<u8>| u16::from_le_bytes([frame[0], frame[1]]).into();
    rig.read(position).iter().map(number).collect()
}

/// A rig whose frames are numbers, and which runs.
fn counting() -> Rig {
    let mut rig = Rig::new(500, 5_000, true, false, 2);
    let counter = settings(Waveform::Counter);
    rig.voice.set(counter, 0);
    assert!(rig.voice.start(0));
    rig
}

#[test]
fn frames_get_lost_come_twice_and_with_a_bit_inverted() {
    let mut rig = counting();
    // What is due already is not hit, whether anybody has looked or not.
    rig.voice.faults(1_000_000).drop = Plan::next(7);
    assert_eq!(counted(&mut rig, 1_000_000), Vec::from_iter(0..48));
    assert_eq!(counted(&mut rig, 2_000_000), Vec::from_iter(55..103));
    rig.voice.faults(2_000_000).double = Plan::next(3);
    let doubled = [103, 103, 104, 104, 105, 105];
    let frames = counted(&mut rig, 3_000_000);
    assert_eq!(frames[..6], doubled);
    assert_eq!(frames[6..], Vec::from_iter(106..148));
    rig.voice.faults(3_000_000).flip = Plan::next(5);
    let frames = counted(&mut rig, 4_000_000);
    // In the first channel alone, and in the byte in the middle.
    assert_eq!(frames[..5], [148, 149, 150, 151, 152].map(|n| n ^ 0x100));
    assert_eq!(frames[5..], Vec::from_iter(153..196));
    assert_eq!(*rig.voice.faults(4_000_000), Default::default());
    // More than will ever be made.
    rig.voice.faults(4_000_000).drop = Plan::next(u32::MAX);
    rig.voice.faults(4_000_000).double = Plan::next(1);
    // 16 bits of it.
    let number = 195;
    assert_eq!(counted(&mut rig, 4_050_000), [number, number]);
    // A recording begins anew with frame 0.
    rig.voice.prepare(rig.params, rig.setup, rig.memory.clone());
    assert!(rig.voice.start(5_000_000));
    rig.read = 0;
    assert_eq!(counted(&mut rig, 6_000_000), Vec::from_iter(0..48));
}

#[test]
fn frames_are_those_that_a_range_or_a_seed_says() {
    let mut rig = counting();
    rig.voice.faults(0).drop = Plan::parse("3-5").unwrap();
    // Of those that are not lost.
    rig.voice.faults(0).double = Plan::parse("3-4").unwrap();
    rig.voice.faults(0).flip = Plan::parse("2-3").unwrap();
    let frames = counted(&mut rig, 1_000_000);
    let due = [0, 1 ^ 0x100, 5 ^ 0x100, 5, 6, 6, 7];
    assert_eq!(frames[..7], due);
    let by_seed = |seed: &str| {
        let mut rig = counting();
        rig.voice.faults(0).drop = Plan::parse(seed).unwrap();
        counted(&mut rig, 10_000_000)
    };
    let frames = by_seed("1/2 42");
    let mut plan = Plan::parse("1/2 42").unwrap();
    let due: Vec<_> = (0..).filter(|_| !plan.next_is_wrong()).take(480).collect();
    assert_eq!(frames, due);
    assert_ne!(frames, by_seed("1/2 43"));
}

#[test]
fn a_bit_is_inverted_in_one_channel_whatever_the_layout() {
    for plane in [None, Some(2_000)] {
        let mut rig = counting();
        let layout = Layout {
            plane,
            ..rig.memory.0
        };
        rig.memory = Memory::new(layout);
        rig.voice.prepare(rig.params, rig.setup, rig.memory.clone());
        rig.voice.faults(0).flip = Plan::next(1);
        assert!(rig.voice.start(0));
        assert_eq!(rig.voice.pointer(100_000, false), Some(4));
        let bytes = rig.memory.1.borrow();
        let flipped = bytes.iter().filter(|byte| **byte == 1).count();
        // The second frame's number is 1 in both channels.
        assert_eq!((bytes[1], flipped), (1, 3), "{plane:?}");
    }
}

#[test]
fn a_clock_that_stands_still_goes_on_from_there() {
    let mut rig = counting();
    rig.voice.freeze(true, 1_000_000);
    assert_eq!(rig.voice.next_wakeup(), None);
    assert_eq!(rig.voice.pointer(900_000_000, false), Some(48));
    rig.voice.freeze(false, 1_001_000_000);
    let next = rig.voice.next_wakeup().unwrap();
    assert!(next > 1_001_000_000 && next < 1_012_000_000, "{next}");
    assert_eq!(counted(&mut rig, 1_002_000_000), Vec::from_iter(0..96));
    // Also of one that starts meanwhile.
    rig.voice.freeze(true, 1_002_000_000);
    rig.voice.prepare(rig.params, rig.setup, rig.memory.clone());
    rig.read = 0;
    assert!(rig.voice.start(1_500_000_000));
    rig.voice.freeze(false, 2_000_000_000);
    assert_eq!(counted(&mut rig, 2_001_000_000), Vec::from_iter(0..48));
}

#[test]
fn jitter_makes_wakeups_late_and_nothing_else() {
    let mut rig = counting();
    let due = rig.voice.next_wakeup().unwrap();
    rig.voice.faults(0).jitter = 5_000_000;
    let late = rig.voice.next_wakeup().unwrap();
    assert!(late > due && late <= due + 5_000_000, "{due} {late}");
    assert_eq!(counted(&mut rig, 1_000_000), Vec::from_iter(0..48));
}

#[test]
fn an_xrun_comes_once_and_only_to_what_runs() {
    let mut rig = counting();
    rig.voice.force_xrun();
    assert_eq!(rig.voice.next_wakeup(), Some(0));
    assert_eq!(rig.voice.wake(1_000_000), Wake::Xrun);
    assert_eq!(rig.voice.wake(1_000_000), Wake::Nothing);
    rig.voice.force_xrun();
    rig.voice.stop(1_000_000);
    rig.voice.force_xrun();
    assert_eq!(rig.voice.wake(1_000_000), Wake::Nothing);
    assert!(rig.voice.start(2_000_000));
    assert_eq!(rig.voice.wake(2_000_000), Wake::Nothing);
}
