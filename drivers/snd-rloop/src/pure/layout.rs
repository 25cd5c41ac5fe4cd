// SPDX-License-Identifier: GPL-2.0-only

//! How samples lie in a buffer, and what has to be moved to get them from one into another.

use super::ring::segments;

/// How a program gets at a stream's buffer: ALSA's `SNDRV_PCM_ACCESS_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Maps it, channels side by side.
    MmapInterleaved,
    /// Maps it, one channel after the other.
    MmapNoninterleaved,
    /// Writes or reads, channels side by side.
    RwInterleaved,
    /// Writes or reads, one channel after the other.
    RwNoninterleaved,
}

impl Access {
    /// The access with ALSA's number `number`, if the card has it.
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

/// How a buffer's samples lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The buffer's size in frames.
    pub frames: u64,
    /// Channels in a frame.
    pub channels: usize,
    /// Bytes of a sample.
    pub sample: usize,
    /// `None` if the channels are interleaved; otherwise bytes from one channel's first sample to
    /// the next one's.
    pub plane: Option<usize>,
}

/// Moves `count` times `bytes` bytes, `source_step` and `target_step` bytes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Offset of the first byte in the source, in bytes.
    pub source: usize,
    /// Offset of the first byte in the target, in bytes.
    pub target: usize,
    /// Bytes in one piece.
    pub bytes: usize,
    /// From one piece to the next in the source.
    pub source_step: usize,
    /// From one piece to the next in the target.
    pub target_step: usize,
    /// How many pieces.
    pub count: usize,
}

/// Bytes in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub offset: usize,
    /// How many bytes: whole samples.
    pub bytes: usize,
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

    /// Offset of a byte of a frame whose bits all count, in whatever format: one in the middle of the
    /// first channel's sample.
    pub fn byte_of(&self, frame: u64) -> usize {
        self.sample_at(frame, 0).0 + self.sample / 2
    }

    /// Offset of a sample, and bytes from there to the same channel's next one.
    fn sample_at(&self, frame: u64, channel: usize) -> (usize, usize) {
        let frame = frame as usize;
        match self.plane {
            None => (frame * self.frame() + channel * self.sample, self.frame()),
            Some(plane) => (channel * plane + frame * self.sample, self.sample),
        }
    }
}

/// Calls `each` with what has to be moved for `frames` frames to get from position `from` of the
/// one buffer to position `to` of the other.
///
/// The buffers must have the same sample size and channels. As few and as long pieces as the
/// layouts allow.
pub fn moves(
    source: &Layout,
    from: u64,
    target: &Layout,
    to: u64,
    frames: u64,
    mut each: impl FnMut(Move),
) {
    for segment in segments(from, source.frames, to, target.frames, frames) {
        let run = segment.frames as usize;
        if source.plane.is_none() && target.plane.is_none() {
            each(Move {
                source: segment.source as usize * source.frame(),
                target: segment.target as usize * target.frame(),
                bytes: run * source.frame(),
                source_step: 0,
                target_step: 0,
                count: 1,
            });
            continue;
        }
        let planar = source.plane.is_some() && target.plane.is_some();
        for channel in 0..source.channels {
            let (source_at, source_step) = source.sample_at(segment.source, channel);
            let (target_at, target_step) = target.sample_at(segment.target, channel);
            each(Move {
                source: source_at,
                target: target_at,
                bytes: source.sample * if planar { run } else { 1 },
                source_step,
                target_step,
                count: if planar { 1 } else { run },
            });
        }
    }
}

/// Calls `each` with the bytes of `frames` frames from position `from` on.
pub fn spans(layout: &Layout, from: u64, frames: u64, mut each: impl FnMut(Span)) {
    // Once around covers every byte.
    let frames = frames.min(layout.frames);
    for segment in segments(from, layout.frames, from, layout.frames, frames) {
        let (first, run) = (segment.source, segment.frames as usize);
        match layout.plane {
            None => each(Span {
                offset: layout.sample_at(first, 0).0,
                bytes: run * layout.frame(),
            }),
            Some(_) => {
                for channel in 0..layout.channels {
                    each(Span {
                        offset: layout.sample_at(first, channel).0,
                        bytes: run * layout.sample,
                    });
                }
            }
        }
    }
}
