// SPDX-License-Identifier: GPL-2.0-only

//! What is in a recording's buffer does not depend on who looks when.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;
use std::rc::Rc;

use driver_model::format::{Format, FORMATS};
use driver_model::layout::{Access, Layout, Move, Span};
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

    fn flip(&self, _: usize) {}
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
    assert_eq!(rig.voice.pointer(40_100_000, true), None);
    assert_eq!(rig.voice.pointer(50_100_000, false), None);
}
