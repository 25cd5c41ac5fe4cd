// SPDX-License-Identifier: MIT OR Apache-2.0

//! snd-rloop's `cable#N`: lines `key: value`, then the same in the sections `[playback]` and `[capture]`,
//! and `[capture 1]` and so on where there are several.
//! `-` stands for no value. Unknown keys are let through: a newer driver may say more.

use std::str::FromStr;

use super::model::{CableStatus, EndStatus, ParseError};

/// `device 0, subdevice 3` as `0,3`.
fn place(line: usize, value: &str) -> Result<String, ParseError> {
    let numbers: Option<(u32, u32)> = value.split_once(',').and_then(|(device, subdevice)| {
        Some((
            device.trim().strip_prefix("device ")?.parse().ok()?,
            subdevice.trim().strip_prefix("subdevice ")?.parse().ok()?,
        ))
    });
    numbers
        .map(|(d, s)| format!("{d},{s}"))
        .ok_or_else(|| ParseError {
            line,
            expected: "device N, subdevice N".to_owned(),
            came: value.to_owned(),
        })
}

fn number<T: FromStr>(line: usize, value: &str) -> Result<Option<T>, ParseError> {
    if value == "-" {
        return Ok(None);
    }
    value.parse().map(Some).map_err(|_| ParseError {
        line,
        expected: "a number or -".to_owned(),
        came: value.to_owned(),
    })
}

fn switch(line: usize, value: &str) -> Result<Option<bool>, ParseError> {
    match value {
        "on" => Ok(Some(true)),
        "off" => Ok(Some(false)),
        "-" => Ok(None),
        _ => Err(ParseError {
            line,
            expected: "on, off or -".to_owned(),
            came: value.to_owned(),
        }),
    }
}

fn text(value: &str) -> Option<String> {
    (value != "-").then(|| value.to_owned())
}

/// Reads one file.
pub fn parse(file: &str) -> Result<CableStatus, ParseError> {
    let mut cable = CableStatus::default();
    let mut section = "";
    for (line, content) in (1..).zip(file.lines()) {
        let content = content.trim();
        if content.is_empty() {
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|c| c.strip_suffix(']')) {
            section = name;
            if section.starts_with("capture ") {
                cable.more_captures.push(EndStatus::default());
            }
            continue;
        }
        let (key, value) = content.split_once(':').ok_or_else(|| ParseError {
            line,
            expected: "key: value".to_owned(),
            came: content.to_owned(),
        })?;
        let (key, value) = (key.trim(), value.trim());
        match section {
            "" => match key {
                "playback" => cable.playback_at = place(line, value)?,
                "capture" => cable.capture_at = place(line, value)?,
                "state" => cable.state = value.to_owned(),
                "format" => cable.format = text(value),
                "rate" => cable.rate = number(line, value)?,
                "channels" => cable.channels = number(line, value)?,
                "clock" => cable.clock = text(value),
                "wakeup slack" => cable.wakeup_slack = number(line, value)?,
                "timer expiries" => cable.timer_expiries = number(line, value)?,
                "delay" => cable.delay = number(line, value)?,
                "notify" => cable.notify = switch(line, value)?,
                "pitch" => cable.pitch = number(line, value)?,
                "rate shift" => cable.rate_shift = number(line, value)?,
                "timer source" => cable.timer_source = text(value),
                "timer state" => cable.timer_state = text(value),
                "timer ppm" => cable.timer_ppm = number(line, value)?,
                "timer ticks" => cable.timer_ticks = number(line, value)?,
                "timer breaks" => cable.timer_breaks = number(line, value)?,
                _ => {}
            },
            "playback" => end(&mut cable.playback, line, key, value)?,
            "capture" => end(&mut cable.capture, line, key, value)?,
            _ => {
                if let Some(last) = cable.more_captures.last_mut() {
                    end(last, line, key, value)?;
                }
            }
        }
    }
    if cable.state.is_empty() || cable.playback.state.is_empty() || cable.capture.state.is_empty() {
        return Err(ParseError {
            line: file.lines().count(),
            expected: "a state for the cable, for [playback] and for [capture]".to_owned(),
            came: "the end of the file".to_owned(),
        });
    }
    Ok(cable)
}

