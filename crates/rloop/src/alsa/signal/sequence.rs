// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sequence that is played: a function of seed, frame number and channel.
//!
//! Every frame carries its own number, hashed over all bytes of all its samples (the padding
//! bytes of 24-in-32 formats too: a loopback card moves bytes and has no right to any of them).
//! Where a frame is too narrow to hold a number (8-bit mono has 255 values) a *run* of frames
//! identifies the position: [`Sequence::run`] frames hold at least 64 bits of the hash.
//!
//! No sample ever equals the format's silence, so the frame in which sound ends and silence
//! begins is exact, even for 8-bit mono.

use super::Format;

/// An endless sequence of frames of one format and channel count.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    seed: u32,
    format: Format,
    channels: usize,
}

/// A bijection of u32 with good avalanche (Wellons' "lowbias32"): different frame numbers give different words.
const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

impl Sequence {
    /// The sequence that `seed` selects. Two seeds give sequences that share no run of frames.
    pub fn new(seed: u32, format: Format, channels: u32) -> Self {
        Self {
            seed: mix(seed.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995),
            format,
            channels: channels as usize,
        }
    }

    /// The format of its samples.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes in one frame.
    pub fn frame_bytes(&self) -> usize {
        self.format.bytes() * self.channels
    }

    /// How many frames in a row identify a position beyond doubt.
    pub fn run(&self) -> usize {
        9usize.div_ceil(self.frame_bytes())
    }

    /// One sample, [`Format::bytes`] of the result are used.
    fn sample(&self, frame: u64, channel: usize) -> [u8; 8] {
        // The frame number fits 32 bits in any run that fits in memory.
        let key = (frame as u32) ^ self.seed.rotate_left(channel as u32 % 31);
        let low = mix(key.wrapping_add((channel as u32).wrapping_mul(0x9e37_79b9)));
        let high = mix(low ^ 0xa5a5_1234);
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&low.to_le_bytes());
        bytes[4..].copy_from_slice(&high.to_le_bytes());
        let silence = self.format.silence();
        if bytes[..silence.len()] == *silence {
            bytes[0] ^= 0x2c;
        }
        bytes
    }

    /// Writes interleaved frames from number `first` on into `out`, a whole number of frames.
    pub fn fill(&self, first: u64, out: &mut [u8]) {
        let width = self.format.bytes();
        for (frame, bytes) in (first..).zip(out.chunks_exact_mut(self.frame_bytes())) {
            for (channel, sample) in bytes.chunks_exact_mut(width).enumerate() {
                sample.copy_from_slice(&self.sample(frame, channel)[..width]);
            }
        }
    }

    /// `count` interleaved frames from number `first` on.
    pub fn frames(&self, first: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count * self.frame_bytes()];
        self.fill(first, &mut bytes);
        bytes
    }

    /// The first sample of `frame` (bytes of one frame) that differs from frame `number`: its channel.
    pub fn first_difference(&self, number: u64, frame: &[u8]) -> Option<usize> {
        let width = self.format.bytes();
        frame
            .chunks_exact(width)
            .enumerate()
            .find(|(channel, sample)| **sample != self.sample(number, *channel)[..width])
            .map(|(channel, _)| channel)
    }

    /// Whether `frame` (bytes of one frame) is frame `number`.
    pub fn is_frame(&self, number: u64, frame: &[u8]) -> bool {
        self.first_difference(number, frame).is_none()
    }

    /// Whether `frame` is silence in all channels.
    pub fn is_silence(&self, frame: &[u8]) -> bool {
        frame
            .chunks_exact(self.format.bytes())
            .all(|s| s == self.format.silence())
    }

    /// Whether `data` begins with the run of frames that identifies position `number`.
    /// With less than a run in `data` all that is there must agree.
    pub fn starts_at(&self, number: u64, data: &[u8]) -> bool {
        (number..)
            .zip(data.chunks_exact(self.frame_bytes()).take(self.run()))
            .all(|(n, frame)| self.is_frame(n, frame))
    }

    /// The channel of frame `number` whose sample is `sample`, if any.
    pub fn channel_of(&self, number: u64, sample: &[u8]) -> Option<usize> {
        let width = self.format.bytes();
        (0..self.channels).find(|&c| self.sample(number, c)[..width] == *sample)
    }

    /// The sample of `channel` in frame `number`.
    pub fn sample_bytes(&self, number: u64, channel: usize) -> Vec<u8> {
        self.sample(number, channel)[..self.format.bytes()].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alsa::signal::format::FORMATS;
    use std::collections::HashSet;

    #[test]
    fn no_sample_is_silence() {
        for &format in FORMATS {
            let seq = Sequence::new(1, format, 2);
            for frame in seq.frames(0, 5000).chunks_exact(format.bytes()) {
                assert_ne!(frame, format.silence(), "{format}");
            }
        }
    }

    #[test]
    fn every_run_is_unique() {
        for &format in FORMATS {
            for channels in [1, 2, 5] {
                let seq = Sequence::new(7, format, channels);
                let data = seq.frames(0, 20_000);
                let run = seq.run() * seq.frame_bytes();
                let mut seen = HashSet::new();
                for at in (0..data.len() - run).step_by(seq.frame_bytes()) {
                    assert!(seen.insert(&data[at..at + run]), "{format} {channels}");
                }
            }
        }
    }

    #[test]
    fn every_byte_of_a_sample_varies() {
        for &format in FORMATS {
            let data = Sequence::new(3, format, 1).frames(0, 4000);
            for byte in 0..format.bytes() {
                let values: HashSet<u8> =
                    data.chunks_exact(format.bytes()).map(|s| s[byte]).collect();
                assert!(
                    values.len() >= 250,
                    "{format} byte {byte}: {}",
                    values.len()
                );
            }
        }
    }

    #[test]
    fn seeds_and_channels_differ() {
        let format = Format::from_name("S32_LE").unwrap();
        let (a, b) = (Sequence::new(1, format, 2), Sequence::new(2, format, 2));
        for n in 0..1000 {
            let frame = a.frames(n, 1);
            assert_ne!(frame[..4], frame[4..]);
            assert!((0..1000).all(|m| !b.is_frame(m, &frame)));
        }
    }
}
