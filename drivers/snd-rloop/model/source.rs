// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Sources of the clocks of a card (`timer_source`), in snd-aloop's syntax.

use core::fmt;

use crate::lib::model::number::integer;

/// The source of the clocks of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// `CLOCK_MONOTONIC`, to the nanosecond.
    Hrtimer,
    /// `CLOCK_MONOTONIC` in steps of a kernel tick.
    Jiffies,
    /// A sound timer.
    Timer(Address<'a>),
}

/// The address of a sound timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The owner.
    pub owner: Owner<'a>,
    /// The PCM device, or the number of a global timer.
    pub device: u32,
    /// Twice the PCM substream's number, and one more for capture; for user-driven timers the id.
    pub subdevice: u32,
}

/// The owner of a sound timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Nobody's: a global one, such as a user-driven timer (device 4).
    Global,
    /// That of the card with this number: its PCM's.
    Number(u32),
    /// That of the card with this id.
    Id(&'a str),
}

/// The sources that are allowed, for messages.
pub const ALLOWED: &str = "hrtimer, jiffies, or a timer as [hw:]CARD[.DEVICE[.SUBDEVICE]], \
                           CARD being another card's number or id, or -1 for a global timer";

/// The longest text for a source, in bytes.
pub const SOURCE_MAX: usize = 63;

impl<'a> Source<'a> {
    /// The steps in which time passes, in nanoseconds, where a kernel's tick takes `jiffy`.
    pub fn step(&self, jiffy: u64) -> u64 {
        match self {
            Self::Jiffies => jiffy,
            Self::Hrtimer | Self::Timer(_) => 1,
        }
    }

    /// Parses `hrtimer`, `jiffies`, or `[pref:]card[{.,}dev[{.,}subdev]]`; nothing is `hrtimer`.
    ///
    /// Numbers are written as in C. `None` if it is something else; `cards` is how many cards the
    /// kernel can have.
    pub fn parse(text: &'a str, cards: u32) -> Option<Self> {
        match text {
            _ if text.len() > SOURCE_MAX => return None,
            "" | "hrtimer" => return Some(Self::Hrtimer),
            "jiffies" => return Some(Self::Jiffies),
            _ => {}
        }
        let text = text.split_once(':').map_or(text, |(_, text)| text);
        let mut parts = text.splitn(3, ['.', ',']);
        let owner = match parts.next()? {
            "-1" => Owner::Global,
            id if is_id(id) => Owner::Id(id),
            card => Owner::Number(number(card).filter(|card| *card < cards)?),
        };
        let mut next = || parts.next().map_or(Some(0), number);
        Some(Self::Timer(Address {
            owner,
            device: next()?,
            subdevice: next()?,
        }))
    }
}

/// The text of a source, as it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SourceText {
    bytes: [u8; SOURCE_MAX],
    length: usize,
}

impl SourceText {
    /// Keeps `text`; `None` if it is not the text of a [`Source`].
    pub fn new(text: &str, cards: u32) -> Option<Self> {
        Source::parse(text, cards)?;
        let text = if text.is_empty() { "hrtimer" } else { text };
        let mut bytes = [0; SOURCE_MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let length = text.len();
        Some(Self { bytes, length })
    }

    /// The source that it says.
    pub fn source(&self) -> Source<'_> {
        // It was one, for some number of cards.
        Source::parse(self.text(), u32::MAX).unwrap_or(Source::Hrtimer)
    }

    /// The text.
    pub fn text(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a card may have this id (`snd_card_set_id` in `sound/core/init.c`).
fn is_id(text: &str) -> bool {
    text.len() <= 15
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
}

/// Parses a number as [`integer`] does, that is not negative.
fn number(text: &str) -> Option<u32> {
    integer(text).and_then(|number| u32::try_from(number).ok())
}
