// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What programs ask for by `ioctl`: the numbers, which have the size of the structure in them, and the structures,
//! which are the same for programs of 32 bits.

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `PCIE_EDU_COMPUTE`, `_IOWR(0xE0, 1, __u32)`: a number in, its factorial modulo 2³² out.
    Compute,
    /// `PCIE_EDU_DMA_TRANSFER`, `_IOWR(0xE0, 2, struct pcie_edu_dma_xfer)`.
    Transfer,
}

/// The bytes of `struct pcie_edu_dma_xfer { __u32 len; __u8 pattern; }`, the last three of which mean nothing.
pub const TRANSFER_SIZE: usize = 8;

impl Command {
    /// The command of this number, if any.
    pub fn of(number: u32) -> Option<Self> {
        match number {
            0xC004_E001 => Some(Self::Compute),
            0xC008_E002 => Some(Self::Transfer),
            _ => None,
        }
    }
}

/// The length and the pattern of a `struct pcie_edu_dma_xfer`.
pub fn transfer(bytes: [u8; TRANSFER_SIZE]) -> (u32, u8) {
    let [a, b, c, d, pattern, ..] = bytes;
    (u32::from_ne_bytes([a, b, c, d]), pattern)
}
