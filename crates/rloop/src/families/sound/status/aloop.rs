// SPDX-License-Identifier: MIT OR Apache-2.0

//! snd-aloop's `cable#0` and `cable#1`: for each substream `valid`, `running` and `pause` bits
//! (1 playback, 2 capture) and, where an end is open, some of its parameters, in bytes.
//! Format, channels and positions in frames can't be had from it.

use super::model::{CableStatus, EndStatus, ParseError};

/// Reads one file, of a card with `subdevices` of them (the file always lists eight).
pub fn parse(file: &str, subdevices: u32) -> Result<Vec<CableStatus>, ParseError> {
    let mut cables: Vec<(CableStatus, Masks)> = Vec::new();
    let mut playback = true;
    for (line, content) in (1..).zip(file.lines()) {
        let content = content.trim();
        if let Some(place) = content.strip_prefix("Cable ") {
            let (device, substream) = heading(place).ok_or_else(|| ParseError {
                line,
                expected: "Cable N substream N:".to_owned(),
                came: content.to_owned(),
            })?;
            let cable = CableStatus {
                playback_at: format!("{device},{substream}"),
                capture_at: format!("{},{substream}", 1 - device.min(1)),
                ..CableStatus::default()
            };
            cables.push((cable, Masks::default()));
            continue;
        }
        let Some((cable, masks)) = cables.last_mut() else {
            continue;
        };
        let value = |text: &str| text.trim().parse::<u64>().ok();
        match content.split_once(':') {
            Some(("valid", v)) => masks.valid = value(v).unwrap_or(0),
            Some(("running", v)) => masks.running = value(v).unwrap_or(0),
            Some(("pause", v)) => masks.pause = value(v).unwrap_or(0),
            Some((key, v)) => detail(cable, playback, key, value(v)),
            None if content == "Playback" => playback = true,
            None if content == "Capture" => playback = false,
            None => {}
        }
    }
    Ok(cables
        .into_iter()
        .take(subdevices as usize)
        .map(|(cable, masks)| finish(cable, masks))
        .collect())
}

#[derive(Default)]
struct Masks {
    valid: u64,
    running: u64,
    pause: u64,
}

fn heading(place: &str) -> Option<(u32, u32)> {
    let (device, substream) = place.trim_end_matches(':').split_once(" substream ")?;
    Some((device.parse().ok()?, substream.parse().ok()?))
}

/// Sizes are in bytes there; `sample_align` (bytes in a frame) comes after them and converts them.
fn detail(cable: &mut CableStatus, playback: bool, key: &str, value: Option<u64>) {
    let end = if playback {
        &mut cable.playback
    } else {
        &mut cable.capture
    };
    match key {
        "buffer_size" => end.buffer = value,
        "period_size" => end.period = value,
        "bytes_per_sec" => cable.rate = value.and_then(|v| u32::try_from(v).ok()),
        "sample_align" => {
            let align = value.unwrap_or(1).max(1);
            end.buffer = end.buffer.map(|b| b / align);
            end.period = end.period.map(|p| p / align);
            cable.rate = cable.rate.map(|r| r / u32::try_from(align).unwrap_or(1));
        }
        "rate_shift" => cable.rate_shift = value.and_then(|v| u32::try_from(v).ok()),
        _ => {}
    }
}

fn finish(mut cable: CableStatus, masks: Masks) -> CableStatus {
    let state = |end: &EndStatus, bit: u64| {
        let open = end.buffer.is_some();
        match (masks.running & bit, masks.pause & bit, masks.valid & bit) {
            (_, 1.., _) => "paused",
            (1.., ..) => "running",
            (_, _, 1..) => "prepared",
            _ if open => "open",
            _ => "closed",
        }
    };
    cable.playback.state = state(&cable.playback, 1).to_owned();
    cable.capture.state = state(&cable.capture, 2).to_owned();
    cable.state = match (masks.running, masks.valid) {
        (1.., _) => "running",
        (_, 1..) => "fixed",
        _ => "idle",
    }
    .to_owned();
    // It shows 0 until the parameters are set.
    cable.rate = cable.rate.filter(|&r| r > 0);
    for end in [&mut cable.playback, &mut cable.capture] {
        end.buffer = end.buffer.filter(|&b| b > 0);
        end.period = end.period.filter(|&p| p > 0);
    }
    cable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playing_and_an_idle_substream() {
        let file = "Cable 1 substream 0:\n  valid: 1\n  running: 1\n  pause: 0\n  Playback\n    buffer_size:\t65536\n\
            \x20   buffer_pos:\t\t768\n    silent_size:\t0\n    period_size:\t16384\n    bytes_per_sec:\t192000\n\
            \x20   sample_align:\t4\n    rate_shift:\t\t100000\n    update_pending:\t0\n  Capture\n    inactive\n\
            Cable 1 substream 1:\n  inactive\nCable 1 substream 2:\n  inactive\n";
        let cables = parse(file, 2).unwrap();
        assert_eq!(cables.len(), 2);
        assert_eq!(
            (
                cables[0].playback_at.as_str(),
                cables[0].capture_at.as_str()
            ),
            ("1,0", "0,0")
        );
        assert_eq!(
            (
                cables[0].rate,
                cables[0].playback.buffer,
                cables[0].playback.period
            ),
            (Some(48_000), Some(16_384), Some(4096))
        );
        assert_eq!(
            (
                cables[0].state.as_str(),
                cables[0].playback.state.as_str(),
                cables[0].capture.state.as_str()
            ),
            ("running", "running", "closed")
        );
        assert_eq!(cables[1].state, "idle");
    }
}
