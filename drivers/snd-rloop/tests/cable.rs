// SPDX-License-Identifier: GPL-2.0-only

//! A cable does, frame for frame, what an oracle says that lives in a simpler world.
//!
//! [`Rig`] puts a [`Cable`] between two streams of a small imitation of the ALSA core (its
//! pointers, its `stop_threshold`, its way of adding up what `pointer` answers) and runs random
//! programs on them, with timers that may be late. [`Oracle`] looks at each single frame at its
//! own time, in exact arithmetic, and never batches. The cable is asked at random times only; so
//! where both agree in every byte of both buffers, every position, counter and wake-up, the result
//! does not depend on when the cable is asked.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proptest::prelude::*;
use snd_rloop_pure::cable::{
    Buffer, Cable, Counters, Direction, Mismatch, Params, Pointers, Setup, State, Wake,
};
use snd_rloop_pure::clock::{PITCH_MAX, PITCH_MIN, PITCH_NOMINAL};
use snd_rloop_pure::format::Format;
use snd_rloop_pure::layout::{Access, Layout, Move, Span};
use Direction::{Capture, Playback};

const PARTS_PER_FRAME: u128 = 1_000_000_000_000_000;
const UNTOUCHED: u8 = 0xee;
/// A boundary as 64-bit kernels have it: nothing wraps.
const FAR: u64 = 1 << 40;

/// What is in one frame of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Untouched,
    Silence,
    Frame(u64),
}

// ---------------------------------------------------------------------------------------------
// Buffers

/// A stream's buffer and its pointers, as ALSA, the program and the cable share them.
#[derive(Debug)]
struct Memory {
    layout: Layout,
    bytes: RefCell<Vec<u8>>,
    pointers: Cell<Pointers>,
}

#[derive(Clone, Debug)]
struct Fake(Rc<Memory>);

impl Buffer for Fake {
    fn layout(&self) -> &Layout {
        &self.0.layout
    }

    fn pointers(&self) -> Pointers {
        self.0.pointers.get()
    }

    fn copy_from(&self, source: &Self, what: Move) {
        let (from, mut to) = (source.0.bytes.borrow(), self.0.bytes.borrow_mut());
        for i in 0..what.count {
            let (s, t) = (
                what.source + i * what.source_step,
                what.target + i * what.target_step,
            );
            to[t..t + what.bytes].copy_from_slice(&from[s..s + what.bytes]);
        }
    }

    fn fill(&self, what: Span, sample: &[u8]) {
        let mut bytes = self.0.bytes.borrow_mut();
        for at in bytes[what.offset..what.offset + what.bytes].chunks_mut(sample.len()) {
            at.copy_from_slice(sample);
        }
    }
}

impl Memory {
    fn at(&self, slot: u64, channel: usize) -> usize {
        let (layout, slot) = (&self.layout, slot as usize);
        match layout.plane {
            None => (slot * layout.channels + channel) * layout.sample,
            Some(plane) => channel * plane + slot * layout.sample,
        }
    }

    fn sample(what: Slot, channel: usize, format: &Format) -> [u8; 8] {
        match what {
            Slot::Untouched => [UNTOUCHED; 8],
            Slot::Silence => format.silence,
            Slot::Frame(id) => {
                let mixed = (id * 131 + channel as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (mixed ^ (mixed >> 29)).to_le_bytes()
            }
        }
    }

    fn put(&self, slot: u64, what: Slot, format: &Format) {
        for channel in 0..self.layout.channels {
            let at = self.at(slot, channel);
            let sample = &Self::sample(what, channel, format)[..self.layout.sample];
            self.bytes.borrow_mut()[at..at + sample.len()].copy_from_slice(sample);
        }
    }

    fn holds(&self, slot: u64, what: Slot, format: &Format) -> bool {
        let bytes = self.bytes.borrow();
        (0..self.layout.channels).all(|channel| {
            let at = self.at(slot, channel);
            let sample = &Self::sample(what, channel, format)[..self.layout.sample];
            bytes[at..at + sample.len()] == *sample
        })
    }
}

// ---------------------------------------------------------------------------------------------
// The oracle

/// One end, as it should be.
#[derive(Debug)]
struct Should {
    state: State,
    /// Has a say in the parameters.
    bound: bool,
    frames: u64,
    period: u64,
    wakeups: bool,
    threshold: u64,
    ring: Vec<Slot>,
    position: u64,
    told: u64,
    appl: u64,
    boundary: u64,
    drain: Option<u64>,
    drain_told: bool,
    counters: Counters,
    /// Playback: positions given to the reader as silence and not yet written.
    missed: Vec<u64>,
    /// Capture: positions up to here are accounted for.
    gone: u64,
    /// Capture: all that was delivered since prepare.
    log: Vec<Slot>,
}

impl Should {
    fn new() -> Self {
        Self {
            state: State::Closed,
            bound: false,
            frames: 1,
            period: 1,
            wakeups: false,
            threshold: 1,
            ring: Vec::new(),
            position: 0,
            told: 0,
            appl: 0,
            boundary: 0,
            drain: None,
            drain_told: false,
            counters: Counters::default(),
            missed: Vec::new(),
            gone: 0,
            log: Vec::new(),
        }
    }

    fn runs(&self) -> bool {
        self.state == State::Running
    }

    fn unstoppable(&self) -> bool {
        self.threshold > self.frames
    }

    fn slot(&self, position: u64) -> usize {
        (position % self.frames) as usize
    }

    fn awaited(&self) -> Option<u64> {
        if !self.runs() {
            return None;
        }
        let period = self.wakeups.then_some(self.boundary);
        let drain = self.drained_at().filter(|_| !self.drain_told);
        period.into_iter().chain(drain).min()
    }

