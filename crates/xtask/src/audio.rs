// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares a recording with what was played, frame by frame.

use std::path::Path;

use serde::Serialize;

use lab::error::{Error, Result};

/// Sound of 16 bits in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sound {
    /// Frames per second.
    pub(crate) rate: u32,
    /// Samples in each frame.
    pub(crate) channels: u16,
    /// The samples, interleaved.
    pub(crate) samples: Vec<i16>,
}

impl Sound {
    /// Reads a WAV file of 16 bits, or of 32 as one of twice the channels, each of which has half of the bits.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bad = |problem: String| Error::BadFile {
            path: path.to_path_buf(),
            problem,
        };
        let mut reader = hound::WavReader::open(path).map_err(|e| bad(e.to_string()))?;
        let spec = reader.spec();
        let integers = spec.sample_format == hound::SampleFormat::Int;
        let samples: std::result::Result<Vec<i16>, _> = match spec.bits_per_sample {
            16 if integers => reader.samples::<i16>().collect(),
            32 if integers => reader.samples::<i32>().flat_map(halves).collect(),
            bits => return Err(bad(format!("has {bits} bits, not 16 or 32"))),
        };
        Ok(Self {
            rate: spec.sample_rate,
            channels: spec.channels * (spec.bits_per_sample / 16),
            samples: samples.map_err(|e| bad(e.to_string()))?,
        })
    }

    /// Its length in frames.
    pub(crate) fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }

    /// Its length in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        // Exact up to 2^52 frames.
        self.frames() as f64 / f64::from(self.rate.max(1))
    }
}

/// A sample of 32 bits as two of 16.
fn halves(sample: hound::Result<i32>) -> Vec<hound::Result<i16>> {
    match sample {
        Ok(sample) => vec![Ok((sample >> 16) as i16), Ok(sample as i16)],
        Err(e) => vec![Err(e)],
    }
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub(crate) enum Comparison {
    /// Every frame is there, in one unbroken run.
    Exact {
        /// The frame of the recording that the original starts at.
        offset: usize,
        /// How many frames were compared.
        frames: usize,
    },
    /// It starts at `offset` and then differs.
    Differs {
        /// The frame of the recording that the original starts at.
        offset: usize,
        /// The first frame of the original that isn't as it was.
        frame: usize,
        /// What the original has there.
        expected: Vec<i16>,
        /// What the recording has there; nothing if it ends before.
        got: Vec<i16>,
    },
    /// Not even the start is there.
    Absent {
        /// The frames of the recording that aren't silence.
        sounding: usize,
    },
    /// The two have different rates or channels.
    OtherParameters {
        /// Rate and channels of the original.
        expected: (u32, u16),
        /// Those of the recording.
        got: (u32, u16),
    },
}

impl Comparison {
    /// Whether the recording is what was played.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self, Self::Exact { .. })
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact { offset, frames } => write!(
                f,
                "all {frames} frames came back unchanged, in one run, from frame {offset} of the recording on"
            ),
            Self::Differs {
                offset,
                frame,
                expected,
                got,
            } => {
                write!(
                    f,
                    "the original starts at frame {offset} of the recording, but its frame {frame} should be {expected:?} and "
                )?;
                if got.is_empty() {
                    f.write_str("the recording ends before")
                } else {
                    write!(f, "is {got:?}")
                }
            }
            Self::Absent { sounding } => write!(
                f,
                "the original isn't in the recording, of which {sounding} frames aren't silence"
            ),
            Self::OtherParameters { expected, got } => write!(
                f,
                "played {} Hz with {} channels, recorded {} Hz with {}",
                expected.0, expected.1, got.0, got.1
            ),
        }
    }
}

/// How many frames have to agree for a place to count as the start.
const START: usize = 64;

/// Looks for `original` in `recording`.
pub(crate) fn compare(original: &Sound, recording: &Sound) -> Comparison {
    if (original.rate, original.channels) != (recording.rate, recording.channels) {
        return Comparison::OtherParameters {
            expected: (original.rate, original.channels),
            got: (recording.rate, recording.channels),
        };
    }
    let channels = usize::from(original.channels.max(1));
    let frames: Vec<&[i16]> = original.samples.chunks_exact(channels).collect();
    let recorded: Vec<&[i16]> = recording.samples.chunks_exact(channels).collect();
    let sounds = |frame: &&[i16]| !is_silent(frame);
    let Some(first) = frames.iter().position(sounds) else {
        return Comparison::Exact {
            offset: 0,
            frames: frames.len(),
        };
    };
    // The place with the longest agreement is where it starts; what is silent
    // before the first sound of the original has to be there as well.
    let probe = &frames[first..frames.len().min(first + START)];
    let mut best: Option<(usize, usize)> = None;
    for at in 0..recorded.len() {
        if recorded[at] != probe[0] || at < first || !recorded[at..].starts_with(probe) {
            continue;
        }
        let offset = at - first;
        let agree = agreement(&frames, &recorded[offset..]);
        if best.is_none_or(|(_, longest)| agree > longest) {
            best = Some((offset, agree));
        }
    }
    match best {
        None => Comparison::Absent {
            sounding: recorded.iter().filter(|f| sounds(f)).count(),
        },
        Some((offset, agree)) if agree == frames.len() => Comparison::Exact {
            offset,
            frames: agree,
        },
        Some((offset, agree)) => Comparison::Differs {
            offset,
            frame: agree,
            expected: frames[agree].to_vec(),
            got: recorded
                .get(offset + agree)
                .map_or(Vec::new(), |f| f.to_vec()),
        },
    }
}

/// In what pieces a recording has what was played, each frame at most once and in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// How often there was silence between two frames that belong together, or before frames that are missing.
    pub(crate) pauses: usize,
    /// How many frames are missing.
    pub(crate) lost: usize,
}

