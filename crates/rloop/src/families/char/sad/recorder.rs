// SPDX-License-Identifier: MIT OR Apache-2.0

//! A program that records what leaves.

use rig::verdict::{Verdict, fail};

use super::device::Device;
use crate::alsa::pcm::{Access, Config, Pcm, Stop};
use crate::alsa::signal::Format;

/// How many frames are kept for it, so that nobody has to read meanwhile.
const BUFFER: u64 = 1 << 17;

/// A recording.
pub struct Recorder {
    pcm: Pcm,
    format: Format,
}

impl Recorder {
    /// Starts to record in `format`.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn start(device: &Device, format: &str) -> Verdict<Self> {
        let format = Format::named(format)?;
        let mut pcm = Pcm::open(device.recording())?;
        pcm.configure(&Config {
            access: Access::RwInterleaved,
            format,
            channels: 1,
            rate: device.rate,
            stop: Stop::Xrun,
            ..Config::default().with_buffer(1024, BUFFER / 1024)
        })?;
        pcm.prepare()?;
        pcm.start()?;
        Ok(Self { pcm, format })
    }

    /// What has been recorded up to now.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn finish(self) -> Verdict<Vec<u8>> {
        let frames = self.pcm.avail()?;
        let mut bytes = vec![0; frames as usize * self.format.bytes()];
        let read = self.pcm.read(&mut bytes)?;
        self.pcm.stop()?;
        bytes.truncate(read as usize * self.format.bytes());
        Ok(bytes)
    }

    /// The same less the silence before and after.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn sound(self) -> Verdict<Vec<u8>> {
        let format = self.format;
        let bytes = self.finish()?;
        let heard = |sample: &[u8]| sample != format.silence();
        let mut samples = bytes.chunks(format.bytes());
        let Some(first) = samples.position(heard) else {
            return Ok(Vec::new());
        };
        let last = bytes.chunks(format.bytes()).rposition(heard);
        let end = last.map_or(0, |last| last + 1) * format.bytes();
        Ok(bytes[first * format.bytes()..end].to_vec())
    }
}

/// So many samples of `format` that are never silence, others for each `seed`.
pub fn noise(format: &str, samples: usize, seed: u64) -> Vec<u8> {
    let Some(format) = Format::from_name(format) else {
        return Vec::new();
    };
    let mut state = seed.wrapping_mul(2) | 1;
    let mut byte = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    let mut bytes = Vec::with_capacity(samples * format.bytes());
    while bytes.len() < samples * format.bytes() {
        let sample: Vec<u8> = (0..format.bytes()).map(|_| byte()).collect();
        if sample != format.silence() {
            bytes.extend(sample);
        }
    }
    bytes
}

/// Compares what was recorded with what was written.
///
/// # Errors
/// The first difference.
pub fn same(heard: &[u8], wanted: &[u8]) -> Verdict {
    if heard == wanted {
        return Ok(());
    }
    let at = heard.iter().zip(wanted).position(|(a, b)| a != b);
    let at = at.unwrap_or(heard.len().min(wanted.len()));
    fail(format!(
        "{} bytes were written and {} recorded; byte {at} is the first that differs",
        wanted.len(),
        heard.len()
    ))
}
