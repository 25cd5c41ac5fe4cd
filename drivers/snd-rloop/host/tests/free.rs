// SPDX-License-Identifier: GPL-2.0-only

//! A cable without a clock carries every frame, in order, however its ends are used, and always
//! goes on as long as there is something to do for a program at one of its ends.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "cable/memory.rs"]
#[expect(dead_code, reason = "the other test needs more of it")]
mod memory;

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use std::rc::Rc;

use driver_model::format::Format;
use driver_model::layout::{Access, Layout};
use driver_model::stream::Params;
use driver_model::stream::{Pointers, Setup, Wake};
use memory::{Fake, Memory, NextWakeup as _};
use properties::cases;
use proptest::prelude::*;
use snd_rloop_model::cable::Cable;
use snd_rloop_model::end::{End, EndState, Port};

/// A stream as ALSA and its program see it.
struct Stream {
    port: Port,
    memory: Rc<Memory>,
    wakeups: bool,
    avail_min: u64,
    running: bool,
    draining: bool,
    /// It sleeps until ALSA finds `avail_min` frames.
    asleep: bool,
    /// Frames that the program has written or read since the beginning.
    done: u64,
}

impl Stream {
    fn new(port: Port, frames: u64, threshold: u64, avail_min: u64, wakeups: bool) -> Self {
        let layout = Layout {
            frames,
            channels: 1,
            sample: 1,
            plane: None,
        };
        let memory = Fake::new(layout, 0).0;
        memory.pointers.set(Pointers {
            hw: 0,
            appl: 0,
            boundary: frames << 20,
            stop_threshold: threshold,
        });
        Self {
            port,
            memory,
            wakeups,
            avail_min,
            running: false,
            draining: false,
            asleep: false,
            done: 0,
        }
    }

    fn frames(&self) -> u64 {
        self.memory.layout.frames
    }

    /// As ALSA knows it.
    fn avail(&self) -> u64 {
        let Pointers { hw, appl, .. } = self.memory.pointers.get();
        match self.port {
            Port::Playback => hw + self.frames() - appl,
            Port::Capture(_) => hw - appl,
        }
    }
}

struct Rig {
    cable: Cable<Fake, Vec<End<Fake>>>,
    streams: Vec<Stream>,
    now: u64,
    /// An end was started or stopped, and no timer has gone off since.
    changed: bool,
}

