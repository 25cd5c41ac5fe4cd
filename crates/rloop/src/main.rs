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
use rig::run::{self, Plan};

use cli::{Cli, Command};
use error::Error;
use families::pci::pcie_edu;
use families::sound::stress;

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
        Command::StressChild(options) => match options.driver.as_deref() {
            None => stress::child_command(options),
            Some(pcie_edu::DRIVER) => Ok(pcie_edu::stress::child(options.seed)),
            Some(_) => {
                let disk = families::block::stress_child(options);
                Ok(disk.unwrap_or_else(|| families::char::stress_child(options)))
            }
        },
    }
}

fn verify(options: &options::Verify) -> Result<Ending, Error> {
    let mut selection = Selection {
        only: options.only.clone(),
        quick: false,
        kind: options.kind(),
    };
    let given = options.family.as_deref();
    let families = families::of(given)?;
    families::cards(given, options.of_cards())?;
    let all = families.into_iter().flat_map(|f| (f.list)(options));
    let all: Vec<Listed> = all.filter(|check| selection.takes(check)).collect();
    let names = all.iter().map(|check| check.name.clone());
    let share = options.shard.map(|shard| shard.of(names));
    if options.list {
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
        families::stress(options)?;
        selection.kind = Kind::Usual;
        // Without a selection the quick checks say whether what was under stress still works.
        selection.quick = selection.only.is_empty() && !options.full;
    }
    let families = families::here(given, options.card.as_deref())?;
    let mut all = Plan::default();
    for family in &families {
        let plan = match (family.verify)(options, &selection) {
            // Its module is loaded, and there is no device for it: that is no reason not to look at the others.
            Err(Error::NoModule { .. }) if given.is_none() && families.len() > 1 => continue,
            plan => plan?,
        };
        all.before.extend(plan.before);
        all.suites.extend(plan.suites);
    }
    for suite in &mut all.suites {
        suite.select(&selection);
    }
    all.suites.retain(|suite| !suite.listed().is_empty());
    let checks = all.suites.iter().flat_map(|suite| suite.listed());
    selection.of(checks).map_err(Error::NoSuchCheck)?;
    if all.before.is_empty() && all.suites.is_empty() {
        return Err(Error::NoSuchKind);
    }
    // Only now: that it has none of those that are wanted is no error.
    if let Some(share) = share {
        all.suites.iter_mut().for_each(|suite| suite.share(&share));
        all.suites.retain(|suite| !suite.listed().is_empty());
    }
    run::run(all, options.format)
}

fn status(options: &options::Status) -> Result<Ending, Error> {
    let given = options.family.as_deref();
    families::cards(given, options.of_cards())?;
    let (mut text, mut values) = (String::new(), Vec::new());
    let families = families::here(given, options.card.as_deref())?;
    for family in &families {
        let status = match (family.status)(options) {
            // As above.
            Err(Error::NoModule { .. }) if given.is_none() && families.len() > 1 => continue,
            status => status?,
        };
        text += &status.text;
        values.extend(status.values);
    }
    if options.json {
        let json = serde_json::to_string_pretty(&values);
        text = json.map_err(|e| Error::Json(e.to_string()))? + "\n";
    }
    print(&text)?;
    Ok(Ending::Passed)
}
