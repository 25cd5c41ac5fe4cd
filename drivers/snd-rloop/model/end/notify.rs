// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Notifications of an end: what ALSA waits for, and which position may be reported to it.

use super::End;
use crate::lib::model::stream::{Buffer, Direction};

impl<B> End<B> {
    /// The number of frames that have been moved and not been reported to ALSA.
    pub(in crate::model) fn unreported(&self) -> u64 {
        self.position.saturating_sub(self.reported_position)
    }

    /// The position at which ALSA finds that the stream has drained. ALSA checks that only when the
    /// position has moved, so where everything has been played already, one more frame has to be.
    pub(in crate::model) fn drain_end(&self) -> Option<u64> {
        Some(self.drain?.max(self.reported_position.saturating_add(1)))
    }

    /// The position at which ALSA is next to be notified: the end of a period, or of a drain.
    pub(in crate::model) fn awaited(&self) -> Option<u64> {
        self.running()?;
        let boundary = self.setup?.wakeups.then_some(self.boundary);
        let heard = self.drain.map(|drain| drain.saturating_add(self.lag));
        let drain = self.drain_end().max(heard).filter(|_| !self.drain_notified);
        match (boundary, drain) {
            (Some(boundary), Some(drain)) => Some(boundary.min(drain)),
            (boundary, drain) => boundary.or(drain),
        }
    }
}

impl<B: Buffer> End<B> {
    /// The time at which ALSA, which waits for the end of a drain, must be notified at last (ns).
    pub(in crate::model) fn drain_deadline(&self) -> Option<u64> {
        let wakeups = self.running().and(self.setup)?.wakeups;
        let waits = wakeups && self.drain.is_some() && !self.drain_notified;
        waits.then(|| self.notified_at.saturating_add(self.drain_timeout))
    }

    /// The position that may be reported to ALSA. Where a drain ends a whole buffer after what was
    /// reported, which ALSA could not tell from no movement at all, it gets there in two steps.
    pub(in crate::model) fn reportable_position(&self, direction: Direction) -> u64 {
        let Some(buffer) = &self.buffer else {
            return self.position;
        };
        let frames = buffer.layout().frames;
        match self.drain_end() {
            None if self.free_running && direction == Direction::Playback => {
                // If the last frame that was written were reported, ALSA would find an xrun.
                let pointers = buffer.pointers();
                let kept = frames.saturating_sub(pointers.stop_threshold) + 1;
                let most = self.appl(&pointers).saturating_sub(kept);
                self.position.min(most).max(self.reported_position)
            }
            None => self.position,
            Some(end) => {
                let position = match self.drain {
                    // Free-running: no clock moves the one frame more.
                    Some(drain) if self.free_running && self.position >= drain => end,
                    // The last frame is still on its way.
                    Some(drain) if self.position < drain.saturating_add(self.lag) => {
                        self.position.min(end - 1)
                    }
                    _ => self.position.min(end),
                };
                position.min(self.reported_position.saturating_add(frames - 1))
            }
        }
    }

    /// Free-running: the time at which ALSA is to be notified; 0 for now.
    pub(in crate::model) fn notify_at(&self, direction: Direction) -> Option<u64> {
        let (_, setup) = (self.running()?, self.setup?);
        let draining = self.drain.is_some();
        if draining && self.drain_notified {
            return None;
        }
        if self.reportable_position(direction) != self.reported_position
            && (setup.wakeups || draining)
        {
            return Some(0);
        }
        self.drain_deadline()
    }
}
