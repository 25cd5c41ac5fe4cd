// SPDX-License-Identifier: MIT OR Apache-2.0

//! A recording, and what the driver's own model says that it must be.

use std::time::Duration;

use driver_models::shared::encode::encode;
use driver_models::shared::format::{self, FORMATS};
use driver_models::snd_minivosc::oscillator::{LEVEL_MAX, Oscillator, Settings, Waveform};
use rig::verdict::{Problem, Verdict, ensure, fail};

use crate::alsa::pcm::{Config, Pcm, State, wait};
use crate::alsa::problem::xrun;

/// A sine at full level, and nothing added.
pub const SINE: Settings = Settings {
    waveform: Waveform::Sine,
    millihertz: 440_000,
    level: LEVEL_MAX,
    lift: 0,
    seed: 0,
};

/// Reads `frames` frames of a stream that runs, `chunk` at a time.
pub fn read(pcm: &Pcm, config: &Config, frames: u64, chunk: u64) -> Verdict<Vec<u8>> {
    let size = config.frame_bytes();
    let mut bytes = vec![0; frames as usize * size];
    let mut done = 0;
    while done < bytes.len() {
        let end = bytes.len().min(done + chunk as usize * size);
        match pcm.read(&mut bytes[done..end])? {
            0 => {
                let ready = wait(&[pcm], Duration::from_secs(5))?;
                ensure(ready.contains(&true), || {
                    format!("after {} frames none came for 5 s", done / size)
                })?;
            }
            some => done += some as usize * size,
        }
    }
    Ok(bytes)
}

/// Sets a stream up and records `frames` frames from its start.
pub fn record(pcm: &mut Pcm, config: &Config, frames: u64, chunk: u64) -> Verdict<Vec<u8>> {
    pcm.configure(config)?;
    pcm.start()?;
    let bytes = read(pcm, config, frames, chunk)?;
    pcm.stop()?;
    Ok(bytes)
}

/// Sets a stream up and records half a buffer from its start, which is read in a pause.
pub fn record_in_pause(pcm: &mut Pcm, config: &Config) -> Verdict<Vec<u8>> {
    let frames = config.buffer / 2;
    pcm.configure(config)?;
    pcm.start()?;
    while pcm.avail()? < frames {
        wait(&[pcm], Duration::from_millis(1))?;
    }
    pcm.pause(true)?;
    let bytes = read(pcm, config, frames, 91)?;
    // ALSA does not ask the card as it pauses: how many frames it had made by then, over the first ones if they were
    // too many, is known when it goes on.
    pcm.pause(false)?;
    let made = frames + pcm.avail()?;
    if made > config.buffer {
        return Err(xrun(format!(
            "at the pause {made} frames had been made, and the buffer has {}",
            config.buffer
        )));
    }
    pcm.stop()?;
    Ok(bytes)
}

/// What a recording must be.
#[derive(Clone)]
pub struct Wanted<'a> {
    config: &'a Config,
    format: &'static format::Format,
    /// The user's waveform.
    given: &'a [i32],
    /// Whether periods and turns of the buffer begin with a mark.
    pub marks: bool,
    /// What plays from a frame on.
    pub oscillator: Oscillator,
}

impl<'a> Wanted<'a> {
    /// What a card that plays `settings` gives a stream that is set up so.
    pub fn new(config: &'a Config, settings: Settings, given: &'a [i32]) -> Verdict<Self> {
        let name = config.format.name();
        let Some(format) = FORMATS.iter().find(|format| format.name == name) else {
            return fail(format!("the driver's model has no format {name}"));
        };
        Ok(Self {
            config,
            format,
            given,
            marks: false,
            oscillator: Oscillator::new(settings, config.rate, given.len()),
        })
    }

    /// The sample of the frame `number`, the same in all channels.
    pub fn sample(&self, number: u64) -> Vec<u8> {
        let sample = match self.marks {
            true if number % self.config.buffer == 0 => encode(self.format, i32::MAX, 0),
            true if number % self.config.period == 0 => encode(self.format, i32::MIN, 0),
            _ => self.oscillator.sample(number, self.format, self.given),
        };
        sample[..self.config.format.bytes()].to_vec()
    }

    /// The first frame of `bytes`, of which the first has the number `from`, that is another one.
    pub fn first_other(&self, bytes: &[u8], from: u64) -> Option<u64> {
        let frames = bytes.chunks_exact(self.config.frame_bytes());
        (from..).zip(frames).find_map(|(number, frame)| {
            let wanted = self.sample(number);
            let same = frame.chunks_exact(wanted.len()).all(|s| s == wanted);
            (!same).then_some(number)
        })
    }

    /// All frames of `bytes` must be as they should.
    pub fn check(&self, bytes: &[u8], from: u64) -> Verdict {
        let Some(number) = self.first_other(bytes, from) else {
            return Ok(());
        };
        let size = self.config.frame_bytes();
        let frame = &bytes[(number - from) as usize * size..][..size];
        let wanted = self.sample(number);
        fail(format!(
            "frame {number} is {:02x?} and should be {wanted:02x?} in each channel",
            &frame[..size.min(16)]
        ))
    }
}

/// A stream must not have stopped by itself.
pub fn runs(pcm: &Pcm) -> Verdict {
    match pcm.state() {
        State::Running => Ok(()),
        State::Xrun => Err(xrun("an overrun")),
        other => Err(Problem::Failed(format!("the stream is {other:?}"))),
    }
}
