// SPDX-License-Identifier: MIT OR Apache-2.0
//! A picture of what was played and what was recorded, over each other, and of what differs.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::audio::Sound;
use lab::error::{AtPath as _, Result};

/// Colours and letters of all pictures, in light and in dark.
const STYLE: &str = include_str!("../../../docs/pictures/style.css");

/// The picture's size, and the left and right edge of both charts; small enough that a phone's width leaves letters
/// that can be read.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 544.0;
/// The upper and lower edge of each chart.
const WAVES: (f64, f64) = (40.0, 200.0);
const DIFFERENCE: (f64, f64) = (236.0, 276.0);
/// What is shown before and after the sound, as a part of its length.
const AROUND: usize = 10;

/// Draws both as SVG: the original from frame `offset` of the recording on, and below it what is left when it is
/// subtracted.
pub(crate) fn draw(original: &Sound, recording: &Sound, offset: usize, to: &Path) -> Result<()> {
    fs::write(to, svg(original, recording, offset)).at(to)
}

fn svg(original: &Sound, recording: &Sound, offset: usize) -> String {
    let around = original.frames() / AROUND;
    let end = (offset + original.frames() + around).min(recording.frames());
    let x = Time {
        frames: offset.saturating_sub(around)..end,
        rate: recording.rate.max(1).into(),
    };
    let (played, recorded) = (first_channel(original), first_channel(recording));
    let peak = |samples: &[i32]| samples.iter().map(|s| s.abs()).max().unwrap_or(0);
    let waves = Chart::new(WAVES, peak(&played).max(peak(&recorded)));

    let missing = minus(
        &recording.samples,
        &original.samples,
        offset * usize::from(original.channels),
    );
    let wrong = missing
        .chunks(usize::from(recording.channels.max(1)))
        .filter(|f| f.iter().any(|s| *s != 0));
    let verdict = match wrong.count() {
        0 => format!("0 in all {} frames", recording.frames()),
        count => format!("not 0 in {count} of {} frames", recording.frames()),
    };
    let left: Vec<i32> = missing
        .iter()
        .step_by(usize::from(recording.channels.max(1)))
        .copied()
        .collect();
    let difference = Chart::new(DIFFERENCE, peak(&left));

    let mut body = format!(
        "<title>Speech as it was played and as it was recorded, and the difference: {verdict}</title>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n\
         <text x=\"{LEFT}\" y=\"26\"><tspan class=\"playtext\">played (wide)</tspan>, \
         <tspan class=\"capturetext\">recorded (thin)</tspan>: sample values</text>\n\
         <text x=\"{LEFT}\" y=\"224\">recorded minus played: {verdict}</text>\n"
    );
    body += &waves.axes();
    body += &waves.line("playline", 4.0, &x, &played, offset);
    body += &waves.line("captureline", 1.0, &x, &recorded, 0);
    body += &difference.axes();
    body += &difference.line("cableline", 1.5, &x, &left, 0);
    body += &x.axis();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">\n\
         <!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\
         <!-- made by cargo xtask demo -->\n\
         <style>\n{STYLE}</style>\n{body}</svg>\n"
    )
}

/// What is left of `recorded` without `played`, which begins at its sample `offset`.
fn minus(recorded: &[i16], played: &[i16], offset: usize) -> Vec<i32> {
    let source = |at: usize| played.get(at.checked_sub(offset)?);
    let left =
        |(at, sample): (usize, &i16)| i32::from(*sample) - source(at).map_or(0, |s| i32::from(*s));
    recorded.iter().enumerate().map(left).collect()
}

fn first_channel(sound: &Sound) -> Vec<i32> {
    let channel = sound
        .samples
        .iter()
        .step_by(usize::from(sound.channels.max(1)));
    channel.map(|s| i32::from(*s)).collect()
}

/// The least of 1, 2, 5, 10, 20, … tenths and so on that is not less than `value`.
fn round_up(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * decade);
    steps
        .into_iter()
        .find(|step| *step >= value)
        .unwrap_or(10.0 * decade)
}

/// The horizontal axis: frames of the recording that are shown.
struct Time {
    frames: Range<usize>,
    rate: f64,
}

impl Time {
    fn at(&self, frame: f64) -> f64 {
        let (from, all) = (self.frames.start as f64, self.frames.len().max(1) as f64);
        LEFT + (frame - from) / all * (RIGHT - LEFT)
    }

    fn axis(&self) -> String {
        let mut text = String::new();
        let y = DIFFERENCE.1;
        let step = round_up(self.frames.len().max(1) as f64 / self.rate / 8.0);
        let number = |frame: usize| frame as f64 / self.rate / step;
        let last = number(self.frames.end).floor() as i64;
        for tick in number(self.frames.start).ceil() as i64..=last {
            let seconds = tick as f64 * step;
            let x = self.at(seconds * self.rate);
            // Sums of tenths are not quite tenths.
            let seconds = (seconds * 1e6).round() / 1e6;
            let _ = writeln!(
                text,
                "<path class=\"line\" d=\"M{x:.1} {y}v5\"/>\n\
                 <text class=\"small middle\" x=\"{x:.1}\" y=\"{}\">{seconds}</text>",
                y + 19.0
            );
        }
        let _ = writeln!(
            text,
            "<text class=\"small middle\" x=\"{}\" y=\"{}\">seconds of the recording</text>",
            (LEFT + RIGHT) / 2.0,
            y + 42.0
        );
        text
    }
}

