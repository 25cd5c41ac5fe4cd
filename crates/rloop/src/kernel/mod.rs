// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kernel, one that was made for tests above all, lets a test do, and see.

pub mod allocations;
pub mod compat;
pub mod device;
pub mod faults;
pub mod interrupts;
pub mod latency;
pub mod made;
pub mod suspend;
