// SPDX-License-Identifier: GPL-2.0-only

//! A small imitation of the ALSA core, with a cable between its streams.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use driver_model::format::Format;
use driver_model::layout::{Access, Layout};
use driver_model::stream::Params;
use driver_model::stream::{Pointers, Setup, Wake};
use snd_rloop_model::cable::{Cable, Refusal};
use snd_rloop_model::end::{End, EndState, Port};
use Port::Playback;

use crate::memory::{Fake, Memory, NextWakeup as _, Slot, UNTOUCHED};
use crate::oracle::{Oracle, Should};

/// A boundary as 64-bit kernels have it: nothing wraps.
const FAR: u64 = 1 << 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pcm {
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
pub(crate) struct Stream {
    pub(crate) pcm: Pcm,
    pub(crate) memory: Option<Rc<Memory>>,
    pub(crate) variant: usize,
    pub(crate) hw: u64,
    pub(crate) appl: u64,
    pub(crate) boundary: u64,
    pub(crate) timer: Option<u64>,
}

/// How a stream is to be prepared.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) variant: usize,
    pub(crate) period: u64,
    pub(crate) periods: u64,
    pub(crate) gap: Option<usize>,
    pub(crate) boundary: u32,
    pub(crate) wakeups: bool,
    pub(crate) stop: Stop,
    /// Keep the buffer from last time, if there is one.
    pub(crate) keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// As programs have it by default.
    Empty,
    Early,
    Never,
}

pub(crate) struct Rig {
    pub(crate) cable: Cable<Fake, Vec<End<Fake>>>,
    pub(crate) oracle: Oracle,
    pub(crate) streams: Vec<Stream>,
    pub(crate) variants: [Params; 2],
    pub(crate) now: u64,
    pub(crate) next_id: u64,
    /// How late timers are, over and over.
    pub(crate) latency: Vec<u64>,
    pub(crate) fired: usize,
    pub(crate) timers: bool,
}

pub(crate) fn variant(number: u32, rate: u32, channels: u32) -> Params {
    Params {
        format: Format::from_number(number).unwrap(),
        rate,
        channels,
    }
}

/// The first reader's end.
pub(crate) const CAPTURE: Port = Port::Capture(0);

/// A stream's place among all of the cable.
pub(crate) fn index(port: Port) -> usize {
    match port {
        Playback => 0,
        Port::Capture(number) => 1 + number,
    }
}

/// The player for a reader, the first reader for the player.
pub(crate) fn opposite(port: Port) -> Port {
    match port {
        Playback => CAPTURE,
        Port::Capture(_) => Playback,
    }
}

