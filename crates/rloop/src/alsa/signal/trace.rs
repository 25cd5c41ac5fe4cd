// SPDX-License-Identifier: MIT OR Apache-2.0

//! Takes captured bytes apart: which frames are silence, which are which part of the sequence,
//! and which are neither.
//!
//! All checks of data go through [`Trace::of`] and [`Trace::expect`]; what those two can't see
//! no check can. Their tests therefore inject every kind of fault.

use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;

use super::Sequence;

/// A stretch of captured frames of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The format's own silence in all channels.
    Silence {
        /// Length in frames.
        frames: u64,
    },
    /// A part of the sequence, contiguous and without a flaw.
    Sequence {
        /// Its first frame's number.
        first: u64,
        /// Length in frames.
        frames: u64,
    },
    /// Neither silence nor any frame of the sequence.
    Damage {
        /// Length in frames.
        frames: u64,
        /// What is wrong with the first of them.
        what: String,
    },
}

impl Piece {
    /// Length in frames.
    pub fn frames(&self) -> u64 {
        match self {
            Self::Silence { frames }
            | Self::Sequence { frames, .. }
            | Self::Damage { frames, .. } => *frames,
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence { frames } => write!(f, "{frames} of silence"),
            Self::Sequence { first, frames } => write!(f, "sequence {first}..{}", first + frames),
            Self::Damage { frames, what } => write!(f, "{frames} damaged ({what})"),
        }
    }
}

/// What a piece of a recording must be. A wanted length that includes 0 may be absent.
#[derive(Clone, Debug)]
pub enum Want {
    /// Silence of a length in this range, in frames.
    Silence(RangeInclusive<u64>),
    /// The sequence, its first frame and its length in these ranges.
    Sequence(RangeInclusive<u64>, RangeInclusive<u64>),
}

/// Shows a range as a person would: `512`, `0 to 48`, `at least 16`.
struct Shown<'a>(&'a RangeInclusive<u64>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self.0.start(), *self.0.end()) {
            (a, b) if a == b => write!(f, "{a}"),
            (0, u64::MAX) => write!(f, "any number"),
            (a, u64::MAX) => write!(f, "at least {a}"),
            (a, b) => write!(f, "{a} to {b}"),
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence(frames) => write!(f, "{} frames of silence", Shown(frames)),
            Self::Sequence(first, frames) => {
                write!(
                    f,
                    "{} frames of the sequence from frame {} on",
                    Shown(frames),
                    Shown(first)
                )
            }
        }
    }
}

/// A recording, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// In the order of capture.
    pub pieces: Vec<Piece>,
}

impl Trace {
    /// Takes `data` (interleaved, whole frames) apart, where `written` frames of `seq` were played.
    pub fn of(seq: &Sequence, data: &[u8], written: u64) -> Self {
        let width = seq.frame_bytes();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut next = 0; // the frame of the sequence that should come next
        for at in (0..data.len() / width * width).step_by(width) {
            let frame = &data[at..at + width];
            let locked = matches!(pieces.last(), Some(Piece::Sequence { .. }));
            if seq.is_silence(frame) {
                match pieces.last_mut() {
                    Some(Piece::Silence { frames }) => *frames += 1,
                    _ => pieces.push(Piece::Silence { frames: 1 }),
                }
            } else if locked && seq.is_frame(next, frame) {
                if let Some(Piece::Sequence { frames, .. }) = pieces.last_mut() {
                    *frames += 1;
                }
                next += 1;
            } else if let Some(first) = worth_a_search(pieces.last())
                .then(|| Self::locate(seq, &data[at..], next, written))
                .flatten()
            {
                pieces.push(Piece::Sequence { first, frames: 1 });
                next = first + 1;
            } else {
                match pieces.last_mut() {
                    Some(Piece::Damage { frames, .. }) => *frames += 1,
                    _ => pieces.push(Piece::Damage {
                        frames: 1,
                        what: Self::damage(seq, next, frame),
                    }),
                }
                next += 1;
            }
        }
        Self { pieces }
    }

    /// Where in the sequence `data` begins: `next` if that is right, else the place nearest to it.
    /// The run of frames that must agree ends early at silence or damage, where sound may end.
    fn locate(seq: &Sequence, data: &[u8], next: u64, written: u64) -> Option<u64> {
        let width = seq.frame_bytes();
        let run = data
            .chunks_exact(width)
            .take(seq.run())
            .take_while(|f| !seq.is_silence(f))
            .count();
        let data = &data[..run * width];
        if seq.starts_at(next, data) {
            return Some(next);
        }
        let furthest = written.saturating_sub(next).max(next);
        (1..=furthest).find_map(|distance| {
            let later = next + distance;
            let earlier = next.checked_sub(distance);
            (later < written && seq.starts_at(later, data))
                .then_some(later)
                .or_else(|| earlier.filter(|&n| seq.starts_at(n, data)))
        })
    }

