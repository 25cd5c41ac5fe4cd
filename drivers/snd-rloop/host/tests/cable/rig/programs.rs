// SPDX-License-Identifier: GPL-2.0-only

//! The programs: time passes, they write and read, and set controls.

use super::*;

impl Rig {
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
        self.track_appl(Playback);
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
            if position < end.reported_position + end.frames {
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
        self.track_appl(port);
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
}
