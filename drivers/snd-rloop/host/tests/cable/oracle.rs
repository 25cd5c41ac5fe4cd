// SPDX-License-Identifier: GPL-2.0-only

//! What a cable should do, looked at frame by frame.

use snd_rloop_model::end::{Counters, EndState, Port, CATCH_UP};
use Port::Playback;

use crate::memory::Slot;

const PARTS_PER_FRAME: u128 = 1_000_000_000_000_000;

/// One end, as it should be.
#[derive(Debug)]
pub(crate) struct Should {
    pub(crate) state: EndState,
    /// Has a say in the parameters.
    pub(crate) bound: bool,
    pub(crate) frames: u64,
    pub(crate) period: u64,
    pub(crate) wakeups: bool,
    pub(crate) threshold: u64,
    pub(crate) ring: Vec<Slot>,
    pub(crate) position: u64,
    pub(crate) reported_position: u64,
    pub(crate) appl: u64,
    pub(crate) boundary: u64,
    pub(crate) drain: Option<u64>,
    pub(crate) drain_notified: bool,
    /// When ALSA last heard something.
    pub(crate) heard: u64,
    /// For how long a drain may hear nothing.
    pub(crate) drain_timeout: u64,
    pub(crate) counters: Counters,
    /// Playback: positions given to the reader as silence and not yet written.
    pub(crate) missed: Vec<u64>,
    /// Capture: positions up to here are accounted for.
    pub(crate) gone: u64,
    /// Capture: frames behind what goes in. Playback: those that the last reader will be.
    pub(crate) lag: u64,
    /// Capture: all that was delivered since prepare.
    pub(crate) log: Vec<Slot>,
}

impl Should {
    pub(crate) fn new() -> Self {
        Self {
            state: EndState::Closed,
            bound: false,
            frames: 1,
            period: 1,
            wakeups: false,
            threshold: 1,
            ring: Vec::new(),
            position: 0,
            reported_position: 0,
            appl: 0,
            boundary: 0,
            drain: None,
            drain_notified: false,
            heard: 0,
            drain_timeout: 0,
            counters: Counters::default(),
            missed: Vec::new(),
            gone: 0,
            lag: 0,
            log: Vec::new(),
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.state == EndState::Running
    }

    pub(crate) fn unstoppable(&self) -> bool {
        self.threshold > self.frames
    }

    pub(crate) fn slot(&self, position: u64) -> usize {
        (position % self.frames) as usize
    }

    pub(crate) fn awaited(&self) -> Option<u64> {
        if !self.runs() {
            return None;
        }
        let period = self.wakeups.then_some(self.boundary);
        let heard = self.drain.map(|drain| drain + self.lag);
        let drain = self
            .drained_at()
            .max(heard)
            .filter(|_| !self.drain_notified);
        period.into_iter().chain(drain).min()
    }

    /// When a drain must hear something, however slow the clock is.
    pub(crate) fn gives_up(&self) -> Option<u64> {
        let waits = self.runs() && self.wakeups && self.drain.is_some() && !self.drain_notified;
        waits.then_some(self.heard + self.drain_timeout)
    }

    /// ALSA finds that a stream has drained only when it sees it move.
    pub(crate) fn drained_at(&self) -> Option<u64> {
        self.drain.map(|end| end.max(self.reported_position + 1))
    }

    /// The position that ALSA should be told, if it could tell by how much that has moved.
    pub(crate) fn answer(&self) -> u64 {
        let (Some(drain), Some(end)) = (self.drain, self.drained_at()) else {
            return self.position;
        };
        let end = if self.position < drain + self.lag {
            end - 1
        } else {
            end
        };
        self.position
            .min(end)
            .min(self.reported_position + self.frames - 1)
    }

    /// What ALSA should be told.
    pub(crate) fn pointer(&mut self, port: Port) -> Option<u64> {
        if port != Playback {
            let intact = self.position.saturating_sub(self.frames);
            self.counters.lost += intact.saturating_sub(self.appl.max(self.gone));
            self.gone = self.gone.max(intact);
        }
        let position = self.answer();
        if position - self.reported_position >= self.frames && !self.unstoppable() {
            return None;
        }
        self.drain_notified |=
            position > self.reported_position && self.drain.is_some_and(|end| position >= end);
        self.reported_position = position;
        Some(position % self.frames)
    }

    /// Capture: gets a frame.
    fn hear(&mut self, what: Slot) {
        let slot = self.slot(self.position);
        self.ring[slot] = what;
        self.log.push(what);
        self.counters.moved += 1;
        self.position += 1;
    }

    pub(crate) fn stop(&mut self, port: Port, state: EndState) {
        if !self.runs() {
            return;
        }
        self.state = state;
        if state == EndState::Paused || self.drain.take().is_some() {
            return;
        }
        let full = match port {
            Playback => (self.position + self.frames).saturating_sub(self.appl) >= self.threshold,
            Port::Capture(_) => self.position.saturating_sub(self.appl) >= self.threshold,
        };
        self.counters.xruns += u64::from(full);
        if full && port != Playback {
            self.counters.lost += self.position - self.appl.max(self.gone);
            self.gone = self.position;
        }
    }
}

/// A cable, as it should be.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) speed: u128,
    pub(crate) parts: u128,
    pub(crate) now: u64,
    pub(crate) ticking: bool,
    pub(crate) delay: u64,
    /// The delay line, if there is one: how many frames it holds, and since which.
    pub(crate) line: Option<(u64, u64)>,
    /// All that has gone in since the clock was started.
    pub(crate) history: Vec<Slot>,
    pub(crate) playback: Should,
    pub(crate) captures: Vec<Should>,
}

