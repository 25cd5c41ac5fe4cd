// SPDX-License-Identifier: GPL-2.0-only

//! The checks: cable and oracle agree in everything that can be seen.

use super::*;

impl Rig {
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
