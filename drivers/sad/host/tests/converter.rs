// SPDX-License-Identifier: GPL-2.0-only

//! What leaves when.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use std::cell::RefCell;
use std::rc::Rc;

use driver_model::format::{Format, FORMATS};
use driver_model::layout::{Access, Layout, Move, Span};
use driver_model::plan::Plan;
use driver_model::stream::{Buffer, Params, Pointers, Setup, Wake};
use properties::cases;
use proptest::prelude::*;
use sad_model::converter::{Converter, Parts, Port, Wakes};

/// A buffer that a test can look into.
#[derive(Debug)]
struct Memory(Layout, Rc<RefCell<Vec<u8>>>);

impl Buffer for Memory {
    fn layout(&self) -> &Layout {
        &self.0
    }
    fn pointers(&self) -> Pointers {
        Pointers::default()
    }
    fn copy_from(&self, _: &Self, _: Move) {}
    fn fill(&self, what: Span, sample: &[u8]) {
        assert!(what.fits(self.0.bytes()) && what.rows == 1);
        let mut bytes = self.1.borrow_mut();
        for (to, from) in bytes[what.offset..][..what.bytes]
            .iter_mut()
            .zip(sample.iter().cycle())
        {
            *to = *from;
        }
    }
    fn flip(&self, _: usize) {}
}

/// Keeps what was put out.
#[derive(Clone, Debug, Default)]
struct Out(Rc<RefCell<Vec<u8>>>);

impl Port for Out {
    fn put(&mut self, sample: u8) {
        self.0.borrow_mut().push(sample);
    }
}

#[derive(Debug)]
struct Test;

impl Parts for Test {
    type Bytes = Vec<u8>;
    type Intervals = Vec<u32>;
    type Buffer = Memory;
    type Port = Out;
}

const FIFO: usize = 8192;
const START: u64 = 1_000_000_000;
const TICK: u64 = 125_000;

fn named(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap()
}

fn converter(format: &'static Format) -> (Converter<Test>, Out) {
    let out = Out::default();
    let bytes = vec![0; FIFO * usize::from(format.bytes)];
    let port = Some(out.clone());
    (
        Converter::new((format, 8_000), bytes, vec![0; 16], port, START),
        out,
    )
}

/// Records `frames` frames of `format` from the time `now` on.
fn record(
    converter: &mut Converter<Test>,
    format: &'static Format,
    frames: u64,
    now: u64,
) -> Rc<RefCell<Vec<u8>>> {
    let layout = Layout {
        frames,
        channels: 1,
        sample: format.bytes.into(),
        plane: None,
    };
    let memory = Rc::new(RefCell::new(vec![0xee; layout.bytes()]));
    let params = Params {
        format,
        rate: 8_000,
        channels: 1,
    };
    let setup = Setup {
        period: 160,
        buffer: frames,
        wakeups: true,
        access: Access::RwInterleaved,
    };
    converter.prepare(params, setup, Memory(layout, memory.clone()));
    assert!(converter.start(now));
    memory
}

/// Lets the timer go off at each tick until `end`, as the driver does. Returns when each was woken.
fn run(converter: &mut Converter<Test>, end: u64) -> Vec<(u64, Wakes)> {
    let mut wakes = Vec::new();
    while let Some(when) = converter.next_tick().filter(|when| *when <= end) {
        wakes.push((when, converter.tick(when)));
    }
    wakes
}

#[test]
fn a_sample_leaves_at_each_tick() {
    let (mut sad, out) = converter(named("U8"));
    let file = sad.open(START);
    assert_eq!(sad.first_tick(), Some(START + TICK));
    assert_eq!(sad.first_tick(), None, "it is armed");
    assert_eq!(sad.write(file, &[1, 2, 3], true, START + 10), 3);
    for n in 1..=3 {
        assert!(!sad.has_left(file, START + n * TICK - 1));
        let wakes = sad.tick(START + n * TICK);
        assert_eq!(wakes.closers, n == 3);
    }
    assert!(sad.has_left(file, START + 3 * TICK));
    assert_eq!(*out.0.borrow(), [1, 2, 3]);
    assert_eq!(sad.next_tick(), Some(START + 4 * TICK), "a file is open");
    sad.close();
    assert_eq!(sad.next_tick(), None);
}

