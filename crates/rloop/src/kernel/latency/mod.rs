// SPDX-License-Identifier: MIT OR Apache-2.0

//! For how long a load keeps a processor from its interrupts, and how late it makes the most urgent program.

mod bounded;
mod cyclictest;
mod irqsoff;

pub use bounded::{LIMIT, bounded};
pub use irqsoff::Tracer;
