// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Rings: where frames lie in buffers that wrap, and how far ALSA's pointers are apart.
//!
//! Divisions are checked ones: the kernel's objtool does not know that the panic for a division by
//! 0 does not return.

/// A run: frames that lie in one piece in two rings at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first frame's offset in the one ring, in frames.
    pub source: u64,
    /// The first frame's offset in the other ring, in frames.
    pub target: u64,
    /// The number of frames, at least 1.
    pub frames: u64,
}

/// The runs of `frames` frames, from position `source` in a ring of `source_size` frames to
/// position `target` in one of `target_size`: pieces in which neither ring wraps.
///
/// Positions count from the start of the stream. Sizes must not be 0 (then there is no run).
pub fn runs(
    mut source: u64,
    source_size: u64,
    mut target: u64,
    target_size: u64,
    mut frames: u64,
) -> impl Iterator<Item = Run> {
    core::iter::from_fn(move || {
        let (from, to) = (
            source.checked_rem(source_size)?,
            target.checked_rem(target_size)?,
        );
        let length = frames.min(source_size - from).min(target_size - to);
        if length == 0 {
            return None;
        }
        source += length;
        target += length;
        frames -= length;
        Some(Run {
            source: from,
            target: to,
            frames: length,
        })
    })
}

/// The first multiple of `period` after `position`. `period` must not be 0.
pub fn next_boundary(position: u64, period: u64) -> u64 {
    let periods = position.checked_div(period).unwrap_or(position);
    (periods + 1) * period
}

/// The distance from `from` to `to` in frames, both counted modulo `boundary` as ALSA's `hw_ptr`
/// and `appl_ptr` are; negative if it is behind. At most half a boundary either way.
pub fn distance(from: u64, to: u64, boundary: u64) -> i64 {
    if boundary == 0 {
        return 0;
    }
    let (from, to) = (from % boundary, to % boundary);
    let ahead = if to >= from {
        to - from
    } else {
        boundary - from + to
    };
    if ahead <= boundary / 2 {
        ahead as i64
    } else {
        -((boundary - ahead) as i64)
    }
}