impl Rig {
    /// A cable with `readers` capture ends.
    pub(crate) fn new(variants: [Params; 2], start: u64, readers: usize) -> Self {
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
            cable: Cable::new((0..readers).map(|_| End::new()).collect()),
            oracle: Oracle {
                speed: 0,
                parts: 0,
                now: start,
                ticking: false,
                delay: 0,
                line: None,
                history: Vec::new(),
                playback: Should::new(),
                captures: (0..readers).map(|_| Should::new()).collect(),
            },
            streams: (0..=readers).map(|_| stream()).collect(),
            variants,
            now: start,
            next_id: 1,
            latency: vec![0],
            fired: 0,
            timers: true,
        };
        rig.speed();
        rig.open(Playback);
        for number in 0..readers {
            rig.open(Port::Capture(number));
        }
        rig
    }

    pub(crate) fn ports(&self) -> Vec<Port> {
        self.cable.ports().collect()
    }

    pub(crate) fn stream(&mut self, port: Port) -> &mut Stream {
        &mut self.streams[index(port)]
    }

    pub(crate) fn pcm(&self, port: Port) -> Pcm {
        self.streams[index(port)].pcm
    }

    pub(crate) fn speed(&mut self) {
        let rate = self.cable.params().map_or(1, |params| params.rate);
        self.oracle.speed = u128::from(rate) * u128::from(self.cable.pitch());
    }

    /// Lets the cable see the stream's pointers.
    pub(crate) fn publish(&mut self, port: Port) {
        let threshold = self.oracle.end(port).threshold;
        let stream = self.stream(port);
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
    pub(crate) fn settle(&mut self, port: Port) {
        let (hw, appl) = (self.stream(port).hw, self.stream(port).appl);
        let end = self.oracle.end(port);
        assert_eq!((end.told - hw) % end.frames, 0);
        assert!(end.unstoppable() || end.told == hw, "ALSA has lost track");
        end.appl = end.told - hw + appl;
        let appl = end.appl;
        let before = end.missed.len();
        end.missed.retain(|&position| position >= appl);
        end.counters.lost += (before - end.missed.len()) as u64;
        self.publish(port);
    }

    pub(crate) fn open(&mut self, port: Port) {
        if self.pcm(port) == Pcm::Closed {
            self.cable.open(port);
            self.stream(port).pcm = Pcm::Setup;
            self.oracle.end(port).state = EndState::Open;
        }
    }

    pub(crate) fn prepare(&mut self, port: Port, spec: &Spec) -> Result<(), Refusal> {
        self.open(port);
        if self.pcm(port) == Pcm::Paused {
            self.start(port);
            self.stop(port, Pcm::Setup);
        }
        if matches!(self.pcm(port), Pcm::Running | Pcm::Draining) {
            return Ok(());
        }
        let params = self.variants[spec.variant];
        let kept = self.stream(port).memory.clone();
        if !(spec.keep && kept.is_some() && self.stream(port).variant == spec.variant) {
            self.hw_params(port, spec);
        }
        let memory = self.stream(port).memory.clone().unwrap();

        let end = self.oracle.end(port);
        let setup = Setup {
            period: end.period,
            buffer: end.frames,
            wakeups: end.wakeups,
            access: match memory.layout.plane {
                None => Access::RwInterleaved,
                Some(_) => Access::MmapNoninterleaved,
            },
        };
        let others = self.ports().into_iter().filter(|other| *other != port);
        let bound = others.map(|other| self.oracle.end(other).bound);
        let bound = bound.fold(false, |all, one| all | one);
        let fixed = bound.then(|| self.cable.params().unwrap());
        assert_eq!(self.cable.bound(port), fixed);

        // ALSA sets its pointers back only after the driver has prepared.
        let result = self.cable.prepare(port, params, setup, Fake(memory));
        match fixed.filter(|fixed| *fixed != params) {
            Some(fixed) => {
                assert_eq!(result, Err(Refusal::Mismatch(fixed)));
                self.stream(port).pcm = Pcm::Setup;
            }
            None => {
                assert_eq!(result, Ok(()));
                if port == Playback {
                    assert_eq!(self.cable.played(), Some((params, setup.access)));
                }
                self.speed();
                self.set_delay(self.oracle.delay);
                let stream = self.stream(port);
                (stream.pcm, stream.hw, stream.appl) = (Pcm::Prepared, 0, 0);
                stream.timer = None;
                let end = self.oracle.end(port);
                (end.state, end.bound) = (EndState::Prepared, true);
                (end.position, end.told, end.gone) = (0, 0, 0);
                (end.drain, end.drain_told) = (None, false);
                end.boundary = end.period;
                end.missed.clear();
                end.log.clear();
                self.settle(port);
            }
        }
        result
    }

    /// A new buffer. ALSA's pointers are still those of last time.
    pub(crate) fn hw_params(&mut self, port: Port, spec: &Spec) {
        let params = self.variants[spec.variant];
        let frames = spec.period * spec.periods;
        let sample = usize::from(params.format.bytes);
        let layout = Layout {
            frames,
            channels: params.channels as usize,
            sample,
            plane: spec.gap.map(|gap| frames as usize * sample + gap),
        };
        let end = self.oracle.end(port);
        (end.frames, end.period, end.wakeups) = (frames, spec.period, spec.wakeups);
        let time = (frames * 1_000_000_000).div_ceil(2 * u64::from(params.rate));
        end.patience = time.max(40_000_000);
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
        if end.state != EndState::Closed {
            end.state = EndState::Open;
        }

        self.cable.take_buffer(port);
        let stream = self.stream(port);
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
            moved: Cell::default(),
            work: Cell::default(),
        };
        stream.memory = Some(Rc::new(memory));
        self.publish(port);
        if port == Playback {
            // So that it can be told what a stream that is heard beyond what was written plays.
            for slot in 0..frames {
                self.put(slot);
            }
        }
    }

    /// Puts a new frame into the playback buffer.
    pub(crate) fn put(&mut self, position: u64) {
        let what = Slot::Frame(self.next_id);
        self.next_id += 1;
        let slot = self.oracle.playback.slot(position);
        self.oracle.playback.ring[slot] = what;
        let stream = self.stream(Playback);
        let (memory, number) = (stream.memory.clone().unwrap(), stream.variant);
        memory.put(slot as u64, what, self.variants[number].format);
    }

    pub(crate) fn start(&mut self, port: Port) {
        let can = match self.pcm(port) {
            Pcm::Prepared => port != Playback || self.stream(port).appl > 0,
            Pcm::Paused => true,
            _ => false,
        };
        self.oracle.run(self.now);
        if !can {
            return;
        }
        assert!(self.cable.start(port, self.now));
        self.oracle.start(port);
        self.stream(port).pcm = Pcm::Running;
        self.arm(port);
        self.arm_drain();
    }

    /// Starts an end that is linked with the other: as of the time when that one was started,
    /// though the cable has been moved on since.
    pub(crate) fn start_late(&mut self, second: Port, late: u64) {
        let first = opposite(second);
        let delay = self.oracle.delay;
        let mut readers = self.oracle.captures.iter();
        if readers.any(|end| end.runs() && end.lag != delay) {
            // Nothing is taken back then.
            return self.start(second);
        }
        self.start(first);
        self.oracle.run(self.now);
        let (then, later) = (self.now, self.oracle.when(late));
        self.cable.advance(later);
        self.now = then;
        self.start(second);
        self.now = later;
    }

    pub(crate) fn stop(&mut self, port: Port, pcm: Pcm) {
        if !matches!(self.pcm(port), Pcm::Running | Pcm::Draining) {
            return;
        }
        self.oracle.run(self.now);
        let state = if pcm == Pcm::Paused {
            self.cable.pause(port, self.now);
            EndState::Paused
        } else {
            self.cable.stop(port, self.now);
            EndState::Prepared
        };
        self.oracle.stop(port, state);
        self.stream(port).pcm = pcm;
        self.arm(port);
        assert_eq!(self.stream(port).timer, None);
        self.arm_drain();
        self.check_end(port);
    }

    pub(crate) fn drain(&mut self) {
        if matches!(self.pcm(Playback), Pcm::Prepared | Pcm::Paused) {
            self.start(Playback);
        }
        if matches!(self.pcm(Playback), Pcm::Running | Pcm::Draining) {
            self.oracle.run(self.now);
            self.stream(Playback).pcm = Pcm::Draining;
            self.cable.drain(self.now);
            self.oracle.playback.drain = Some(self.oracle.playback.appl);
            self.oracle.playback.drain_told = false;
            self.oracle.playback.heard = self.now;
            assert!(self.cable.end(Playback).draining());
            self.arm(Playback);
        }
    }

    pub(crate) fn close(&mut self, port: Port) {
        if self.pcm(port) == Pcm::Closed {
            return;
        }
        if self.pcm(port) == Pcm::Paused {
            self.start(port);
        }
        self.stop(port, Pcm::Setup);
        let memory = self.stream(port).memory.take();
        let state = self.oracle.end(port).state;
        let taken = self.cable.take_buffer(port);
        assert_eq!(
            taken.is_some(),
            state == EndState::Prepared && memory.is_some()
        );
        if self.cable.drop_params(port)[0].is_some() {
            self.oracle.line = None;
        }
        self.cable.close(port);
        // Once more does no harm.
        assert!(self.cable.take_buffer(port).is_none());
        assert_eq!(self.cable.end(port).state, EndState::Closed);
        self.stream(port).pcm = Pcm::Closed;
        let end = self.oracle.end(port);
        (end.state, end.bound) = (EndState::Closed, false);
    }

    /// `snd_pcm_update_hw_ptr`.
    pub(crate) fn update(&mut self, port: Port) {
        if !matches!(self.pcm(port), Pcm::Running | Pcm::Draining) {
            return;
        }
        self.oracle.run(self.now);
        let told = self.cable.pointer(port, self.now, false);
        assert_eq!(told, self.oracle.end(port).pointer(port));
        let Some(told) = told else {
            return self.stop(port, Pcm::Xrun);
        };

        let (frames, threshold) = {
            let end = self.oracle.end(port);
            assert!(told < end.frames);
            (end.frames, end.threshold)
        };
        let stream = self.stream(port);
        let mut hw = stream.hw - stream.hw % frames + told;
        if hw < stream.hw {
            hw += frames;
        }
        let moved = hw != stream.hw;
        stream.hw = hw;
        if !moved {
            return self.settle(port);
        }
        let avail = match port {
            Playback => (hw + frames).saturating_sub(stream.appl),
            Port::Capture(_) => hw - stream.appl,
        };
        let pcm = stream.pcm;
        self.settle(port);
        if pcm == Pcm::Draining {
            if avail >= frames {
                self.stop(port, Pcm::Setup);
            }
        } else if avail >= threshold {
            self.stop(port, Pcm::Xrun);
        }
    }

    /// `snd_pcm_period_elapsed` and what leads to it.
    pub(crate) fn wake(&mut self, port: Port) {
        let now = self.now;
        self.oracle.run(now);
        let end = self.oracle.end(port);
        let elapsed = end.awaited().is_some_and(|awaited| end.position >= awaited);
        if elapsed {
            let late = end.position - end.awaited().unwrap();
            end.counters.wakeups += 1;
            end.counters.late += u64::from(late >= end.period);
            end.boundary = (end.position / end.period + 1) * end.period;
        }

        let end = self.oracle.end(port);
        let noticed = end.drain.is_none() || end.answer() != end.told;
        let impatient = end.gives_up().is_some_and(|latest| latest <= now);
        let wake = match (elapsed, noticed) {
            (true, true) => Wake::Period,
            (true, false) => Wake::KeepDraining,
            (false, _) if impatient => Wake::KeepDraining,
            (false, _) => Wake::Nothing,
        };
        if wake != Wake::Nothing {
            end.heard = now;
        }
        assert_eq!(self.cable.wake(port, self.now), wake);
        self.check_wakeup(port);
        if wake == Wake::Period {
            self.update(port);
        }
        self.arm(port);
    }

    pub(crate) fn arm(&mut self, port: Port) {
        self.check_wakeup(port);
        self.stream(port).timer = self.cable.next_wakeup(port);
    }

    /// A drain may have waited for a reader that has stopped.
    fn arm_drain(&mut self) {
        if self.pcm(Playback) == Pcm::Draining {
            self.arm(Playback);
        }
    }

    /// Lets time pass, and timers go off in it.
    pub(crate) fn pass(&mut self, until: u64) {
        let mut rounds = 0;
        while self.timers {
            let late = self.latency[self.fired % self.latency.len()];
            let due = self
                .ports()
                .into_iter()
                .filter_map(|port| Some((self.stream(port).timer? + late, port)))
                .min_by_key(|(due, _)| *due);
            let Some((due, port)) = due.filter(|(due, _)| *due <= until) else {
                break;
            };
            self.fired += 1;
            rounds += 1;
            assert!(rounds < 100_000, "timers go off for nothing");
            self.now = self.now.max(due);
            self.wake(port);
        }
        self.now = until;
        self.oracle.run(until);
    }

    pub(crate) fn pass_frames(&mut self, frames: u64, off: i64) {
        self.oracle.run(self.now);
        let until = self.oracle.when(frames).saturating_add_signed(off);
        self.pass(until.max(self.now));
    }

    /// Lets time pass while the programs at both ends keep up with it.
    pub(crate) fn live(&mut self, frames: u64, off: i64) {
        let readers = self.oracle.captures.iter().map(|end| end.frames);
        let most = readers.fold(self.oracle.playback.frames, u64::min) / 2;
        let mut left = frames;
        while left > 0 {
            let step = left.min(most.max(1));
            left -= step;
            self.pass_frames(step, if left == 0 { off } else { 0 });
            self.write(u64::MAX, true);
            for number in 0..self.oracle.captures.len() {
                self.read_from(number, u64::MAX, true);
            }
        }
    }

    /// Frames of room, as ALSA knows it.
    pub(crate) fn room(&mut self) -> u64 {
        let frames = self.oracle.playback.frames;
        let stream = self.stream(Playback);
        (stream.hw + frames).saturating_sub(stream.appl).min(frames)
    }

    pub(crate) fn can_write(&self) -> bool {
        matches!(
            self.pcm(Playback),
            Pcm::Prepared | Pcm::Running | Pcm::Paused
        )
    }

    /// Writes up to `frames` frames; with `sync` by a call, else through mmap.
    pub(crate) fn write(&mut self, frames: u64, sync: bool) {
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

    pub(crate) fn commit(&mut self, frames: u64) {
        for _ in 0..frames {
            let appl = self.stream(Playback).appl;
            self.put(appl);
            self.stream(Playback).appl += 1;
        }
        self.settle(Playback);
    }

    /// A write that takes its time between looking for room and moving the pointer.
    pub(crate) fn write_slowly(&mut self, frames: u64, takes: u64) {
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
    pub(crate) fn poke(&mut self, ahead: u64) {
        self.oracle.run(self.now);
        let end = &self.oracle.playback;
        if self.pcm(Playback) == Pcm::Running && end.unstoppable() {
            let position = end.position + ahead;
            if position < end.told + end.frames {
                self.put(position);
            }
        }
    }

    /// Reads from the first reader.
    pub(crate) fn read(&mut self, frames: u64, sync: bool) {
        self.read_from(0, frames, sync);
    }

    /// Reads up to `frames` frames and compares them with what was played.
    pub(crate) fn read_from(&mut self, number: usize, frames: u64, sync: bool) {
        let port = Port::Capture(number);
        self.oracle.run(self.now);
        if sync {
            self.update(port);
        }
        if !matches!(self.pcm(port), Pcm::Running | Pcm::Paused) {
            return;
        }
        let format = self.variants[self.stream(port).variant].format;
        let stream = &self.streams[index(port)];
        let memory = stream.memory.clone().unwrap();
        let frames = frames.min(stream.hw - stream.appl);
        let end = &self.oracle.captures[number];
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
        self.stream(port).appl += frames;
        self.settle(port);
    }

    pub(crate) fn set_delay(&mut self, delay: u64) {
        self.oracle.run(self.now);
        let params = self.cable.params();
        let layout = params.and_then(|params| self.cable.needed_delay_line(&params, Some(delay)));
        let line = layout.map(|layout| Fake::new(layout, UNTOUCHED));
        drop(self.cable.set_delay(delay, line, self.now));
        while !self.cable.continue_replacement(&mut None) {}
        let passed = self.oracle.history.len() as u64;
        let passed = if self.oracle.ticking { passed } else { 0 };
        let mut readers = self.oracle.captures.iter();
        let under_way = readers.any(|end| end.runs() && end.lag > 0);
        let readers = self.oracle.captures.iter().filter(|end| end.runs());
        let most = readers.map(|end| end.lag).max().unwrap_or(0);
        self.oracle.line = match (layout, self.oracle.line) {
            (Some(new), None) => Some((new.frames, passed)),
            (Some(new), Some((frames, begin))) => Some((
                new.frames,
                begin.max(passed.saturating_sub(frames.min(most))),
            )),
            (None, _) if delay == 0 && !under_way => None,
            (None, line) => line,
        };
        assert_eq!(self.cable.delay(), delay);
        self.oracle.delay = delay;
        self.oracle.note_lag();
        for port in self.ports() {
            if self.stream(port).timer.is_some() {
                self.arm(port);
            }
        }
    }

    pub(crate) fn set_pitch(&mut self, pitch: u32) {
        self.oracle.run(self.now);
        self.cable.set_pitch(pitch, self.now);
        assert_eq!(self.cable.pitch(), pitch);
        self.speed();
        for port in self.ports() {
            if self.stream(port).timer.is_some() {
                self.arm(port);
            }
        }
    }

    /// A wake-up is due exactly when the awaited position is reached.
    pub(crate) fn check_wakeup(&mut self, port: Port) {
        self.oracle.run(self.now);
        let got = self.cable.next_wakeup(port);
        let end = self.oracle.end(port);
        let mut awaited = end
            .awaited()
            .map(|awaited| awaited.saturating_sub(end.position));
        if let (Some(frames), Port::Capture(_), true) =
            (&mut awaited, port, self.oracle.line.is_some())
        {
            *frames = self.oracle.sooner(port, *frames);
        }
        // What piles up is moved though nobody waits.
        let first = self
            .ports()
            .into_iter()
            .find(|port| self.oracle.end(*port).runs());
        let piled = self.cable.carries_after().filter(|_| first == Some(port));
        match awaited {
            Some(0) => assert!(got.unwrap() <= self.now),
            None if piled.is_none() => assert_eq!(got, None),
            ahead => {
                let ahead = [ahead, piled].into_iter().flatten().min().unwrap();
                let due = self.oracle.when(ahead);
                let latest = self.oracle.end(port).gives_up().unwrap_or(due);
                assert_eq!(got, Some(due.min(latest)));
            }
        }
    }

    /// Compares all there is to see of one end.
    pub(crate) fn check_end(&mut self, port: Port) {
        let stream = &self.streams[index(port)];
        let (number, memory) = (stream.variant, stream.memory.clone());
        let format = self.variants[number].format;
        let end = self.cable.end(port);
        let should = match port {
            Playback => &self.oracle.playback,
            Port::Capture(number) => &self.oracle.captures[number],
        };
        assert_eq!(end.state, should.state);
        assert_eq!(end.setup.is_some(), should.bound);
        assert_eq!(end.counters, should.counters, "{port:?}");
        if should.state != EndState::Closed {
            assert_eq!(end.draining(), should.runs() && should.drain.is_some());
        }
        if matches!(
            should.state,
            EndState::Prepared | EndState::Running | EndState::Paused
        ) {
            assert_eq!(end.position, should.position);
        }
        if let Some(memory) = memory {
            for (slot, what) in should.ring.iter().enumerate() {
                assert!(
                    memory.holds(slot as u64, *what, format),
                    "{port:?}, frame {slot} of {} is not {what:?}",
                    should.frames
                );
            }
        }
    }

    /// Frames that were written late are counted when the next frame is moved.
    pub(crate) fn check_in_a_frame(&mut self) {
        if self.oracle.ticking {
            self.pass_frames(1, 0);
        }
        self.check();
    }

    pub(crate) fn check(&mut self) {
        self.oracle.run(self.now);
        while !self.cable.advance(self.now) {}
        for port in self.ports() {
            self.check_end(port);
            self.check_wakeup(port);
        }
        assert_eq!(self.cable.is_running(), self.oracle.ticking);
        let bound = self.oracle.playback.bound || self.oracle.captures.iter().any(|end| end.bound);
        assert_eq!(self.cable.params().is_some(), bound);
    }
}

/// So many periods of so many frames, and nothing out of the ordinary.
pub(crate) fn plain(period: u64, periods: u64) -> Spec {
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
