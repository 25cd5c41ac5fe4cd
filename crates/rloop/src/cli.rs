// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::families;
use crate::options::{Bench, Merge, Status, StressChild, Verify};

/// Proves that an ALSA loopback card loses, doubles, changes and delays nothing, and shows what it does.
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
    /// Play sequences round a card and check what comes back
    ///
    /// Works on cards of snd-rloop and of snd-aloop, so that both can be compared. Needs all
    /// subdevices of the card for itself.
    Verify(Verify),
    /// Put reports of several machines together, and see that each check was run once
    ///
    /// Exit codes: 0 all passed, 1 a check failed, was run twice or was left out, 2 a file can't be read.
    Merge(Merge),
    /// Measure how exact, how prompt and how costly the loopback cards are
    ///
    /// Cards of snd-rloop are put beside those of snd-aloop, if there are both. Needs all subdevices of
    /// the cards for itself. A target that is missed is reported and is no failure; a card that gives
    /// wrong data or errors is.
    ///
    /// Of other families a driver is put beside what the kernel has of that kind, which is made for it
    /// and goes again, as root; of the options --format alone is for them.
    Bench(Bench),
    /// Show what every loopback card is doing
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
