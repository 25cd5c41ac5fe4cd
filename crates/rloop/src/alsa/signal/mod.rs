// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is played, and how to tell from what came back what happened on the way. No ALSA in here.

pub mod format;
pub mod sequence;
pub mod trace;

pub use format::Format;
pub use sequence::Sequence;
pub use trace::{Piece, Trace};
