// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Sizes, and the pages in which a request's bytes are.

/// The unit in which the block layer counts, in bytes; also where blocks are larger.
pub const SECTOR: usize = 512;
/// How much is stored at a time, in bytes.
pub const PAGE: usize = 4096;
/// The sectors of a page.
pub const SECTORS: usize = PAGE / SECTOR;
/// The sizes of blocks that a disk can have, in bytes: none is larger than a page.
pub const BLOCK_SIZES: [usize; 4] = [512, 1024, 2048, 4096];

/// What a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// The size of a block in bytes, one of [`BLOCK_SIZES`].
    pub block: usize,
    /// The size of the disk in bytes, a multiple of [`PAGE`], not 0.
    pub bytes: u64,
    /// Whether it only can be read.
    pub read_only: bool,
    /// Whether it has a volatile write cache.
    pub cache: bool,
    /// How many hardware queues it has; 0 for one for each processor.
    pub queues: u32,
}

impl Geometry {
    /// The size of the disk in sectors.
    pub fn sectors(&self) -> u64 {
        self.bytes / SECTOR as u64
    }
}

/// Whether `bytes` bytes from the byte `position` on are on a disk of `size` bytes.
pub fn is_on(size: u64, position: u64, bytes: u64) -> bool {
    position.checked_add(bytes).is_some_and(|end| end <= size)
}

/// A part of a request that is in one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The page's number.
    pub page: u64,
    /// Where it begins in the page.
    pub start: usize,
    /// How many bytes it has; not 0, and `start + bytes` is [`PAGE`] at most.
    pub bytes: usize,
}

impl Piece {
    /// Whether it is all of the page.
    pub fn is_whole(&self) -> bool {
        self.bytes == PAGE
    }
}

/// The pieces in which `bytes` bytes from the byte `position` on are, in their order.
pub fn pieces(position: u64, bytes: u64) -> impl Iterator<Item = Piece> {
    let (mut position, mut left) = (position, bytes);
    core::iter::from_fn(move || {
        let start = (position % PAGE as u64) as usize;
        let bytes = left.min((PAGE - start) as u64);
        let piece = Piece {
            page: position / PAGE as u64,
            start,
            bytes: bytes as usize,
        };
        position += bytes;
        left -= bytes;
        (bytes > 0).then_some(piece)
    })
}