    /// ALSA finds that a stream has drained only when it sees it move.
    fn drained_at(&self) -> Option<u64> {
        self.drain.map(|end| end.max(self.told + 1))
    }

    /// What ALSA should be told.
    fn pointer(&mut self, direction: Direction) -> Option<u64> {
        if direction == Capture {
            let intact = self.position.saturating_sub(self.frames);
            self.counters.lost += intact.saturating_sub(self.appl.max(self.gone));
            self.gone = self.gone.max(intact);
        }
        let mut position = match self.drained_at() {
            Some(end) => self.position.min(end),
            None => self.position,
        };
        if position - self.told >= self.frames {
            if self.drain.is_some() {
                position = self.told + self.frames - 1;
            } else if !self.unstoppable() {
                return None;
            }
        }
        self.drain_told |= position > self.told && self.drain.is_some_and(|end| position >= end);
        self.told = position;
        Some(position % self.frames)
    }

    fn stop(&mut self, direction: Direction, state: State) {
        if !self.runs() {
            return;
        }
        self.state = state;
        if state == State::Paused || self.drain.take().is_some() {
            return;
        }
        let full = match direction {
            Playback => (self.position + self.frames).saturating_sub(self.appl) >= self.threshold,
            Capture => self.position.saturating_sub(self.appl) >= self.threshold,
        };
        self.counters.xruns += u64::from(full);
        if full && direction == Capture {
            self.counters.lost += self.position - self.appl.max(self.gone);
            self.gone = self.position;
        }
    }
}

/// A cable, as it should be.
#[derive(Debug)]
struct Oracle {
    speed: u128,
    parts: u128,
    now: u64,
    ticking: bool,
    playback: Should,
    capture: Should,
}

impl Oracle {
    fn end(&mut self, direction: Direction) -> &mut Should {
        match direction {
            Playback => &mut self.playback,
            Capture => &mut self.capture,
        }
    }

    fn run(&mut self, now: u64) {
        if self.ticking {
            self.parts += u128::from(now - self.now) * self.speed;
            while self.parts >= PARTS_PER_FRAME {
                self.parts -= PARTS_PER_FRAME;
                self.frame();
            }
        }
        self.now = now;
    }

    /// One frame's time has passed.
    fn frame(&mut self) {
        let (player, reader) = (&mut self.playback, &mut self.capture);
        let mut heard = None;
        if player.runs() {
            let written = match player.drain {
                Some(end) => end,
                None if player.unstoppable() => u64::MAX,
                None => player.appl,
            };
            heard = (player.position < written).then(|| player.ring[player.slot(player.position)]);
            player.counters.moved += 1;
            if !reader.runs() {
                player.counters.unheard += 1;
                player.missed.clear();
            } else if heard.is_none() && player.drain.is_none() {
                player.missed.push(player.position);
            }
            player.position += 1;
        }
        if reader.runs() {
            let slot = reader.slot(reader.position);
            reader.ring[slot] = heard.unwrap_or(Slot::Silence);
            reader.log.push(reader.ring[slot]);
            reader.counters.moved += 1;
            reader.counters.silence += u64::from(heard.is_none());
            reader.position += 1;
        }
    }

    fn start(&mut self, direction: Direction) {
        self.end(direction).state = State::Running;
        if !self.ticking {
            (self.ticking, self.parts) = (true, 0);
        }
    }

    fn stop(&mut self, direction: Direction, state: State) {
        self.end(direction).stop(direction, state);
        self.ticking = self.playback.runs() || self.capture.runs();
    }

    /// When `frames` more have passed.
    fn when(&self, frames: u64) -> u64 {
        let parts = (u128::from(frames) * PARTS_PER_FRAME).saturating_sub(self.parts);
        self.now + u64::try_from(parts.div_ceil(self.speed)).unwrap()
    }
}

// ---------------------------------------------------------------------------------------------
// The imitation of the ALSA core

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pcm {
    Closed,
    Setup,
    Prepared,
    Running,
    Draining,
    Paused,
    Xrun,
}

/// A stream, as ALSA sees it. Pointers are kept without wrapping.
#[derive(Debug)]
struct Stream {
    pcm: Pcm,
    memory: Option<Rc<Memory>>,
    variant: usize,
    hw: u64,
    appl: u64,
    boundary: u64,
    timer: Option<u64>,
}

/// How a stream is to be prepared.
#[derive(Clone, Debug)]
struct Spec {
    variant: usize,
    period: u64,
    periods: u64,
    gap: Option<usize>,
    boundary: u32,
    wakeups: bool,
    stop: Stop,
    /// Keep the buffer from last time, if there is one.
    keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// As programs have it by default.
    Empty,
    Early,
    Never,
}

struct Rig {
    cable: Cable<Fake>,
    oracle: Oracle,
    streams: [Stream; 2],
    variants: [Params; 2],
    now: u64,
    next_id: u64,
    /// How late timers are, over and over.
    latency: Vec<u64>,
    fired: usize,
    timers: bool,
}

fn variant(number: u32, rate: u32, channels: u32) -> Params {
    Params {
        format: Format::from_number(number).unwrap(),
        rate,
        channels,
    }
}

impl Rig {
    fn new(variants: [Params; 2], start: u64) -> Self {
        let stream = || Stream {
            pcm: Pcm::Closed,
            memory: None,
            variant: 0,
            hw: 0,
            appl: 0,
            boundary: 1,
            timer: None,
        };
        let mut rig = Self {
            cable: Cable::default(),
            oracle: Oracle {
                speed: 0,
                parts: 0,
                now: start,
                ticking: false,
                playback: Should::new(),
                capture: Should::new(),
            },
            streams: [stream(), stream()],
            variants,
            now: start,
            next_id: 1,
            latency: vec![0],
            fired: 0,
            timers: true,
        };
        rig.speed();
        rig.open(Playback);
        rig.open(Capture);
        rig
    }

