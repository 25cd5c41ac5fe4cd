// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Limits: what a card offers of all that it could, so that it can pretend to be another.
//!
//! Formats are written by their names, rates and channels as numbers and ranges, with spaces
//! between: `S16_LE S24_3LE`, `44100-48000 96000`, `2`.

use super::clock::{RATE_MAX, RATE_MIN};
use super::format::{mask, FORMATS};

/// The most channels of a stream.
pub const CHANNELS_MAX: u32 = 128;
/// The most numbers and ranges in a list.
pub const RANGES_MAX: usize = 16;
/// The text that stands for all formats.
pub const ALL: &str = "all";

/// The limits of a card: what it offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// ALSA's bit mask (`SNDRV_PCM_FMTBIT_*`).
    pub formats: u64,
    /// Frames per second.
    pub rates: Ranges,
    /// Samples in a frame.
    pub channels: Ranges,
}

impl Limits {
    /// No limits: all that a card can do.
    pub const NONE: Self = Self {
        formats: mask(),
        rates: Ranges::one(RATE_MIN, RATE_MAX),
        channels: Ranges::one(1, CHANNELS_MAX),
    };
}

/// A list of ranges, of which there is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranges {
    /// Least and most of each, as they were written; those from `count` on are 0.
    ranges: [(u32, u32); RANGES_MAX],
    count: usize,
}

impl Ranges {
    /// The range from `least` to `most`.
    pub const fn one(least: u32, most: u32) -> Self {
        let mut ranges = [(0, 0); RANGES_MAX];
        ranges[0] = (least, most);
        Self { ranges, count: 1 }
    }

    /// Least and most of each, as they were written.
    pub fn as_slice(&self) -> &[(u32, u32)] {
        &self.ranges[..self.count]
    }

    /// The least of all.
    pub fn least(&self) -> u32 {
        self.as_slice().iter().fold(u32::MAX, |a, r| a.min(r.0))
    }

    /// The most of all.
    pub fn most(&self) -> u32 {
        self.as_slice().iter().fold(0, |a, r| a.max(r.1))
    }

    /// Parses a list of up to [`RANGES_MAX`] numbers and ranges, all of which must be within `all`;
    /// `None` if it is none.
    pub fn parse(written: &str, all: &Self) -> Option<Self> {
        let (least, most) = (all.least(), all.most());
        let mut list = Self {
            ranges: [(0, 0); RANGES_MAX],
            count: 0,
        };
        for word in written.split(' ').filter(|word| !word.is_empty()) {
            let (from, to) = word.split_once('-').unwrap_or((word, word));
            let (from, to) = (number(from)?, number(to)?);
            let slot = list.ranges.get_mut(list.count)?;
            if from < least || to > most || from > to {
                return None;
            }
            *slot = (from, to);
            list.count += 1;
        }
        (list.count > 0).then_some(list)
    }
}

/// Parses a whole number in digits alone: `u32::from_str` takes a sign, too.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Parses a list of names of formats into ALSA's bit mask (`SNDRV_PCM_FMTBIT_*`); `None` if it is
/// none.
pub fn parse_formats(written: &str) -> Option<u64> {
    if written == ALL {
        return Some(mask());
    }
    let mut formats = 0;
    for word in written.split(' ').filter(|word| !word.is_empty()) {
        let format = FORMATS.iter().find(|format| format.name == word)?;
        formats |= 1 << format.number;
    }
    (formats != 0).then_some(formats)
}
