// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Numbers made of samples of any format, without floating point: the way back of [`super::encode`].

use super::format::{Code, Format};

/// Whether a single sample of `format` is a level: all but those of one bit at a time, where only many
/// samples together are one, and those that have more bits than [`decode`] returns.
pub fn is_level(format: &Format) -> bool {
    format.bytes <= 4 && format.code != Code::Dsd
}

/// The level of `sample`, of which full scale is the range of the result's type. A sample with fewer bits is in
/// the result's highest ones. What lies beyond full scale is full scale, and what is no number, or no level
/// ([`is_level`]), is 0.
pub fn decode(format: &Format, sample: &[u8]) -> i32 {
    let bits = bits(format, sample);
    match format.code {
        Code::Signed(width) => (bits << (32 - width)) as i32,
        Code::Unsigned(width) => ((bits << (32 - width)) ^ SIGN) as i32,
        Code::Float if format.bytes == 4 => of_single(bits),
        Code::MuLaw => i32::from(of_mu_law(bits as u8)) << 16,
        Code::ALaw => i32::from(of_a_law(bits as u8)) << 16,
        Code::Subframe => ((bits >> 4) << 8) as i32,
        Code::Float | Code::Dsd => 0,
    }
}

const SIGN: u32 = 1 << 31;

/// The bits of a sample of up to four bytes, in the lowest ones of the result.
fn bits(format: &Format, sample: &[u8]) -> u32 {
    let bytes = sample.iter().take(usize::from(format.bytes).min(4));
    let add = |bits: u32, byte: &u8| (bits << 8) | u32::from(*byte);
    match format.big_endian {
        true => bytes.fold(0, add),
        false => bytes.rev().fold(0, add),
    }
}

/// A `float` times 2^31, towards 0.
fn of_single(bits: u32) -> i32 {
    let negative = bits & SIGN != 0;
    let exponent = (bits >> 23) & 0xff;
    let digits = (bits & 0x7f_ffff) | (1 << 23);
    let magnitude = match exponent {
        // Less than 2^-31: numbers without a first digit of 1 among them.
        0..96 => 0,
        96..119 => digits >> (119 - exponent),
        119..127 => digits << (exponent - 119),
        0xff if bits & 0x7f_ffff != 0 => 0,
        _ if negative => SIGN,
        _ => SIGN - 1,
    };
    match negative {
        true => magnitude.wrapping_neg() as i32,
        false => magnitude as i32,
    }
}

/// The number of 16 bits that a µ-law code stands for.
fn of_mu_law(code: u8) -> i16 {
    const BIAS: i16 = 132;
    let code = !code;
    let step = i16::from(code & 0x0f) << 3;
    let magnitude = ((step + BIAS) << ((code >> 4) & 7)) - BIAS;
    match code & 0x80 {
        0 => magnitude,
        _ => -magnitude,
    }
}

/// The number of 16 bits that an A-law code stands for: the middle of those that have that code.
fn of_a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let step = i16::from(code & 0x0f) << 4;
    let magnitude = match (code >> 4) & 7 {
        0 => step + 8,
        segment => (step + 0x108) << (segment - 1),
    };
    match code & 0x80 {
        0 => -magnitude,
        _ => magnitude,
    }
}