    fn stream(&mut self, direction: Direction) -> &mut Stream {
        &mut self.streams[direction as usize]
    }

    fn pcm(&self, direction: Direction) -> Pcm {
        self.streams[direction as usize].pcm
    }

    fn speed(&mut self) {
        let rate = self.cable.params().map_or(1, |params| params.rate);
        self.oracle.speed = u128::from(rate) * u128::from(self.cable.pitch());
    }

    /// Lets the cable see the stream's pointers.
    fn publish(&mut self, direction: Direction) {
        let threshold = self.oracle.end(direction).threshold;
        let stream = self.stream(direction);
        if let Some(memory) = &stream.memory {
            memory.pointers.set(Pointers {
                hw: stream.hw % stream.boundary,
                appl: stream.appl % stream.boundary,
                boundary: stream.boundary,
                stop_threshold: threshold,
            });
        }
    }

    /// The program's position, by the cable's count. Where a stream that never stops has gone
    /// around unnoticed, ALSA counts whole buffers less.
    fn settle(&mut self, direction: Direction) {
        let (hw, appl) = (self.stream(direction).hw, self.stream(direction).appl);
        let end = self.oracle.end(direction);
        assert_eq!((end.told - hw) % end.frames, 0);
        assert!(end.unstoppable() || end.told == hw, "ALSA has lost track");
        end.appl = end.told - hw + appl;
        let appl = end.appl;
        let before = end.missed.len();
        end.missed.retain(|&position| position >= appl);
        end.counters.lost += (before - end.missed.len()) as u64;
        self.publish(direction);
    }

    fn open(&mut self, direction: Direction) {
        if self.pcm(direction) == Pcm::Closed {
            self.cable.open(direction);
            self.stream(direction).pcm = Pcm::Setup;
            self.oracle.end(direction).state = State::Open;
        }
    }

    fn prepare(&mut self, direction: Direction, spec: &Spec) -> Result<(), Mismatch> {
        self.open(direction);
        if self.pcm(direction) == Pcm::Paused {
            self.start(direction);
            self.stop(direction, Pcm::Setup);
        }
        if matches!(self.pcm(direction), Pcm::Running | Pcm::Draining) {
            return Ok(());
        }
        let params = self.variants[spec.variant];
        let kept = self.stream(direction).memory.clone();
        if !(spec.keep && kept.is_some() && self.stream(direction).variant == spec.variant) {
            self.hw_params(direction, spec);
        }
        let memory = self.stream(direction).memory.clone().unwrap();

        let end = self.oracle.end(direction);
        let setup = Setup {
            period: end.period,
            buffer: end.frames,
            wakeups: end.wakeups,
            access: match memory.layout.plane {
                None => Access::RwInterleaved,
                Some(_) => Access::MmapNoninterleaved,
            },
        };
        let other = match direction {
            Playback => &self.oracle.capture,
            Capture => &self.oracle.playback,
        };
        let fixed = other.bound.then(|| self.cable.params().unwrap());
        assert_eq!(self.cable.bound(direction), fixed);

        // ALSA sets its pointers back only after the driver has prepared.
        let result = self.cable.prepare(direction, params, setup, Fake(memory));
        match fixed.filter(|fixed| *fixed != params) {
            Some(fixed) => {
                assert_eq!(result, Err(Mismatch { fixed }));
                self.stream(direction).pcm = Pcm::Setup;
            }
            None => {
                assert_eq!(result, Ok(()));
                if direction == Playback {
                    assert_eq!(self.cable.played(), Some((params, setup.access)));
                }
                self.speed();
                let stream = self.stream(direction);
                (stream.pcm, stream.hw, stream.appl) = (Pcm::Prepared, 0, 0);
                stream.timer = None;
                let end = self.oracle.end(direction);
                (end.state, end.bound) = (State::Prepared, true);
                (end.position, end.told, end.gone) = (0, 0, 0);
                (end.drain, end.drain_told) = (None, false);
                end.boundary = end.period;
                end.missed.clear();
                end.log.clear();
                self.settle(direction);
            }
        }
        result
    }

    /// A new buffer. ALSA's pointers are still those of last time.
    fn hw_params(&mut self, direction: Direction, spec: &Spec) {
        let params = self.variants[spec.variant];
        let frames = spec.period * spec.periods;
        let sample = usize::from(params.format.bytes);
        let layout = Layout {
            frames,
            channels: params.channels as usize,
            sample,
            plane: spec.gap.map(|gap| frames as usize * sample + gap),
        };
        let end = self.oracle.end(direction);
        (end.frames, end.period, end.wakeups) = (frames, spec.period, spec.wakeups);
        let boundary = match spec.stop {
            Stop::Never => frames * FAR,
            _ => frames << spec.boundary,
        };
        end.threshold = match spec.stop {
            Stop::Empty => frames,
            Stop::Early => frames - frames / 3,
            Stop::Never => boundary,
        };
        end.ring = vec![Slot::Untouched; frames as usize];
        if end.state != State::Closed {
            end.state = State::Open;
        }

        self.cable.retract(direction);
        let stream = self.stream(direction);
        stream.variant = spec.variant;
        stream.hw %= boundary;
        stream.boundary = boundary;
        let memory = Memory {
            layout,
            bytes: RefCell::new(vec![UNTOUCHED; layout.bytes()]),
            pointers: Cell::new(Pointers {
                hw: 0,
                appl: 0,
                boundary,
                stop_threshold: 0,
            }),
        };
        stream.memory = Some(Rc::new(memory));
        self.publish(direction);
        if direction == Playback {
            // So that it can be told what a stream that is heard beyond what was written plays.
            for slot in 0..frames {
                self.put(slot);
            }
        }
    }

