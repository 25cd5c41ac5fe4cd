// SPDX-License-Identifier: MIT OR Apache-2.0

//! Memory that direct I/O can be done with.

use std::ops::{Deref, DerefMut};

/// What its address is a multiple of: no block is larger.
const ALIGNMENT: usize = 4096;

/// Bytes at an address that blocks of any size can be read to.
pub struct Aligned {
    memory: Vec<u8>,
    start: usize,
    bytes: usize,
}

impl Aligned {
    /// So many zeroes.
    pub fn zeroes(bytes: usize) -> Self {
        let memory = vec![0; bytes + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Self {
            memory,
            start,
            bytes,
        }
    }

    /// A copy of these.
    pub fn of(bytes: &[u8]) -> Self {
        let mut new = Self::zeroes(bytes.len());
        new.copy_from_slice(bytes);
        new
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.bytes]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.bytes]
    }
}
