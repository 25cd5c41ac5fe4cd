// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a card is doing: its control elements say what it plays, and ALSA's files who records it.

use std::fs;

use alsa::ctl::ElemType;
use driver_models::snd_minivosc::oscillator::{NAMES, SETTINGS, Setting};
use rig::verdict::{Problem, Verdict};
use serde::Serialize;

use super::DRIVER;
use super::controls::open_ctl;
use crate::alsa::card::Card;
use crate::alsa::pcm::{Address, Direction};
use crate::alsa::root::Root;
use crate::alsa::substream;
use crate::alsa::trouble::holder;
use crate::families::family::Status;
use crate::families::sound::loopback::elements::value;

/// What it plays.
#[derive(Debug, PartialEq, Serialize)]
struct Played {
    waveform: &'static str,
    millihertz: i32,
    level: i32,
    lift: i32,
}

/// Who records it, and how.
#[derive(Debug, PartialEq, Serialize)]
struct Recorded {
    by: String,
    /// What comes after each key of ALSA's file; nothing before it is set up.
    parameters: Option<Parameters>,
    /// The position, in frames.
    frames: u64,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Parameters {
    format: String,
    rate: u32,
    channels: u32,
    period: u64,
    buffer: u64,
}

/// What a card is doing.
pub fn of(card: &Card) -> Status {
    let at = Address {
        card: card.index,
        device: 0,
        subdevice: 0,
        direction: Direction::Capture,
    };
    let (played, recorded) = (played(at), recorded(card, at));
    let mut value = serde_json::json!(card);
    value["driver"] = DRIVER.into();
    if let Ok(played) = &played {
        value["played"] = serde_json::json!(played);
    }
    // What can't be seen is left out; null is nobody.
    if let Ok(recorded) = &recorded {
        value["recorded"] = serde_json::json!(recorded);
    }
    Status {
        text: shown(card, &played, &recorded),
        values: vec![value],
    }
}

fn played(at: Address) -> Verdict<Played> {
    let ctl = open_ctl(at)?;
    let get = |setting: Setting| {
        let kind = match setting {
            Setting::Waveform => ElemType::Enumerated,
            _ => ElemType::Integer,
        };
        value(&ctl, SETTINGS[setting as usize].1, kind, at)
    };
    let waveform = usize::try_from(get(Setting::Waveform)?).ok();
    Ok(Played {
        waveform: waveform.and_then(|n| NAMES.get(n)).unwrap_or(&"?"),
        millihertz: get(Setting::Frequency)?,
        level: get(Setting::Level)?,
        lift: get(Setting::Lift)?,
    })
}

fn recorded(card: &Card, at: Address) -> Verdict<Option<Recorded>> {
    let root = Root::default();
    let path = card.proc_file("pcm0c/sub0/hw_params");
    let failed = |e| Problem::Failed(format!("{} can't be read: {e}", path.display()));
    let stream = substream::read(&root.proc(), card.number, at).map_err(failed)?;
    let text = fs::read_to_string(&path).map_err(failed)?;
    Ok(match text.trim_end() {
        "closed" => None,
        text => Some(Recorded {
            by: holder(&root, card.number, at),
            parameters: parameters(text),
            frames: stream.map_or(0, |stream| stream.hw_ptr),
        }),
    })
}

/// What is in ALSA's file `hw_params`, if there is anything.
fn parameters(text: &str) -> Option<Parameters> {
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        let value = lines.find(|(known, _)| *known == key)?.1;
        value.split(' ').next()
    };
    let number = |key| value(key)?.parse::<u64>().ok();
    Some(Parameters {
        format: value("format")?.to_owned(),
        rate: number("rate")?.try_into().ok()?,
        channels: number("channels")?.try_into().ok()?,
        period: number("period_size")?,
        buffer: number("buffer_size")?,
    })
}

fn shown(card: &Card, played: &Verdict<Played>, recorded: &Verdict<Option<Recorded>>) -> String {
    let mut text = format!("{}: [{}], {DRIVER}\n", card.shown(), card.name);
    match played {
        Ok(played) => {
            let hertz = f64::from(played.millihertz) / 1_000.0;
            let full = f64::from(driver_models::snd_minivosc::oscillator::LEVEL_MAX);
            let level = 100.0 * f64::from(played.level) / full;
            text += &format!(
                "  plays {}, {hertz} Hz, level {level:.0} %",
                played.waveform
            );
            if played.lift > 0 {
                text += &format!(", lift {}", played.lift);
            }
            text += "\n";
        }
        Err(problem) => text += &format!("  {problem}\n"),
    }
    match recorded {
        Ok(None) => text += "  nobody records it\n",
        Ok(Some(recorded)) => {
            text += &format!("  recorded by {}", recorded.by);
            if let Some(p) = &recorded.parameters {
                text += &format!(
                    ": {}, {} Hz, {} ch, period {}, buffer {}, at frame {}",
                    p.format, p.rate, p.channels, p.period, p.buffer, recorded.frames
                );
            }
            text += "\n";
        }
        Err(problem) => text += &format!("  {problem}\n"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &str = "access: RW_INTERLEAVED\nformat: S16_LE\nsubformat: STD\nchannels: 2\n\
        rate: 48000 (48000/1)\nperiod_size: 6000\nbuffer_size: 24000\n";

    fn text(played: Verdict<Played>, recorded: Verdict<Option<Recorded>>) -> String {
        let card = Card {
            index: 1,
            number: 1,
            id: "osc".to_owned(),
            name: "An oscillator".to_owned(),
        };
        shown(&card, &played, &recorded)
    }

    fn sine() -> Verdict<Played> {
        Ok(Played {
            waveform: "sine",
            millihertz: 440_500,
            level: 32_768,
            lift: 0,
        })
    }

    #[test]
    fn a_card_that_nobody_records() {
        let want = "card 1 (osc): [An oscillator], snd-minivosc\n  plays sine, 440.5 Hz, level 50 %\n  nobody records it\n";
        assert_eq!(text(sine(), Ok(None)), want);
    }

    #[test]
    fn a_card_that_is_recorded() {
        let recorded = Recorded {
            by: "arecord (process 7)".to_owned(),
            parameters: parameters(PARAMETERS),
            frames: 4_711,
        };
        let text = text(sine(), Ok(Some(recorded)));
        let want = "  recorded by arecord (process 7): S16_LE, 48000 Hz, 2 ch, period 6000, buffer 24000, at frame 4711\n";
        assert!(text.ends_with(want), "{text}");
    }

    #[test]
    fn one_that_is_open_and_not_set_up_and_one_of_which_nothing_can_be_seen() {
        assert_eq!(parameters("no setup\n"), None);
        let why = || Problem::Failed("masked".to_owned());
        let text = text(Err(why()), Err(why()));
        assert!(
            text.ends_with("snd-minivosc\n  masked\n  masked\n"),
            "{text}"
        );
    }
}