    /// Puts a new frame into the playback buffer.
    fn put(&mut self, position: u64) {
        let what = Slot::Frame(self.next_id);
        self.next_id += 1;
        let slot = self.oracle.playback.slot(position);
        self.oracle.playback.ring[slot] = what;
        let stream = self.stream(Playback);
        let (memory, number) = (stream.memory.clone().unwrap(), stream.variant);
        memory.put(slot as u64, what, self.variants[number].format);
    }

    fn start(&mut self, direction: Direction) {
        let can = match self.pcm(direction) {
            Pcm::Prepared => direction == Capture || self.stream(direction).appl > 0,
            Pcm::Paused => true,
            _ => false,
        };
        self.oracle.run(self.now);
        if !can {
            return;
        }
        assert!(self.cable.start(direction, self.now));
        self.oracle.start(direction);
        self.stream(direction).pcm = Pcm::Running;
        self.arm(direction);
    }

    /// Starts an end that is linked with the other: as of the time when that one was started,
    /// though the cable has been moved on since.
    fn start_late(&mut self, second: Direction, late: u64) {
        let first = if second == Playback {
            Capture
        } else {
            Playback
        };
        self.start(first);
        self.oracle.run(self.now);
        let (then, later) = (self.now, self.oracle.when(late));
        self.cable.advance(later);
        self.now = then;
        self.start(second);
        self.now = later;
    }

    fn stop(&mut self, direction: Direction, pcm: Pcm) {
        if !matches!(self.pcm(direction), Pcm::Running | Pcm::Draining) {
            return;
        }
        self.oracle.run(self.now);
        let state = if pcm == Pcm::Paused {
            self.cable.pause(direction, self.now);
            State::Paused
        } else {
            self.cable.stop(direction, self.now);
            State::Prepared
        };
        self.oracle.stop(direction, state);
        self.stream(direction).pcm = pcm;
        self.arm(direction);
        assert_eq!(self.stream(direction).timer, None);
        self.check_end(direction);
    }

    fn drain(&mut self) {
        if matches!(self.pcm(Playback), Pcm::Prepared | Pcm::Paused) {
            self.start(Playback);
        }
        if matches!(self.pcm(Playback), Pcm::Running | Pcm::Draining) {
            self.oracle.run(self.now);
            self.stream(Playback).pcm = Pcm::Draining;
            self.cable.drain(self.now);
            self.oracle.playback.drain = Some(self.oracle.playback.appl);
            self.oracle.playback.drain_told = false;
            assert!(self.cable.end(Playback).draining());
            self.arm(Playback);
        }
    }

    fn close(&mut self, direction: Direction) {
        if self.pcm(direction) == Pcm::Closed {
            return;
        }
        if self.pcm(direction) == Pcm::Paused {
            self.start(direction);
        }
        self.stop(direction, Pcm::Setup);
        let memory = self.stream(direction).memory.take();
        let state = self.oracle.end(direction).state;
        let taken = self.cable.retract(direction);
        assert_eq!(
            taken.is_some(),
            state == State::Prepared && memory.is_some()
        );
        self.cable.release(direction);
        self.cable.close(direction);
        // Once more does no harm.
        assert!(self.cable.retract(direction).is_none());
        assert_eq!(self.cable.end(direction).state, State::Closed);
        self.stream(direction).pcm = Pcm::Closed;
        let end = self.oracle.end(direction);
        (end.state, end.bound) = (State::Closed, false);
    }

    /// `snd_pcm_update_hw_ptr`.
    fn update(&mut self, direction: Direction) {
        if !matches!(self.pcm(direction), Pcm::Running | Pcm::Draining) {
            return;
        }
        self.oracle.run(self.now);
        let told = self.cable.pointer(direction, self.now);
        assert_eq!(told, self.oracle.end(direction).pointer(direction));
        let Some(told) = told else {
            return self.stop(direction, Pcm::Xrun);
        };

        let (frames, threshold) = {
            let end = self.oracle.end(direction);
            assert!(told < end.frames);
            (end.frames, end.threshold)
        };
        let stream = self.stream(direction);
        let mut hw = stream.hw - stream.hw % frames + told;
        if hw < stream.hw {
            hw += frames;
        }
        let moved = hw != stream.hw;
        stream.hw = hw;
        if !moved {
            return self.settle(direction);
        }
        let avail = match direction {
            Playback => (hw + frames).saturating_sub(stream.appl),
            Capture => hw - stream.appl,
        };
        let pcm = stream.pcm;
        self.settle(direction);
        if pcm == Pcm::Draining {
            if avail >= frames {
                self.stop(direction, Pcm::Setup);
            }
        } else if avail >= threshold {
            self.stop(direction, Pcm::Xrun);
        }
    }

    /// `snd_pcm_period_elapsed` and what leads to it.
    fn wake(&mut self, direction: Direction) {
        self.oracle.run(self.now);
        let end = self.oracle.end(direction);
        let elapsed = end.awaited().is_some_and(|awaited| end.position >= awaited);
        if elapsed {
            let late = end.position - end.awaited().unwrap();
            end.counters.wakeups += 1;
            end.counters.late += u64::from(late >= end.period);
            end.boundary = (end.position / end.period + 1) * end.period;
        }

        let wake = if elapsed { Wake::Period } else { Wake::Nothing };
        assert_eq!(self.cable.wake(direction, self.now), wake);
        self.check_wakeup(direction);
        if elapsed {
            self.update(direction);
        }
        self.arm(direction);
    }

