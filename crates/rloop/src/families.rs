// SPDX-License-Identifier: MIT OR Apache-2.0

//! The families of drivers: what `rloop verify`, `rloop status` and `rloop bench` work on.
//!
//! A new driver is a line in its family's table of drivers and a list of checks (see `sound/snd_minivosc/`, the
//! shortest); a new family is a folder here and a line in [`ALL`].

use rig::check::Kind;

use crate::error::Error;
use crate::options;
use family::{Bench, Family};

pub mod block;
pub mod char;
mod checked;
pub mod family;
mod measured;
pub mod net;
pub mod pci;
pub mod sound;
mod stress;
pub mod virtio;

/// All families; where nothing else says which, it is the first.
const ALL: &[&Family] = &[
    &sound::FAMILY,
    &char::FAMILY,
    &block::FAMILY,
    &net::FAMILY,
    &pci::FAMILY,
    &virtio::FAMILY,
];

fn names(which: impl Fn(&Family) -> bool) -> String {
    let those = ALL.iter().filter(|family| which(family));
    let names: Vec<&str> = those.map(|family| family.name).collect();
    names.join(", ")
}

fn named(given: &str) -> Result<&'static Family, Error> {
    let found = ALL.iter().find(|family| family.name == given);
    found.copied().ok_or_else(|| Error::NoSuchFamily {
        given: given.to_owned(),
        known: names(|_| true),
    })
}

/// The family that is `given`, else all.
///
/// # Errors
/// If there is none of that name.
pub fn of(given: Option<&str>) -> Result<Vec<&'static Family>, Error> {
    given.map_or(Ok(ALL.to_vec()), |given| Ok(vec![named(given)?]))
}

/// The family that is `given`, else all that have a driver here, or those that have cards if one is named.
///
/// # Errors
/// If there is none of that name.
pub fn here(given: Option<&str>, card: Option<&str>) -> Result<Vec<&'static Family>, Error> {
    let mut families = of(given)?;
    if given.is_none() {
        match card {
            Some(_) => families.retain(|family| family.has_cards),
            None => families.retain(|family| family.is_here()),
        }
    }
    // It knows best why there is nothing.
    if families.is_empty() {
        families.push(ALL[0]);
    }
    Ok(families)
}

/// Looks whether `option`, which is about cards alone, is for the family that is `given`.
///
/// # Errors
/// If there is no family of that name, or it has no cards.
pub fn cards(given: Option<&str>, option: Option<&'static str>) -> Result<(), Error> {
    let family = given.map(named).transpose()?;
    match (family, option) {
        (Some(family), Some(option)) => family.has(option, |family| family.has_cards),
        _ => Ok(()),
    }
}

/// Looks whether the family that is meant can be put under stress, as the user wants it; without a name that is all that
/// can be.
///
/// # Errors
/// If there is no family of that name, or it can't.
pub fn stress(options: &options::Verify) -> Result<(), Error> {
    let Some(family) = options.family.as_deref().map(named).transpose()? else {
        return Ok(());
    };
    family.has("verify --stress", |family| family.has_stress)?;
    let faults = |family: &Family| {
        let checks = (family.list)(options);
        checks.iter().any(|check| check.kind == Kind::Faults)
    };
    match options.faults {
        true => family.has("verify --stress --faults", |family| {
            family.has_stress && faults(family)
        }),
        false => Ok(()),
    }
}

/// What measures the family that is meant, else the first.
///
/// # Errors
/// If there is no family of that name, it can't be measured, or an option is not for it.
pub fn bench(options: &options::Bench) -> Result<Bench, Error> {
    let family = options.family.as_deref().map_or(Ok(ALL[0]), named)?;
    cards(Some(family.name), options.of_cards())?;
    family
        .bench
        .ok_or_else(|| family.lacks("bench", |family| family.bench.is_some()))
}

impl Family {
    /// Looks whether it has what a command or an option of it needs.
    fn has(&self, command: &'static str, has: impl Fn(&Self) -> bool) -> Result<(), Error> {
        match has(self) {
            true => Ok(()),
            false => Err(self.lacks(command, has)),
        }
    }

    /// That it has no such command, or no such option of it, and those that have.
    fn lacks(&self, command: &'static str, has: impl Fn(&Self) -> bool) -> Error {
        Error::NotOfFamily {
            family: self.name,
            command,
            known: names(has),
        }
    }
}

