// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop`: proves that a virtual ALSA loopback card loses, doubles, changes and delays nothing
//! (`rloop verify`), measures it (`rloop bench`), and shows what the loopback cards are doing
//! (`rloop status`).

// Both panic where nobody reads what they write.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod allocations;
mod bench;
mod card;
mod cli;
mod error;
mod latency;
mod output;
mod pcm;
mod raw;
mod report;
mod root;
mod signal;
mod status;
mod stress;
mod substream;
mod suspend;
mod utimer;
mod verify;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use error::Error;
use output::{Ending, complain};
use verify::Selection;
use verify::checks::Kind;
use verify::context::Limits;

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(ending) => ending.into(),
        Err(error) => {
            complain(error);
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<Ending, Error> {
    match command {
        Command::Verify(options) => verify_command(options),
        Command::Bench(options) => bench_command(options),
        Command::Status(options) => status_command(options),
        Command::StressChild(options) => {
            let failing = options.failing_allocations;
            // It has to find the cards first.
            let fail = |yes| match failing {
                true => allocations::make_it_fail(yes).map_err(Error::NoFailingAllocations),
                false => Ok(()),
            };
            fail(false)?;
            let mut cards = card::all()?;
            cards.retain(|card| options.cards.contains(&card.id));
            fail(true)?;
            let passed = stress::child(&cards, options.seed, failing);
            Ok(Ending::of(usize::from(!passed), true))
        }
    }
}

fn verify_command(options: &cli::Verify) -> Result<Ending, Error> {
    let limits = Limits {
        full: options.full,
        byte_rate: options.byte_rate << 20,
        case_bytes: options.case_bytes << 10,
    };
    let mut selection = Selection {
        limits,
        only: options.only.clone(),
        quick: false,
        kind: options.kind(),
    };
    if options.list {
        output::print(&verify::list(&selection)?).map_err(Error::Write)?;
        return Ok(Ending::Passed);
    }
    if options.faults && options.failing_allocations && options.stress.is_none() {
        let why = "not with --faults, but for --stress: each has checks of its own";
        return Err(Error::NoFailingAllocations(why.to_owned()));
    }
    let card = card::choose(options.card.as_deref())?;
    let Some(seconds) = options.stress else {
        return verify::run(&card, &selection, options.format, 0, |_| Ok(()));
    };
    let cards = if options.card.is_some() {
        vec![card.clone()]
    } else {
        card::all()?
    };
    let stress = stress::Options {
        seconds,
        seed: options.seed.unwrap_or_else(stress::new_seed),
        faults: options.faults,
        failing_allocations: options.failing_allocations,
        suspend: options.suspend,
    };
    selection.kind = Kind::Usual;
    // Without a selection the quick checks say whether the cards still work.
    selection.quick = selection.only.is_empty() && !options.full;
    // One for the stress, and one for each other card.
    verify::run(&card, &selection, options.format, cards.len(), |ledger| {
        ledger.add(&stress::run(&cards, &stress, ledger)?)?;
        for other in cards.iter().filter(|c| c.index != card.index) {
            ledger.add(&verify::works(other, limits, ledger)?)?;
        }
        Ok(())
    })
}

fn bench_command(options: &cli::Bench) -> Result<Ending, Error> {
    let report = options.report.as_deref();
    // Before an hour of measuring: a place that can't be written to is told at once.
    let mut page = report.map(create).transpose()?;
    let document = if options.from.is_empty() {
        let cards = if options.card.is_empty() {
            card::all()?
        } else {
            card::choose_all(&options.card)?
        };
        let measure = bench::Options {
            seconds: options.seconds,
            starts: options.starts,
            only: options.only.clone(),
            title: options.title.clone(),
        };
        bench::Document {
            runs: vec![bench::run(&cards, &measure)?],
        }
    } else {
        bench::Document::read(&options.from)?
    };
    // Whatever can't be written, the rest is.
    let written = match (&mut page, report) {
        (Some(file), Some(path)) => document
            .page()
            .and_then(|page| file.write_all(page.as_bytes()).map_err(Error::file(path))),
        _ => Ok(()),
    };
    let text = match options.format {
        cli::BenchFormat::Human => document.human(),
        cli::BenchFormat::Markdown => document.markdown(),
        cli::BenchFormat::Json => document.json().map_err(|e| Error::Json(e.to_string()))?,
    };
    output::print(&text).map_err(Error::Write)?;
    written?;
    Ok(Ending::of(usize::from(!document.passed()), true))
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(Error::file(path))
}

fn status_command(options: &cli::Status) -> Result<Ending, Error> {
    let status = match &options.card {
        Some(given) => vec![status::card(&card::choose(Some(given))?)?],
        None => status::cards(&card::all()?)?,
    };
    let text = if options.json {
        status::json(&status).map_err(|e| Error::Json(e.to_string()))? + "\n"
    } else {
        status::table(&status)
    };
    output::print(&text).map_err(Error::Write)?;
    Ok(Ending::Passed)
}
