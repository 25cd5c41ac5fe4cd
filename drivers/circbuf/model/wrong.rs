// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What faults make of bytes that are written.

use crate::lib::model::faults::Faults;
use crate::lib::model::plan::Plan;

/// Which bit is inverted.
pub const FLIPPED: u8 = 1;

/// How many bytes went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// They got lost.
    pub dropped: u64,
    /// They arrive twice.
    pub doubled: u64,
    /// They arrive with a bit inverted.
    pub flipped: u64,
}

/// Whether the next byte goes wrong.
pub fn is_pending(faults: &Faults) -> bool {
    let plans = [faults.drop, faults.double, faults.flip];
    !plans.iter().all(Plan::is_none)
}

/// For how many bytes there has to be room for the next byte.
pub fn least(faults: &Faults) -> usize {
    let (_, copies) = { *faults }.run(1);
    copies as usize
}

/// Gives `out` what becomes of the bytes `given`, as long as there is `room`. Returns how many of them were taken.
/// `wrong` counts those that went wrong.
pub fn pass(
    faults: &mut Faults,
    wrong: &mut Wrong,
    given: &[u8],
    mut room: usize,
    mut out: impl FnMut(u8),
) -> usize {
    for (taken, byte) in given.iter().enumerate() {
        let least = least(faults);
        if room < least {
            return taken;
        }
        room -= least;
        let (_, copies) = faults.run(1);
        match copies {
            0 => wrong.dropped += 1,
            2.. => wrong.doubled += 1,
            _ => {}
        }
        let mut byte = *byte;
        // What does not arrive is not flipped.
        if copies > 0 && faults.flip.next_is_wrong() {
            wrong.flipped += 1;
            byte ^= FLIPPED;
        }
        for _ in 0..copies {
            out(byte);
        }
    }
    given.len()
}
