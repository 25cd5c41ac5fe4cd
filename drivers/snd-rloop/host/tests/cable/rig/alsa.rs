// SPDX-License-Identifier: GPL-2.0-only

//! The ALSA core: what it calls for a program or a timer, and what it keeps.

use super::*;

impl Rig {
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
                (end.position, end.reported_position, end.gone) = (0, 0, 0);
                (end.drain, end.drain_notified) = (None, false);
                end.boundary = end.period;
                end.missed.clear();
                end.log.clear();
                self.track_appl(port);
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
        end.drain_timeout = time.max(40_000_000);
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
            self.oracle.playback.drain_notified = false;
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
        let reported = self.cable.pointer(port, Some(self.now));
        assert_eq!(reported, self.oracle.end(port).pointer(port));
        let Some(reported) = reported else {
            return self.stop(port, Pcm::Xrun);
        };

        let (frames, threshold) = {
            let end = self.oracle.end(port);
            assert!(reported < end.frames);
            (end.frames, end.threshold)
        };
        let stream = self.stream(port);
        let mut hw = stream.hw - stream.hw % frames + reported;
        if hw < stream.hw {
            hw += frames;
        }
        let moved = hw != stream.hw;
        stream.hw = hw;
        if !moved {
            return self.track_appl(port);
        }
        let avail = match port {
            Playback => (hw + frames).saturating_sub(stream.appl),
            Port::Capture(_) => hw - stream.appl,
        };
        let pcm = stream.pcm;
        self.track_appl(port);
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
        let noticed = end.drain.is_none() || end.answer() != end.reported_position;
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
    pub(super) fn arm_drain(&mut self) {
        if self.pcm(Playback) == Pcm::Draining {
            self.arm(Playback);
        }
    }
}