#[test]
fn the_timer_runs_until_the_last_sample_has_left() {
    let (mut sad, out) = converter(named("U8"));
    let file = sad.open(START);
    sad.write(file, &[7; 100], false, START);
    sad.close();
    let wakes = run(&mut sad, u64::MAX);
    assert_eq!(wakes.len(), 100);
    assert_eq!(wakes.last().unwrap().0, START + 100 * TICK);
    assert_eq!(out.0.borrow().len(), 100);
}

#[test]
fn nothing_is_made_up_for_that_nobody_has_written() {
    // After a long rest a sample leaves at the next tick, not at once.
    let (mut sad, out) = converter(named("U8"));
    let later = START + 3_600 * 1_000_000_000 + 1;
    let file = sad.open(later);
    sad.write(file, &[1], true, later);
    assert_eq!(sad.next_tick(), Some(later - 1 + TICK));
    assert!(out.0.borrow().is_empty());
    sad.tick(later - 1 + TICK);
    assert_eq!(*out.0.borrow(), [1]);
}

#[test]
fn a_writer_is_woken_at_half_and_once() {
    let (mut sad, _) = converter(named("U8"));
    let file = sad.open(START);
    assert_eq!(sad.write(file, &[0; FIFO + 1], false, START), FIFO);
    assert!(!sad.has_room(START));
    let wakes = run(&mut sad, START + 6_000 * TICK);
    let woken: Vec<u64> = wakes
        .iter()
        .filter(|(_, wakes)| wakes.writers)
        .map(|(when, _)| (when - START) / TICK)
        .collect();
    assert_eq!(woken, [FIFO as u64 / 2]);
}

#[test]
fn what_is_to_stay_together_does_or_is_refused() {
    let (mut sad, _) = converter(named("U8"));
    let file = sad.open(START);
    assert_eq!(sad.write(file, &[0; FIFO - 10], false, START), FIFO - 10);
    assert_eq!(sad.write(file, &[0; 11], true, START), 0);
    assert_eq!(sad.write(file, &[0; 10], true, START), 10);
    assert_eq!(sad.counters.written, FIFO as u64);
}

#[test]
fn a_close_drops_what_its_writer_has_written_and_no_more() {
    let (mut sad, out) = converter(named("U8"));
    let (one, two) = (sad.open(START), sad.open(START));
    for _ in 0..10 {
        sad.write(one, &[1; 10], true, START);
        sad.write(two, &[2; 10], true, START);
    }
    sad.tick(START + 5 * TICK);
    sad.drop_rest(two, START + 5 * TICK);
    assert!(sad.has_left(two, START + 5 * TICK));
    assert!(!sad.has_left(one, START + 5 * TICK));
    run(&mut sad, START + 200 * TICK);
    assert_eq!(*out.0.borrow(), [1; 100]);
    assert_eq!((sad.counters.strobed, sad.counters.dropped), (100, 100));
}

#[test]
fn many_writers_share_what_there_is_room_for() {
    let (mut sad, _) = converter(named("U8"));
    let files: Vec<u64> = (0..100).map(|_| sad.open(START)).collect();
    let taken: usize = files
        .iter()
        .map(|file| sad.write(*file, &[0], true, START))
        .sum();
    assert_eq!(taken, 64);
    assert!(!sad.has_room(START));
    run(&mut sad, START + 32 * TICK);
    assert!(sad.has_room(START + 32 * TICK));
    assert_eq!(sad.write(files[99], &[0], true, START + 32 * TICK), 1);
}

