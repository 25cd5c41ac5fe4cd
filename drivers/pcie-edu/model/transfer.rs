// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Transfers: from memory to the device and back.

use super::registers::{BUFFER, BUFFER_SIZE, RUN, TELL_END, TO_MEMORY};

/// What the device is told for one way of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Where it reads.
    pub source: u64,
    /// Where it writes.
    pub destination: u64,
    /// How many bytes.
    pub count: u64,
    /// How.
    pub command: u32,
}

/// How many bytes a program may have moved: 1 to [`BUFFER_SIZE`]. `None` for another number.
pub fn length(asked: u32) -> Option<usize> {
    let length = usize::try_from(asked).ok()?;
    (1..=BUFFER_SIZE).contains(&length).then_some(length)
}

/// The two ways of a transfer of `length` bytes between the memory at `address` and the device, which reaches
/// addresses of so many `bits`. `None` if not all of it can be reached: the device would not notice, and would move
/// what is elsewhere.
pub fn legs(address: u64, length: usize, bits: u32) -> Option<[Leg; 2]> {
    let reach = match bits {
        64.. => u64::MAX,
        bits => (1 << bits) - 1,
    };
    let count = u64::try_from(length).ok()?;
    let last = address.checked_add(count.checked_sub(1)?)?;
    if last > reach || length > BUFFER_SIZE {
        return None;
    }
    let out = Leg {
        source: address,
        destination: BUFFER,
        count,
        command: RUN | TELL_END,
    };
    let back = Leg {
        source: BUFFER,
        destination: address,
        count,
        command: RUN | TELL_END | TO_MEMORY,
    };
    Some([out, back])
}

/// Whether all of `bytes` are `pattern`.
pub fn is_filled(bytes: &[u8], pattern: u8) -> bool {
    // Each is the next one's like: slices are compared at once, bytes one after the other.
    match (bytes.split_first(), bytes.split_last()) {
        (Some((first, rest)), Some((_, most))) => *first == pattern && rest == most,
        _ => true,
    }
}