/// One of the two charts, around 0.
struct Chart {
    top: f64,
    bottom: f64,
    /// What its upper edge is.
    most: f64,
}

impl Chart {
    /// One that `peak` fits into, at the height `place`.
    fn new((top, bottom): (f64, f64), peak: i32) -> Self {
        let peak = f64::from(peak.max(1));
        let decade = 10f64.powf(peak.log10().floor());
        let most = (peak / decade).ceil() * decade;
        Self { top, bottom, most }
    }

    fn y(&self, value: f64) -> f64 {
        (self.top + self.bottom) / 2.0 - value / self.most * (self.bottom - self.top) / 2.0
    }

    fn axes(&self) -> String {
        let mut text = String::new();
        for value in [-self.most, 0.0, self.most] {
            let y = self.y(value);
            let _ = writeln!(
                text,
                "<path class=\"thin\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\n\
                 <text class=\"small end\" x=\"{}\" y=\"{:.1}\">{value}</text>",
                LEFT - 8.0,
                y + 4.5
            );
        }
        let _ = writeln!(
            text,
            "<path class=\"line\" d=\"M{LEFT} {}V{}\"/>",
            self.top, self.bottom
        );
        text
    }

    /// `samples`, which begin at the frame `from` of the recording: of each column the extremes.
    fn line(&self, class: &str, width: f64, x: &Time, samples: &[i32], from: usize) -> String {
        let mut path = String::new();
        let shown = x.frames.start.saturating_sub(from)
            ..x.frames.end.saturating_sub(from).min(samples.len());
        let first = shown.start + from;
        for (at, least, greatest) in envelope(samples.get(shown).unwrap_or_default()) {
            let how = if path.is_empty() { 'M' } else { 'L' };
            let x = x.at((first + at) as f64);
            let (low, high) = (self.y(f64::from(least)), self.y(f64::from(greatest)));
            let _ = write!(path, "{how}{x:.1} {low:.1}V{high:.1}");
        }
        format!("<path class=\"{class}\" style=\"stroke-width:{width}\" d=\"{path}\"/>\n")
    }
}

/// The first frame, the least and the greatest sample of each column.
fn envelope(samples: &[i32]) -> Vec<(usize, i32, i32)> {
    let width = samples.len().div_ceil((RIGHT - LEFT) as usize).max(1);
    let columns = samples.chunks(width).enumerate();
    let extremes = |(number, column): (usize, &[i32])| {
        Some((number * width, *column.iter().min()?, *column.iter().max()?))
    };
    columns.filter_map(extremes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peak_is_lost() {
        let mut samples = vec![0; 100_000];
        samples[54_321] = 1234;
        let columns = envelope(&samples);
        assert!(columns.len() <= (RIGHT - LEFT) as usize);
        assert!(columns.iter().any(|(_, _, greatest)| *greatest == 1234));
    }

    #[test]
    fn numbers_at_an_axis_are_round() {
        let round = [0.11, 0.2, 1.0, 3.0, 60.0].map(round_up);
        assert_eq!(round, [0.2, 0.2, 1.0, 5.0, 100.0]);
        let most = [0, 1, 4_799, 32_768].map(|peak| Chart::new(WAVES, peak).most);
        assert_eq!(most, [1.0, 1.0, 5_000.0, 40_000.0]);
    }

    /// A second of silence with a sound in the middle, and that sound.
    fn recorded() -> (Sound, Sound) {
        let sound = |samples: Vec<i16>| Sound {
            rate: 48_000,
            channels: 1,
            samples,
        };
        let played: Vec<i16> = (0..4_800).map(|i| i as i16).collect();
        let mut all = vec![0; 48_000];
        all[20_000..24_800].copy_from_slice(&played);
        (sound(played), sound(all))
    }

    #[test]
    fn the_picture_shows_the_sound_and_says_that_nothing_differs() {
        let (played, all) = recorded();
        let text = svg(&played, &all, 20_000);
        assert!(text.contains("0 in all 48000 frames"), "{text}");
        // The sound lasts from 0.417 to 0.517 s.
        assert!(text.contains(">0.42<") && text.contains(">0.52<"), "{text}");
        assert!(
            !text.contains(">0.4<") && !text.contains(">0.54<"),
            "{text}"
        );
        for name in [">5000<", ">1<", ">-1<", "prefers-color-scheme: dark"] {
            assert!(text.contains(name), "{name}: {text}");
        }
    }

    #[test]
    fn a_wrong_frame_is_seen() {
        let (played, mut all) = recorded();
        all.samples[22_000] += 100;
        let text = svg(&played, &all, 20_000);
        assert!(text.contains("not 0 in 1 of 48000 frames"), "{text}");
        assert!(text.contains(">100<"), "{text}");
    }

    #[test]
    fn what_was_not_recorded_can_be_drawn() {
        let (played, _) = recorded();
        let nothing = Sound {
            rate: 48_000,
            channels: 1,
            samples: Vec::new(),
        };
        assert!(svg(&played, &nothing, 0).starts_with("<svg"));
        assert!(svg(&nothing, &nothing, 0).starts_with("<svg"));
    }
}