/// What help says of families.
pub fn help() -> String {
    let line = |family: &&Family| {
        let drivers: Vec<&str> = family.drivers.iter().map(|driver| driver.name).collect();
        format!(
            "  {:8} {} ({})",
            family.name,
            family.about,
            drivers.join(", ")
        )
    };
    let lines: Vec<String> = ALL.iter().map(line).collect();
    format!("Families:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::{Cli, Command};

    /// What these arguments ask for is refused with this error, if at all.
    fn refused(arguments: &[&str]) -> Option<String> {
        let all = [&["rloop"], arguments].concat();
        let result = match Cli::try_parse_from(all).unwrap().command {
            Command::Verify(options) => {
                let given = options.family.as_deref();
                let stressed = || match options.stress {
                    Some(_) => stress(&options),
                    None => Ok(()),
                };
                cards(given, options.of_cards()).and_then(|()| stressed())
            }
            Command::Bench(options) => bench(&options).map(drop),
            Command::Status(options) => cards(options.family.as_deref(), options.of_cards()),
            _ => Ok(()),
        };
        result.err().map(|error| error.to_string())
    }

    #[test]
    fn what_a_family_can_not_do_says_so() {
        let error = |family: &str, command: &str, known: &str| {
            let error = format!("family {family}: it has no `rloop {command}`; allowed: {known}");
            Some(error)
        };
        let stress = ["verify", "--stress", "1"];
        assert_eq!(refused(&stress), None);
        assert_eq!(refused(&[&stress[..], &["--faults"]].concat()), None);
        for family in ALL {
            let name = family.name;
            let stress = [&["verify", name], &stress[1..]].concat();
            let want = error(name, "verify --stress", "sound, char, block, pci");
            assert_eq!(refused(&stress), want.filter(|_| !family.has_stress));
            let want = error(name, "verify --stress --faults", "sound, char, block");
            let without = family.has_stress && name == "pci";
            if family.has_stress {
                let faults = [&stress[..], &["--faults"]].concat();
                assert_eq!(refused(&faults), want.filter(|_| without));
            }
        }
    }

    #[test]
    fn options_of_cards_are_refused_where_there_are_none() {
        let bench = [
            &["--card", "1"][..],
            &["--seconds", "1"],
            &["--starts", "2"],
            &["--only", "load"],
            &["--title", ""],
            &["--from", "x.json"],
            &["--report", "x.html"],
        ];
        let verify = [
            &["--card", "1"][..],
            &["--full"],
            &["--byte-rate", "1"],
            &["--case-bytes", "16"],
        ];
        let stress = [
            &["--stress", "1", "--failing-allocations"][..],
            &["--stress", "1", "--suspend"],
        ];
        let all = bench.map(|option| ("bench", option)).into_iter();
        let all = all.chain(verify.map(|option| ("verify", option)));
        let all = all.chain(stress.map(|option| ("verify", option)));
        for (command, option) in all.chain([("status", &["--card", "1"][..])]) {
            let said: Vec<&str> = option
                .iter()
                .copied()
                .filter(|o| o.starts_with("--"))
                .collect();
            let said = said.join(" ");
            assert_eq!(refused(&[&[command], option].concat()), None, "{said}");
            for family in ALL {
                let name = family.name;
                let error =
                    format!("family {name}: it has no `rloop {command} {said}`; allowed: sound");
                let want = Some(error).filter(|_| !family.has_cards);
                assert_eq!(refused(&[&[command, name], option].concat()), want);
            }
        }
    }

    #[test]
    fn each_option_of_bench_is_of_cards_or_of_all() {
        let command = Cli::command();
        let bench = command.find_subcommand("bench").unwrap();
        let options = bench.get_arguments().filter_map(|option| option.get_long());
        let of_all = ["format", "help"];
        let of_cards: Vec<&str> = options.filter(|option| !of_all.contains(option)).collect();
        let tried = [
            "card", "seconds", "starts", "only", "title", "from", "report",
        ];
        assert_eq!(of_cards, tried);
    }

    #[test]
    fn names_are_unique() {
        let families: HashSet<&str> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(families.len(), ALL.len());
        let drivers = || ALL.iter().flat_map(|family| family.drivers);
        let names: HashSet<&str> = drivers().map(|driver| driver.name).collect();
        assert_eq!(names.len(), drivers().count());
    }

    #[test]
    fn a_family_that_there_is_not_is_an_error_that_names_those_there_are() {
        let error = of(Some("noise")).err().map(|error| error.to_string());
        let want = "family noise: there is none of that name; allowed: sound, char, block, net, pci, virtio";
        assert_eq!(error.as_deref(), Some(want));
    }
}
