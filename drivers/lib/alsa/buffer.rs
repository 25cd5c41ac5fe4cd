// SPDX-License-Identifier: GPL-2.0-only

//! The buffer of a stream, lent to the driver by a revocable lease while ALSA owns it.
//!
//! ALSA's managed buffers (`snd_pcm_set_managed_buffer_all()`) are not used: with these the core
//! frees or changes the buffer before it calls `hw_params`, so before the lease could be revoked.
//!
//! All but [`Buffer::zeroed`], [`Lease::new`] and [`Lease::revoke`] may be called in any context,
//! with locks held and interrupts off.
//!
//! C header: `include/sound/pcm.h` (`struct snd_pcm_runtime`)

use core::ptr::{addr_of, null_mut};

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::time::{delay::fsleep, Delta};

use crate::lib::bindings;
use crate::lib::kernel::lockless::gate::{Gate, Pass};
use crate::lib::kernel::log;
use crate::lib::kernel::quota::{Quota, Share};
use crate::lib::model::blocks::transpose;
use crate::lib::model::layout::{Axis, Layout, Move, Span};
use crate::lib::model::stream;
use crate::lib::model::stream::Pointers;

/// A counted reference to the buffer of a stream, and to the pointers that ALSA keeps for it.
///
/// ALSA owns the buffer and may free it soon after the stream has stopped. The reference may
/// outlive it all the same: [`Lease::revoke`] ends every access, and later ones do nothing.
pub(crate) struct Buffer(Arc<Lease>);

/// The lease of a buffer, which all [`Buffer`]s of it share.
///
/// # Invariants
///
/// As long as a [`Pass`] of `gate` exists, `area` points to `layout.bytes()` bytes of kernel memory
/// that no other lease's `area` overlaps, and `runtime`, if it is not null, to the runtime of an
/// open stream. If `_memory` is there, `area` points to its elements.
pub(super) struct Lease {
    area: *mut u8,
    runtime: *mut bindings::snd_pcm_runtime,
    layout: Layout,
    gate: Gate,
    _memory: Option<(KVVec<u8>, Share)>,
}

// SAFETY: The pointers are used only under a `Pass`, which keeps their targets alive. The area is
// shared with user space anyway, and only raw reads and writes touch it.
unsafe impl Send for Lease {}

// SAFETY: As above; the pointers themselves never change.
unsafe impl Sync for Lease {}

impl Lease {
    /// Makes the lease of the buffer of a stream that has been set up. May sleep.
    ///
    /// # Safety
    ///
    /// `runtime` must be that of an open stream whose buffer has been allocated, and
    /// [`Lease::revoke`] must be called before the buffer is freed or the stream is closed.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the buffer is smaller than the layout asks for, `ENOMEM`.
    pub(super) unsafe fn new(
        runtime: *mut bindings::snd_pcm_runtime,
        layout: Layout,
    ) -> Result<Arc<Self>> {
        // SAFETY: The caller promises that `runtime` is valid.
        let (area, bytes) = unsafe { ((*runtime).dma_area, (*runtime).dma_bytes) };
        if area.is_null() || layout.bytes() > bytes || layout.frames == 0 {
            return Err(EINVAL);
        }
        // INVARIANT: The area is as large as the layout says. The caller promises to revoke before
        // that changes, which closes the gate.
        let lease = Self {
            area,
            runtime,
            layout,
            gate: Gate::new(),
            _memory: None,
        };
        Ok(Arc::new(lease, GFP_KERNEL)?)
    }

    /// A reference to the leased buffer, for the driver to keep. Any context.
    pub(super) fn lend(self: &Arc<Self>) -> Buffer {
        Buffer(self.clone())
    }

    /// Ends the lease: after this, nobody is using the buffer, and nobody will.
    ///
    /// Sleeps, 50 µs at a time, for as long as others take to finish a copy. Must be called once.
    pub(super) fn revoke(&self) {
        self.gate.close(|| fsleep(Delta::from_micros(50)));
    }

    /// A pass to the buffer; `None` once the lease has been revoked. Must not be held while
    /// sleeping.
    fn enter(&self) -> Option<Pass<'_>> {
        self.gate.enter()
    }
}

impl Buffer {
    /// A zeroed buffer of our own, charged to `quota`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, also where `quota` has not so much left; then with a line for dynamic debug.
    pub(crate) fn zeroed(layout: Layout, quota: &Arc<Quota>) -> Result<Self> {
        let share = quota.take(layout.bytes()).ok_or_else(|| {
            let most = quota.most();
            log::debug(format_args!(
                "refused: the card's delay lines would take more than {most} bytes"
            ));
            ENOMEM
        })?;
        let mut owned = KVVec::from_elem(0u8, layout.bytes(), GFP_KERNEL)?;
        // INVARIANT: The elements are as many bytes as the layout says, and stay where they are
        // when the vector is moved. Nobody revokes this lease; it ends with the last reference.
        let lease = Lease {
            area: owned.as_mut_ptr(),
            runtime: null_mut(),
            layout,
            gate: Gate::new(),
            _memory: Some((owned, share)),
        };
        Ok(Self(Arc::new(lease, GFP_KERNEL)?))
    }
}

