// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Samples of any format, made of numbers without floating point.

use super::format::{Code, Format};

/// A sample, of any format, in its first [`Format::bytes`] bytes.
pub type Sample = [u8; 8];

/// The sample of the level `value`, of which full scale is the range of its type, towards minus
/// infinity where the format has fewer bits. `number` is which one it is from a start on: one-bit
/// formats spread a level over many.
pub fn encode(format: &Format, value: i32, number: u64) -> Sample {
    let bits = match format.code {
        Code::Signed(bits) => u64::from((value >> (32 - bits)) as u32),
        Code::Unsigned(bits) => u64::from((value as u32 ^ SIGN) >> (32 - bits)),
        Code::Float if format.bytes == 4 => u64::from(single(value)),
        Code::Float => double(value),
        Code::MuLaw => u64::from(mu_law((value >> 16) as i16)),
        Code::ALaw => u64::from(a_law((value >> 16) as i16)),
        Code::Subframe => u64::from((value as u32 >> 8) << 4),
        Code::Dsd => dsd(value, u32::from(format.bytes) * 8, number),
    };
    store(format, bits)
}

/// The sample whose bits are the lowest of `bits`.
pub fn store(format: &Format, bits: u64) -> Sample {
    match format.big_endian {
        true => (bits << (64 - 8 * u32::from(format.bytes))).to_be_bytes(),
        false => bits.to_le_bytes(),
    }
}

/// The sign of a 32-bit sample.
const SIGN: u32 = 1 << 31;

/// `value` / 2^31 as a `float`, to the nearest, and to the even one of two.
fn single(value: i32) -> u32 {
    let magnitude = value.unsigned_abs();
    if magnitude == 0 {
        return 0;
    }
    let zeros = magnitude.leading_zeros();
    let digits = magnitude << zeros;
    let (kept, rest) = (digits >> 8, digits & 0xff);
    let up = rest > 0x80 || (rest == 0x80 && kept & 1 == 1);
    // The first digit is not stored; a carry beyond it makes the exponent one more, as it should.
    let stored = ((127 - zeros) << 23) + (kept - (1 << 23)) + u32::from(up);
    stored | (value as u32 & SIGN)
}

/// `value` / 2^31 as a `double`, exactly.
fn double(value: i32) -> u64 {
    let magnitude = value.unsigned_abs();
    if magnitude == 0 {
        return 0;
    }
    let zeros = magnitude.leading_zeros();
    let digits = u64::from((magnitude << zeros) & !SIGN) << 21;
    (u64::from(value as u32 & SIGN) << 32) | (u64::from(1023 - zeros) << 52) | digits
}

/// The µ-law code of a number of 16 bits.
fn mu_law(value: i16) -> u8 {
    const BIAS: u16 = 132;
    const MOST: u16 = 32_635;
    let magnitude = value.unsigned_abs().min(MOST) + BIAS;
    let segment = (magnitude >> 7).ilog2();
    let step = (magnitude >> (segment + 3)) & 0x0f;
    let sign = if value < 0 { 0x80 } else { 0 };
    !(sign | ((segment as u8) << 4) | step as u8)
}

/// The A-law code of a number of 16 bits.
fn a_law(value: i16) -> u8 {
    // Of 13 bits, the negative ones counted from -1.
    let (sign, magnitude) = match value {
        0.. => (0x80, value as u16 >> 3),
        _ => (0, !value as u16 >> 3),
    };
    let code = match magnitude {
        0..32 => magnitude >> 1,
        _ => {
            let segment = magnitude.ilog2() - 4;
            ((segment as u16) << 4) | ((magnitude >> segment) & 0x0f)
        }
    };
    (code as u8 | sign) ^ 0x55
}

/// `bits` bits, of which as many are 1 as the level is high: each is compared with another
/// threshold, in an order in which any number of them in a row lie evenly.
fn dsd(value: i32, bits: u32, number: u64) -> u64 {
    let level = value as u32 ^ SIGN;
    let first = number.wrapping_mul(u64::from(bits));
    (0..bits).fold(0, |word, bit| {
        let threshold = (first.wrapping_add(u64::from(bit)) as u32).reverse_bits();
        (word << 1) | u64::from(level > threshold)
    })
}
