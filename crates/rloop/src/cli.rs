// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::families;
use crate::options::{Bench, Merge, Status, StressChild, Verify};

/// Proves what the drivers of rloop promise, measures it, and shows what they are doing.
///
/// Exit codes: 0 passed, 1 a check failed, 2 could not run.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = families::help())]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check that drivers do what they promise
    ///
    /// Of sound, sequences are played round a loopback card, and what comes back is compared. It may be
    /// one of snd-rloop or of snd-aloop, and all its subdevices are needed. Of other drivers, most checks
    /// are for root, and make the devices that they need.
    Verify(Verify),
    /// Put reports of several machines together, and see that each check was run once
    ///
    /// Exit codes: 0 all passed, 1 a check failed, was run twice or was left out, 2 a file can't be read.
    Merge(Merge),
    /// Measure how exact, how prompt and how costly drivers are
    ///
    /// Of sound, cards of snd-rloop are put beside those of snd-aloop, if there are both. Needs all subdevices of
    /// the cards for itself. A target that is missed is reported and is no failure; a card that gives
    /// wrong data or errors is.
    ///
    /// Of other families a driver is put beside what the kernel has of that kind, which is made for it
    /// and goes again, as root; of the options --format alone is for them.
    Bench(Bench),
    /// Show what every card and device is doing
    Status(Status),
    /// Write manual pages and the shells' completions below a directory such as /usr/local/share
    #[command(hide = true)]
    Generate {
        /// Where to
        #[arg(value_name = "DIR")]
        share: PathBuf,
    },
    /// One process of the stress test (started by it)
    #[command(hide = true)]
    StressChild(StressChild),
}
