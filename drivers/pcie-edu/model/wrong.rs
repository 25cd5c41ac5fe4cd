// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What faults make of a device's interrupts and transfers.

use crate::lib::model::faults::Faults;

/// Which bit is inverted of the first byte of a transfer.
pub const FLIPPED: u8 = 1;

/// What is to go wrong, and what has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// What is to go wrong: interrupts get lost, transfers come back with a bit inverted, and while the clock's time stands
    /// still no job ends.
    pub faults: Faults,
    /// Interrupts that got lost.
    pub dropped: u64,
    /// Transfers that came back with a bit inverted.
    pub flipped: u64,
    /// What was raised while no job ended.
    late: u32,
}

impl Wrong {
    /// Whether no job ends for now.
    pub fn is_frozen(&self) -> bool {
        self.faults.frozen()
    }

    /// The device has interrupted, for these reasons. Returns those that the driver learns of now.
    pub fn interrupted(&mut self, raised: u32) -> u32 {
        if self.faults.drop.next_is_wrong() {
            self.dropped += 1;
            return 0;
        }
        if self.is_frozen() {
            self.late |= raised;
            return 0;
        }
        raised
    }

    /// From now on no job ends, or all go on. Returns what has been raised meanwhile.
    pub fn freeze(&mut self, freeze: bool) -> u32 {
        // Nothing here goes by the clock.
        self.faults.freeze(freeze, 0);
        match freeze {
            true => 0,
            false => core::mem::take(&mut self.late),
        }
    }

    /// A transfer has brought back these bytes.
    pub fn transferred(&mut self, bytes: &mut [u8]) {
        let Some(first) = bytes.first_mut() else {
            return;
        };
        if self.faults.flip.next_is_wrong() {
            *first ^= FLIPPED;
            self.flipped += 1;
        }
    }
}