impl stream::Buffer for Buffer {
    fn layout(&self) -> &Layout {
        &self.0.layout
    }

    fn pointers(&self) -> Pointers {
        let Some(_pass) = self.0.enter() else {
            return Pointers::default();
        };
        let runtime = self.0.runtime;
        if runtime.is_null() {
            return Pointers::default();
        }
        // SAFETY: The stream is open as long as `_pass` exists, so its runtime is valid, and so are
        // the two pages that hold the pointers. Others may write to them meanwhile, user space
        // among them, hence the volatile reads; any value is harmless.
        unsafe {
            Pointers {
                hw: addr_of!((*(*runtime).status).hw_ptr).read_volatile() as u64,
                appl: addr_of!((*(*runtime).control).appl_ptr).read_volatile() as u64,
                boundary: addr_of!((*runtime).boundary).read_volatile() as u64,
                stop_threshold: addr_of!((*runtime).stop_threshold).read_volatile() as u64,
            }
        }
    }

    fn copy_from(&self, source: &Self, what: Move) {
        // A piece may lie anywhere in either, so a buffer is not copied into itself.
        if Arc::ptr_eq(&self.0, &source.0) {
            return;
        }
        let (Some(_target_pass), Some(_source_pass)) = (self.0.enter(), source.0.enter()) else {
            return;
        };
        if !what.fits(source.0.layout.bytes(), self.0.layout.bytes()) {
            return;
        }
        // SAFETY: Both buffers are there as long as `_source_pass` and `_target_pass` exist, and
        // the check above has shown that every piece lies within them. They are different leases,
        // hence different areas: ALSA gives each stream a buffer of its own, and what is `_memory`
        // is its lease's alone. User space may write to them meanwhile, as it may to the buffer of
        // any sound card.
        unsafe {
            copy_pieces(
                source.0.area.add(what.source),
                self.0.area.add(what.target),
                &what,
            )
        };
    }

    fn fill(&self, what: Span, sample: &[u8]) {
        let Some(_pass) = self.0.enter() else {
            return;
        };
        if sample.is_empty() || !what.fits(self.0.layout.bytes()) {
            return;
        }
        for row in 0..what.rows {
            // SAFETY: The buffer is there as long as `_pass` exists, and the check above has shown
            // that every row lies within it.
            unsafe {
                let row = self.0.area.add(what.offset + row * what.step);
                fill_row(row, what.bytes, sample);
            }
        }
    }

    fn flip(&self, offset: usize) {
        let Some(_pass) = self.0.enter() else {
            return;
        };
        if offset < self.0.layout.bytes() {
            // SAFETY: The buffer is there as long as `_pass` exists, and the byte lies within it.
            unsafe {
                let byte = self.0.area.add(offset);
                byte.write(byte.read() ^ 1);
            }
        }
    }
}

/// Fills `bytes` bytes from `to` on with `sample`, over and over.
///
/// # Safety
///
/// `to` must point to `bytes` bytes that may be read and written. User space may write to them
/// meanwhile.
unsafe fn fill_row(to: *mut u8, bytes: usize, sample: &[u8]) {
    let Some(first) = sample.first() else { return };
    if sample.iter().all(|byte| byte == first) {
        // SAFETY: By this function's precondition.
        unsafe { to.write_bytes(*first, bytes) };
        return;
    }
    let mut done = sample.len().min(bytes);
    // SAFETY: By this function's precondition; `sample` is memory of the kernel, so they don't
    // overlap.
    unsafe { sample.as_ptr().copy_to_nonoverlapping(to, done) };
    while done < bytes {
        let more = done.min(bytes - done);
        // SAFETY: The `done` bytes have been written before, `done + more <= bytes`, and as `more
        // <= done` the two don't overlap.
        unsafe { to.copy_to_nonoverlapping(to.add(done), more) };
        done += more;
    }
}

