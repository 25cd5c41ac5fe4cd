// SPDX-License-Identifier: MIT OR Apache-2.0

//! The options of the commands.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rig::check::Kind;
use rig::report::Format;
use rig::shard::Shard;

/// Options of `rloop verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Family of drivers, as `rloop --help` lists them [default: all whose module is loaded]
    #[arg(value_name = "FAMILY")]
    pub family: Option<String>,
    /// Loopback card to check, by id or index [default: the first of snd-rloop, else the first of snd-aloop]
    #[arg(long, value_name = "ID|INDEX")]
    pub card: Option<String>,
    /// Of sound: every combination of format, rate, channels and both accesses, not only every pair
    #[arg(long)]
    pub full: bool,
    /// Do random legal things to all loopback cards, or a driver's devices, for so long, then check that they work
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub stress: Option<u64>,
    /// Make cards and devices do wrong on purpose, and see that it is noticed
    ///
    /// With --stress: make them do wrong while it lasts. Needs root, and a driver that has files for it in debugfs:
    /// snd-rloop, snd-minivosc, sad, circbuf, vblk, netdrv, pcie-edu; with --stress snd-rloop, circbuf, vblk, netdrv
    /// and pcie-edu alone.
    /// Without --stress a card of snd-rloop is gone afterwards.
    #[arg(long, conflicts_with = "full")]
    pub faults: bool,
    /// Let each allocation fail once that the kernel makes for a card or device, and see that it does no harm
    ///
    /// Of snd-rloop, circbuf and pcie-edu. With --stress, of snd-rloop, vblk and netdrv: let one in a hundred fail while it
    /// lasts. Needs root, and a kernel for it. Without --stress the module is loaded anew, that of snd-rloop without
    /// parameters.
    #[arg(long, conflicts_with = "full")]
    pub failing_allocations: bool,
    /// Measure for how long the card keeps a processor from its interrupts, under the heaviest loads
    ///
    /// Of snd-rloop, and of snd-minivosc and sad, which get 24 cards for it. Needs root, and a kernel with the tracer
    /// irqsoff. Says something only where time is counted in instructions, or the machine has nothing else to do.
    #[arg(long, conflicts_with_all = ["full", "faults", "failing_allocations", "stress"])]
    pub interrupts: bool,
    /// Suspend the machine for a moment while streams run, and see that they go on
    ///
    /// With --stress: freeze all programs now and then. Needs root, and a kernel for it.
    #[arg(long, conflicts_with_all = ["full", "faults", "failing_allocations", "interrupts"])]
    pub suspend: bool,
    /// Take the power away from a disk, again and again, and see that what was flushed is there afterwards
    ///
    /// Only vblk can, by its files in debugfs; needs root, and for some of it mkfs.ext4.
    #[arg(long, conflicts_with_all = ["full", "faults", "failing_allocations", "interrupts", "suspend", "stress"])]
    pub powercut: bool,
    /// Seed of the stress test, to repeat one [default: a new one each time; it is printed]
    #[arg(long, value_name = "NUMBER", requires = "stress")]
    pub seed: Option<u64>,
    /// Only checks whose name contains this, or matches it if it has a * (can be given more than once)
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// Only one of N shares of them all, the K-th; `rloop merge` puts the reports of all N together
    ///
    /// Which share a check is in depends on the other options and on its name, not on what is here. A share may have
    /// no check at all.
    #[arg(long, value_name = "K/N", conflicts_with = "stress")]
    pub shard: Option<Shard>,
    /// List the checks and what each proves, and run none
    #[arg(long, conflicts_with = "stress")]
    pub list: bool,
    /// Format of the results on standard output (progress goes to standard error)
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Matrix cases that move more than this many MiB per second in one direction are left out [default: 16]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub byte_rate: Option<u64>,
    /// Matrix cases move at most this many KiB in one direction [default: 512]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(16..=65_536))]
    pub case_bytes: Option<u64>,
}