impl Oracle {
    /// How long it takes a reader to get `frames` frames: one that catches up gets two in one's
    /// time now and then.
    pub(crate) fn sooner(&mut self, port: Port, frames: u64) -> u64 {
        let (first, delay) = (self.history.len() as u64, self.delay);
        let mut surplus = self.end(port).lag.saturating_sub(delay);
        let (mut passed, mut heard) = (0, 0);
        while heard < frames {
            passed += 1;
            heard += 1;
            if surplus > 0 && (first + passed) % CATCH_UP == 0 {
                surplus -= 1;
                heard += 1;
            }
        }
        passed
    }

    pub(crate) fn end(&mut self, port: Port) -> &mut Should {
        match port {
            Playback => &mut self.playback,
            Port::Capture(number) => &mut self.captures[number],
        }
    }

    pub(crate) fn run(&mut self, now: u64) {
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
    pub(crate) fn frame(&mut self) {
        let (playback, readers) = (&mut self.playback, &mut self.captures);
        let somebody = readers.iter().any(Should::runs);
        let mut heard = None;
        if playback.runs() {
            let written = match playback.drain {
                Some(end) => end,
                None if playback.unstoppable() => u64::MAX,
                None => playback.appl,
            };
            heard = (playback.position < written)
                .then(|| playback.ring[playback.slot(playback.position)]);
            playback.counters.moved += 1;
            if !somebody {
                playback.counters.unheard += 1;
                playback.missed.clear();
            } else if heard.is_none() && playback.drain.is_none() {
                playback.missed.push(playback.position);
            }
            playback.position += 1;
        }
        self.history.push(heard.unwrap_or(Slot::Silence));
        for reader in readers.iter_mut().filter(|reader| reader.runs()) {
            reader.counters.silence += u64::from(heard.is_none());
            if reader.lag < self.delay {
                reader.lag += 1;
                reader.hear(Slot::Silence);
                continue;
            }
            let past = |lag: u64| {
                let at = (self.history.len() as u64 - 1).checked_sub(lag);
                let at = at.filter(|at| *at >= self.line.map_or(0, |(_, begin)| begin));
                at.map_or(Slot::Silence, |at| self.history[at as usize])
            };
            reader.hear(past(reader.lag));
            if reader.lag > self.delay && self.history.len() as u64 % CATCH_UP == 0 {
                reader.lag -= 1;
                reader.hear(past(reader.lag));
            }
        }
        self.note_lag();
    }

    pub(crate) fn note_lag(&mut self) {
        let readers = self.captures.iter().filter(|reader| reader.runs());
        let lags = readers.map(|reader| reader.lag.max(self.delay));
        self.playback.lag = lags.max().unwrap_or(0);
    }

    pub(crate) fn start(&mut self, port: Port) {
        let delay = self.delay;
        let end = self.end(port);
        end.state = EndState::Running;
        if port != Playback {
            end.lag = delay;
        }
        if !self.ticking {
            (self.ticking, self.parts) = (true, 0);
            self.history.clear();
            self.line = self.line.map(|(frames, _)| (frames, 0));
        }
        self.note_lag();
    }

    pub(crate) fn stop(&mut self, port: Port, state: EndState) {
        self.end(port).stop(port, state);
        self.ticking = self.playback.runs() || self.captures.iter().any(Should::runs);
        self.note_lag();
    }

    /// When `frames` more have passed.
    pub(crate) fn when(&self, frames: u64) -> u64 {
        let parts = (u128::from(frames) * PARTS_PER_FRAME).saturating_sub(self.parts);
        self.now + u64::try_from(parts.div_ceil(self.speed)).unwrap()
    }
}
