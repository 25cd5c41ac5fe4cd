// SPDX-License-Identifier: MIT OR Apache-2.0

//! For how long a load keeps a processor from its interrupts, and how late it makes the most urgent program.

mod cyclictest;
mod irqsoff;

pub use cyclictest::Cyclictest;
pub use irqsoff::{Longest, Tracer};
