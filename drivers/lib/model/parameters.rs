// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Values of module parameters, parsed as the kernel does, and the message about one that is not
//! allowed.

use core::fmt;
use core::ops::RangeInclusive;

use super::limits::{parse_formats, Limits, Ranges};
use super::number::{integer, truth};

pub use crate::written;

/// The longest name of a card, in bytes (`struct snd_card`, `shortname`).
pub const NAME_MAX: usize = 31;

/// The text that stands for a value that is not UTF-8. No parameter takes it.
pub const NOT_UTF8: &str = "(not UTF-8)";

/// A value of a parameter that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadParameter<'a> {
    /// The parameter's name.
    pub parameter: &'static str,
    /// The value as it was written.
    pub value: &'a str,
    /// The values that are allowed.
    pub allowed: Allowed,
}

/// The values that a parameter allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A whole number in a range, both ends included.
    Number(i64, i64),
    /// The values of `index` where cards have numbers up to this.
    Index(u32),
    /// The words, as the message says them.
    Words(&'static str),
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Index(most) => write!(
                f,
                "a whole number from 0 to {most}, -1 for the first that is free, or a negative \
                 mask of the numbers that are allowed, such as -2 for any but 0"
            ),
            Self::Words(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for BadParameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "parameter {}={} is not allowed: must be {}",
            self.parameter, self.value, self.allowed
        )
    }
}

/// Parses a switch by `read`; `None` where nothing was written.
///
/// # Errors
///
/// A [`BadParameter`] if the value is not allowed.
pub fn switch<'a>(
    parameter: &'static str,
    written: Option<&'a str>,
    read: fn(&str) -> Option<bool>,
) -> Result<Option<bool>, BadParameter<'a>> {
    let Some(value) = written else {
        return Ok(None);
    };
    let allowed = "1, y, on, 0, n or off";
    read(value)
        .map(Some)
        .ok_or(bad_value(parameter, value, allowed))
}

/// Parses `enable`; `None` where nothing was written.
///
/// # Errors
///
/// A [`BadParameter`] if the value is no truth value.
pub fn parse_enable(written: Option<&str>) -> Result<Option<bool>, BadParameter<'_>> {
    switch("enable", written, truth)
}

/// Parses a whole number in `range`; `None` where nothing was written. `allowed` is what the
/// message says.
///
/// # Errors
///
/// A [`BadParameter`] if the value is not allowed.
pub fn number<'a>(
    parameter: &'static str,
    written: Option<&'a str>,
    range: RangeInclusive<i64>,
    allowed: Allowed,
) -> Result<Option<i32>, BadParameter<'a>> {
    let Some(value) = written else {
        return Ok(None);
    };
    match integer(value).filter(|number| range.contains(&i64::from(*number))) {
        Some(number) => Ok(Some(number)),
        None => bad(parameter, value, allowed),
    }
}

/// Refuses `value` of `parameter`.
///
/// # Errors
///
/// Always.
pub fn bad<'a, T>(
    parameter: &'static str,
    value: &'a str,
    allowed: Allowed,
) -> Result<T, BadParameter<'a>> {
    Err(BadParameter {
        parameter,
        value,
        allowed,
    })
}

/// The refusal of a `value` that is none of the words that are `allowed`.
pub fn bad_value<'a>(
    parameter: &'static str,
    value: &'a str,
    allowed: &'static str,
) -> BadParameter<'a> {
    BadParameter {
        parameter,
        value,
        allowed: Allowed::Words(allowed),
    }
}

/// Generates the struct `Written` and the table `PARAMETERS` from pairs of a parameter's name and
/// its default: an `Option<&str>` for each.
#[macro_export]
macro_rules! written {
    ($($name:ident: $default:expr,)*) => {
        /// The values that were written for one card; `None` where none was.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Written<'a> {
            $(
                #[doc = concat!("`", stringify!($name), "=`")]
                pub $name: Option<&'a str>,
            )*
        }

        /// The parameters' names and defaults.
        #[allow(dead_code, reason = "whose devices are not made in configfs needs no list")]
        pub const PARAMETERS: &[(&str, &str)] = &[$((stringify!($name), $default),)*];

        impl<'a> Written<'a> {
            /// Asks `written` for the value of each parameter, in the order of [`PARAMETERS`].
            pub fn collect(mut written: impl FnMut(&'static str) -> Option<&'a str>) -> Self {
                Self {
                    $($name: written(stringify!($name)),)*
                }
            }
        }
    };
}

/// What a card is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardNames<'a> {
    /// The card's number; if negative, a mask of those that it may have, as `snd_card_new()` takes
    /// it.
    pub index: i32,
    /// The text that ALSA makes the card's id of: it keeps letters and digits, and appends `_1` and
    /// so on where the id is taken. If there is nothing, it takes the last word of the name.
    pub id: &'a str,
    /// The card's short and long name, 1 to [`NAME_MAX`] printable bytes.
    pub name: &'a str,
}

impl<'a> CardNames<'a> {
    /// Parses what was written to `index`, to `id` and to `name`; where nothing was, it is the
    /// first number that is free, and what `defaults` says of id and name. `cards` is how many
    /// cards the kernel can have.
    ///
    /// # Errors
    ///
    /// A [`BadParameter`] if a value is not allowed.
    pub fn parse(
        [index, id, name]: [Option<&'a str>; 3],
        defaults: (&'a str, &'a str),
        cards: u32,
    ) -> Result<Self, BadParameter<'a>> {
        let last = cards.saturating_sub(1);
        let indices = i64::from(i32::MIN)..=i64::from(last);
        let index = number("index", index, indices, Allowed::Index(last))?;
        if let Some(value) = id.filter(|id| *id == NOT_UTF8) {
            let allowed = "UTF-8, best letters and digits";
            return bad("id", value, Allowed::Words(allowed));
        }
        if let Some(value) = name.filter(|name| !is_name(name)) {
            let allowed = "1 to 31 printable bytes of UTF-8";
            return bad("name", value, Allowed::Words(allowed));
        }
        Ok(Self {
            index: index.unwrap_or(-1),
            id: id.unwrap_or(defaults.0),
            name: name.unwrap_or(defaults.1),
        })
    }
}

/// Parses `formats`, `rates` and `channels`.
///
/// # Errors
///
/// A [`BadParameter`] if the value is not allowed.
pub fn limits<'a>(
    formats: Option<&'a str>,
    rates: Option<&'a str>,
    channels: Option<&'a str>,
) -> Result<Limits, BadParameter<'a>> {
    let mut limits = Limits::NONE;
    if let Some(value) = formats {
        let names = "all, or names of sample formats such as S16_LE, with spaces between";
        limits.formats = parse_formats(value).ok_or(bad_value("formats", value, names))?;
    }
    if let Some(value) = rates {
        let allowed = "up to 16 numbers or ranges from 8000 to 768000, with spaces between";
        limits.rates =
            Ranges::parse(value, &limits.rates).ok_or(bad_value("rates", value, allowed))?;
    }
    if let Some(value) = channels {
        let allowed = "up to 16 numbers or ranges from 1 to 128, with spaces between";
        limits.channels =
            Ranges::parse(value, &limits.channels).ok_or(bad_value("channels", value, allowed))?;
    }
    Ok(limits)
}

/// Whether a card may have this name: 1 to [`NAME_MAX`] printable bytes.
fn is_name(name: &str) -> bool {
    name != NOT_UTF8 && (1..=NAME_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}
