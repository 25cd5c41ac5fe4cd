// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop`: proves what the drivers of this project promise (`rloop verify`), measures it (`rloop bench`), and shows
//! what they are doing (`rloop status`).

// Both panic where nobody reads what they write.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod alsa;
mod cli;
mod error;
mod families;
mod generate;
mod kernel;
mod merge;
mod options;

use std::process::ExitCode;

use clap::Parser;
use rig::check::{Kind, Listed, Selection};
use rig::output::{Ending, complain, print};
use rig::run;

use cli::{Cli, Command};
use error::Error;

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
        Command::Verify(options) => verify(options),
        Command::Merge(options) => merge::command(options),
        Command::Bench(options) => families::bench(options)?(options),
        Command::Status(options) => status(options),
        Command::Generate { share } => {
            let path = share.display().to_string();
            generate::all(share).map_err(|why| Error::File { path, why })?;
            Ok(Ending::Passed)
        }
        Command::StressChild(options) => families::stress_child(options),
    }
}

fn verify(options: &options::Verify) -> Result<Ending, Error> {
    let mut selection = Selection {
        only: options.only.clone(),
        quick: false,
        kind: options.kind(),
    };
    let families = families::of(options.family.as_deref(), options.card.as_deref())?;
    let drivers: Vec<_> = families.iter().flat_map(|family| family.drivers).collect();
    let all = drivers.iter().flat_map(|driver| (driver.list)(options));
    let all: Vec<Listed> = all.filter(|check| selection.takes(check)).collect();
    let names = all.iter().map(|check| check.name.clone());
    let share = options.shard.map(|shard| shard.of(names));
    if options.list {
        families::refuse(options, &drivers)?;
        let line = |c: Listed| format!("{:38} {} [{}]\n", c.name, c.about, c.claim);
        let checks = selection.of(all).map_err(Error::NoSuchCheck)?;
        let own = |c: &Listed| share.as_ref().is_none_or(|share| share.has(&c.name));
        let checks = checks.into_iter().filter(own);
        print(&checks.map(line).collect::<String>())?;
        return Ok(Ending::Passed);
    }
    if options.faults && options.failing_allocations && options.stress.is_none() {
        let why = "not with --faults, but for --stress: each has checks of its own";
        return Err(Error::NoFailingAllocations(why.to_owned()));
    }
    if options.stress.is_some() {
        selection.kind = Kind::Usual;
        // Without a selection the quick checks say whether what was under stress still works.
        selection.quick = selection.only.is_empty() && !options.full;
    }
    let mut all = families::plan(options, &selection)?;
    for suite in &mut all.suites {
        suite.select(&selection);
    }
    all.suites.retain(|suite| !suite.listed().is_empty());
    let checks = all.suites.iter().flat_map(|suite| suite.listed());
    selection.of(checks).map_err(Error::NoSuchCheck)?;
    // Only now: that it has none of those that are wanted is no error.
    if let Some(share) = share {
        all.suites.iter_mut().for_each(|suite| suite.share(&share));
        all.suites.retain(|suite| !suite.listed().is_empty());
    }
    run::run(all, options.format)
}

fn status(options: &options::Status) -> Result<Ending, Error> {
    let families::Status { mut text, values } = families::status(options)?;
    if options.json {
        let json = serde_json::to_string_pretty(&values);
        text = json.map_err(|e| Error::Json(e.to_string()))? + "\n";
    }
    print(&text)?;
    Ok(Ending::Passed)
}
