// SPDX-License-Identifier: GPL-2.0-only

//! Values of module parameters, read as the kernel reads them, and what is said of one that is not allowed.

use core::fmt;
use core::ops::RangeInclusive;

use super::number::integer;

/// Stands for what was written and is not UTF-8. No parameter takes it.
pub const NOT_UTF8: &str = "(not UTF-8)";

/// A parameter's value is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadParameter<'a> {
    /// The parameter.
    pub parameter: &'static str,
    /// What was written.
    pub value: &'a str,
    /// What is allowed.
    pub allowed: Allowed,
}

/// What a parameter's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A whole number in a range.
    Number(i64, i64),
    /// What `index` may be where cards have numbers up to this.
    Index(u32),
    /// A word.
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

/// Reads a switch by `read`; `None` where nothing was written.
///
/// # Errors
///
/// What was written is none.
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

/// Reads a whole number in `range`, which is what is `allowed`; `None` where nothing was written.
///
/// # Errors
///
/// What was written is none.
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

/// Refuses `value`.
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

/// `value` is none of the words that are `allowed`.
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
