// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! A page of the medium, and the one of the volatile cache that lies over it.
//!
//! Of the cached page only those sectors hold that its mask names; the others are the medium's. A page that is not
//! there is one of zeroes.

use super::geometry::{PAGE, SECTOR, SECTORS};

/// A page's bytes.
pub type Page = [u8; PAGE];

/// A page of zeroes.
pub static ZEROES: Page = [0; PAGE];

/// Which sectors of a cached page hold: bit `n` for the sector `n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mask(pub u8);

impl Mask {
    /// The sectors of which at least one byte is among the `bytes` from `start` on; not 0 bytes.
    pub fn touched(start: usize, bytes: usize) -> Self {
        Self::of(start / SECTOR, (start + bytes).div_ceil(SECTOR))
    }

    /// The sectors all of whose bytes are among the `bytes` from `start` on.
    pub fn covered(start: usize, bytes: usize) -> Self {
        Self::of(start.div_ceil(SECTOR), (start + bytes) / SECTOR)
    }

    /// The sectors from `first` on that are before `end`, [`SECTORS`] at most.
    fn of(first: usize, end: usize) -> Self {
        Self((first..end).fold(0, |mask, sector| mask | (1 << sector)))
    }

    /// Whether it names this sector.
    pub fn has(self, sector: usize) -> bool {
        self.0 & (1 << sector) != 0
    }

    /// Those of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not among the others.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it names none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The bytes of a page that is there, or zeroes.
pub fn bytes_of(page: Option<&Page>) -> &Page {
    page.unwrap_or(&ZEROES)
}

/// Reads `bytes` bytes from `start` on: gives `out` what is in them, piece by piece.
pub fn read(
    cached: Option<(&Page, Mask)>,
    medium: Option<&Page>,
    start: usize,
    bytes: usize,
    mut out: impl FnMut(&[u8]),
) {
    let Some((cached, mask)) = cached else {
        return out(&bytes_of(medium)[start..start + bytes]);
    };
    let (mut at, end) = (start, start + bytes);
    while at < end {
        let stop = end.min((at / SECTOR + 1) * SECTOR);
        let from = match mask.has(at / SECTOR) {
            true => cached,
            false => bytes_of(medium),
        };
        out(&from[at..stop]);
        at = stop;
    }
}

/// Prepares a cached page for a write of `bytes` bytes from `start` on: of a sector that it only touches the rest is
/// brought in. Returns the mask that holds once these bytes have been written.
pub fn prepare(
    cached: &mut Page,
    mask: Mask,
    medium: Option<&Page>,
    start: usize,
    bytes: usize,
) -> Mask {
    let touched = Mask::touched(start, bytes);
    let partly = touched.without(Mask::covered(start, bytes)).without(mask);
    copy(bytes_of(medium), cached, partly);
    mask.with(touched)
}

fn copy(from: &Page, to: &mut Page, sectors: Mask) {
    for sector in (0..SECTORS).filter(|sector| sectors.has(*sector)) {
        let bytes = sector * SECTOR..(sector + 1) * SECTOR;
        to[bytes.clone()].copy_from_slice(&from[bytes]);
    }
}

/// Makes of a cached page what the medium's page becomes when of each of its sectors the first so many bytes are
/// written back as `kept` says, which gets the sector's number. Whether that is anything else than the medium's page
/// was.
pub fn settle(
    cached: &mut Page,
    mask: Mask,
    medium: Option<&Page>,
    mut kept: impl FnMut(usize) -> usize,
) -> bool {
    let mut any = false;
    for sector in 0..SECTORS {
        let kept = match mask.has(sector) {
            true => kept(sector).min(SECTOR),
            false => 0,
        };
        any |= kept > 0;
        let rest = sector * SECTOR + kept..(sector + 1) * SECTOR;
        cached[rest.clone()].copy_from_slice(&bytes_of(medium)[rest]);
    }
    any
}
