// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters: from what the administrator wrote to what a device is made of.

use super::fifo::ATOMIC;
use crate::lib::model::decode::is_level;
use crate::lib::model::format::{Format, FORMATS};
use crate::lib::model::number::truth;
use crate::lib::model::parameters::{
    bad, number, switch, written, Allowed, BadParameter, CardNames,
};

/// The card's id if nothing else is asked for.
pub const ID_DEFAULT: &str = "sad";
/// The card's name if nothing else is asked for.
pub const NAME_DEFAULT: &str = "Simple Audio Device";
/// The lowest rate in samples per second, which is that of telephones, and the highest.
pub const RATES: (u32, u32) = (8_000, 192_000);
/// The smallest FIFO in samples, and the largest.
pub const BUFFERS: (u32, u32) = (2 * ATOMIC as u32, 1 << 20);

// The same, but for `enable`, as in the table of `bindings/helpers.c`.
written! {
    index: "-1",
    id: ID_DEFAULT,
    name: NAME_DEFAULT,
    rate: "8000",
    format: "mulaw",
    buffer: "8192",
    parport: "-1",
    strobe: "1",
}

/// What a device is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config<'a> {
    /// What the card is called.
    pub names: CardNames<'a>,
    /// Samples per second, in [`RATES`].
    pub rate: u32,
    /// What a sample is written as: its bytes are at most four.
    pub format: &'static Format,
    /// The FIFO's size in samples, in [`BUFFERS`].
    pub buffer: u32,
    /// The number of the parallel port that samples leave by, if any.
    pub parport: Option<u32>,
    /// Whether the parallel port's strobe line tells of each of them.
    pub strobe: bool,
}

/// Reads what was written for one device. `cards` is how many cards the kernel can have.
///
/// # Errors
///
/// The first value that is not allowed.
pub fn parse<'a>(written: &Written<'a>, cards: u32) -> Result<Config<'a>, BadParameter<'a>> {
    let names = [written.index, written.id, written.name];
    let names = CardNames::parse(names, (ID_DEFAULT, NAME_DEFAULT), cards)?;
    let value = |parameter, text, (least, most): (u32, u32), default: u32| {
        let (least, most) = (i64::from(least), i64::from(most));
        let value = number(parameter, text, least..=most, Allowed::Number(least, most))?;
        Ok(value.map_or(default, i32::unsigned_abs))
    };
    let format = written.format.unwrap_or("mulaw");
    let Some(format) = by_name(format) else {
        let allowed =
            "mulaw, alaw, or the name of a sample format of up to 32 bits such as U8 or S16_LE";
        return bad("format", format, Allowed::Words(allowed));
    };
    let ports = Allowed::Number(-1, i64::from(PORT_MAX));
    let parport = number("parport", written.parport, -1..=PORT_MAX.into(), ports)?;
    Ok(Config {
        names,
        rate: value("rate", written.rate, RATES, RATES.0)?,
        format,
        buffer: value("buffer", written.buffer, BUFFERS, BUFFERS.0)?,
        parport: parport.and_then(|number| u32::try_from(number).ok()),
        strobe: switch("strobe", written.strobe, truth)?.unwrap_or(true),
    })
}

/// The highest number of a parallel port.
const PORT_MAX: u32 = 255;

/// The format of this name, in letters of any case.
fn by_name(name: &str) -> Option<&'static Format> {
    let name = match name {
        "mulaw" => "MU_LAW",
        "alaw" => "A_LAW",
        name => name,
    };
    let mut levels = FORMATS.iter().filter(|format| is_level(format));
    levels.find(|format| format.name.eq_ignore_ascii_case(name))
}