/// Carries out a [`Move`]: `from` and `to` are where its first pieces are.
///
/// # Safety
///
/// Every piece that `what` describes must lie in memory that may be read and written, respectively,
/// and the two must not overlap.
unsafe fn copy_pieces(from: *const u8, to: *mut u8, what: &Move) {
    // SAFETY: By this function's precondition.
    unsafe {
        match what.bytes {
            1 => copy_blocks::<1>(from, to, what),
            2 => copy_blocks::<2>(from, to, what),
            3 => copy_samples::<3>(from, to, what),
            4 => copy_blocks::<4>(from, to, what),
            8 => copy_samples::<8>(from, to, what),
            bytes => {
                // Whole runs of samples.
                for row in 0..what.rows.count {
                    for column in 0..what.columns.count {
                        let source = row * what.rows.source + column * what.columns.source;
                        let target = row * what.rows.target + column * what.columns.target;
                        from.add(source)
                            .copy_to_nonoverlapping(to.add(target), bytes);
                    }
                }
            }
        }
    }
}

/// Frames that are moved at a time: what they touch stays in a processor's cache, however many
/// channels there are and however far apart.
const TILE: usize = 64;

/// Moves samples of `BYTES` bytes, in square blocks where the samples of the source lie together in
/// one direction and those of the target in the other.
///
/// # Safety
///
/// As [`copy_pieces`], for pieces of `BYTES` bytes.
unsafe fn copy_blocks<const BYTES: usize>(from: *const u8, to: *mut u8, what: &Move) {
    let (rows, columns) = (&what.rows, &what.columns);
    let interleaved = rows.source == BYTES && columns.target == BYTES;
    let planar = columns.source == BYTES && rows.target == BYTES;
    let size = const { 8 / BYTES };
    let whole = |count: usize| count - count % size;
    let (block_rows, block_columns) = match interleaved || planar {
        true => (whole(rows.count), whole(columns.count)),
        false => (0, 0),
    };
    for tile in (0..block_columns).step_by(TILE) {
        let end = block_columns.min(tile + TILE);
        for row in (0..block_rows).step_by(size) {
            for column in (tile..end).step_by(size) {
                let mut block = [0u64; 8];
                for (i, word) in block.iter_mut().take(size).enumerate() {
                    // A word holds a frame's neighbouring channels, or a channel's neighbouring
                    // frames.
                    let (row, column) = match interleaved {
                        true => (row, column + i),
                        false => (row + i, column),
                    };
                    // SAFETY: The caller promises that every piece may be read; these are `size` of
                    // the source, which lie together.
                    let piece = unsafe { from.add(row * rows.source + column * columns.source) };
                    // SAFETY: As above: 8 bytes, at any alignment.
                    *word = u64::from_le(unsafe { piece.cast::<u64>().read_unaligned() });
                }
                transpose::<BYTES>(&mut block);
                for (i, word) in block.iter().take(size).enumerate() {
                    let (row, column) = match interleaved {
                        true => (row + i, column),
                        false => (row, column + i),
                    };
                    // SAFETY: The caller promises that every piece may be written; these are `size`
                    // of the target, which lie together.
                    let piece = unsafe { to.add(row * rows.target + column * columns.target) };
                    // SAFETY: As above: 8 bytes, at any alignment.
                    unsafe { piece.cast::<u64>().write_unaligned(word.to_le()) };
                }
            }
        }
    }
    // What no block covers: the last rows, and of the others the last columns.
    let rest = |first_row: usize, last_row: usize, first_column: usize| Move {
        source: first_row * rows.source + first_column * columns.source,
        target: first_row * rows.target + first_column * columns.target,
        rows: Axis {
            count: last_row - first_row,
            ..*rows
        },
        columns: Axis {
            count: columns.count - first_column,
            ..*columns
        },
        ..*what
    };
    for part in [
        rest(block_rows, rows.count, 0),
        rest(0, block_rows, block_columns),
    ] {
        // SAFETY: The pieces of a part are pieces of the whole, of which the caller promises it.
        unsafe { copy_samples::<BYTES>(from.add(part.source), to.add(part.target), &part) };
    }
}

/// Moves samples of `BYTES` bytes one by one.
///
/// # Safety
///
/// As [`copy_pieces`], for pieces of `BYTES` bytes.
unsafe fn copy_samples<const BYTES: usize>(from: *const u8, to: *mut u8, what: &Move) {
    let (rows, columns) = (&what.rows, &what.columns);
    for tile in (0..columns.count).step_by(TILE) {
        let end = columns.count.min(tile + TILE);
        for row in 0..rows.count {
            let (mut source, mut target) = (
                row * rows.source + tile * columns.source,
                row * rows.target + tile * columns.target,
            );
            for _ in tile..end {
                // SAFETY: The caller promises that this piece may be read and written.
                unsafe {
                    let piece = from.add(source).cast::<[u8; BYTES]>();
                    to.add(target).cast::<[u8; BYTES]>().write(piece.read());
                }
                source += columns.source;
                target += columns.target;
            }
        }
    }
}
