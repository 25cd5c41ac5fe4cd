// SPDX-License-Identifier: MIT OR Apache-2.0

//! The families of drivers: what `rloop verify`, `rloop status` and `rloop bench` work on.
//!
//! A new driver is a line in its family's table of drivers and a list of checks (see `sound/snd_minivosc/`, the
//! shortest); a new family is a folder here and a line in [`ALL`].

use crate::error::Error;
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

/// Whether what is `given` can be put under stress; without a name that is all that can be.
///
/// # Errors
/// If there is no family of that name, or it can't.
pub fn stress(given: Option<&str>) -> Result<(), Error> {
    let without = given.map(named).transpose()?.filter(|f| !f.has_stress);
    without.map_or(Ok(()), |family| {
        Err(Error::NotOfFamily {
            family: family.name,
            command: "verify --stress",
            known: names(|other| other.has_stress),
        })
    })
}

/// What measures the family that is `given`, else the first that can be measured.
///
/// # Errors
/// If there is no family of that name, or it can't be measured.
pub fn bench(given: Option<&str>) -> Result<Bench, Error> {
    let family = given.map_or(Ok(ALL[0]), named)?;
    family.bench.ok_or_else(|| Error::NotOfFamily {
        family: family.name,
        command: "bench",
        known: names(|other| other.bench.is_some()),
    })
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
    fn what_can_not_be_put_under_stress_says_so() {
        assert!(stress(None).is_ok());
        assert!(stress(Some("sound")).is_ok());
        let error = stress(Some("net")).unwrap_err().to_string();
        let want =
            "family net: it has no `rloop verify --stress`; allowed: sound, char, block, pci";
        assert_eq!(error, want);
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

    #[test]
    fn what_a_family_can_not_do_is_an_error() {
        assert!(bench(None).is_ok());
        let cannot = ALL.iter().find(|family| family.bench.is_none());
        if let Some(family) = cannot {
            let error = bench(Some(family.name)).err();
            assert!(matches!(error, Some(Error::NotOfFamily { .. })));
        }
    }
}
