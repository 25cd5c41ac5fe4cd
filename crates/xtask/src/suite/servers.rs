// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps under real sound servers: what they call the card, what they do to it, and what each of
//! their knobs does to the sound, which is recorded and looked at here.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Suite;
use super::card::CHECK;
use super::steps::{Time, run_in};
use crate::audio::Sound;
use crate::error::{AtPath as _, Error, Result};
use crate::guest::Guest;
use crate::kernel::Spec;
use crate::report::{self, Check};
use crate::rootfs;
use crate::sandbox;
use crate::ui::Step;

/// The tone that is played: Hz, the amplitude on the left; that on the right is half of it. It takes
/// longer than it is played to come to the same samples again.
const TONE: f64 = 997.31;
const AMPLITUDE: f64 = 16_000.0;
const SECONDS: u32 = 75;

/// What a recording has to be.
#[derive(Debug, Clone, Copy)]
enum Want {
    /// The tone, by so many dB other than it was played, in the second from 0.5 s on.
    Level(f64),
    /// Nothing but zeros there.
    Silence,
    /// What was played, sample by sample and without a break, from the `from`th second on for at
    /// least so many seconds.
    Exact { from: u32, seconds: u32 },
}

use Want::{Exact, Level, Silence};

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level(decibels) => write!(f, "is at {decibels:.2} dB"),
            Silence => write!(f, "is silent"),
            Exact { seconds, .. } => write!(f, "is what was played, for {seconds} s in one run"),
        }
    }
}

/// Half of WirePlumber's scale, which is a cube's.
const HALF: f64 = -18.06;
/// How far a level may be off, in dB. The steps of alsa-lib's softvol are 0.2 dB.
const TOLERANCE: f64 = 0.12;

const PULSEAUDIO: &[(&str, Want)] = &[
    ("stock-0", Level(0.0)),
    ("stock-20", Level(-20.0)),
    ("stock-mute", Silence),
    ("plain-sink-0", Level(0.0)),
    ("plain-sink-20", Level(-20.0)),
    ("plain-sink-mute", Silence),
    ("crossed-sink-0", Level(0.0)),
    ("crossed-sink-20", Level(-20.0)),
    ("crossed-sink-mute", Silence),
    ("fan-sink-0", Level(0.0)),
    ("fan-sink-20", Level(-20.0)),
    ("fan-sink-mute", Silence),
    ("plain-source-0", Level(0.0)),
    ("plain-source-20", Level(-20.0)),
    ("plain-source-mute", Silence),
    // The sink's knob is for what is played, not for what is recorded.
    ("plain-other", Level(0.0)),
    ("softvol-0", Level(0.0)),
    ("softvol-20", Level(-20.0)),
    (
        "minute-sink",
        Exact {
            from: 0,
            seconds: 59,
        },
    ),
    (
        "minute-source",
        Exact {
            from: 2,
            seconds: 60,
        },
    ),
];

const PIPEWIRE: &[(&str, Want)] = &[
    ("plain-sink-0", Level(0.0)),
    ("plain-sink-half", Level(HALF)),
    ("plain-sink-mute", Silence),
    ("crossed-sink-0", Level(0.0)),
    ("crossed-sink-half", Level(HALF)),
    ("crossed-sink-mute", Silence),
    ("fan-sink-0", Level(0.0)),
    ("fan-sink-half", Level(HALF)),
    ("fan-sink-mute", Silence),
    ("plain-source-0", Level(0.0)),
    ("plain-source-half", Level(HALF)),
    ("plain-source-mute", Silence),
    ("plain-other", Level(0.0)),
    (
        "minute-sink",
        Exact {
            from: 0,
            seconds: 59,
        },
    ),
    (
        "minute-source",
        Exact {
            from: 2,
            seconds: 60,
        },
    ),
    // Before it follows, PipeWire drops once what has gathered.
    (
        "matched",
        Exact {
            from: 5,
            seconds: 34,
        },
    ),
];

