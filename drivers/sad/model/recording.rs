// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! A recording of what the converter puts out: where it is, and what is in its buffer.

use crate::lib::model::format::Format;
use crate::lib::model::layout::spans;
use crate::lib::model::ring::next_boundary;
use crate::lib::model::stream::{Buffer, Params, Setup, Wake};

/// A stream that is set up, or runs.
#[derive(Debug)]
pub(super) struct Recording<B> {
    format: &'static Format,
    setup: Setup,
    pub(super) buffer: B,
    pub(super) running: bool,
    /// The first tick that is recorded since the last start.
    pub(super) from: u64,
    /// Frames that have been recorded.
    pub(super) frames: u64,
    /// What ALSA was last told of them.
    told: u64,
    /// The next one at which a period ends.
    boundary: u64,
}

impl<B: Buffer> Recording<B> {
    pub(super) fn new(params: Params, setup: Setup, buffer: B) -> Self {
        Self {
            format: params.format,
            setup,
            buffer,
            running: false,
            from: 0,
            frames: 0,
            told: 0,
            boundary: setup.period,
        }
    }

    pub(super) fn format(&self) -> &'static Format {
        self.format
    }

    /// Records `frames` frames that are all like `sample`.
    pub(super) fn record(&mut self, frames: u64, sample: &[u8]) {
        if !self.running {
            return;
        }
        let sample = &sample[..usize::from(self.format.bytes)];
        spans(self.buffer.layout(), self.frames, frames, |span| {
            self.buffer.fill(span, sample);
        });
        self.frames += frames;
    }

    /// Where the recording is in its buffer, in frames; `None` if more has been recorded than it holds since the
    /// last call. See [`super::converter::Converter::pointer`].
    pub(super) fn pointer(&mut self, notified: bool) -> Option<u64> {
        let more = self.frames - self.told;
        self.told = self.frames;
        let size = self.setup.buffer;
        // Without wake-ups ALSA itself tells from the time how often the buffer has been filled.
        let known = more < size || (notified && more == size) || !self.setup.wakeups;
        known.then(|| self.frames.checked_rem(size).unwrap_or(0))
    }

    /// After how many more frames ALSA is to be told, at most `most`.
    pub(super) fn until_wakeup(&self, most: u64) -> u64 {
        match self.setup.wakeups {
            true => self.boundary.saturating_sub(self.frames).min(most),
            false => most,
        }
    }

    /// What ALSA is to be told now.
    pub(super) fn wake(&mut self) -> Wake {
        if !self.running || !self.setup.wakeups || self.frames < self.boundary {
            return Wake::Nothing;
        }
        self.boundary = next_boundary(self.frames, self.setup.period);
        Wake::Period
    }
}