#[test]
fn a_device_that_has_gone_puts_nothing_out() {
    let (mut sad, out) = converter(named("U8"));
    let file = sad.open(START);
    sad.write(file, &[1; 50], true, START);
    sad.leave(START + 20 * TICK);
    assert_eq!(sad.next_tick(), None);
    assert_eq!(sad.write(file, &[1; 50], true, START + 20 * TICK), 0);
    assert_eq!(out.0.borrow().len(), 20);
    assert_eq!(sad.counters.dropped, 30);
}

#[test]
fn a_recording_hears_silence_and_sound() {
    let format = named("MU_LAW");
    let (mut sad, _) = converter(format);
    // Between two ticks.
    let memory = record(&mut sad, format, 1_000, START + 10 * TICK + 5);
    let file = sad.open(START + 200 * TICK + 5);
    sad.write(file, &[5, 6], true, START + 200 * TICK + 5);
    assert_eq!(sad.pointer(START + 210 * TICK, false), Some(200));
    let heard = memory.borrow();
    assert!(heard[..190].iter().all(|byte| *byte == 0x7f));
    assert_eq!(heard[190..193], [5, 6, 0x7f]);
    assert!(heard[192..200].iter().all(|byte| *byte == 0x7f));
    assert!(heard[200..].iter().all(|byte| *byte == 0xee));
}

#[test]
fn many_that_start_and_stop_together_let_next_to_nothing_leave() {
    let format = named("U8");
    let (mut sad, out) = converter(format);
    let file = sad.open(START);
    let samples: Vec<u8> = (1..=200).collect();
    sad.write(file, &samples, true, START);
    let memory = record(&mut sad, format, 1_000, START + 50 * TICK);
    assert!(out.0.borrow().is_empty(), "a start");
    assert_eq!(sad.next_wakeup(), Some(START + 210 * TICK));
    assert_eq!(sad.pointer(START + 60 * TICK, false), Some(10));
    assert_eq!(out.0.borrow()[..], samples[..60]);
    assert_eq!(memory.borrow()[..10], samples[50..60]);
    sad.stop(START + 150 * TICK);
    assert_eq!(out.0.borrow()[..], samples[..76], "a stop");
    assert_eq!(sad.pointer(START + 170 * TICK, false), Some(26));
    // It goes on with what leaves then.
    assert!(sad.start(START + 180 * TICK));
    assert_eq!(sad.pointer(START + 190 * TICK, false), Some(36));
    assert_eq!(memory.borrow()[..26], samples[50..76]);
    assert_eq!(memory.borrow()[26..36], samples[180..190]);
    assert_eq!(out.0.borrow()[..], samples[..190]);
}

#[test]
fn timers_that_are_late_let_few_samples_leave_at_each_expiry() {
    let format = named("U8");
    let (mut sad, out) = converter(format);
    let file = sad.open(START);
    let samples: Vec<u8> = (0..600).map(|n| (n % 251) as u8).collect();
    sad.write(file, &samples, true, START);
    let memory = record(&mut sad, format, 1_000, START);
    sad.tick(START + TICK);
    let now = START + 500 * TICK;
    sad.tick(now);
    assert_eq!(out.0.borrow()[..], samples[..129], "that of ticks");
    assert_eq!(sad.next_tick(), Some(START + 130 * TICK), "it is due");
    assert_eq!(sad.wake(now), Wake::Period);
    assert_eq!(out.0.borrow()[..], samples[..257], "that of periods");
    assert_eq!(sad.pointer(now, true), Some(385), "in its interrupt");
    sad.tick(now);
    assert_eq!(sad.next_tick(), Some(START + 501 * TICK));
    assert_eq!(memory.borrow()[..500], samples[..500]);
    sad.tick(START + 501 * TICK);
    assert_eq!(sad.intervals().total(), 2, "a tick is one, however late");
}

#[test]
fn who_writes_can_bring_it_up_to_now() {
    let (mut sad, out) = converter(named("U8"));
    let file = sad.open(START);
    sad.write(file, &[1; 1_000], true, START);
    let now = START + 2_000 * TICK;
    assert!(sad.catch_up(now));
    assert_eq!(out.0.borrow().len(), 512);
    assert!(!sad.catch_up(now));
    assert_eq!(out.0.borrow().len(), 1_000);
    sad.write(file, &[2], true, now);
    assert_eq!(sad.next_tick(), Some(now + TICK));
}