    fn arm(&mut self, direction: Direction) {
        self.check_wakeup(direction);
        self.stream(direction).timer = self.cable.next_wakeup(direction);
    }

    /// Lets time pass, and timers go off in it.
    fn pass(&mut self, until: u64) {
        let mut rounds = 0;
        while self.timers {
            let late = self.latency[self.fired % self.latency.len()];
            let due = [Playback, Capture]
                .into_iter()
                .filter_map(|direction| Some((self.stream(direction).timer? + late, direction)))
                .min_by_key(|(due, _)| *due);
            let Some((due, direction)) = due.filter(|(due, _)| *due <= until) else {
                break;
            };
            self.fired += 1;
            rounds += 1;
            assert!(rounds < 10_000, "timers go off for nothing");
            self.now = self.now.max(due);
            self.wake(direction);
        }
        self.now = until;
        self.oracle.run(until);
    }

    fn pass_frames(&mut self, frames: u64, off: i64) {
        self.oracle.run(self.now);
        let until = self.oracle.when(frames).saturating_add_signed(off);
        self.pass(until.max(self.now));
    }

    /// Lets time pass while the programs at both ends keep up with it.
    fn live(&mut self, frames: u64, off: i64) {
        let most = self.oracle.playback.frames.min(self.oracle.capture.frames) / 2;
        let mut left = frames;
        while left > 0 {
            let step = left.min(most.max(1));
            left -= step;
            self.pass_frames(step, if left == 0 { off } else { 0 });
            self.write(u64::MAX, true);
            self.read(u64::MAX, true);
        }
    }

    /// Frames of room, as ALSA knows it.
    fn room(&mut self) -> u64 {
        let frames = self.oracle.playback.frames;
        let stream = self.stream(Playback);
        (stream.hw + frames).saturating_sub(stream.appl).min(frames)
    }

    fn can_write(&self) -> bool {
        matches!(
            self.pcm(Playback),
            Pcm::Prepared | Pcm::Running | Pcm::Paused
        )
    }

    /// Writes up to `frames` frames; with `sync` by a call, else through mmap.
    fn write(&mut self, frames: u64, sync: bool) {
        self.oracle.run(self.now);
        // Who writes late without having asked can't know what was played instead.
        if sync || self.oracle.playback.appl < self.oracle.playback.position {
            self.update(Playback);
        }
        // What is written late during a pause is counted only once the stream goes on.
        let late = self.oracle.playback.appl < self.oracle.playback.position;
        if self.can_write() && !(late && self.pcm(Playback) == Pcm::Paused) {
            let frames = frames.min(self.room());
            self.commit(frames);
        }
    }

    fn commit(&mut self, frames: u64) {
        for _ in 0..frames {
            let appl = self.stream(Playback).appl;
            self.put(appl);
            self.stream(Playback).appl += 1;
        }
        self.settle(Playback);
    }

    /// A write that takes its time between looking for room and moving the pointer.
    fn write_slowly(&mut self, frames: u64, takes: u64) {
        self.update(Playback);
        if self.pcm(Playback) != Pcm::Running {
            return;
        }
        let frames = frames.min(self.room());
        self.pass_frames(takes, 0);
        if self.pcm(Playback) == Pcm::Running {
            self.cable.advance(self.now);
            self.commit(frames);
        }
    }

    /// Writes where no pointer says so, as dmix does: anywhere in what has not been played.
    fn poke(&mut self, ahead: u64) {
        self.oracle.run(self.now);
        let end = &self.oracle.playback;
        if self.pcm(Playback) == Pcm::Running && end.unstoppable() {
            let position = end.position + ahead;
            if position < end.told + end.frames {
                self.put(position);
            }
        }
    }

    /// Reads up to `frames` frames and compares them with what was played.
    fn read(&mut self, frames: u64, sync: bool) {
        self.oracle.run(self.now);
        if sync {
            self.update(Capture);
        }
        if !matches!(self.pcm(Capture), Pcm::Running | Pcm::Paused) {
            return;
        }
        let format = self.variants[self.stream(Capture).variant].format;
        let stream = &self.streams[1];
        let memory = stream.memory.clone().unwrap();
        let frames = frames.min(stream.hw - stream.appl);
        let end = &self.oracle.capture;
        for position in end.appl..end.appl + frames {
            // What the reader was too late for is another frame by now.
            if position + end.frames >= end.position {
                let slot = end.slot(position) as u64;
                let what = end.log[position as usize];
                assert!(
                    memory.holds(slot, what, format),
                    "{position} is not {what:?}"
                );
            }
        }
        self.stream(Capture).appl += frames;
        self.settle(Capture);
    }

    fn set_pitch(&mut self, pitch: u32) {
        self.oracle.run(self.now);
        self.cable.set_pitch(pitch, self.now);
        assert_eq!(self.cable.pitch(), pitch);
        self.speed();
        for direction in [Playback, Capture] {
            if self.stream(direction).timer.is_some() {
                self.arm(direction);
            }
        }
    }

    /// A wake-up is due exactly when the awaited position is reached.
    fn check_wakeup(&mut self, direction: Direction) {
        self.oracle.run(self.now);
        let got = self.cable.next_wakeup(direction);
        let end = self.oracle.end(direction);
        match end
            .awaited()
            .map(|awaited| awaited.saturating_sub(end.position))
        {
            None => assert_eq!(got, None),
            Some(0) => assert!(got.unwrap() <= self.now),
            Some(ahead) => assert_eq!(got, Some(self.oracle.when(ahead))),
        }
    }

