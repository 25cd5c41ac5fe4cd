// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What a power cut leaves of blocks that were written and not flushed.

use super::geometry::SECTOR;
use crate::lib::model::mix::mix;

/// What becomes of a block that is in the volatile cache when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is as it was at the last flush.
    Lost,
    /// It is as it was written last.
    Kept,
    /// The first so many bytes are as they were written last, the others as they were; not 0, and less than the block.
    Torn(usize),
}

/// A power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Chooses what is left; with 0 all is lost that was not flushed.
    pub seed: u64,
    /// Whether blocks may be torn.
    pub torn: bool,
    /// The size of a block in bytes.
    pub block: usize,
}

impl Cut {
    /// What becomes of the block of this number: each is chosen by itself.
    pub fn fate(&self, block: u64) -> Fate {
        if self.seed == 0 {
            return Fate::Lost;
        }
        let random = mix(self.seed ^ mix(block));
        // No division that could panic: objtool does not know, on x86_64, that this panic does not return.
        let within = ((random >> 32) as usize).checked_rem(self.block - 1);
        match random % 4 {
            0 if self.torn => Fate::Torn(1 + within.unwrap_or(0)),
            0 | 1 => Fate::Lost,
            _ => Fate::Kept,
        }
    }

    /// How many bytes of this sector are kept.
    pub fn kept(&self, sector: u64) -> usize {
        let per_block = (self.block / SECTOR) as u64;
        let (Some(block), Some(place)) =
            (sector.checked_div(per_block), sector.checked_rem(per_block))
        else {
            return 0;
        };
        match self.fate(block) {
            Fate::Lost => 0,
            Fate::Kept => SECTOR,
            Fate::Torn(bytes) => {
                let before = place as usize * SECTOR;
                bytes.saturating_sub(before).min(SECTOR)
            }
        }
    }
}
