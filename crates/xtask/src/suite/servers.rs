// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps under real sound servers: what they call the card, what they do to it, and what each of
//! their knobs does to the sound, which is recorded and looked at here.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use lab::driver::Driver;
use lab::error::{AtPath as _, Error, Result};
use lab::ui::Step;

use super::Suite;
use crate::audio::Sound;
use crate::report::Check;

/// The tone that is played: Hz, the amplitude on the left; that on the right is half of it. It takes
/// longer than it is played to come to the same samples again.
const TONE: f64 = 997.31;
const AMPLITUDE: f64 = 16_000.0;
const SECONDS: u32 = 75;

/// What a recording has to be.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Want {
    /// The tone, by so many dB other than it was played, in the second from 0.5 s on.
    Level(f64),
    /// Nothing but zeros there.
    Silence,
    /// What was played, sample by sample and without a break, from the `from`th second on for at
    /// least so many seconds.
    Exact { from: u32, seconds: u32 },
    /// The same, with each channel for itself: they were played by two programs.
    Each { from: u32, seconds: u32 },
    /// The tone at the level at which it was played, without a break, although not the same samples.
    Smooth { from: u32, seconds: u32 },
}

use Want::{Each, Exact, Level, Silence, Smooth};

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level(decibels) => write!(f, "is at {decibels:.2} dB"),
            Silence => write!(f, "is silent"),
            Exact { seconds, .. } => write!(f, "is what was played, for {seconds} s in one run"),
            Each { seconds, .. } => write!(
                f,
                "is what was played, for {seconds} s in one run in each channel"
            ),
            Smooth { seconds, .. } => write!(f, "is the tone, for {seconds} s without a break"),
        }
    }
}

/// How far a level may be off, in dB. The steps of alsa-lib's softvol are 0.2 dB.
const TOLERANCE: f64 = 0.12;
/// What is played and recorded under a server, as a file of the driver's folder says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    /// At which it has its sinks and sources unless it is told.
    rate: u32,
    /// What is wanted of the script's recordings.
    recordings: Vec<Recordings>,
}

/// Recordings of which the same is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recordings {
    want: Want,
    /// The names of the files, without `.wav`.
    names: Vec<String>,
}

impl Server {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).at(path)?;
        toml::from_str(&text).map_err(|e| Error::BadFile {
            path: path.to_path_buf(),
            problem: e.to_string().trim_end().to_owned(),
        })
    }
}

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
fn second(sound: &Sound, number: usize) -> Vec<i16> {
    let rate = sound.rate as usize;
    let all = channel(&sound.samples, number, usize::from(sound.channels));
    all.into_iter().skip(rate / 2).take(rate).collect()
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
        Exact { from, seconds } | Each { from, seconds } | Smooth { from, seconds } => {
            let channels = usize::from(recording.channels);
            let start = (from * rate) as usize * channels;
            let got = recording.samples.get(start..).unwrap_or_default();
            let want_frames = (seconds * rate) as usize;
            let run = match want {
                Exact { .. } => longest_run(got, &played.samples, channels) / channels,
                Each { .. } => (0..channels)
                    .map(|n| {
                        longest_run(
                            &channel(got, n, channels),
                            &channel(&played.samples, n, channels),
                            1,
                        )
                    })
                    .min()
                    .unwrap_or(0),
                _ => (0..channels)
                    .map(|n| longest_tone(&channel(got, n, channels), AMPLITUDE / (n + 1) as f64))
                    .min()
                    .unwrap_or(0),
            };
            // What the player had played is over in the recording, too.
            (run < want_frames).then(|| {
                format!(
                    "expected {want_frames} frames in one run from {from} s on, came {run}, then a break at {:.4} s",
                    f64::from(from) + run as f64 / f64::from(rate)
                )
            })
        }
    }
}

