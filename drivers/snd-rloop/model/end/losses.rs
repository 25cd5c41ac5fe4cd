// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Losses and xruns of an end: noticed and counted.

use super::End;
use crate::lib::model::stream::{Buffer, Direction, Wake};

impl<B: Buffer> End<B> {
    /// Capture: counts all that the program has not taken up to here as lost, since it came in
    /// faster than it could be moved. The stream has an xrun, if it stops for one.
    pub(in crate::model) fn note_overrun(&mut self) {
        let Some(buffer) = self.running() else { return };
        let (frames, pointers) = (buffer.layout().frames, buffer.pointers());
        let unread = self.appl(&pointers).max(self.gap.end);
        self.counters.lost += self.position.saturating_sub(unread);
        self.gap.end = self.position;
        if pointers.stop_threshold <= frames {
            (self.pending_stop, self.overrun) = (Some(Wake::Xrun), true);
        }
    }

    /// Playback: counts what the program wrote too late. Returns the position up to which it has
    /// written. With the stream locked.
    pub(in crate::model) fn note_written(&mut self) -> Option<u64> {
        let pointers = self.read_pointers()?;
        let written = self.appl(&pointers);
        self.note_late(written);
        Some(written)
    }

    /// Playback: counts the frames as lost that the readers got as silence and that have been
    /// written since.
    pub(in crate::model) fn note_late(&mut self, written: u64) {
        let late = written.min(self.gap.end).saturating_sub(self.gap.start);
        self.counters.lost += late;
        self.gap.start += late;
    }

    /// Playback: notes that the readers are about to get the next `frames` frames, those after
    /// `written` as silence.
    pub(in crate::model) fn note_gap(&mut self, written: u64, frames: u64) {
        if self.drain.is_some() || written == u64::MAX {
            return;
        }
        self.note_late(written);
        let next = self.position + frames;
        if self.gap.start == self.gap.end {
            self.gap.start = written.clamp(self.position, next);
        }
        self.gap.end = next;
    }

    /// Counts an xrun, if the stream has stopped for one. With the stream locked.
    pub(in crate::model) fn note_xrun(&mut self, direction: Direction) {
        let (Some(pointers), Some(buffer)) = (self.read_pointers(), &self.buffer) else {
            return;
        };
        if self.free_running {
            return;
        }
        let frames = buffer.layout().frames;
        let appl = self.appl(&pointers);
        match direction {
            Direction::Playback => {
                self.note_late(appl);
                let room = (self.position + frames).saturating_sub(appl);
                self.counters.xruns += u64::from(room >= pointers.stop_threshold);
            }
            Direction::Capture => {
                let unread = self.position.saturating_sub(appl);
                if unread >= pointers.stop_threshold {
                    self.counters.xruns += 1;
                    self.counters.lost += self.position.saturating_sub(appl.max(self.gap.end));
                    self.gap.end = self.position;
                }
            }
        }
    }
}