    /// Compares all there is to see of one end.
    fn check_end(&mut self, direction: Direction) {
        let stream = &self.streams[direction as usize];
        let (number, memory) = (stream.variant, stream.memory.clone());
        let format = self.variants[number].format;
        let end = self.cable.end(direction);
        let should = match direction {
            Playback => &self.oracle.playback,
            Capture => &self.oracle.capture,
        };
        assert_eq!(end.state, should.state);
        assert_eq!(end.setup.is_some(), should.bound);
        assert_eq!(end.counters, should.counters, "{direction:?}");
        if should.state != State::Closed {
            assert_eq!(end.draining(), should.runs() && should.drain.is_some());
        }
        if matches!(
            should.state,
            State::Prepared | State::Running | State::Paused
        ) {
            assert_eq!(end.position, should.position);
        }
        if let Some(memory) = memory {
            for (slot, what) in should.ring.iter().enumerate() {
                assert!(
                    memory.holds(slot as u64, *what, format),
                    "{direction:?}, frame {slot} of {} is not {what:?}",
                    should.frames
                );
            }
        }
    }

    /// Frames that were written late are counted when the next frame is moved.
    fn check_in_a_frame(&mut self) {
        if self.oracle.ticking {
            self.pass_frames(1, 0);
        }
        self.check();
    }

    fn check(&mut self) {
        self.oracle.run(self.now);
        self.cable.advance(self.now);
        self.check_end(Playback);
        self.check_end(Capture);
        self.check_wakeup(Playback);
        self.check_wakeup(Capture);
        assert_eq!(self.cable.is_running(), self.oracle.ticking);
        let bound = self.oracle.playback.bound || self.oracle.capture.bound;
        assert_eq!(self.cable.params().is_some(), bound);
    }
}

// ---------------------------------------------------------------------------------------------
// Random programs

#[derive(Clone, Debug)]
enum Op {
    Prepare(Direction, Spec),
    Start(Direction),
    StartBoth(Direction),
    StartLate(Direction, u64),
    Stop(Direction),
    Pause(Direction),
    Drain,
    Write(u64, bool),
    WriteSlowly(u64, u64),
    Poke(u64),
    Read(u64, bool),
    Pointer(Direction),
    Wake(Direction),
    Advance,
    Pitch(u32),
    Close(Direction),
    Check,
}

impl Rig {
    fn perform(&mut self, op: &Op) {
        match op {
            Op::Prepare(direction, spec) => drop(self.prepare(*direction, spec)),
            Op::Start(direction) => self.start(*direction),
            Op::StartBoth(first) => {
                let second = if *first == Playback {
                    Capture
                } else {
                    Playback
                };
                self.start(*first);
                self.start(second);
            }
            Op::StartLate(direction, frames) => self.start_late(*direction, *frames),
            Op::Stop(direction) => {
                if self.pcm(*direction) == Pcm::Paused {
                    self.start(*direction);
                }
                self.stop(*direction, Pcm::Setup);
            }
            Op::Pause(direction) if self.pcm(*direction) == Pcm::Running => {
                self.stop(*direction, Pcm::Paused);
            }
            Op::Pause(_) => {}
            Op::Drain => self.drain(),
            Op::Write(frames, sync) => self.write(*frames, *sync),
            Op::WriteSlowly(frames, takes) => self.write_slowly(*frames, *takes),
            Op::Poke(ahead) => self.poke(*ahead),
            Op::Read(frames, sync) => self.read(*frames, *sync),
            Op::Pointer(direction) => self.update(*direction),
            Op::Wake(direction) => self.wake(*direction),
            Op::Advance => self.cable.advance(self.now),
            Op::Pitch(pitch) => self.set_pitch(*pitch),
            Op::Close(direction) => self.close(*direction),
            Op::Check => self.check_in_a_frame(),
        }
    }
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Playback), Just(Capture)]
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
        3 => (direction(), spec()).prop_map(|(direction, spec)| Op::Prepare(direction, spec)),
        4 => direction().prop_map(Op::Start),
        1 => direction().prop_map(Op::StartBoth),
        2 => (direction(), 0..20u64).prop_map(|(second, late)| Op::StartLate(second, late)),
        1 => direction().prop_map(Op::Stop),
        1 => direction().prop_map(Op::Pause),
        2 => Just(Op::Drain),
        12 => (1..50u64, any::<bool>()).prop_map(|(frames, sync)| Op::Write(frames, sync)),
        2 => (1..50u64, 0..30u64).prop_map(|(frames, takes)| Op::WriteSlowly(frames, takes)),
        3 => (0..30u64).prop_map(Op::Poke),
        12 => (1..50u64, any::<bool>()).prop_map(|(frames, sync)| Op::Read(frames, sync)),
        4 => direction().prop_map(Op::Pointer),
        2 => direction().prop_map(Op::Wake),
        3 => Just(Op::Advance),
        2 => prop_oneof![
            Just(PITCH_NOMINAL), Just(PITCH_MIN), Just(PITCH_MAX), PITCH_MIN..=PITCH_MAX
        ].prop_map(Op::Pitch),
        1 => direction().prop_map(Op::Close),
        2 => Just(Op::Check),
    ]
}