/// One channel of interleaved samples.
fn channel(samples: &[i16], number: usize, channels: usize) -> Vec<i16> {
    let samples = samples.iter().skip(number);
    samples.step_by(channels).copied().collect()
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

/// How many samples at the beginning of `got` are a sine of about this amplitude that goes on without a break,
/// whatever its frequency is precisely: in such a one the sum of the neighbours of a sample is always the same multiple
/// of it. A sample more or less at the top, where it is seen least, changes the sum by the square of the
/// angle between two samples.
fn longest_tone(got: &[i16], wanted: f64) -> usize {
    let triples = || {
        got.windows(3)
            .map(|w| [f64::from(w[0]), f64::from(w[1]), f64::from(w[2])])
    };
    let (mut products, mut squares) = (0.0, 0.0);
    for [before, now, after] in triples() {
        products += (before + after) * now;
        squares += now * now;
    }
    let amplitude = (2.0 * squares / got.len().max(1) as f64).sqrt();
    if (20.0 * (amplitude / wanted).log10()).abs() > TOLERANCE {
        return 0;
    }
    let factor = products / squares;
    let least = wanted * (2.0 - factor) / 2.0;
    triples()
        .take_while(|[before, now, after]| (before + after - factor * now).abs() < least)
        .count()
}

/// Judges the recordings that the guest has left in `share`.
fn judge_all(share: &Path, played: &Sound, wanted: &[Recordings]) -> Vec<Check> {
    let one = |name: &str, want: Want| {
        let file = share.join(format!("{name}.wav"));
        let why = match Sound::read(&file) {
            Ok(recording) => problem(&recording, played, want),
            Err(e) => Some(e.to_string()),
        };
        Check::that(format!("{name} {want}"), why)
    };
    let checks = wanted.iter().flat_map(|group| {
        let names = group.names.iter();
        names.map(|name| one(name, group.want))
    });
    checks.collect()
}

/// Puts into `dir` what the guest plays, and what `driver` has for other programs.
pub(super) fn files(
    suite: &Suite<'_>,
    step: &Step,
    driver: &Driver,
    server: &Path,
    dir: &Path,
) -> Result<()> {
    let server = Server::read(&driver.dir.join(server))?;
    write_wav(&tone(server.rate, SECONDS), &dir.join("sine.wav"))?;
    let what = "installing what programs know of the card";
    suite
        .sandbox
        .command::<&str, &str>(what, &driver.dir, &[], "make")?
        .arg("data_install")
        .arg(format!("DESTDIR={}", dir.join("installed").display()))
        .run(step, &suite.context.paths.log("data-install"))
}

/// Judges what the guest has recorded under a server; `server` is the file of the folder of `driver` that says what
/// is wanted.
pub(super) fn judge(share: &Path, driver: &Driver, server: &Path) -> Result<Vec<Check>> {
    let server = Server::read(&driver.dir.join(server))?;
    let played = tone(server.rate, SECONDS);
    Ok(judge_all(share, &played, &server.recordings))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{self, Judge};

    const RATE: u32 = 8_000;

    #[test]
    fn what_drivers_want_can_be_read() {
        let drivers = manifest::all(&lab::paths::Paths::find().unwrap()).unwrap();
        let mut count = 0;
        for driver in &drivers {
            for run in &driver.runs {
                if let Some(Judge::Recordings(file)) = &run.judge {
                    let server = Server::read(&driver.driver.dir.join(file)).unwrap();
                    assert!(server.recordings.iter().all(|r| !r.names.is_empty()));
                    count += server.recordings.len();
                }
            }
        }
        assert_ne!(count, 0);
    }

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

    #[test]
    fn each_channel_may_begin_by_itself() {
        let want = Each {
            from: 1,
            seconds: 2,
        };
        let whole = recorded(|s| s);
        let right = |from: usize| channel(&whole.samples[2 * from..], 1, 2);
        let with = |right: Vec<i16>| {
            let left = channel(&whole.samples, 0, 2);
            let both = left.into_iter().zip(right);
            Sound {
                samples: both.flat_map(|(one, other)| [one, other]).collect(),
                ..whole.clone()
            }
        };
        assert!(passes(&with(right(77)), want));
        assert!(!passes(
            &with(right(77)),
            Exact {
                from: 1,
                seconds: 2
            }
        ));
        let mut broken = right(77);
        broken.remove(2 * RATE as usize);
        assert!(!passes(&with(broken), want));
    }

    #[test]
    fn a_tone_may_have_other_samples_and_no_break() {
        let want = Smooth {
            from: 1,
            seconds: 2,
        };
        let high = |rate: f64| {
            let mut sound = tone(RATE, 4);
            for (n, frame) in sound.samples.chunks_mut(2).enumerate() {
                let phase = std::f64::consts::TAU * TONE * rate * n as f64 / f64::from(RATE);
                frame[0] = (AMPLITUDE * phase.sin()).round() as i16;
                frame[1] = (AMPLITUDE / 2.0 * phase.sin()).round() as i16;
            }
            sound
        };
        assert!(passes(&high(1.0), want) && passes(&high(0.9997), want));
        for frame in 2 * RATE..2 * RATE + 8 {
            let mut less = high(0.9997);
            less.samples
                .drain(2 * frame as usize..2 * frame as usize + 2);
            assert!(!passes(&less, want), "without {frame}");
        }
        assert!(!passes(&recorded(|s| s / 2), want) && !passes(&recorded(|_| 0), want));
    }
}
