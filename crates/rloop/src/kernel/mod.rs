// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kernel that was made for tests lets a test do, and see.

pub mod allocations;
pub mod latency;
pub mod suspend;
