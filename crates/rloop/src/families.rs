// SPDX-License-Identifier: MIT OR Apache-2.0

//! The families of drivers: what `rloop verify`, `rloop status` and `rloop bench` work on.
//!
//! A new driver is a line in its family's table of drivers and a list of checks (see `sound/snd_minivosc.rs`, the
//! shortest); a new family is a folder here and a line in [`ALL`].

use std::path::Path;

use rig::check::{Listed, Selection};
use rig::output::Ending;
use rig::run::Plan;

use crate::cli;
use crate::error::Error;

mod char;
pub mod sound;

/// All families; where nothing else says which, it is the first.
const ALL: &[&Family] = &[&sound::FAMILY, &char::FAMILY];

/// Measures, and reports it.
pub type Bench = fn(&cli::Bench) -> Result<Ending, Error>;

/// Drivers that are checked by the same means.
pub struct Family {
    /// As the command line names it.
    pub name: &'static str,
    /// What its drivers are, in one line of help.
    pub about: &'static str,
    /// Its drivers.
    pub drivers: &'static [Driver],
    /// Whether `--card` names something of it.
    pub has_cards: bool,
    /// Lists all of its checks.
    pub list: fn(&cli::Verify) -> Vec<Listed>,
    /// Finds what there is to be checked, and says how.
    pub verify: fn(&cli::Verify, &Selection) -> Result<Plan<Error>, Error>,
    /// Looks what its drivers are doing.
    pub status: fn(&cli::Status) -> Result<Status, Error>,
    /// Measures, where there is something to be measured.
    pub bench: Option<Bench>,
}

/// A driver.
pub struct Driver {
    /// The name that people know.
    pub name: &'static str,
    /// Its module, as /sys/module has it.
    pub module: &'static str,
    /// A device that is there if it is, wherever that can be seen.
    pub node: Option<&'static str>,
}

impl Driver {
    fn is_here(&self) -> bool {
        let module = Path::new("/sys/module").join(self.module);
        module.exists() || self.node.is_some_and(|node| Path::new(node).exists())
    }
}

/// What drivers are doing.
pub struct Status {
    /// For people.
    pub text: String,
    /// The same and more, an object for each device.
    pub values: Vec<serde_json::Value>,
}

impl Family {
    fn is_here(&self) -> bool {
        self.drivers.iter().any(Driver::is_here)
    }

    /// Why there is nothing of it here.
    pub fn absent(&self) -> Error {
        let drivers: Vec<&str> = self.drivers.iter().map(|driver| driver.name).collect();
        Error::NoModule {
            family: self.name,
            drivers: drivers.join(", "),
            first: drivers.first().copied().unwrap_or_default(),
        }
    }

    fn cant(&self, command: &'static str, can: impl Fn(&Self) -> bool) -> Error {
        Error::NotOfFamily {
            family: self.name,
            command,
            known: names(can),
        }
    }
}

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

/// What measures the family that is `given`, else the first that can be measured.
///
/// # Errors
/// If there is no family of that name, or it can't be measured.
pub fn bench(given: Option<&str>) -> Result<Bench, Error> {
    let family = given.map_or(Ok(ALL[0]), named)?;
    let cant = || family.cant("bench", |other| other.bench.is_some());
    family.bench.ok_or_else(cant)
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
    use super::*;
    use std::collections::HashSet;

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
        let want = "family noise: there is none of that name; allowed: sound, char";
        assert_eq!(error.as_deref(), Some(want));
    }

    #[test]
    fn what_a_family_can_not_do_is_an_error() {
        assert!(bench(None).is_ok());
        let error = bench(Some("char")).err().map(|error| error.to_string());
        let want = "family char: it has no `rloop bench`; allowed: sound";
        assert_eq!(error.as_deref(), Some(want));
    }
}
