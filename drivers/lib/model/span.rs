// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Where a run of bytes lies in a ring.

use core::ops::Range;

/// The pieces in which the `bytes` bytes from `position` on lie in a ring of `capacity` bytes: the second is empty
/// unless the end of the ring is among them. Positions count from the start and do not wrap. `bytes` beyond `capacity`
/// are left out.
pub fn pieces(position: u64, bytes: usize, capacity: usize) -> [Range<usize>; 2] {
    // Checked: the kernel's objtool does not know that the panic for a division by 0 does not return.
    let start = position.checked_rem(capacity as u64).unwrap_or(0) as usize;
    let bytes = bytes.min(capacity);
    let first = bytes.min(capacity - start);
    [start..start + first, 0..bytes - first]
}