/// The frame that the playback end writes as the `n`-th.
fn frame(n: u64) -> u8 {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

impl Rig {
    fn new(streams: Vec<Stream>) -> Self {
        let ends = (1..streams.len()).map(|_| End::new()).collect();
        let mut cable = Cable::new(ends);
        assert!(cable.set_free_running(true));
        let params = Params {
            format: Format::from_number(0).unwrap(),
            rate: 8_000,
            channels: 1,
        };
        for stream in &streams {
            cable.open(stream.port);
            assert!(!cable.set_free_running(false), "it is in use");
            let setup = Setup {
                period: 1,
                buffer: stream.frames(),
                wakeups: stream.wakeups,
                access: Access::RwInterleaved,
            };
            let buffer = Fake(stream.memory.clone());
            cable.prepare(stream.port, params, setup, buffer).unwrap();
        }
        Self {
            cable,
            streams,
            now: 5,
            changed: false,
        }
    }

    /// `snd_pcm_update_hw_ptr`.
    fn update(&mut self, n: usize) {
        if !self.streams[n].running {
            return;
        }
        let position = self.cable.pointer(self.streams[n].port, Some(self.now));
        let position = position.expect("there is no xrun without a clock");
        let stream = &mut self.streams[n];
        let mut pointers = stream.memory.pointers.get();
        let frames = stream.memory.layout.frames;
        let before = pointers.hw;
        pointers.hw = pointers.hw - pointers.hw % frames + position;
        if pointers.hw < before {
            pointers.hw += frames;
        }
        stream.memory.pointers.set(pointers);
        if pointers.hw == before {
            return;
        }
        let avail = match stream.port {
            Port::Playback => pointers.hw + frames - pointers.appl,
            Port::Capture(_) => pointers.hw - pointers.appl,
        };
        if stream.draining {
            if avail >= frames {
                stream.running = false;
                self.cable.stop(self.streams[n].port, self.now);
                self.changed = true;
            }
            return;
        }
        assert!(
            avail < pointers.stop_threshold,
            "an xrun: {:?}",
            stream.port
        );
        if avail >= stream.avail_min {
            stream.asleep = false;
        }
    }

    fn start(&mut self, n: usize) {
        if !self.streams[n].running {
            assert!(self.cable.start(self.streams[n].port, self.now));
            self.streams[n].running = true;
            self.changed = true;
            self.acknowledge();
        }
    }

    /// What the driver does after each change of a program's pointer.
    fn acknowledge(&mut self) {
        self.cable.advance(self.now);
    }

    /// Lets the timers go off that are due. Returns whether one was.
    fn timers(&mut self) -> bool {
        let mut any = false;
        for n in 0..self.streams.len() {
            let port = self.streams[n].port;
            // A drain may end in two steps.
            let mut rounds = 0;
            while self
                .cable
                .next_wakeup(port)
                .is_some_and(|when| when <= self.now)
            {
                any = true;
                rounds += 1;
                assert!(rounds <= 3, "it goes off for nothing");
                match self.cable.wake(port, self.now) {
                    // After a start or a stop one looks what follows for the others.
                    Wake::Nothing if core::mem::take(&mut self.changed) => {}
                    Wake::Period => self.update(n),
                    Wake::KeepDraining => assert!(self.streams[n].draining),
                    other => panic!("{other:?}"),
                }
            }
        }
        any
    }

    fn write(&mut self, frames: u64) {
        self.update(0);
        let stream = &mut self.streams[0];
        if stream.draining {
            return;
        }
        let frames = frames.min(stream.avail());
        let mut pointers = stream.memory.pointers.get();
        for _ in 0..frames {
            let slot = (pointers.appl % stream.memory.layout.frames) as usize;
            stream.memory.bytes.borrow_mut()[slot] = frame(stream.done);
            stream.done += 1;
            pointers.appl += 1;
        }
        stream.memory.pointers.set(pointers);
        stream.asleep = stream.avail() < stream.avail_min;
        self.acknowledge();
    }

    fn read(&mut self, n: usize, frames: u64) {
        self.update(n);
        let stream = &mut self.streams[n];
        let frames = frames.min(stream.avail());
        let mut pointers = stream.memory.pointers.get();
        for _ in 0..frames {
            let slot = (pointers.appl % stream.memory.layout.frames) as usize;
            let got = stream.memory.bytes.borrow()[slot];
            assert_eq!(got, frame(stream.done), "frame {}", stream.done);
            stream.done += 1;
            pointers.appl += 1;
        }
        stream.memory.pointers.set(pointers);
        stream.asleep = stream.avail() < stream.avail_min;
        self.acknowledge();
    }

    fn drain(&mut self) {
        self.start(0);
        self.cable.drain(self.now);
        self.changed = true;
        self.streams[0].draining = true;
    }

    /// Programs that use all that ALSA wakes them for, until the playback end has drained.
    fn finish(&mut self) {
        for n in 0..self.streams.len() {
            self.start(n);
        }
        self.drain();
        let all = self.streams[0].done;
        for _ in 0..10_000 {
            if !self.streams[0].running && self.streams[1..].iter().all(|s| s.done == all) {
                return;
            }
            self.timers();
            for n in 1..self.streams.len() {
                // Near the end there are fewer frames than a program likes to have.
                if !self.streams[n].asleep || !self.streams[0].running {
                    self.read(n, u64::MAX);
                }
            }
            self.now += 50_000_000;
            for stream in &mut self.streams[1..] {
                stream.asleep = false;
            }
        }
        panic!(
            "stuck: {:?}",
            self.streams
                .iter()
                .map(|s| (s.done, s.avail()))
                .collect::<Vec<_>>()
        );
    }
}

#[derive(Clone, Debug)]
enum Op {
    Write(u64),
    Read(usize, u64),
    Start(usize),
    Pause(usize),
    Update(usize),
    Timers,
    Advance,
}

const READERS: usize = 2;

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..40u64).prop_map(Op::Write),
        8 => (1..=READERS, 0..40u64).prop_map(|(n, frames)| Op::Read(n, frames)),
        4 => (0..=READERS).prop_map(Op::Start),
        1 => (0..=READERS).prop_map(Op::Pause),
        2 => (0..=READERS).prop_map(Op::Update),
        4 => Just(Op::Timers),
        1 => Just(Op::Advance),
    ]
}

