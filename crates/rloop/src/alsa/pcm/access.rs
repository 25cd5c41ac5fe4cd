// SPDX-License-Identifier: MIT OR Apache-2.0

//! The ways in which frames get between a program and the card, and the layout of each in memory.

use std::fmt;

use alsa_sys as ffi;

/// How frames are transferred.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// `snd_pcm_readi`/`writei`.
    RwInterleaved,
    /// `snd_pcm_readn`/`writen`: one buffer per channel.
    RwNoninterleaved,
    /// The card's buffer mapped, samples of one frame side by side.
    MmapInterleaved,
    /// The card's buffer mapped, one area per channel.
    MmapNoninterleaved,
}

impl Access {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::RwInterleaved,
        Self::RwNoninterleaved,
        Self::MmapInterleaved,
        Self::MmapNoninterleaved,
    ];

    /// ALSA's name for it, as in hw_params and in proc files.
    pub fn name(self) -> &'static str {
        match self {
            Self::RwInterleaved => "RW_INTERLEAVED",
            Self::RwNoninterleaved => "RW_NONINTERLEAVED",
            Self::MmapInterleaved => "MMAP_INTERLEAVED",
            Self::MmapNoninterleaved => "MMAP_NONINTERLEAVED",
        }
    }

    pub(super) fn id(self) -> ffi::snd_pcm_access_t {
        match self {
            Self::RwInterleaved => ffi::SND_PCM_ACCESS_RW_INTERLEAVED,
            Self::RwNoninterleaved => ffi::SND_PCM_ACCESS_RW_NONINTERLEAVED,
            Self::MmapInterleaved => ffi::SND_PCM_ACCESS_MMAP_INTERLEAVED,
            Self::MmapNoninterleaved => ffi::SND_PCM_ACCESS_MMAP_NONINTERLEAVED,
        }
    }

    /// Whether the card's buffer is mapped.
    pub fn is_mmap(self) -> bool {
        matches!(self, Self::MmapInterleaved | Self::MmapNoninterleaved)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RwInterleaved => "rw",
            Self::RwNoninterleaved => "rw-planar",
            Self::MmapInterleaved => "mmap",
            Self::MmapNoninterleaved => "mmap-planar",
        })
    }
}

/// Takes interleaved frames apart: all samples of channel 0, then all of channel 1 and so on.
pub(super) fn deinterleave(frames: &[u8], sample: usize, channels: usize) -> Vec<u8> {
    let count = frames.len() / (sample * channels);
    let mut planes = vec![0; frames.len()];
    for (f, frame) in frames.chunks_exact(sample * channels).enumerate() {
        for (c, s) in frame.chunks_exact(sample).enumerate() {
            planes[(c * count + f) * sample..][..sample].copy_from_slice(s);
        }
    }
    planes
}

/// The inverse of [`deinterleave`], for planes that hold `stride` frames of which `out` takes the first.
pub(super) fn interleave(
    planes: &[u8],
    stride: usize,
    sample: usize,
    channels: usize,
    out: &mut [u8],
) {
    for (f, frame) in out.chunks_exact_mut(sample * channels).enumerate() {
        for (c, s) in frame.chunks_exact_mut(sample).enumerate() {
            s.copy_from_slice(&planes[(c * stride + f) * sample..][..sample]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_back() {
        for (sample, channels) in [(1, 1), (2, 2), (3, 5), (8, 128)] {
            let frames: Vec<u8> = (0..sample * channels * 37)
                .map(|i| (i * 7 % 251) as u8)
                .collect();
            let planes = deinterleave(&frames, sample, channels);
            assert_eq!(planes[..sample], frames[..sample]);
            let mut back = vec![0; frames.len()];
            interleave(&planes, 37, sample, channels, &mut back);
            assert_eq!(back, frames);
        }
    }
}
