// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Layouts of buffers: how samples lie in one, and what has to be moved to get them from one into
//! another.

use super::ring::runs;

/// The access of a program to a stream's buffer, `SNDRV_PCM_ACCESS_*` (all but `MMAP_COMPLEX`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// MMAP_INTERLEAVED: maps it, channels side by side.
    MmapInterleaved,
    /// MMAP_NONINTERLEAVED: maps it, one channel after the other.
    MmapNoninterleaved,
    /// RW_INTERLEAVED: writes or reads, channels side by side.
    RwInterleaved,
    /// RW_NONINTERLEAVED: writes or reads, one channel after the other.
    RwNoninterleaved,
}

impl Access {
    /// The access with ALSA's number `number`; `None` if it is not one of these.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::MmapInterleaved),
            1 => Some(Self::MmapNoninterleaved),
            3 => Some(Self::RwInterleaved),
            4 => Some(Self::RwNoninterleaved),
            _ => None,
        }
    }

    /// ALSA's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MmapInterleaved => "MMAP_INTERLEAVED",
            Self::MmapNoninterleaved => "MMAP_NONINTERLEAVED",
            Self::RwInterleaved => "RW_INTERLEAVED",
            Self::RwNoninterleaved => "RW_NONINTERLEAVED",
        }
    }

    /// Whether a channel's samples lie together.
    pub fn is_planar(self) -> bool {
        matches!(self, Self::MmapNoninterleaved | Self::RwNoninterleaved)
    }
}

/// The layout of a buffer: how its samples lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The buffer's size in frames.
    pub frames: u64,
    /// Channels in a frame.
    pub channels: usize,
    /// Bytes of a sample.
    pub sample: usize,
    /// The bytes from one channel's first sample to the next one's; `None` if the channels are
    /// interleaved.
    pub plane: Option<usize>,
}

/// A move of a table of pieces of `bytes` bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Offset of the first byte in the source, in bytes.
    pub source: usize,
    /// Offset of the first byte in the target, in bytes.
    pub target: usize,
    /// Bytes in one piece.
    pub bytes: usize,
    /// The channels, or 1 where a piece holds them all.
    pub rows: Axis,
    /// The frames, or 1 where a piece holds them all.
    pub columns: Axis,
}

/// An axis of a [`Move`]: how many pieces there are in one direction, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The number of pieces.
    pub count: usize,
    /// From one to the next in the source, in bytes.
    pub source: usize,
    /// From one to the next in the target, in bytes.
    pub target: usize,
}

/// The axis of one piece.
const ONE: Axis = Axis {
    count: 1,
    source: 0,
    target: 0,
};

impl Move {
    /// Whether all pieces lie within the first `source` bytes of the source and the first `target`
    /// bytes of the target.
    pub fn fits(&self, source: usize, target: usize) -> bool {
        let (rows, columns) = (&self.rows, &self.columns);
        let (across, down) = (columns.count.checked_sub(1), rows.count.checked_sub(1));
        let end = |first: usize, row: usize, column: usize| {
            let last = down?
                .checked_mul(row)?
                .checked_add(across?.checked_mul(column)?)?;
            first.checked_add(last)?.checked_add(self.bytes)
        };
        end(self.source, rows.source, columns.source).is_some_and(|end| end <= source)
            && end(self.target, rows.target, columns.target).is_some_and(|end| end <= target)
    }
}

/// A span: rows of bytes, all of the same length, to be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub offset: usize,
    /// Bytes in a row: whole samples.
    pub bytes: usize,
    /// The number of rows.
    pub rows: usize,
    /// From one row to the next, in bytes.
    pub step: usize,
}

impl Span {
    /// Whether all rows lie within the first `area` bytes.
    pub fn fits(&self, area: usize) -> bool {
        let end = || {
            let last = self.rows.checked_sub(1)?.checked_mul(self.step)?;
            self.offset.checked_add(last)?.checked_add(self.bytes)
        };
        end().is_some_and(|end| end <= area)
    }
}

impl Layout {
    /// Bytes of a frame.
    pub fn frame(&self) -> usize {
        self.sample * self.channels
    }

    /// Bytes that the buffer takes.
    pub fn bytes(&self) -> usize {
        let frames = self.frames as usize;
        match self.plane {
            None => frames * self.frame(),
            Some(plane) if self.channels > 0 => plane * (self.channels - 1) + frames * self.sample,
            Some(_) => 0,
        }
    }

    /// Offset of a byte of a frame whose bits all count, in whatever format: one in the middle of
    /// the first channel's sample.
    pub fn byte_of(&self, frame: u64) -> usize {
        self.frame_at(frame) + self.sample / 2
    }

    /// Offset of the first channel's sample of a frame.
    fn frame_at(&self, frame: u64) -> usize {
        frame as usize * self.steps().1
    }

    /// From one channel's sample to the next one's, and from one frame's to the next one's, in
    /// bytes.
    fn steps(&self) -> (usize, usize) {
        match self.planes() {
            None => (self.sample, self.frame()),
            Some(plane) => (plane, self.sample),
        }
    }

    /// The [`Layout::plane`], if that makes a difference: a single channel's samples lie together
    /// anyway.
    pub fn planes(&self) -> Option<usize> {
        self.plane.filter(|_| self.channels > 1)
    }
}

/// Calls `each` with the moves that get `frames` frames from position `from` of the one buffer to
/// position `to` of the other.
///
/// The buffers must have the same sample size and channels. One move for each run in which neither
/// buffer wraps, of pieces as long as the layouts allow.
pub fn moves(
    source: &Layout,
    from: u64,
    target: &Layout,
    to: u64,
    frames: u64,
    mut each: impl FnMut(Move),
) {
    let (source_row, source_column) = source.steps();
    let (target_row, target_column) = target.steps();
    let rows = Axis {
        count: source.channels,
        source: source_row,
        target: target_row,
    };
    for run in runs(from, source.frames, to, target.frames, frames) {
        let frames = run.frames as usize;
        let (bytes, rows, columns) = match (source.planes(), target.planes()) {
            (None, None) => (frames * source.frame(), ONE, ONE),
            (Some(_), Some(_)) => (frames * source.sample, rows, ONE),
            _ => {
                let columns = Axis {
                    count: frames,
                    source: source_column,
                    target: target_column,
                };
                (source.sample, rows, columns)
            }
        };
        each(Move {
            source: source.frame_at(run.source),
            target: target.frame_at(run.target),
            bytes,
            rows,
            columns,
        });
    }
}

/// Calls `each` with the spans of `frames` frames from position `from` on; no more than the buffer
/// holds.
pub fn spans(layout: &Layout, from: u64, frames: u64, mut each: impl FnMut(Span)) {
    // Once around covers every byte.
    let frames = frames.min(layout.frames);
    for run in runs(from, layout.frames, from, layout.frames, frames) {
        let frames = run.frames as usize;
        let (bytes, rows, step) = match layout.planes() {
            None => (frames * layout.frame(), 1, 0),
            Some(plane) => (frames * layout.sample, layout.channels, plane),
        };
        each(Span {
            offset: layout.frame_at(run.source),
            bytes,
            rows,
            step,
        });
    }
}