prop_compose! {
    fn stream(port: Port, patient: f64)(
        frames in 2..40u64,
        early in prop::bool::weighted(0.2),
        never in prop::bool::weighted(0.2),
        wakeups in prop::bool::weighted(patient),
        avail_min in 1..40u64,
    ) -> Stream {
        let threshold = match (early, never) {
            (true, _) => frames - frames / 3,
            (_, true) => frames << 20,
            _ => frames,
        };
        // More than ALSA may find without finding an xrun no program can wait for.
        let avail_min = avail_min.min(threshold.min(frames) - 1).max(1);
        Stream::new(port, frames, threshold, avail_min, wakeups)
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} of {} frames", self.port, self.frames())
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn every_frame_arrives_in_order_and_there_is_no_xrun(
        playback in stream(Port::Playback, 0.8),
        first in stream(Port::Capture(0), 0.8),
        second in stream(Port::Capture(1), 0.8),
        program in prop::collection::vec(op(), 1..200),
    ) {
        let mut rig = Rig::new(vec![playback, first, second]);
        // Both readers from the beginning on: who comes later hears what is moved later.
        rig.start(1);
        rig.start(2);
        for op in &program {
            rig.now += 1_000;
            match *op {
                Op::Write(frames) => rig.write(frames),
                Op::Read(n, frames) => rig.read(n, frames),
                Op::Start(0) if rig.streams[0].done == 0 => {}
                Op::Start(n) => rig.start(n),
                // A reader that pauses misses what is moved meanwhile.
                Op::Pause(0) if rig.streams[0].running => {
                    rig.cable.pause(Port::Playback, rig.now);
                    rig.streams[0].running = false;
                    rig.changed = true;
                }
                Op::Pause(_) => {}
                Op::Update(n) => rig.update(n),
                Op::Timers => { rig.timers(); }
                Op::Advance => _ = rig.cable.advance(rig.now),
            }
        }
        if rig.streams[0].done > 0 {
            rig.finish();
        }
        let counters = rig.cable.end(Port::Capture(0)).counters;
        prop_assert_eq!((counters.silence, counters.lost, counters.xruns), (0, 0, 0));
        prop_assert_eq!(rig.cable.end(Port::Playback).counters.xruns, 0);
    }

    /// Programs that sleep as they do with poll: nobody has to look at a clock.
    #[test]
    fn programs_that_sleep_are_woken(
        playback in stream(Port::Playback, 1.0),
        reader in stream(Port::Capture(0), 1.0),
        chunk in 1..40u64,
    ) {
        let chunk = chunk.min(playback.frames());
        let mut rig = Rig::new(vec![playback, reader]);
        rig.start(1);
        rig.streams[1].asleep = true;
        let mut idle = 0;
        while rig.streams[1].done < 1_000 {
            let before = rig.streams[1].done + rig.streams[0].done;
            if !rig.streams[0].asleep {
                rig.write(chunk);
                rig.start(0);
            }
            if !rig.streams[1].asleep {
                rig.read(1, u64::MAX);
            }
            rig.timers();
            idle = if rig.streams[1].done + rig.streams[0].done == before { idle + 1 } else { 0 };
            prop_assert!(idle < 3, "both sleep: {:?}", [rig.streams[0].avail(), rig.streams[1].avail()]);
        }
    }
}

#[test]
fn without_a_reader_nothing_moves_and_the_drain_waits() {
    let stream = |port| Stream::new(port, 16, 16, 8, true);
    let mut rig = Rig::new(vec![stream(Port::Playback), stream(Port::Capture(0))]);
    rig.write(16);
    rig.start(0);
    rig.update(0);
    assert_eq!(rig.streams[0].avail(), 0);
    rig.drain();
    for _ in 0..100 {
        rig.now += 100_000_000;
        // ALSA is kept from giving up, and not told that anything has moved.
        assert_eq!(rig.cable.wake(Port::Playback, rig.now), Wake::KeepDraining);
    }
    assert_eq!(rig.cable.end(Port::Playback).state, EndState::Running);
    rig.finish();
}
