// SPDX-License-Identifier: MIT OR Apache-2.0

//! The pitch: how exactly the rate follows it, and how soon.

use std::time::Duration;

use alsa::ctl::{Ctl, ElemType};

use super::figures::{Pitch, Pitched, Setting};
use super::given::Bench;
use super::jitter::rounded;
use super::reader::{Reader, Reading, prompt};
use crate::alsa::pcm::{Address, Config};
use crate::families::sound::loopback::Cable;
use crate::families::sound::loopback::elements;
use crate::families::sound::loopback::elements::timed;
use rig::clock::{now, seconds, sleep_until, whole_second};
use rig::stats::{Line, Spread, round};
use rig::verdict::{Problem, Verdict, skip};

/// An element that sets the pitch.
struct Element {
    name: &'static str,
    /// Its value for the nominal rate.
    nominal: i32,
    /// Whether it belongs to the playback end.
    playback: bool,
}

const ELEMENTS: [Element; 2] = [
    Element {
        name: elements::PITCH,
        nominal: 1_000_000,
        playback: true,
    },
    Element {
        name: elements::RATE_SHIFT,
        nominal: 100_000,
        playback: false,
    },
];
/// Between two readings while the rate is measured.
const PAUSE: Duration = Duration::from_micros(21_700);
/// How often the pitch is changed to see how soon that takes effect.
const CHANGES: usize = 20;
/// How long the position is read before a change, and after one has surely taken effect.
const WINDOW: Duration = Duration::from_millis(100);
/// When it surely has: later than the next period, whatever the tick.
const SETTLED: Duration = Duration::from_millis(40);

impl Element {
    /// The end of `cable` that it belongs to.
    fn at(&self, cable: &Cable) -> Address {
        if self.playback {
            cable.playback
        } else {
            cable.capture
        }
    }

    /// Sets it for `cable`.
    fn set(&self, ctl: &Ctl, cable: &Cable, value: i32) -> Verdict {
        elements::set(ctl, self.name, self.at(cable), value)
    }
}

/// Tries both elements.
pub fn measure(bench: &Bench<'_>) -> Vec<Pitched> {
    ELEMENTS
        .iter()
        .map(|element| {
            bench.say(element.name);
            Pitched {
                element: element.name.to_owned(),
                pitch: one(bench, element).into(),
            }
        })
        .collect()
}

fn one(bench: &Bench<'_>, element: &Element) -> Verdict<Pitch> {
    let card = bench.card();
    let ctl = Ctl::new(&format!("hw:{}", card.index), false)
        .map_err(|e| Problem::Failed(format!("control device: {e}")))?;
    let cables = timed(card);
    let Some(first) = cables.first() else {
        return skip("the card has no cable with a clock");
    };
    let at = element.at(first);
    if elements::value(&ctl, element.name, ElemType::Integer, at).is_err() {
        return skip("the card has no such element");
    }
    let tried = tried(element.nominal);
    if cables.len() < tried.len() {
        return skip(format!(
            "{} cables with a clock are needed, it has {}",
            tried.len(),
            cables.len()
        ));
    }
    let cables = &cables[..tried.len()];
    let pitch = rates(bench, element, &ctl, cables, &tried).and_then(|rates| {
        bench.say(&format!("{}: time to effect", element.name));
        let effect_us = effect(element, &ctl, &cables[0])?;
        Ok(judge(element.nominal, &rates, effect_us))
    });
    for cable in cables {
        element.set(&ctl, cable, element.nominal)?;
    }
    pitch
}

/// Nominal, the finest step, 100 ppm, and the ends of the range.
fn tried(nominal: i32) -> [i32; 5] {
    [
        nominal,
        nominal + 1,
        nominal + nominal / 10_000,
        nominal / 5 * 4,
        nominal / 5 * 6,
    ]
}

