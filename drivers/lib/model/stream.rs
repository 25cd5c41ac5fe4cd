// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! PCM streams as the model of a driver sees them: parameters, buffer, ALSA's pointers, and what
//! ALSA is notified of.

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

/// The parameters of a stream that say what its sound is (`hw_params`).
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

/// The parameters of a stream that say how its program gets at it (`hw_params` and `sw_params`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The period: from one wake-up to the next, in frames, at least 1.
    pub period: u64,
    /// The buffer's size, in frames.
    pub buffer: u64,
    /// Whether the program wants to be woken after each period (not
    /// `SNDRV_PCM_HW_PARAMS_NO_PERIOD_WAKEUP`).
    pub wakeups: bool,
    /// The program's access to the buffer.
    pub access: Access,
}

/// The pointers that ALSA keeps for a stream and changes on its own, in frames, read afresh each
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// `hw_ptr`: the position that ALSA believes in, modulo `boundary`.
    pub hw: u64,
    /// `appl_ptr`: the position up to which the program has written or read, modulo `boundary`.
    pub appl: u64,
    /// The position at which the two wrap: a multiple of the buffer's size.
    pub boundary: u64,
    /// The stream stops with an xrun when this many frames are free (playback) or unread (capture);
    /// never if it is more than the buffer has.
    pub stop_threshold: u64,
}

/// A stream's buffer, shared with the program that has opened the stream. Its functions may be
/// called in any context.
pub trait Buffer {
    /// The layout of its samples.
    fn layout(&self) -> &Layout;
    /// ALSA's pointers now.
    fn pointers(&self) -> Pointers;
    /// Carries out a [`Move`] from `source` into this buffer; does nothing if it does not fit.
    fn copy_from(&self, source: &Self, what: Move);
    /// Fills a [`Span`] with `sample`, over and over; does nothing if it does not fit.
    fn fill(&self, what: Span, sample: &[u8]);
    /// Inverts the lowest bit of the byte at `offset`.
    fn flip(&self, offset: usize);
}

/// The notification of ALSA when a stream's timer has gone off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing is notified.
    Nothing,
    /// A period or a drain has ended (`snd_pcm_period_elapsed()`).
    Period,
    /// Nothing new, but the drain goes on: ALSA would otherwise give it up.
    KeepDraining,
    /// The stream has to stop: it can't go on with its parameters (`snd_pcm_stop()`).
    Stop,
    /// The stream has to stop with an xrun (`snd_pcm_stop_xrun()`).
    Xrun,
}

/// The state of a stream that a clock moves, as its timer sees it.
pub trait Timed {
    /// Handles the expiry of the timer at `now` (ns, `CLOCK_MONOTONIC`). Returns what ALSA is
    /// notified of.
    fn wake(&mut self, now: u64) -> Wake;

    /// The time at which the timer is to go off next, if it is to: for a wake-up, or because there
    /// is something to be done.
    fn next_wakeup(&self) -> Option<u64>;
}