#[test]
fn samples_that_get_lost_are_no_more_at_a_time_than_those_that_leave() {
    let format = named("U8");
    let (mut sad, out) = converter(format);
    let file = sad.open(START);
    let memory = record(&mut sad, format, 1_000, START);
    sad.faults.drop = Plan::next(1_000);
    sad.write(file, &[9; 1_001], true, START);
    sad.tick(START + TICK);
    assert_eq!(sad.counters.faults, [128, 0, 0]);
    assert_eq!(sad.next_tick(), Some(START + TICK), "it is due");
    assert!(!sad.has_left(file, START + TICK));
    assert_eq!(sad.counters.faults, [512, 0, 0], "a look");
    assert_eq!(sad.next_tick(), Some(START + 2 * TICK), "a tick passes");
    sad.tick(START + 2 * TICK);
    assert_eq!(sad.counters.faults, [640, 0, 0]);
    assert_eq!(sad.pointer(START + 2 * TICK, false), Some(2));
    assert_eq!(sad.counters.faults, [1_000, 0, 0]);
    assert_eq!(*out.0.borrow(), [9]);
    assert_eq!(memory.borrow()[..3], [0x80, 9, 0xee]);
}

#[test]
fn periods_are_told_when_they_end() {
    let format = named("U8");
    let (mut sad, _) = converter(format);
    let _memory = record(&mut sad, format, 1_000, START);
    assert_eq!(sad.next_wakeup(), Some(START + 160 * TICK));
    assert_eq!(sad.wake(START + 160 * TICK - 1), Wake::Nothing);
    assert_eq!(sad.wake(START + 160 * TICK), Wake::Period);
    assert_eq!(sad.next_wakeup(), Some(START + 320 * TICK));
    sad.stop(START + 200 * TICK);
    assert_eq!(sad.next_wakeup(), None);
    assert_eq!(sad.pointer(START + 300 * TICK, false), Some(200));
    assert!(sad.start(START + 300 * TICK));
    assert_eq!(sad.pointer(START + 301 * TICK, false), Some(201));
    assert_eq!(
        sad.pointer(START + 301 * TICK + 1_000 * TICK, false),
        Some(713),
        "in steps"
    );
}

#[test]
fn a_buffer_of_one_period_is_full_at_its_end() {
    let format = named("U8");
    let (mut sad, _) = converter(format);
    let _memory = record(&mut sad, format, 160, START);
    for turn in 1..=3 {
        let now = START + turn * 160 * TICK;
        assert_eq!(sad.wake(now), Wake::Period);
        assert_eq!(sad.pointer(now, true), Some(0));
    }
    // Later than that it is too late, and who was not notified can't know.
    assert_eq!(sad.pointer(START + 641 * TICK, true), None);
    assert_eq!(sad.pointer(START + 801 * TICK, false), None);
}

#[test]
fn faults_are_counted() {
    let (mut sad, out) = converter(named("U8"));
    let file = sad.open(START);
    sad.faults.drop = Plan::next(1);
    sad.faults.double = Plan::next(2);
    sad.faults.flip = Plan::next(2);
    sad.write(file, &[10, 20, 30, 40], true, START);
    run(&mut sad, START + 10 * TICK);
    assert_eq!(*out.0.borrow(), [21, 21, 30, 30, 40]);
    assert_eq!(sad.counters.faults, [1, 2, 2]);
    assert_eq!(sad.counters.strobed, 5);
}