/// All settings at once, each on a cable of its own: the values, and how many times the nominal
/// rate came.
fn rates(
    bench: &Bench<'_>,
    element: &Element,
    ctl: &Ctl,
    cables: &[Cable],
    tried: &[i32],
) -> Verdict<Vec<(i32, f64)>> {
    let config = config();
    let mut readers = Vec::new();
    for (cable, value) in cables.iter().zip(tried) {
        element.set(ctl, cable, *value)?;
        readers.push(Reader::start(cable.playback, &config)?);
    }
    whole_second();
    let begin = now();
    let mut readings = vec![Vec::new(); readers.len()];
    let mut next = begin;
    while next < begin + Duration::from_secs(bench.seconds) {
        for (reader, readings) in readers.iter().zip(&mut readings) {
            readings.push(reader.read()?);
        }
        next += PAUSE;
        sleep_until(next);
    }
    Ok(tried
        .iter()
        .zip(&readings)
        .filter_map(|(value, readings)| {
            let points: Vec<_> = prompt(readings).iter().map(|r| r.point(begin)).collect();
            Some((*value, Line::fit(&points)?.slope / f64::from(config.rate)))
        })
        .collect())
}

/// snd-aloop's element says how much time is stretched, the gadget's how fast it goes: which of
/// the two an element means is seen from its greatest value.
fn judge(nominal: i32, rates: &[(i32, f64)], effect_us: Spread) -> Pitch {
    let greater_is_faster = rates
        .iter()
        .max_by_key(|(value, _)| *value)
        .is_none_or(|(_, rate)| *rate > 1.0);
    let settings = rates
        .iter()
        .map(|(value, rate)| {
            let set = f64::from(*value) / f64::from(nominal);
            let want = if greater_is_faster { set } else { 1.0 / set };
            Setting {
                value: *value,
                error_ppm: round((rate / want - 1.0) * 1e6, 3),
            }
        })
        .collect();
    Pitch {
        greater_is_faster,
        settings,
        effect_us,
    }
}

/// Two seconds of buffer, and short periods: some cards take up a pitch at the end of one.
fn config() -> Config {
    Config::default().with_buffer(480, 200)
}

/// One change of the pitch.
struct Change {
    /// The middle of the call that wrote it.
    written: Duration,
    before: Vec<Reading>,
    after: Vec<Reading>,
}

/// How long a change of the pitch takes to change the speed.
fn effect(element: &Element, ctl: &Ctl, cable: &Cable) -> Verdict<Spread> {
    let fast = element.nominal / 5 * 6;
    element.set(ctl, cable, element.nominal)?;
    let reader = Reader::start(cable.playback, &config())?;
    let mut changes = Vec::new();
    for number in 0..CHANGES {
        // At any moment of a period.
        sleep_until(now() + SETTLED + Duration::from_micros(1234 * number as u64));
        let before = reader.read_for(WINDOW)?;
        let value = [fast, element.nominal][number % 2];
        let writing = now();
        element.set(ctl, cable, value)?;
        let written = (writing + now()) / 2;
        sleep_until(written + SETTLED);
        changes.push(Change {
            written,
            before,
            after: reader.read_for(WINDOW)?,
        });
    }
    let late: Vec<f64> = moments(&changes)
        .iter()
        .zip(&changes)
        .map(|(moment, change)| (moment - seconds(change.written)) * 1e6)
        .collect();
    Spread::of(&late)
        .map(|spread| rounded(&spread))
        .ok_or_else(|| Problem::Failed("no change of the speed was seen".to_owned()))
}