/// The tone, in stereo.
fn tone(rate: u32, seconds: u32) -> Sound {
    let sample = |n: u32| {
        let phase = f64::from(n) * TONE / f64::from(rate);
        let value = AMPLITUDE * (std::f64::consts::TAU * phase.fract()).sin();
        [value.round() as i16, (value / 2.0).round() as i16]
    };
    Sound {
        rate,
        channels: 2,
        samples: (0..rate * seconds).flat_map(sample).collect(),
    }
}

/// The amplitude of the tone in `samples`.
fn amplitude(samples: &[i16], rate: u32) -> f64 {
    let (mut cosine, mut sine) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let phase = std::f64::consts::TAU * TONE * n as f64 / f64::from(rate);
        cosine += f64::from(*sample) * phase.cos();
        sine += f64::from(*sample) * phase.sin();
    }
    2.0 * f64::hypot(cosine, sine) / samples.len() as f64
}

/// One channel of the second from 0.5 s on.
fn second(sound: &Sound, channel: usize) -> Vec<i16> {
    let channels = usize::from(sound.channels);
    let rate = sound.rate as usize;
    let frames = sound.samples.chunks_exact(channels);
    let half = rate / 2;
    frames
        .skip(half)
        .take(rate)
        .filter_map(|frame| frame.get(channel).copied())
        .collect()
}

/// Why `recording` is not what is wanted of it; nothing if it is.
fn problem(recording: &Sound, played: &Sound, want: Want) -> Option<String> {
    let format = |sound: &Sound| (sound.rate, sound.channels);
    if format(recording) != format(played) {
        return Some(format!(
            "expected {:?} (rate, channels), came {:?}",
            format(played),
            format(recording)
        ));
    }
    let rate = recording.rate;
    let short = second(recording, 0).len() < rate as usize;
    match want {
        Level(_) | Silence if short => Some(format!("lasts only {} s", recording.seconds())),
        Level(decibels) => {
            [AMPLITUDE, AMPLITUDE / 2.0]
                .iter()
                .enumerate()
                .find_map(|(channel, full)| {
                    let came = 20.0 * (amplitude(&second(recording, channel), rate) / full).log10();
                    let off = (came - decibels).abs() > TOLERANCE;
                    off.then(|| {
                        format!("channel {channel}: expected {decibels:.2} dB, came {came:.2} dB")
                    })
                })
        }
        Silence => {
            let loud = second(recording, 0)
                .into_iter()
                .chain(second(recording, 1))
                .find(|s| *s != 0);
            loud.map(|sample| format!("expected zeros, came {sample}"))
        }
        Exact { from, seconds } => {
            let channels = usize::from(recording.channels);
            let start = (from * rate) as usize * channels;
            let got = recording.samples.get(start..).unwrap_or_default();
            let run = longest_run(got, &played.samples, channels) / channels;
            let want = (seconds * rate) as usize;
            // What the player had played is over in the recording, too.
            (run < want).then(|| {
                format!(
                    "expected {want} frames in one run from {from} s on, came {run}, then a break at {:.4} s",
                    f64::from(from) + run as f64 / f64::from(rate)
                )
            })
        }
    }
}

/// How many samples at the beginning of `got` are a part of `whole`; parts begin with a frame.
fn longest_run(got: &[i16], whole: &[i16], channels: usize) -> usize {
    (0..whole.len())
        .step_by(channels)
        .map(|start| {
            let pairs = got.iter().zip(&whole[start..]);
            pairs.take_while(|(one, other)| one == other).count()
        })
        .max()
        .unwrap_or(0)
}

/// Judges the recordings that the guest has left in `share`.
fn judge(share: &Path, played: &Sound, wanted: &[(&str, Want)]) -> Vec<Check> {
    let one = |(name, want): &(&str, Want)| {
        let file = share.join(format!("{name}.wav"));
        let why = match Sound::read(&file) {
            Ok(recording) => problem(&recording, played, *want),
            Err(e) => Some(e.to_string()),
        };
        Check::that(format!("{name} {want}"), why)
    };
    wanted.iter().map(one).collect()
}