/// Frames that pass and nanoseconds more or less: just before a frame, on it, after it, between.
fn wait() -> impl Strategy<Value = (u64, i64)> {
    let frames = prop_oneof![4 => Just(0u64), 12 => 1..8u64, 4 => 8..30u64, 1 => 30..200u64];
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
    #![proptest_config(ProptestConfig {
        cases: 800,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_cable_is_what_the_oracle_says(
        variants in variants(),
        start in prop_oneof![Just(0u64), 0..1u64 << 62],
        specs in (spec(), spec()),
        first in 1..50u64,
        program in prop::collection::vec((wait(), op()), 1..100),
        latency in prop_oneof![
            3 => Just(vec![0u64]),
            1 => prop::collection::vec(
                prop_oneof![Just(0u64), 0..100_000u64, 0..2_000_000u64], 1..8),
        ],
        timers in prop::bool::weighted(0.8),
        diligent: bool,
    ) {
        let mut rig = Rig::new(variants, start);
        (rig.latency, rig.timers) = (latency, timers);
        let _ = rig.prepare(Playback, &specs.0);
        let _ = rig.prepare(Capture, &specs.1);
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
            rig.pass_frames(rig.oracle.playback.frames + 1, 3 * latest as i64);
            prop_assert_eq!(rig.pcm(Playback), Pcm::Setup);
            rig.check_in_a_frame();
        }
        for direction in [Playback, Capture] {
            rig.close(direction);
        }
        prop_assert!(!rig.cable.is_running());
        prop_assert_eq!(rig.cable.params(), None);
    }
}

// ---------------------------------------------------------------------------------------------
// What the random programs show as well, one by one, to be read

fn plain(period: u64, periods: u64) -> Spec {
    Spec {
        variant: 0,
        period,
        periods,
        gap: None,
        boundary: 3,
        wakeups: true,
        stop: Stop::Empty,
        keep: false,
    }
}

fn rig() -> Rig {
    Rig::new([variant(2, 48_000, 2), variant(2, 44_100, 2)], 1_000)
}

fn prepared(playback: &Spec, capture: &Spec) -> Rig {
    let mut rig = rig();
    rig.prepare(Playback, playback).unwrap();
    rig.prepare(Capture, capture).unwrap();
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
    for first in [Playback, Capture] {
        let mut rig = prepared(&plain(16, 4), &plain(10, 3));
        rig.write(64, true);
        rig.perform(&Op::StartBoth(first));
        rig.pass_frames(29, 0);
        rig.check();
        assert_eq!(silence_then_data(&rig.oracle.capture.log), (0, 29));
        rig.read(29, true);
        assert_eq!(rig.stream(Capture).appl, 29);
        assert_eq!(rig.cable.end(Capture).counters.silence, 0);
    }
}

#[test]
fn linked_ends_start_in_one_frame_though_the_clock_went_on_in_between() {
    for second in [Playback, Capture] {
        let mut rig = prepared(&plain(16, 4), &plain(16, 4));
        rig.write(64, true);
        rig.perform(&Op::StartLate(second, 7));
        rig.pass_frames(10, 0);
        rig.check();
        assert_eq!(rig.cable.end(Playback).position, 17);
        assert_eq!(rig.cable.end(Capture).position, 17);
        assert_eq!(silence_then_data(&rig.oracle.capture.log), (0, 17));
        assert_eq!(rig.cable.end(Playback).counters.unheard, 0);
    }
}

#[test]
fn linked_ends_pause_in_one_frame_though_the_clock_went_on_in_between() {
    for (first, second) in [(Playback, Capture), (Capture, Playback)] {
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
        assert_eq!(rig.cable.end(Capture).position, 10);
        assert_eq!(rig.cable.end(Playback).counters.unheard, 0);
        assert_eq!(rig.cable.end(Capture).counters.silence, 0);
    }
}

#[test]
fn a_buffer_that_goes_while_its_end_runs_stops_the_clock() {
    let mut rig = prepared(&plain(16, 4), &plain(16, 4));
    rig.write(64, true);
    rig.start(Playback);
    assert!(rig.cable.is_running());
    drop(rig.cable.retract(Playback));
    assert!(!rig.cable.is_running());
}

#[test]
fn what_alsa_has_been_told_is_not_taken_back() {
    for (first, second) in [(Playback, Capture), (Capture, Playback)] {
        let mut rig = prepared(&plain(16, 4), &plain(16, 4));
        rig.write(64, true);
        rig.start(first);
        let then = rig.now;
        rig.pass_frames(3, 0);
        assert_eq!(rig.cable.pointer(first, rig.now), Some(3));
        let later = rig.oracle.when(4);
        rig.cable.advance(later);
        assert!(rig.cable.start(second, then));
        assert_eq!(rig.cable.end(first).position, 3);
        rig.cable.advance(later);
        assert_eq!(rig.cable.end(first).position, 7);
        assert_eq!(rig.cable.end(second).position, 4);
        let silence = rig.cable.end(Capture).counters.silence;
        assert_eq!(silence, if first == Capture { 3 } else { 0 });
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
    let log = &rig.oracle.capture.log;
    assert_eq!(silence_then_data(log), (0, 10));
    assert_eq!(silence_then_data(&log[10..]), (20, 30));
    assert_eq!(silence_then_data(&log[60..]), (40, 0));
    assert_eq!(rig.cable.end(Capture).counters.silence, 60);
    assert_eq!(rig.cable.end(Playback).counters.lost, 0);
}

/// ALSA sets its pointers back only after the driver has prepared; the cable must not go by those
/// of the last run.
#[test]
fn a_stream_that_is_prepared_again_starts_anew() {
    let mut rig = prepared(&plain(16, 4), &plain(1_000, 2));
    rig.timers = false;
    rig.start(Capture);
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
        let heard = rig.cable.end(Capture).counters;
        assert_eq!((heard.moved, heard.silence), (40 * (round + 1), 0));
    }
}

