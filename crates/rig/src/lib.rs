// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a tool that checks and measures needs, whatever it is that it checks: checks and which of them to run, how they
//! end, who may try again, reports, and a watchdog.
//!
//! Nothing in here knows what is under test. A driver has a list of [`check::Check`]s for a context of its own; list
//! and context together are a [`run::Suite`], and [`run::run`] runs all suites of a [`run::Plan`] and reports them.

// Both panic where nobody reads what they write.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod check;
pub mod clock;
pub mod figure;
pub mod ledger;
pub mod machine;
pub mod output;
pub mod plot;
pub mod progress;
pub mod random;
pub mod report;
pub mod retry;
pub mod run;
pub mod shard;
pub mod stats;
pub mod stress;
pub mod verdict;
pub mod watchdog;