fn run(
    suite: &Suite<'_>,
    spec: &Spec,
    step: &Step,
    name: &str,
    rate: u32,
    script: &str,
    wanted: &[(&str, Want)],
) -> Result<Vec<Check>> {
    let played = tone(rate, SECONDS);
    let files = suite.context.paths.work().join(name);
    sandbox::remove(&files)?;
    fs::create_dir_all(&files).at(&files)?;
    write_wav(&played, &files.join("sine.wav"))?;
    let what = "installing what programs know of the card";
    suite
        .sandbox
        .command::<&str, &str>(what, &suite.context.paths.driver(), &[], "make")?
        .arg("data_install")
        .arg(format!("DESTDIR={}", files.join("installed").display()))
        .run(step, &suite.context.paths.log("data-install"))?;
    let kernel = suite.kernel(spec)?;
    let guest = Guest::build(suite.context, suite.sandbox, &kernel)?
        .with_root(&rootfs::SERVERS)?
        .with_files(files);
    let script = [CHECK, include_str!("servers/common.sh"), script].concat();
    let job = (name, script.as_str(), Duration::from_secs(1200));
    let (outcome, mut checks) = run_in(&guest, suite, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    checks.extend(judge(&outcome.share, &played, wanted));
    Ok(checks)
}

fn write_wav(sound: &Sound, to: &Path) -> Result<()> {
    let spec = hound::WavSpec {
        channels: sound.channels,
        sample_rate: sound.rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let write = || {
        let mut writer = hound::WavWriter::create(to, spec)?;
        for sample in &sound.samples {
            writer.write_sample(*sample)?;
        }
        writer.finalize()
    };
    write().map_err(|e| Error::BadFile {
        path: to.to_path_buf(),
        problem: e.to_string(),
    })
}

pub(super) fn pulseaudio(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = include_str!("servers/pulseaudio.sh");
    let name = "servers-pulseaudio";
    run(suite, spec, step, name, 44_100, script, PULSEAUDIO)
}

pub(super) fn pipewire(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = include_str!("servers/pipewire.sh");
    let name = "servers-pipewire";
    run(suite, spec, step, name, 48_000, script, PIPEWIRE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 8_000;

    /// What is recorded of the tone when `change` is done to each sample of it.
    fn recorded(change: impl Fn(i16) -> i16) -> Sound {
        let mut sound = tone(RATE, 4);
        // It begins somewhere in the middle.
        sound.samples.drain(..2 * 1234);
        sound.samples.iter_mut().for_each(|s| *s = change(*s));
        sound
    }

    fn passes(sound: &Sound, want: Want) -> bool {
        problem(sound, &tone(RATE, 4), want).is_none()
    }

    #[test]
    fn a_level_is_measured_in_each_channel() {
        let full = recorded(|s| s);
        let tenth = recorded(|s| s / 10);
        assert!(passes(&full, Level(0.0)) && !passes(&full, Level(-20.0)));
        assert!(passes(&tenth, Level(-20.0)) && !passes(&tenth, Level(0.0)));
        assert!(!passes(&tenth, Level(-19.8)));
        let mut left = full.clone();
        left.samples.chunks_mut(2).for_each(|frame| frame[1] = 0);
        assert!(!passes(&left, Level(0.0)));
        assert!(!passes(&full, Silence) && passes(&recorded(|_| 0), Silence));
        let mut short = full;
        short.samples.truncate(RATE as usize);
        assert!(!passes(&short, Level(0.0)));
    }

    #[test]
    fn every_sample_has_to_be_there() {
        let want = Exact {
            from: 1,
            seconds: 2,
        };
        let whole = recorded(|s| s);
        assert!(passes(&whole, want));
        let at = |sound: &mut Sound, frame: u32| {
            sound
                .samples
                .drain(2 * frame as usize..2 * frame as usize + 2);
        };
        let mut early = whole.clone();
        at(&mut early, 100);
        assert!(passes(&early, want));
        let mut late = whole.clone();
        at(&mut late, 2 * RATE);
        assert!(!passes(&late, want));
        assert!(!passes(&recorded(|s| s - s.signum()), want));
        let mut short = whole;
        short.samples.truncate(2 * 2 * RATE as usize);
        assert!(!passes(&short, want));
    }
}