/// The first of `options` that was given.
fn first(options: &[(bool, &'static str)]) -> Option<&'static str> {
    let given = options.iter().find(|(given, _)| *given);
    given.map(|(_, option)| *option)
}

impl Verify {
    /// The kinds of checks that are asked for instead of the usual, or what may happen under stress, with their options.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        let kinds = [
            ("--faults", Kind::Faults, self.faults),
            (
                "--failing-allocations",
                Kind::Allocations,
                self.failing_allocations,
            ),
            ("--interrupts", Kind::Interrupts, self.interrupts),
            ("--suspend", Kind::Suspend, self.suspend),
            ("--powercut", Kind::PowerCut, self.powercut),
        ];
        let given = kinds.into_iter().filter(|(.., given)| *given);
        given.map(|(option, kind, _)| (option, kind))
    }

    /// The kind of checks that is asked for.
    pub fn kind(&self) -> Kind {
        self.kinds().next().map_or(Kind::Usual, |(_, kind)| kind)
    }

    /// The options that are given of those that say how much is checked of a driver that has a choice.
    pub fn limits(&self) -> impl Iterator<Item = &'static str> {
        let limits = [
            // With a stress it says that not only the quick checks come afterwards, of any driver.
            ("--full", self.full && self.stress.is_none()),
            ("--byte-rate", self.byte_rate.is_some()),
            ("--case-bytes", self.case_bytes.is_some()),
        ];
        let given = limits.into_iter().filter(|(_, given)| *given);
        given.map(|(option, _)| option)
    }
}

/// Options of `rloop merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// Reports of `rloop verify --format json` or `--format junit`
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What `rloop verify --list` has said with the same options, without --shard: each check has to have a result
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Format of the results on standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Options of `rloop bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// Family of drivers, as `rloop --help` lists them [default: sound]
    #[arg(value_name = "FAMILY")]
    pub family: Option<String>,
    /// Card to measure, by id or index; may be given repeatedly, as 64 cables of snd-aloop are several cards' [default: all loopback cards]
    #[arg(long, value_name = "ID|INDEX")]
    pub card: Vec<String>,
    /// How long each long measurement takes; the shorter ones take a third of it [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: Option<u64>,
    /// How often a loop is started to see its delay [default: 1000]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub starts: Option<u32>,
    /// Only this part; may be given repeatedly
    #[arg(long, value_enum, value_name = "PART")]
    pub only: Vec<Part>,
    /// What the run is called in the report; runs of one title are repeats of each other [default: the kernel's name]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Say in the kernel's log, by /dev/kmsg, when each measurement of the load begins and ends
    #[arg(long)]
    pub kernel_log: bool,
    /// Measure nothing, and report what an earlier run has left with --format json; may be given repeatedly
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["card", "seconds", "starts", "only", "title", "kernel_log"])]
    pub from: Vec<PathBuf>,
    /// Write a page with all tables and plots, which needs no other file
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Format of the figures on standard output (progress goes to standard error)
    #[arg(long, value_enum, default_value_t = BenchFormat::Human)]
    pub format: BenchFormat,
}

impl Bench {
    /// An option that was given and that is about cards alone, with its command.
    pub fn of_cards(&self) -> Option<&'static str> {
        first(&[
            (!self.card.is_empty(), "--card"),
            (self.seconds.is_some(), "--seconds"),
            (self.starts.is_some(), "--starts"),
            (!self.only.is_empty(), "--only"),
            (self.title.is_some(), "--title"),
            (self.kernel_log, "--kernel-log"),
            (!self.from.is_empty(), "--from"),
            (self.report.is_some(), "--report"),
        ])
    }
}

/// What can be measured of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The machine's own scheduling noise
    Noise,
    /// In what steps the position moves
    Position,
    /// How late a program is woken
    Jitter,
    /// The smallest buffer that is served
    Buffer,
    /// The delay from player to recorder
    Delay,
    /// Processor time and timer interrupts
    Load,
    /// Exactness of the pitch, and time to its effect
    Pitch,
    /// How fast a cable without a clock is
    Throughput,
}

/// Formats of `rloop bench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchFormat {
    /// Tables
    Human,
    /// The same for a document
    Markdown,
    /// All figures as one JSON object
    Json,
}

/// Options of `rloop status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Family of drivers, as `rloop --help` lists them [default: all whose module is loaded]
    #[arg(value_name = "FAMILY")]
    pub family: Option<String>,
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
    /// Driver to work on
    #[arg(long)]
    pub driver: String,
    /// Cards to work on
    #[arg(long)]
    pub cards: Vec<String>,
    /// Whether allocations may fail
    #[arg(long)]
    pub failing_allocations: bool,
}
