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

mod alsa;
mod check;
mod programs;

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

/// The playback end for a reader, the first reader for the playback end.
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
    pub(crate) fn track_appl(&mut self, port: Port) {
        let (hw, appl) = (self.stream(port).hw, self.stream(port).appl);
        let end = self.oracle.end(port);
        assert_eq!((end.reported_position - hw) % end.frames, 0);
        assert!(
            end.unstoppable() || end.reported_position == hw,
            "ALSA has lost track"
        );
        end.appl = end.reported_position - hw + appl;
        let appl = end.appl;
        let before = end.missed.len();
        end.missed.retain(|&position| position >= appl);
        end.counters.lost += (before - end.missed.len()) as u64;
        self.publish(port);
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

/// A cable of two stereo formats with one capture end.
pub(crate) fn rig() -> Rig {
    Rig::new([variant(2, 48_000, 2), variant(2, 44_100, 2)], 1_000, 1)
}

/// The same, with both ends prepared.
pub(crate) fn prepared(playback: &Spec, capture: &Spec) -> Rig {
    let mut rig = rig();
    rig.prepare(Playback, playback).unwrap();
    rig.prepare(CAPTURE, capture).unwrap();
    rig
}

/// Frames of the log from `first` on: how many are silence, then how many are data.
pub(crate) fn silence_then_data(log: &[Slot]) -> (usize, usize) {
    let silence = log.iter().take_while(|slot| **slot == Slot::Silence);
    let silence = silence.count();
    let data = log[silence..].iter();
    (
        silence,
        data.take_while(|slot| **slot != Slot::Silence).count(),
    )
}
