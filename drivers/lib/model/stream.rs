// SPDX-License-Identifier: GPL-2.0-only

//! A PCM stream as the model of a driver sees it: its parameters, its buffer, and what ALSA keeps about it.

use core::fmt;

use super::format::Format;
use super::layout::{Access, Layout, Move, Span};

/// A stream's direction, `SNDRV_PCM_STREAM_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the program to the card.
    Playback,
    /// From the card to the program.
    Capture,
}

/// The parameters of a stream that say what its sound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// The sample format.
    pub format: &'static Format,
    /// Frames per second.
    pub rate: u32,
    /// Samples in a frame.
    pub channels: u32,
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {} Hz with {} channel(s)",
            self.format.name, self.rate, self.channels
        )
    }
}

/// The parameters of a stream that say how its program gets at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// From one wake-up to the next, in frames, at least 1.
    pub period: u64,
    /// The buffer's size, in frames.
    pub buffer: u64,
    /// Whether the program wants to be woken after each period.
    pub wakeups: bool,
    /// How the program gets at the buffer.
    pub access: Access,
}

/// What ALSA keeps about a stream and changes on its own, read afresh each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// The position that ALSA believes in, modulo `boundary`.
    pub hw: u64,
    /// How far the program has written or read, modulo `boundary`.
    pub appl: u64,
    /// Where the two wrap: a multiple of the buffer's size.
    pub boundary: u64,
    /// The stream stops with an xrun when this many frames are free (playback) or unread
    /// (capture); never if it is more than the buffer has.
    pub stop_threshold: u64,
}

/// A stream's buffer, shared with the program that has opened the stream.
pub trait Buffer {
    /// How its samples lie.
    fn layout(&self) -> &Layout;
    /// ALSA's pointers now.
    fn pointers(&self) -> Pointers;
    /// Carries out a [`Move`] from `source` into this buffer.
    fn copy_from(&self, source: &Self, what: Move);
    /// Fills a [`Span`] with `sample` over and over.
    fn fill(&self, what: Span, sample: &[u8]);
    /// Inverts the lowest bit of a byte.
    fn flip(&self, offset: usize);
}

/// What ALSA is to be told when a stream's timer has gone off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing.
    Nothing,
    /// A period or a drain has ended.
    Period,
    /// Nothing new, but ALSA must not give up a drain because of that.
    KeepDraining,
    /// The stream has to stop: it can't go on with its parameters.
    Stop,
    /// The stream has to stop with an xrun, because somebody wants to see that.
    Xrun,
}
