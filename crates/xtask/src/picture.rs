// SPDX-License-Identifier: MIT OR Apache-2.0
//! A picture of what was played and what was recorded, over each other.

use std::path::Path;

use plotters::prelude::*;

use crate::audio::Sound;
use lab::error::{Error, Result};

/// In pixels.
const SIZE: (u32, u32) = (1200, 600);
/// Points along the time axis; each shows the extremes of its frames.
const COLUMNS: usize = 1000;

/// Draws both as SVG: the original from frame `offset` of the recording on, and
/// below it what is left when it is subtracted.
pub(crate) fn draw(original: &Sound, recording: &Sound, offset: usize, to: &Path) -> Result<()> {
    draw_inner(original, recording, offset, to).map_err(|e| Error::BadFile {
        path: to.to_path_buf(),
        problem: e.to_string(),
    })
}

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

fn draw_inner(original: &Sound, recording: &Sound, offset: usize, to: &Path) -> Drawn {
    let root = SVGBackend::new(to, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(SIZE.1 * 2 / 3);
    let channels = usize::from(original.channels.max(1));
    let played = first_channel(original, channels);
    let recorded = first_channel(recording, channels);
    let seconds = recording.seconds();
    let at = |frame: usize| frame as f64 / f64::from(recording.rate.max(1));

    let mut chart = ChartBuilder::on(&above)
        .caption(
            "played (wide, orange) and recorded (thin, blue)",
            ("sans-serif", 20),
        )
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..seconds, -32768.0..32767.0)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .light_line_style(WHITE)
        .draw()?;
    let orange = RGBColor(240, 150, 40).stroke_width(4);
    let blue = RGBColor(20, 60, 160).stroke_width(1);
    let line = |samples: &[i16], from: usize| -> Vec<(f64, f64)> {
        envelope(samples)
            .into_iter()
            .map(|(frame, value)| (at(frame + from), f64::from(value)))
            .collect()
    };
    chart.draw_series(LineSeries::new(line(&played, offset), orange))?;
    chart.draw_series(LineSeries::new(line(&recorded, 0), blue))?;

    let difference: Vec<i16> = recorded
        .iter()
        .enumerate()
        .map(|(frame, sample)| {
            let source = frame.checked_sub(offset).and_then(|i| played.get(i));
            sample.saturating_sub(source.copied().unwrap_or(0))
        })
        .collect();
    let mut chart = ChartBuilder::on(&below)
        .caption("recorded minus played", ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..seconds, -32768.0..32767.0)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .light_line_style(WHITE)
        .draw()?;
    chart.draw_series(LineSeries::new(line(&difference, 0), RED.stroke_width(1)))?;
    root.present()?;
    Ok(())
}

fn first_channel(sound: &Sound, channels: usize) -> Vec<i16> {
    sound.samples.iter().step_by(channels).copied().collect()
}

/// The least and the greatest sample of each column, with the column's frame.
fn envelope(samples: &[i16]) -> Vec<(usize, i16)> {
    let width = samples.len().div_ceil(COLUMNS).max(1);
    samples
        .chunks(width)
        .enumerate()
        .flat_map(|(i, column)| {
            let least = column.iter().copied().min().unwrap_or(0);
            let greatest = column.iter().copied().max().unwrap_or(0);
            [(i * width, least), (i * width, greatest)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peak_is_lost() {
        let mut samples = vec![0; 100_000];
        samples[54_321] = 1234;
        let line = envelope(&samples);
        assert!(line.len() <= 2 * COLUMNS);
        assert!(line.iter().any(|(_, v)| *v == 1234));
    }

    #[test]
    fn a_picture_is_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("x.svg");
        let sound = Sound {
            rate: 48000,
            channels: 1,
            samples: (0..4800).map(|i| i as i16).collect(),
        };
        draw(&sound, &sound, 0, &to).unwrap();
        let svg = std::fs::read_to_string(&to).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("recorded minus played"));
    }
}