#[test]
fn faults_are_of_the_samples_that_a_range_or_a_seed_says() {
    let (mut sad, out) = converter(named("U8"));
    let file = sad.open(START);
    sad.faults.drop = Plan::parse("2-3").unwrap();
    sad.faults.flip = Plan::parse("1/3 7").unwrap();
    let mut flip = sad.faults.flip;
    sad.write(file, &[10; 20], true, START);
    run(&mut sad, START + 30 * TICK);
    let all = [(); 20].map(|()| 10 + u8::from(flip.next_is_wrong()));
    assert_eq!(*out.0.borrow(), [&all[..1], &all[3..]].concat());
    assert!(all.contains(&10) && all.contains(&11));
}

#[test]
fn a_clock_that_stands_still_lets_nothing_out() {
    let (mut sad, out) = converter(named("U8"));
    let file = sad.open(START);
    sad.write(file, &[9; 20], true, START);
    sad.freeze(true, START + 5 * TICK);
    assert_eq!(sad.next_tick(), None);
    assert!(!sad.has_left(file, START + 100 * TICK));
    assert_eq!(out.0.borrow().len(), 5);
    sad.freeze(false, START + 100 * TICK);
    assert_eq!(sad.first_tick(), Some(START + 101 * TICK));
    run(&mut sad, START + 115 * TICK);
    assert!(sad.has_left(file, START + 115 * TICK));
}

proptest! {
    #![proptest_config(cases(100))]

    /// However late somebody looks: what leaves is what was written, in order, each sample once, and it is recorded
    /// bit for bit, at the frame that follows from when it was written.
    #[test]
    fn bit_for_bit_whenever_somebody_looks(
        number in 0..FORMATS.len(),
        steps in proptest::collection::vec((0..40u64, 0..60usize, any::<bool>()), 1..40),
    ) {
        let format = &FORMATS[number];
        prop_assume!(driver_model::decode::is_level(format));
        let width = usize::from(format.bytes);
        let (mut sad, _) = converter(format);
        let memory = record(&mut sad, format, 4_096, START);
        let file = sad.open(START);
        // What is to be recorded, and which frame the next sample will be.
        let (mut wanted, mut queued) = (Vec::new(), std::collections::VecDeque::new());
        let (mut now, mut seed) = (START, 1u8);
        for (ticks, samples, look) in steps {
            for _ in 0..ticks {
                wanted.extend(queued.pop_front().unwrap_or(format.silence().to_vec()));
            }
            now += ticks * TICK;
            if look {
                let _ = sad.pointer(now, false);
            }
            let bytes: Vec<u8> = (0..samples * width)
                .map(|_| { seed = seed.wrapping_mul(73).wrapping_add(41); seed })
                .collect();
            prop_assert_eq!(sad.write(file, &bytes, false, now), bytes.len());
            queued.extend(bytes.chunks(width).map(<[u8]>::to_vec));
        }
        while sad.pointer(now, false) != sad.pointer(now, false) {}
        prop_assert_eq!(&memory.borrow()[..wanted.len()], &wanted[..]);
    }

    #[test]
    fn what_was_written_is_strobed_dropped_or_left(
        steps in proptest::collection::vec((0..3u8, 0..4usize, 0..3_000usize, 0..4_000u64), 1..60),
    ) {
        let (mut sad, out) = converter(named("S16_LE"));
        let files: Vec<u64> = (0..4).map(|_| sad.open(START)).collect();
        let mut now = START;
        for (what, file, amount, ticks) in steps {
            match what {
                0 => drop(sad.write(files[file], &vec![1; amount], false, now)),
                1 => sad.drop_rest(files[file], now),
                _ => {
                    now += ticks * TICK;
                    run(&mut sad, now);
                }
            }
            let sums = sad.counters;
            let left: u64 = sums.written - sums.strobed - sums.dropped;
            prop_assert!(left <= sad.fifo().used());
            prop_assert_eq!(out.0.borrow().len() as u64, sums.strobed);
        }
        run(&mut sad, now + 3 * FIFO as u64 * TICK);
        let sums = sad.counters;
        prop_assert_eq!(sums.written, sums.strobed + sums.dropped);
        prop_assert_eq!(sad.fifo().used(), 0);
        prop_assert!(files.iter().all(|file| sad.has_left(*file, now)));
    }
}
