// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recordings that have to be what was played, frame by frame.

use std::fs;
use std::path::Path;

use lab::error::{AtPath as _, Error, Result};

use crate::audio::{self, Sound};
use crate::report::Check;

/// Frames per second of the noises.
const RATE: u32 = 44_100;
/// Their names, and their lengths in tenths of a second.
const NOISES: [(&str, u32); 2] = [("noise", 30), ("short", 3)];

/// Puts noises into `dir` for a guest: stereo of 32 bits, in which no piece is like another.
pub(super) fn files(dir: &Path) -> Result<()> {
    for (name, tenths) in NOISES {
        let path = dir.join(format!("{name}.wav"));
        write(&path, RATE / 10 * tenths).map_err(|e| Error::BadFile {
            path: path.clone(),
            problem: e.to_string(),
        })?;
    }
    Ok(())
}

fn write(path: &Path, frames: u32) -> hound::Result<()> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    let mut state: u64 = 1;
    for _ in 0..2 * frames {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        writer.write_sample((state >> 32) as u32 as i32)?;
    }
    writer.finalize()
}

/// Whether there may have been xruns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Xruns {
    /// No.
    None,
    /// As many as the guest says: of `recorded-X.wav`, `xruns-X.txt` has how many, and how many frames were lost.
    Told,
}

/// Holds what is in `share` as `recorded-NAME.wav`, and as `recorded-NAME-NUMBER.wav`, against `played-NAME.wav`, for
/// each name.
pub(super) fn judge(share: &Path, names: &[String], xruns: Xruns) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for name in names {
        let recorded = recorded(share, name)?;
        let problems = recorded.iter().filter_map(|file| {
            let told = share.join(file.replace("recorded-", "xruns-"));
            let told = (xruns == Xruns::Told).then(|| told.with_extension("txt"));
            let played = share.join(format!("played-{name}.wav"));
            let why = problem(&played, &share.join(file), told.as_deref())?;
            Some(format!("{file}: {why}"))
        });
        let problems: Vec<String> = problems.collect();
        let why = match (recorded.len(), problems.as_slice()) {
            (0, _) => Some("nothing was recorded".to_owned()),
            (_, []) => None,
            (_, problems) => Some(problems.join("; ")),
        };
        checks.push(Check::that(
            format!("{name} is recorded as it was played"),
            why,
        ));
    }
    Ok(checks)
}

/// The recordings of `name` in `share`.
fn recorded(share: &Path, name: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(share).at(share)? {
        let file = entry.at(share)?.file_name().to_string_lossy().into_owned();
        let rest = file
            .strip_prefix("recorded-")
            .and_then(|file| file.strip_suffix(".wav"))
            .and_then(|file| file.strip_prefix(name));
        let number = |rest: &str| {
            rest.strip_prefix('-')
                .is_some_and(|n| n.parse::<u32>().is_ok())
        };
        if rest.is_some_and(|rest| rest.is_empty() || number(rest)) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Why a recording is not what was played, but for the xruns that `told` tells of; nothing if it is.
fn problem(played: &Path, recorded: &Path, told: Option<&Path>) -> Option<String> {
    let (played, recorded) = match (Sound::read(played), Sound::read(recorded)) {
        (Ok(played), Ok(recorded)) => (played, recorded),
        (Err(e), _) | (_, Err(e)) => return Some(e.to_string()),
    };
    let Some(told) = told else {
        let comparison = audio::compare(&played, &recorded);
        return (!comparison.is_exact()).then(|| comparison.to_string());
    };
    let text = match fs::read_to_string(told).at(told) {
        Ok(text) => text,
        Err(e) => return Some(e.to_string()),
    };
    let numbers: Option<Vec<usize>> = text.split_whitespace().map(|n| n.parse().ok()).collect();
    let Some([xruns, lost]) = numbers.as_deref() else {
        return Some(format!("{} has {text:?}, not two numbers", told.display()));
    };
    match audio::pieces(&played, &recorded) {
        Err(comparison) => Some(comparison.to_string()),
        Ok(pieces) if pieces.pauses > *xruns || pieces.lost > *lost => Some(format!(
            "it has {pieces}; the kernel has had {xruns} xruns, and says that {lost} frames were lost"
        )),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Verdict;

    #[test]
    fn a_lost_frame_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let share = dir.path();
        files(share).unwrap();
        let played = share.join("played-short.wav");
        fs::rename(share.join("short.wav"), &played).unwrap();
        let mut reader = hound::WavReader::open(&played).unwrap();
        let spec = reader.spec();
        let samples: Vec<i32> = reader.samples().map(|s| s.unwrap()).collect();
        let record = |name: &str, samples: &[i32]| {
            let path = share.join(name);
            let mut writer = hound::WavWriter::create(path, spec).unwrap();
            samples
                .iter()
                .for_each(|s| writer.write_sample(*s).unwrap());
            writer.finalize().unwrap();
        };
        let judged = |xruns| {
            let checks = judge(share, &["short".to_owned()], xruns).unwrap();
            matches!(checks[0].verdict, Verdict::Pass)
        };
        let passes = || judged(Xruns::None);
        assert!(!passes());
        let silence = vec![0; 2000];
        let good = [&silence[..], &samples, &silence].concat();
        record("recorded-short.wav", &good);
        assert!(passes());
        let lost = [&silence[..], &samples[..5000], &samples[5002..], &silence].concat();
        record("recorded-short-7.wav", &lost);
        assert!(!passes());
        record("recorded-short-7.wav", &good);
        assert!(passes());
        let mut low = good;
        low[7000] ^= 1;
        record("recorded-short.wav", &low);
        assert!(!passes());
        // The frame that was lost, and what was not played.
        let told = |text: &str| {
            fs::write(share.join("xruns-short.txt"), text).unwrap();
            judged(Xruns::Told)
        };
        fs::remove_file(share.join("recorded-short-7.wav")).unwrap();
        assert!(!told("9 9000"));
        record("recorded-short.wav", &lost);
        assert!(!judged(Xruns::None));
        for (text, passes) in [("1 1", true), ("1 0", false), ("0 1", false), ("", false)] {
            assert_eq!(told(text), passes, "{text:?}");
        }
    }
}