    /// Says what is wrong with `frame`, which should be frame `number`.
    fn damage(seq: &Sequence, number: u64, frame: &[u8]) -> String {
        let width = seq.format().bytes();
        let Some(channel) = seq.first_difference(number, frame) else {
            return format!("frame {number} is alone among frames that belong elsewhere");
        };
        let came = &frame[channel * width..][..width];
        let want = seq.sample_bytes(number, channel);
        let mut text = format!(
            "frame {number}, channel {channel}: expected {}, came {}",
            hex(&want),
            hex(came)
        );
        let bits: u32 = want
            .iter()
            .zip(came)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum();
        if let Some(other) = seq.channel_of(number, came) {
            text += &format!(" (the sample of channel {other})");
        } else if bits <= 2 {
            text += &format!(" ({bits} bit(s) flipped)");
        }
        text
    }

    /// Frames in all.
    #[cfg(test)]
    pub fn frames(&self) -> u64 {
        self.pieces.iter().map(Piece::frames).sum()
    }

    /// Frames of the sequence in all.
    pub fn sequence_frames(&self) -> u64 {
        self.pieces
            .iter()
            .filter(|p| matches!(p, Piece::Sequence { .. }))
            .map(Piece::frames)
            .sum()
    }

    /// The length of the silence that it begins with, in frames.
    pub fn leading_silence(&self) -> u64 {
        match self.pieces.first() {
            Some(Piece::Silence { frames }) => *frames,
            _ => 0,
        }
    }

    /// Checks that the recording is exactly `wants`, one after the other, and nothing else.
    ///
    /// # Errors
    /// What was expected, what came, and at which captured frame.
    pub fn expect(&self, wants: &[Want]) -> Result<(), String> {
        let mut pieces = self.pieces.iter().peekable();
        let mut at = 0; // captured frame at which the piece begins
        let mut end = None; // the frame of the sequence after the last one that came
        for want in wants {
            let (optional, fits) = match (want, pieces.peek()) {
                (Want::Silence(n), piece) => (
                    n.contains(&0),
                    matches!(piece, Some(Piece::Silence { frames }) if n.contains(frames)),
                ),
                (Want::Sequence(from, n), piece) => (
                    n.contains(&0),
                    matches!(piece, Some(Piece::Sequence { first, frames }) if from.contains(first) && n.contains(frames)),
                ),
            };
            if fits {
                if let Some(piece) = pieces.next() {
                    at += piece.frames();
                    if let Piece::Sequence { first, frames } = piece {
                        end = Some(first + frames);
                    }
                }
            } else if !optional || pieces.peek().is_some_and(|p| same_kind(want, p)) {
                return Err(self.complain(at, &want.to_string(), pieces.peek().copied(), end));
            }
        }
        match pieces.next() {
            None => Ok(()),
            piece => Err(self.complain(at, "nothing more", piece, end)),
        }
    }

    fn complain(&self, at: u64, want: &str, came: Option<&Piece>, end: Option<u64>) -> String {
        let came_text = came.map_or("the end of the recording".to_owned(), Piece::to_string);
        let mut text = format!("at captured frame {at}: expected {want}, came {came_text}");
        if let (Some(end), Some(Piece::Sequence { first, .. })) = (end, came) {
            text += &match first.cmp(&end) {
                Ordering::Greater => {
                    format!(" ({} frames lost after frame {})", first - end, end - 1)
                }
                Ordering::Less => format!(" ({} frames doubled)", end - first),
                Ordering::Equal => String::new(),
            };
        }
        text + &format!("; the whole recording: {self}")
    }
}

/// Whether to look for the position once more. In a long stretch of damage only now and then:
/// the search goes through all that was written.
fn worth_a_search(last: Option<&Piece>) -> bool {
    !matches!(last, Some(Piece::Damage { frames, .. }) if *frames > 32 && frames % 64 != 0)
}

fn same_kind(want: &Want, piece: &Piece) -> bool {
    matches!(
        (want, piece),
        (Want::Silence(_), Piece::Silence { .. }) | (Want::Sequence(..), Piece::Sequence { .. })
    )
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        if self.pieces.is_empty() {
            return f.write_str("nothing");
        }
        for (i, piece) in self.pieces.iter().take(SHOWN).enumerate() {
            write!(f, "{}{piece}", if i == 0 { "" } else { ", " })?;
        }
        match self.pieces.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, ", … {more} more pieces"),
        }
    }
}

/// Bytes in memory order: `0a ff`.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
