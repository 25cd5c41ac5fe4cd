// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What capture ends receive: frames that come into their buffers.

use super::{End, CATCH_UP};
use crate::lib::model::layout::{moves, spans};
use crate::lib::model::stream::Buffer;

impl<B> End<B> {
    /// The number of frames of the cable, which is at `moved`, after which this end will have moved
    /// by `frames`. It is fewer while it catches up with a shorter delay: see
    /// [`End::receive_delayed`].
    pub(in crate::model) fn passes_in(&self, frames: u64, moved: u64, delay: u64) -> u64 {
        let surplus = self.lag.saturating_sub(delay);
        let more = |passed: u64| {
            let more = moved.saturating_add(passed) / CATCH_UP - moved / CATCH_UP;
            more.min(surplus)
        };
        if surplus == 0 {
            return frames;
        }
        // At least this many, and at most two more.
        let mut passed = (frames / (CATCH_UP + 1) * CATCH_UP).max(frames.saturating_sub(surplus));
        while passed + more(passed) < frames {
            passed += 1;
        }
        passed
    }

    /// Skips `frames` frames: they are counted, and not moved.
    pub(in crate::model) fn skip(&mut self, frames: u64) {
        if self.running().is_some() {
            self.position += frames;
            self.counters.moved += frames;
        }
    }
}

impl<B: Buffer> End<B> {
    /// Receives what is due when `frames` frames have gone into the delay line `line` from position
    /// `first` on, so as to be `delay` frames behind. There is nothing in it from before position
    /// `begin`.
    ///
    /// An end that was less behind gets silence first. One that was more behind gets one frame more
    /// for every [`CATCH_UP`]: nothing is left out. What need not be `kept` is only counted.
    pub(in crate::model) fn receive_delayed(
        &mut self,
        (line, begin): (&B, u64),
        (first, frames): (u64, u64),
        delay: u64,
        silence: &[u8],
        kept: bool,
    ) {
        if self.running().is_none() {
            return;
        }
        let wait = delay.saturating_sub(self.lag).min(frames);
        let more = (first + frames) / CATCH_UP - first / CATCH_UP;
        let more = more.min((self.lag + wait).saturating_sub(delay));

        let count = frames - wait + more;
        let early = (self.lag + begin).saturating_sub(first).min(count);
        let from = (first + early).saturating_sub(self.lag);
        self.lag = self.lag + wait - more;
        if !kept {
            return self.skip(wait + count);
        }
        self.receive(None, 0, wait + early, silence);
        self.receive(Some((line, from)), count - early, count - early, silence);
    }

    /// Receives `frames` frames: the first `data` are those from a position of `source` on, the
    /// rest is silence.
    pub(in crate::model) fn receive(
        &mut self,
        source: Option<(&B, u64)>,
        data: u64,
        frames: u64,
        silence: &[u8],
    ) {
        let Some(target) = self.running() else { return };
        copy_frames(target, self.position, source, data, frames, silence);
        self.position += frames;
        self.counters.moved += frames;
    }

    /// Inverts a bit in each of `frames` frames from `position` on: an injected fault.
    pub(in crate::model) fn flip(&self, position: u64, frames: u64) {
        let Some(buffer) = self.running() else { return };
        let layout = buffer.layout();
        for frame in position..position.saturating_add(frames.min(layout.frames)) {
            if let Some(slot) = frame.checked_rem(layout.frames) {
                buffer.flip(layout.byte_of(slot));
            }
        }
    }

    /// Free-running: the number of frames that the program has made room for. It would have an xrun
    /// when as many as `stop_threshold` are reported.
    pub(in crate::model) fn room(&self, buffer: &B) -> u64 {
        let pointers = buffer.pointers();
        let most = buffer.layout().frames.min(pointers.stop_threshold);
        let end = self.appl(&pointers).saturating_add(most.saturating_sub(1));
        end.saturating_sub(self.position)
    }
}

/// Copies `frames` frames to position `to` of `target`: the first `data` are those from a position
/// of `source` on, the rest is silence.
pub(in crate::model) fn copy_frames<B: Buffer>(
    target: &B,
    to: u64,
    source: Option<(&B, u64)>,
    data: u64,
    frames: u64,
    silence: &[u8],
) {
    // What would be overwritten at once need not be moved.
    let skip = frames.saturating_sub(target.layout().frames);
    let (to, rest) = (to + skip, frames - skip);
    let kept = data.saturating_sub(skip);
    if let Some((source, from)) = source {
        let (from, layout) = (from + skip, source.layout());
        moves(layout, from, target.layout(), to, kept, |what| {
            target.copy_from(source, what)
        });
    }
    spans(target.layout(), to + kept, rest - kept, |span| {
        target.fill(span, silence)
    });
}