impl std::fmt::Display for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pauses, lost } = self;
        write!(f, "{pauses} pauses, and {lost} frames are missing")
    }
}

/// Looks whether `recording` has nothing but frames of `original`, in their order, and silence.
///
/// # Errors
/// What there is else.
pub(crate) fn pieces(
    original: &Sound,
    recording: &Sound,
) -> std::result::Result<Pieces, Comparison> {
    if (original.rate, original.channels) != (recording.rate, recording.channels) {
        return Err(compare(original, recording));
    }
    let channels = usize::from(original.channels.max(1));
    let (frames, recorded) = (sounding(original, channels), sounding(recording, channels));
    let mut pieces = Pieces::default();
    let (mut next, mut at) = (0, 0);
    while at < recorded.len() {
        let same = agreement(&frames[next..], &recorded[at..]);
        (next, at) = (next + same, at + same);
        // Silence of the original's has been taken for its own; what is more is a pause.
        let silence = recorded[at..]
            .iter()
            .take_while(|frame| is_silent(frame))
            .count();
        let piece = &recorded[at + silence..];
        if piece.is_empty() {
            break;
        }
        let places = (next..frames.len()).map(|place| (agreement(&frames[place..], piece), place));
        // Of places with the same agreement the first.
        let best = places.rev().max_by_key(|(same, _)| *same);
        let long = |same: usize, place: usize| same >= START.min(frames.len() - place);
        let Some((_, place)) = best.filter(|(same, place)| long(*same, *place)) else {
            return Err(Comparison::Differs {
                offset: at,
                frame: next,
                expected: frames.get(next).map_or(Vec::new(), |f| f.to_vec()),
                got: piece[0].to_vec(),
            });
        };
        pieces.pauses += 1;
        pieces.lost += place - next;
        (next, at) = (place, at + silence);
    }
    pieces.lost += frames.len() - next;
    Ok(pieces)
}

/// The frames of a sound, from the first that is not silent to the last.
fn sounding(sound: &Sound, channels: usize) -> Vec<&[i16]> {
    let frames: Vec<&[i16]> = sound.samples.chunks_exact(channels).collect();
    let sounds = |frame: &&[i16]| !is_silent(frame);
    let first = frames.iter().position(sounds).unwrap_or(frames.len());
    let end = frames
        .iter()
        .rposition(sounds)
        .map_or(first, |last| last + 1);
    frames[first..end].to_vec()
}

fn is_silent(frame: &[i16]) -> bool {
    frame.iter().all(|sample| *sample == 0)
}

/// How many frames of both are the same, from the first on.
fn agreement(a: &[&[i16]], b: &[&[i16]]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(samples: Vec<i16>) -> Sound {
        Sound {
            rate: 48000,
            channels: 1,
            samples,
        }
    }

    fn speech() -> Vec<i16> {
        let mut x: u32 = 1;
        let mut samples = vec![0; 10];
        samples.extend((0..1000).map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 16) as u16 as i16
        }));
        samples
    }

    fn recorded(middle: &[i16]) -> Sound {
        let mut samples = vec![0; 300];
        samples.extend_from_slice(middle);
        samples.extend([0; 50]);
        sound(samples)
    }

    #[test]
    fn an_exact_copy_is_found_where_it_starts() {
        let c = compare(&sound(speech()), &recorded(&speech()));
        assert_eq!(
            c,
            Comparison::Exact {
                offset: 300,
                frames: 1010
            }
        );
    }

    #[test]
    fn a_lost_frame_is_named() {
        let mut broken = speech();
        broken.remove(500);
        let c = compare(&sound(speech()), &recorded(&broken));
        assert!(
            matches!(
                c,
                Comparison::Differs {
                    offset: 300,
                    frame: 500,
                    ..
                }
            ),
            "{c}"
        );
    }

    #[test]
    fn a_doubled_frame_is_named() {
        let mut broken = speech();
        broken.insert(501, broken[500]);
        let c = compare(&sound(speech()), &recorded(&broken));
        assert!(matches!(c, Comparison::Differs { frame: 501, .. }), "{c}");
    }

    #[test]
    fn a_recording_that_ends_early_is_no_copy() {
        let c = compare(&sound(speech()), &sound(speech()[..900].to_vec()));
        assert!(
            matches!(c, Comparison::Differs { frame: 900, ref got, .. } if got.is_empty()),
            "{c}"
        );
    }

    #[test]
    fn pieces_are_what_was_played_with_pauses() {
        let (speech, silence) = (speech(), vec![0; 200]);
        let of = |parts: &[&[i16]]| pieces(&sound(speech.clone()), &recorded(&parts.concat()));
        let (a, b, c) = (&speech[..400], &speech[400..700], &speech[700..]);
        let is = |pauses, lost| Ok(Pieces { pauses, lost });
        assert_eq!(of(&[a, b, c]), is(0, 0));
        assert_eq!(of(&[a, &silence, b, &silence, c]), is(2, 0));
        assert_eq!(of(&[a, &silence, c]), is(1, 300));
        assert_eq!(of(&[a, c]), is(1, 300));
        // Its beginning is silent.
        assert_eq!(of(&[b, c]), is(1, 390));
        assert_eq!(of(&[a, b]), is(0, 310));
        assert_eq!(of(&[]), is(0, 1000));
        // Twice, in another order, or with something else.
        for wrong in [
            &[a, a, b, c],
            &[a, b, b, c],
            &[a, c, b, &silence],
            &[a, &[1, 2, 3], b, c],
        ] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn silence_is_no_copy() {
        let c = compare(&sound(speech()), &sound(vec![0; 2000]));
        assert_eq!(c, Comparison::Absent { sounding: 0 });
    }
}