/// When the speed changed: where the lines before and after meet. Each line has the slope that all
/// of its kind have on average, and only its height from its own readings: a card whose position
/// moves in steps shows the slope badly in so short a time.
fn moments(changes: &[Change]) -> Vec<f64> {
    let Some(origin) = changes.first().map(|c| c.written) else {
        return Vec::new();
    };
    let points = |readings: &[Reading]| -> Vec<_> {
        let prompt = prompt(readings);
        prompt.iter().map(|r| r.point(origin)).collect()
    };
    let lines: Vec<[Vec<(f64, f64)>; 2]> = changes
        .iter()
        .map(|c| [points(&c.before), points(&c.after)])
        .collect();
    // Before an even change and after an odd one the pitch is nominal.
    let slope = |fast: usize| {
        let slopes: Vec<f64> = lines
            .iter()
            .enumerate()
            .flat_map(|(number, pair)| Some(Line::fit(&pair[(number + fast) % 2])?.slope))
            .collect();
        slopes.iter().sum::<f64>() / slopes.len().max(1) as f64
    };
    let slopes = [slope(0), slope(1)];
    lines
        .iter()
        .enumerate()
        .filter_map(|(number, [before, after])| {
            let before = Line::with_slope(before, slopes[number % 2])?;
            let after = Line::with_slope(after, slopes[1 - number % 2])?;
            Some(before.meets(&after)? + seconds(origin))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A card that moves in steps of `step` frames and takes up each change `late` seconds after it.
    fn changes(step: f64, late: f64) -> Vec<Change> {
        // Each 0.4 s the pitch changes, from 48 to 57.6 kHz and back.
        let frame = |time: f64| {
            let mut at = 0.0;
            let mut t = 0.0;
            while t < time {
                let number = ((t - late - 0.2) / 0.4).floor() + 1.0;
                let fast = number.rem_euclid(2.0) == 1.0;
                let next = (0.2 + late + number * 0.4).min(time);
                at += (next - t) * if fast { 57_600.0 } else { 48_000.0 };
                t = next.max(t + 1e-9);
            }
            ((at / step).floor() * step) as i64
        };
        let read = |from: f64| {
            (0..1000)
                .map(|i| from + f64::from(i) * 1e-4)
                .map(|time| Reading {
                    before: Duration::from_secs_f64(time),
                    frame: frame(time),
                    after: Duration::from_secs_f64(time),
                })
                .collect()
        };
        (0..CHANGES)
            .map(|number| 0.2 + number as f64 * 0.4)
            .map(|written| Change {
                written: Duration::from_secs_f64(written),
                before: read(written - 0.1),
                after: read(written + 0.04),
            })
            .collect()
    }

    fn late(step: f64, late: f64) -> Spread {
        let changes = changes(step, late);
        let late: Vec<f64> = moments(&changes)
            .iter()
            .zip(&changes)
            .map(|(m, c)| m - seconds(c.written))
            .collect();
        Spread::of(&late).unwrap()
    }

    #[test]
    fn an_exact_card_takes_a_pitch_up_at_once() {
        let late = late(1.0, 0.0);
        assert!(late.min.abs() < 20e-6 && late.max.abs() < 20e-6, "{late:?}");
    }

    #[test]
    fn what_comes_late_is_found_late() {
        let spread = late(1.0, 0.011);
        assert!((spread.p50 - 0.011).abs() < 20e-6, "{spread:?}");
        let spread = late(192.0, 0.011);
        assert!((spread.p50 - 0.011).abs() < 1e-3, "{spread:?}");
    }

    #[test]
    fn either_sense_of_an_element_is_understood() {
        let effect = late(1.0, 0.0);
        let rates = [(80_000, 0.8), (100_000, 1.0), (120_000, 1.2 * 1.000_005)];
        let pitch = judge(100_000, &rates, effect);
        assert!(pitch.greater_is_faster);
        assert_eq!(pitch.settings[0].error_ppm, 0.0);
        assert_eq!(pitch.settings[2].error_ppm, 5.0);
        let rates = [(80_000, 1.25), (100_000, 1.0), (120_000, 1.0 / 1.2)];
        let pitch = judge(100_000, &rates, effect);
        assert!(!pitch.greater_is_faster);
        assert!(pitch.settings.iter().all(|s| s.error_ppm == 0.0));
    }

    #[test]
    fn the_settings_are_within_the_range() {
        assert_eq!(tried(100_000), [100_000, 100_001, 100_010, 80_000, 120_000]);
        assert_eq!(tried(1_000_000)[2], 1_000_100);
    }
}
