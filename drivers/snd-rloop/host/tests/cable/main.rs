// SPDX-License-Identifier: GPL-2.0-only

//! A cable does, frame for frame, what an oracle says that lives in a simpler world.
//!
//! [`Rig`] puts a [`Cable`] between two streams of a small imitation of the ALSA core (its
//! pointers, its `stop_threshold`, its way of adding up what `pointer` answers) and runs random
//! programs on them, with timers that may be late. [`Oracle`] looks at each single frame at its own
//! time, in exact arithmetic, and never batches. The cable is asked at random times only; so where
//! both agree in every byte of both buffers, every position, counter and wake-up, the result does
//! not depend on when the cable is asked.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod changes;
mod drains;
mod examples;
mod faults;
mod memory;
mod oracle;
mod parameters;
#[path = "../../../../lib/host/tests/properties/mod.rs"]
mod properties;
mod random;
mod rig;
mod steps;
