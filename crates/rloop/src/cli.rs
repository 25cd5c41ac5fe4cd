// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::report::Format;

/// Proves that an ALSA loopback card loses, doubles, changes and delays nothing, and shows what it does.
///
/// Exit codes: 0 passed, 1 a check failed, 2 could not run.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
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
    /// Show what every loopback card is doing
    Status(Status),
    /// One process of the stress test (started by it)
    #[command(hide = true)]
    StressChild(StressChild),
}

/// Options of `rloop verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Card to check, by id or index [default: the first of snd-rloop, else the first of snd-aloop]
    #[arg(long, value_name = "ID|INDEX")]
    pub card: Option<String>,
    /// Every combination of format, rate, channels and both accesses, not only every pair
    #[arg(long)]
    pub full: bool,
    /// Do random legal things to all loopback cards at once for so long, then check that they work
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub stress: Option<u64>,
    /// Seed of the stress test, to repeat one [default: a new one each time; it is printed]
    #[arg(long, value_name = "NUMBER", requires = "stress")]
    pub seed: Option<u64>,
    /// Only checks whose name contains this, or matches it if it has a * (can be given more than once)
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// List the checks and what each proves, and run none
    #[arg(long)]
    pub list: bool,
    /// Format of the results on standard output (progress goes to standard error)
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Matrix cases that move more than this many MiB per second in one direction are left out
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub byte_rate: u64,
    /// Matrix cases move at most this many KiB in one direction
    #[arg(long, value_name = "KIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(16..=65_536))]
    pub case_bytes: u64,
}

/// Options of `rloop status`.
#[derive(Debug, Args)]
pub struct Status {
    /// As JSON, with all that is known
    #[arg(long)]
    pub json: bool,
    /// Only this card, by id or index
    #[arg(long, value_name = "ID|INDEX")]
    pub card: Option<String>,
}

/// Options of the hidden child.
#[derive(Debug, Args)]
pub struct StressChild {
    /// Seed of its random numbers
    #[arg(long)]
    pub seed: u64,
    /// Cards to work on
    #[arg(long)]
    pub cards: Vec<String>,
}
