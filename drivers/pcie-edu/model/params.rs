// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters.

use crate::lib::model::parameters::{number, Allowed, BadParameter};

/// Bits of an address: the least that memory can be had for on every machine, and the most that there are.
const BITS: (i64, i64) = (24, 64);
/// What the device has unless QEMU is told otherwise (`dma_mask`).
const BITS_DEFAULT: u32 = 28;

/// What the parameters say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bits of the addresses that the device reaches memory at.
    pub dma_bits: u32,
}

/// Parses the parameters; `written` gives what was written to one, if anything was.
///
/// # Errors
///
/// The first value that is not allowed.
pub fn parse<'a>(
    mut written: impl FnMut(&'static str) -> Option<&'a str>,
) -> Result<Config, BadParameter<'a>> {
    let (least, most) = BITS;
    let (name, allowed) = ("dma_bits", Allowed::Number(least, most));
    let bits = number(name, written(name), least..=most, allowed)?;
    Ok(Config {
        dma_bits: bits.map_or(BITS_DEFAULT, i32::unsigned_abs),
    })
}
