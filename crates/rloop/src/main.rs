// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop`: proves that a virtual ALSA loopback card loses, doubles, changes and delays nothing
//! (`rloop verify`), measures it (`rloop bench`), and shows what the loopback cards are doing
//! (`rloop status`).

mod bench;
mod card;
mod cli;
mod error;
mod pcm;
mod report;
mod signal;
mod status;
mod stress;
mod substream;
mod utimer;
mod verify;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use cli::{Cli, Command};
use verify::Selection;
use verify::context::Limits;

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("rloop: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all that was checked passed.
fn run(command: &Command) -> Result<bool> {
    match command {
        Command::Verify(options) => verify_command(options),
        Command::Bench(options) => bench_command(options),
        Command::Status(options) => status_command(options),
        Command::StressChild(options) => {
            let cards = card::all()?
                .into_iter()
                .filter(|c| options.cards.contains(&c.id))
                .collect::<Vec<_>>();
            Ok(stress::child(&cards, options.seed))
        }
    }
}

fn verify_command(options: &cli::Verify) -> Result<bool> {
    let limits = Limits {
        full: options.full,
        byte_rate: options.byte_rate << 20,
        case_bytes: options.case_bytes << 10,
    };
    let mut selection = Selection {
        limits,
        only: options.only.clone(),
        quick: false,
        faults: options.faults,
    };
    if options.list {
        verify::list(&selection, &mut io::stdout().lock())?;
        return Ok(true);
    }
    let card = card::choose(options.card.as_deref())?;
    if let Some(seconds) = options.stress {
        let cards = if options.card.is_some() {
            vec![card.clone()]
        } else {
            card::all()?
        };
        let stress = stress::Options {
            seconds,
            seed: options.seed.unwrap_or_else(stress::new_seed),
            faults: options.faults,
        };
        selection.faults = false;
        // Without a selection the quick checks say whether the cards still work.
        selection.quick = selection.only.is_empty() && !options.full;
        // One for the stress, and one for each other card.
        let summary = verify::run(&card, &selection, options.format, cards.len(), |ledger| {
            ledger.add(&stress::run(&cards, &stress, ledger)?)?;
            for other in cards.iter().filter(|c| c.index != card.index) {
                ledger.add(&verify::works(other, limits, ledger)?)?;
            }
            Ok(())
        })?;
        return Ok(summary.failed == 0);
    }
    Ok(verify::run(&card, &selection, options.format, 0, |_| Ok(()))?.failed == 0)
}

fn bench_command(options: &cli::Bench) -> Result<bool> {
    // Before an hour of measuring: a place that can't be written to is told at once.
    let mut report = match &options.report {
        Some(path) => {
            let file = fs::File::create(path).with_context(|| path.display().to_string())?;
            Some((path, file))
        }
        None => None,
    };
    let document = if options.from.is_empty() {
        let cards = if options.card.is_empty() {
            card::all()?
        } else {
            card::choose_all(&options.card)?
        };
        if cards.is_empty() {
            return Err(error::Error::NoCard.into());
        }
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
    if let Some((path, file)) = &mut report {
        file.write_all(document.page()?.as_bytes())
            .with_context(|| path.display().to_string())?;
    }
    let text = match options.format {
        cli::BenchFormat::Human => document.human(),
        cli::BenchFormat::Markdown => document.markdown(),
        cli::BenchFormat::Json => document.json().context("JSON")?,
    };
    io::stdout()
        .write_all(text.as_bytes())
        .context("standard output")?;
    Ok(document.passed())
}

fn status_command(options: &cli::Status) -> Result<bool> {
    let cards = match &options.card {
        Some(given) => vec![card::choose(Some(given))?],
        None => card::all()?,
    };
    if cards.is_empty() {
        return Err(error::Error::NoCard.into());
    }
    let status = cards
        .iter()
        .map(status::card)
        .collect::<Result<Vec<_>, _>>()?;
    let text = if options.json {
        status::json(&status)? + "\n"
    } else {
        status::table(&status)
    };
    io::stdout()
        .write_all(text.as_bytes())
        .context("standard output")?;
    Ok(true)
}
