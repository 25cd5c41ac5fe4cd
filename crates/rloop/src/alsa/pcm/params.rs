// SPDX-License-Identifier: MIT OR Apache-2.0

//! Hardware and software parameters of a stream.

use std::ops::RangeInclusive;

use super::Access;
use crate::alsa::signal::Format;
use crate::alsa::signal::format::S16_LE;

/// What a stream is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Way of transfer.
    pub access: Access,
    /// Sample format.
    pub format: Format,
    /// 1 to 128 on snd-rloop.
    pub channels: u32,
    /// Frames per second.
    pub rate: u32,
    /// Frames between two wake-ups; exact.
    pub period: u64,
    /// Frames in the card's buffer; exact.
    pub buffer: u64,
    /// Whether the card wakes the program after each period.
    pub period_wakeup: bool,
    /// When the stream starts by itself.
    pub start: Start,
    /// When the stream stops by itself.
    pub stop: Stop,
    /// Frames that must be ready before a wait ends. 0: one period.
    pub avail_min: u64,
}

/// When a stream starts without being told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Never.
    Told,
    /// As soon as this many frames are in the buffer (playback) or asked for (capture).
    Frames(u64),
}

/// When a stream stops without being told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Never: it runs over what it has.
    Never,
    /// On an xrun: the buffer is empty (playback) or full (capture).
    Xrun,
}

impl Default for Config {
    /// CD-like sound at 48 kHz with a buffer that a slow machine can serve (170 ms).
    fn default() -> Self {
        Self {
            access: Access::RwInterleaved,
            format: S16_LE,
            channels: 2,
            rate: 48_000,
            period: 1024,
            buffer: 8192,
            period_wakeup: true,
            start: Start::Told,
            stop: Stop::Xrun,
            avail_min: 0,
        }
    }
}

impl Config {
    /// Bytes in one frame.
    pub fn frame_bytes(&self) -> usize {
        self.format.bytes() * self.channels as usize
    }

    /// Whether the buffer is a single period.
    pub fn is_single(&self) -> bool {
        self.buffer < 2 * self.period
    }

    /// Period and buffer set so that the buffer has `periods` periods.
    pub fn with_buffer(self, period: u64, periods: u64) -> Self {
        Self {
            period,
            buffer: period * periods,
            ..self
        }
    }
}

/// What the hardware parameters of a configured stream say of the card.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the card's flags, each a yes or no"
)]
pub struct Flags {
    /// The buffer can be mapped with sample resolution (MMAP_VALID).
    pub mmap_valid: bool,
    /// It can pause.
    pub pause: bool,
    /// It can resume after a suspend.
    pub resume: bool,
    /// Linked streams start in the same frame.
    pub sync_start: bool,
    /// Period wake-ups can be turned off.
    pub no_period_wakeup: bool,
    /// Positions move in large steps (BATCH).
    pub batch: bool,
}

/// What was set.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// What was asked for; all of it was granted.
    pub config: Config,
    /// What the card says of itself.
    pub flags: Flags,
}

/// What a stream offers before anything is chosen.
#[derive(Clone, Debug)]
pub struct Space {
    /// Frames per second.
    pub rate: RangeInclusive<u32>,
    /// Channels.
    pub channels: RangeInclusive<u32>,
    /// Frames in a period.
    pub period: RangeInclusive<u64>,
    /// Periods in a buffer.
    pub periods: RangeInclusive<u32>,
    /// Frames in the buffer.
    pub buffer: RangeInclusive<u64>,
    /// Formats out of [`crate::alsa::signal::format::FORMATS`].
    pub formats: Vec<Format>,
    /// Ways of transfer.
    pub accesses: Vec<Access>,
}
