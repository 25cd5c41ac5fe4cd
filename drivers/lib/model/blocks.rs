// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Square blocks of samples, turned by the 64-bit words that hold their rows.
//!
//! Between a buffer whose channels are interleaved and one whose channels are not, each sample goes
//! to another place. Taken one at a time that is several instructions for each byte; a block of 8
//! by 8 bytes, 4 by 4 16-bit or 2 by 2 32-bit samples takes a few exchanges of halves.

/// Transposes a block: the sample at place `j` of word `i` changes places with that at `i` of `j`,
/// places counted from a word's lowest bits. Samples are of `BYTES` bytes, 1, 2 or 4, and the block
/// is the first `8 / BYTES` words.
pub fn transpose<const BYTES: usize>(words: &mut [u64; 8]) {
    let size = const { 8 / BYTES };
    let mut half = size / 2;
    while half > 0 {
        // The lower half of each group of `2 * half` samples.
        let shift = 8 * BYTES * half;
        let mask = match shift {
            8 => 0x00ff_00ff_00ff_00ff,
            16 => 0x0000_ffff_0000_ffff,
            _ => 0x0000_0000_ffff_ffff,
        };
        for first in (0..size).filter(|i| i & half == 0) {
            let (a, b) = (words[first], words[first + half]);
            let swapped = ((a >> shift) ^ b) & mask;
            words[first] = a ^ (swapped << shift);
            words[first + half] = b ^ swapped;
        }
        half /= 2;
    }
}