#[test]
fn the_position_is_unknown_exactly_when_alsa_could_not_tell() {
    for (passed, told) in [(63, Some(63)), (64, None), (65, None)] {
        for direction in [Playback, Capture] {
            let mut rig = prepared(&plain(16, 4), &plain(16, 4));
            rig.timers = false;
            rig.write(64, true);
            rig.start(direction);
            rig.pass_frames(passed, 0);
            assert_eq!(rig.cable.pointer(direction, rig.now), told);
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
            rig.start(Capture);
            rig.drain();
            rig.oracle.run(rig.now);
            let end = rig.oracle.when(frames);
            rig.pass(end - 1);
            assert_eq!(rig.pcm(Playback), Pcm::Draining, "{frames} {wakeups}");
            rig.pass(end);
            assert_eq!(rig.pcm(Playback), Pcm::Setup, "{frames} {wakeups}");
            rig.pass_frames(5, 0);
            rig.check();
            let log = &rig.oracle.capture.log;
            assert_eq!(silence_then_data(log), (0, frames as usize));
            assert_eq!(rig.cable.end(Playback).counters.xruns, 0);
        }
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
        let memory = rig.streams[Playback as usize].memory.clone().unwrap();
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
            noticed = cable.pointer(Playback, when) != Some(alsa.hw);
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
    assert_eq!(silence_then_data(&rig.oracle.capture.log), (0, 130));
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
    assert_eq!(silence_then_data(&rig.oracle.capture.log), (0, 20));
    assert_eq!(rig.cable.end(Playback).counters.lost, 10);
    assert_eq!(rig.cable.end(Capture).counters.silence, 10);
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
    rig.stop(Capture, Pcm::Paused);
    rig.pass_frames(3, 0);
    rig.check();
    assert_eq!(rig.cable.end(Playback).counters.lost, 10);
}

#[test]
fn frames_that_nobody_was_there_for_are_not_lost() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.timers = false;
    rig.write(20, true);
    rig.perform(&Op::StartBoth(Playback));
    rig.pass_frames(30, 0);
    rig.stop(Capture, Pcm::Paused);
    rig.pass_frames(19, 0);
    rig.cable.advance(rig.now);
    rig.commit(5);
    rig.pass_frames(1, 0);
    rig.start(Capture);
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
    rig.update(Capture);
    assert_eq!(rig.pcm(Capture), Pcm::Xrun);
    let counters = rig.cable.end(Capture).counters;
    assert_eq!((counters.moved, counters.xruns, counters.lost), (60, 1, 55));
}

#[test]
fn the_first_to_prepare_binds_the_other_until_both_have_let_go() {
    let other = Spec {
        variant: 1,
        ..plain(16, 4)
    };
    for (first, second) in [(Playback, Capture), (Capture, Playback)] {
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
        assert_eq!(rig.prepare(second, &other), Err(Mismatch { fixed }));
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
        assert_eq!(rig.prepare(first, &plain(16, 4)), Err(Mismatch { fixed }));
        rig.close(second);
        assert_eq!(rig.cable.params(), None);
        rig.prepare(first, &plain(16, 4)).unwrap();
    }
}

#[test]
fn a_player_changes_the_parameters_under_a_recorder_that_is_told() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.cable.set_notify(true);
    rig.start(Capture);
    rig.pass_frames(40, 0);
    rig.update(Capture);
    let other = variant(2, 96_000, 2);
    assert_eq!(rig.cable.bound(Playback), None);
    let setup = rig.cable.end(Playback).setup.unwrap();
    let memory = Fake(rig.streams[Playback as usize].memory.clone().unwrap());
    rig.cable.prepare(Playback, other, setup, memory).unwrap();
    assert_eq!(rig.cable.params(), Some(other));
    // The recorder is woken at once, told to stop, and stays where it was.
    assert_eq!(rig.cable.end(Capture).state, State::Open);
    assert_eq!(rig.cable.next_wakeup(Capture), Some(0));
    let later = rig.now + 1_000_000_000;
    assert_eq!(rig.cable.wake(Capture, later), Wake::Stop);
    assert_eq!(rig.cable.next_wakeup(Capture), None);
    assert_eq!(rig.cable.pointer(Capture, later), Some(40));
    // It starts again only with the new parameters.
    assert!(!rig.cable.start(Capture, later));
    assert_eq!(rig.cable.bound(Capture), Some(other));
}

#[test]
fn a_recorder_that_stands_still_is_not_woken_for_new_parameters_and_can_not_start() {
    let mut rig = prepared(&plain(16, 4), &plain(100, 2));
    rig.cable.set_notify(true);
    let other = variant(2, 96_000, 2);
    let setup = rig.cable.end(Playback).setup.unwrap();
    let memory = Fake(rig.streams[Playback as usize].memory.clone().unwrap());
    rig.cable.prepare(Playback, other, setup, memory).unwrap();
    assert_eq!(rig.cable.next_wakeup(Capture), None);
    assert!(!rig.cable.start(Capture, rig.now));
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
    assert_eq!(rig.cable.next_wakeup(Capture), None);
    rig.start(Capture);
    // 16 frames at 48 kHz, rounded up.
    assert_eq!(rig.cable.next_wakeup(Capture), Some(1_000 + 333_334));
    rig.set_pitch(PITCH_MIN);
    assert_eq!(rig.cable.next_wakeup(Capture), Some(1_000 + 416_667));
    rig.stop(Capture, Pcm::Paused);
    assert_eq!(rig.cable.next_wakeup(Capture), None);
}

#[test]
fn parameters_are_said_in_a_line() {
    let params = variant(32, 96_000, 8);
    assert_eq!(params.to_string(), "S24_3LE at 96000 Hz with 8 channel(s)");
}
