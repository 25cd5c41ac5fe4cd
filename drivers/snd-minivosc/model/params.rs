// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters: from what the administrator wrote to what a card is made of.

use super::oscillator::{Settings, Waveform, LEVEL_MAX, MILLIHERTZ_MAX, NAMES, WAVEFORMS};
use crate::lib::model::limits::{Limits, ALL};
use crate::lib::model::number::truth;
use crate::lib::model::parameters::{
    bad, limits, number, switch, written, Allowed, BadParameter, CardNames,
};

/// The card's id if nothing else is asked for.
pub const ID_DEFAULT: &str = "sndminivosc";
/// The card's name if nothing else is asked for.
pub const NAME_DEFAULT: &str = "MySoundCard Audio snd_minivosc";
/// The frequency if nothing else is asked for, in mHz: the concert pitch.
pub const MILLIHERTZ_DEFAULT: u32 = 440_000;

// The same, but for `enable`, as in the table of `bindings/helpers.c`.
written! {
    index: "-1",
    id: ID_DEFAULT,
    name: NAME_DEFAULT,
    formats: ALL,
    rates: "8000-768000",
    channels: "1-128",
    waveform: "sine",
    frequency: "440000",
    level: "65536",
    lift: "0",
    seed: "0",
    marks: "0",
}

/// What a card is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config<'a> {
    /// What the card is called.
    pub names: CardNames<'a>,
    /// What of all that it could do the card offers.
    pub limits: Limits,
    /// What it plays to begin with.
    pub settings: Settings,
    /// Whether the first frame of each period, and of each turn of the buffer, is a mark.
    pub marks: bool,
}

/// Reads what was written for one card. `cards` is how many cards the kernel can have.
///
/// # Errors
///
/// The first value that is not allowed.
pub fn parse<'a>(written: &Written<'a>, cards: u32) -> Result<Config<'a>, BadParameter<'a>> {
    let names = [written.index, written.id, written.name];
    let names = CardNames::parse(names, (ID_DEFAULT, NAME_DEFAULT), cards)?;
    let value = |parameter, text, most: u32, default: u32| {
        let most = i64::from(most);
        let value = number(parameter, text, 0..=most, Allowed::Number(0, most))?;
        Ok(value.map_or(default, i32::unsigned_abs))
    };
    let waveform = written.waveform.unwrap_or("sine");
    let Some(waveform) = by_name(waveform) else {
        let allowed = "sine, square, saw, impulse, counter, silence, noise or user";
        return bad("waveform", waveform, Allowed::Words(allowed));
    };
    Ok(Config {
        names,
        limits: limits(written.formats, written.rates, written.channels)?,
        settings: Settings {
            waveform,
            millihertz: value(
                "frequency",
                written.frequency,
                MILLIHERTZ_MAX,
                MILLIHERTZ_DEFAULT,
            )?,
            level: value("level", written.level, LEVEL_MAX, LEVEL_MAX)?,
            lift: value("lift", written.lift, LEVEL_MAX - 1, 0)?,
            seed: value("seed", written.seed, i32::MAX as u32, 0)?,
        },
        marks: switch("marks", written.marks, truth)?.unwrap_or(false),
    })
}

fn by_name(name: &str) -> Option<Waveform> {
    let place = NAMES.iter().position(|known| *known == name)?;
    WAVEFORMS.get(place).copied()
}