fn end(end: &mut EndStatus, line: usize, key: &str, value: &str) -> Result<(), ParseError> {
    match key {
        "state" => end.state = value.to_owned(),
        "access" => end.access = text(value),
        "period" => end.period = number(line, value)?,
        "buffer" => end.buffer = number(line, value)?,
        "position" => end.position = number(line, value)?,
        "moved" => end.moved = number(line, value)?,
        "unheard" => end.unheard = number(line, value)?,
        "silence" => end.silence = number(line, value)?,
        "lost" => end.lost = number(line, value)?,
        "xruns" => end.xruns = number(line, value)?,
        "wakeups" => end.wakeups = number(line, value)?,
        "late wakeups" => end.late_wakeups = number(line, value)?,
        "served" => end.served = number(line, value)?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "cable: 0\nplayback: device 0, subdevice 3\ncapture: device 1, subdevice 3\nstate: running\n\
        format: S16_LE\nrate: 48000\nchannels: 2\nclock: timer\nwakeup slack: 4000\ntimer expiries: 480\ndelay: 480\npitch: 1000050\nrate shift: 99995\nnotify: on\nsomething new: 1\n\
        timer source: hw:1.0\ntimer state: following\ntimer ppm: -12.345\ntimer ticks: 99\ntimer breaks: 0\n\n[playback]\nstate: running\n\
        access: MMAP_INTERLEAVED\nperiod: 1024\nbuffer: 4096\nposition: 480123\nmoved: 480123\nunheard: 0\nlost: 0\n\
        xruns: 0\nwakeups: 468\nlate wakeups: 2\nserved: 470\n\n[capture]\nstate: closed\naccess: -\nperiod: -\nbuffer: -\n\
        position: -\nmoved: 7\nsilence: 9\nlost: 1\nxruns: 0\nwakeups: 0\nlate wakeups: 0\n";

    #[test]
    fn a_whole_file() {
        let cable = parse(FILE).unwrap();
        assert_eq!(
            (cable.playback_at.as_str(), cable.capture_at.as_str()),
            ("0,3", "1,3")
        );
        assert_eq!(cable.notify, Some(true));
        assert_eq!(
            (cable.pitch, cable.rate_shift),
            (Some(1_000_050), Some(99_995))
        );
        assert_eq!(
            (cable.clock.as_deref(), cable.delay),
            (Some("timer"), Some(480))
        );
        assert_eq!(
            (cable.rate, cable.channels, cable.format.as_deref()),
            (Some(48_000), Some(2), Some("S16_LE"))
        );
        assert_eq!(cable.playback.late_wakeups, Some(2));
        assert_eq!(
            (cable.timer_expiries, cable.playback.served),
            (Some(480), Some(470))
        );
        assert_eq!(cable.wakeup_slack, Some(4_000));
        assert_eq!(cable.timer_source.as_deref(), Some("hw:1.0"));
        assert_eq!(cable.timer_state.as_deref(), Some("following"));
        assert_eq!(
            (cable.timer_ppm, cable.timer_ticks, cable.timer_breaks),
            (Some(-12.345), Some(99), Some(0))
        );
        assert_eq!(
            (
                cable.capture.period,
                cable.capture.silence,
                cable.capture.lost
            ),
            (None, Some(9), Some(1))
        );
    }

    #[test]
    fn several_readers() {
        let file =
            format!("{FILE}\n[capture 1]\nstate: running\nmoved: 5\n\n[capture 2]\nstate: open\n");
        let cable = parse(&file).unwrap();
        assert_eq!(cable.capture.moved, Some(7));
        let states: Vec<_> = cable
            .more_captures
            .iter()
            .map(|e| (&e.state[..], e.moved))
            .collect();
        assert_eq!(states, [("running", Some(5)), ("open", None)]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = parse(&FILE.replace("period: 1024", "period: many")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 25: expected a number or -, came \"many\""
        );
        let error = parse(&FILE.replace("notify: on", "notify: yes")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 14: expected on, off or -, came \"yes\""
        );
        assert!(parse("nonsense").is_err());
        assert!(parse("").is_err());
    }
}
