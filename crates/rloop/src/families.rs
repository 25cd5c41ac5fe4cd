// SPDX-License-Identifier: MIT OR Apache-2.0

//! The families of drivers: what `rloop verify`, `rloop status` and `rloop bench` work on.
//!
//! A new driver is a folder with its checks and an [`Entry`](family::Driver) (see `sound/snd_minivosc/`, the shortest),
//! and a line in its family's table; a new family is a folder here and a line in [`ALL`].

use rig::check::Selection;
use rig::output::Ending;
use rig::run::Plan;

use crate::error::Error;
use crate::options;
pub use family::Status;
use family::{Bench, Driver, Family};

mod block;
mod char;
mod checked;
mod family;
mod linked;
mod measured;
mod net;
mod pci;
mod sound;
mod stress;
mod virtio;

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

/// The names of `drivers`.
fn list_of<'a>(drivers: impl IntoIterator<Item = &'a Driver>) -> String {
    let names: Vec<&str> = drivers.into_iter().map(|driver| driver.name).collect();
    names.join(", ")
}

/// All drivers.
fn drivers() -> impl Iterator<Item = &'static Driver> {
    ALL.iter().flat_map(|family| family.drivers)
}

/// The family that is `given`, else all, or those that have cards if one is named.
///
/// # Errors
/// If there is none of that name, or it has no cards and one is named.
pub fn of(given: Option<&str>, card: Option<&str>) -> Result<Vec<&'static Family>, Error> {
    let takes_card = |family: &Family| family.has_cards || card.is_none();
    let Some(given) = given else {
        return Ok(ALL.iter().copied().filter(|f| takes_card(f)).collect());
    };
    let family = named(given)?;
    match takes_card(family) {
        true => Ok(vec![family]),
        false => Err(Error::NotOfFamily {
            family: family.name,
            what: "--card",
            known: names(|other| other.has_cards),
        }),
    }
}

/// What `ask` gives of each driver that is here, of the family that is `given`, else of all.
///
/// # Errors
/// As of [`of`]; if nothing is here, or a driver can't be asked.
fn ask<T>(
    given: Option<&str>,
    card: Option<&str>,
    ask: impl Fn(&'static Driver) -> Result<Option<T>, Error>,
) -> Result<Vec<T>, Error> {
    let mut families = of(given, card)?;
    if given.is_none() && card.is_none() {
        families.retain(|family| family.is_here());
        // It knows best why there is nothing.
        if families.is_empty() {
            families.push(ALL[0]);
        }
    }
    let (mut answers, mut absent) = (Vec::new(), None);
    for family in families {
        match family.ask(&ask) {
            Ok(given) => answers.extend(given),
            // Its module is loaded, and there is no device for it: that is no reason not to look at the others.
            Err(error @ Error::NoModule { .. }) => absent = absent.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match absent.filter(|_| answers.is_empty()) {
        Some(error) => Err(error),
        None => Ok(answers),
    }
}

/// Finds what there is to be checked, and says how.
///
/// # Errors
/// If nothing is here, or it can't be checked, or an option has no meaning for it.
pub fn plan(options: &options::Verify, selection: &Selection) -> Result<Plan<Error>, Error> {
    let given = options.family.as_deref();
    if options.stress.is_some() {
        stressed(given)?;
    }
    let here = ask(given, options.card.as_deref(), |driver| {
        let suites = (driver.verify)(options, selection)?;
        Ok(suites.map(|suites| (driver, suites)))
    })?;
    let drivers: Vec<&Driver> = here.iter().map(|(driver, _)| *driver).collect();
    refuse(options, &drivers)?;
    let mut plan = Plan::default();
    if let Some(stress) = stress::Options::of(options) {
        for driver in drivers.iter().filter_map(|driver| driver.stress.as_ref()) {
            plan.before.push((driver.plan)(options, stress)?);
        }
    }
    plan.suites = here.into_iter().flat_map(|(_, suites)| suites).collect();
    Ok(plan)
}

/// Looks what drivers are doing.
///
/// # Errors
/// If nothing is here, or it can't be seen.
pub fn status(options: &options::Status) -> Result<Status, Error> {
    let (given, card) = (options.family.as_deref(), options.card.as_deref());
    let all = ask(given, card, |driver| (driver.status)(options))?;
    Ok(all.into_iter().collect())
}

/// Refuses options that have no meaning for any of `drivers`, and what is to happen under stress but can't to one.
///
/// # Errors
/// Which option, to which drivers.
pub fn refuse(options: &options::Verify, drivers: &[&Driver]) -> Result<(), Error> {
    let no = |option: String, to: String, has: &dyn Fn(&Driver) -> bool| {
        Err(Error::NotForDrivers {
            option,
            drivers: to,
            known: list_of(self::drivers().filter(|driver| has(driver))),
        })
    };
    let any = |option: &str, has: &dyn Fn(&Driver) -> bool| {
        if drivers.iter().any(|driver| has(driver)) {
            return Ok(());
        }
        let mut to = list_of(drivers.iter().copied());
        if options.family.is_none() {
            to += ", which is all there is here";
        }
        no(option.to_owned(), to, has)
    };
    for option in options.limits() {
        any(option, &|driver| driver.has_limits)?;
    }
    if options.stress.is_none() {
        for (option, kind) in options.kinds() {
            any(option, &|driver| {
                let checks = (driver.list)(options);
                checks.iter().any(|check| check.kind == kind)
            })?;
        }
        return Ok(());
    }
    any("--stress", &|driver| driver.stress.is_some())?;
    for (option, kind) in options.kinds() {
        let stress = |driver: &Driver| driver.stress.as_ref().map(|s| s.meanwhile.contains(&kind));
        let mut cannot = drivers
            .iter()
            .filter(|driver| stress(driver) == Some(false));
        if let Some(driver) = cannot.next() {
            let option = format!("--stress with {option}");
            return no(option, driver.name.to_owned(), &|driver| {
                stress(driver) == Some(true)
            });
        }
    }
    Ok(())
}

/// Whether the family that is `given`, if one is, has a driver that can be put under stress.
///
/// # Errors
/// If there is no family of that name, or it has none.
fn stressed(given: Option<&str>) -> Result<(), Error> {
    let has = |family: &Family| family.drivers.iter().any(|driver| driver.stress.is_some());
    let without = given.map(named).transpose()?.filter(|family| !has(family));
    without.map_or(Ok(()), |family| {
        Err(Error::NotOfFamily {
            family: family.name,
            what: "`rloop verify --stress`",
            known: names(has),
        })
    })
}

/// What `rloop stress-child` does.
///
/// # Errors
/// If there is no stress of such a driver, or it can't be done.
pub fn stress_child(options: &options::StressChild) -> Result<Ending, Error> {
    let named = drivers().find(|driver| driver.name == options.driver);
    let stress = named.and_then(|driver| driver.stress.as_ref());
    let stress = stress.ok_or_else(|| Error::NotForDrivers {
        option: "stress-child".to_owned(),
        drivers: options.driver.clone(),
        known: list_of(drivers().filter(|driver| driver.stress.is_some())),
    })?;
    (stress.child)(options)
}

/// What measures the family that is meant, else the first.
///
/// # Errors
/// If there is no family of that name, it can't be measured, or an option is not for it.
pub fn bench(options: &options::Bench) -> Result<Bench, Error> {
    let family = options.family.as_deref().map_or(Ok(ALL[0]), named)?;
    let lacks = |what, known| Error::NotOfFamily {
        family: family.name,
        what,
        known,
    };
    let measured = names(|other| other.bench.is_some());
    let bench = family
        .bench
        .ok_or_else(|| lacks("`rloop bench`", measured))?;
    match options.of_cards().filter(|_| !family.has_cards) {
        Some(option) => Err(lacks(option, names(|other| other.has_cards))),
        None => Ok(bench),
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
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::{CommandFactory as _, Parser as _};
    use std::collections::HashSet;

    /// What `rloop verify` is given.
    fn verify(arguments: &str) -> options::Verify {
        let arguments = ["rloop", "verify"]
            .into_iter()
            .chain(arguments.split_whitespace());
        match Cli::try_parse_from(arguments) {
            Ok(Cli {
                command: Command::Verify(options),
            }) => options,
            other => panic!("{other:?}"),
        }
    }

    /// The error where `here` is all there is; an empty text if there is none.
    fn refused(arguments: &str, here: &[&str]) -> String {
        let here: Vec<&Driver> = drivers()
            .filter(|driver| here.contains(&driver.name))
            .collect();
        let refused = refuse(&verify(arguments), &here);
        refused
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_family_that_can_not_be_put_under_stress_says_so() {
        assert!(stressed(None).is_ok());
        assert!(stressed(Some("sound")).is_ok());
        let error = stressed(Some("virtio")).unwrap_err().to_string();
        let want = "family virtio: it has no `rloop verify --stress`; allowed: sound, char, block, net, pci";
        assert_eq!(error, want);
    }

    #[test]
    fn where_nothing_can_be_put_under_stress_that_is_an_error() {
        let error = refused("--stress 5", &["snd-minivosc", "sad"]);
        let want = "--stress: not for snd-minivosc, sad, which is all there is here; \
                    allowed for: snd-rloop, circbuf, vblk, netdrv, pcie-edu";
        assert_eq!(error, want);
        let error = refused("char --stress 5", &["sad"]);
        let want = "--stress: not for sad; allowed for: snd-rloop, circbuf, vblk, netdrv, pcie-edu";
        assert_eq!(error, want);
        assert_eq!(refused("--stress 5", &["sad", "vblk"]), "");
        assert_eq!(refused("--stress 5 --full", &["vblk"]), "");
    }

    #[test]
    fn what_a_stress_has_not_is_refused_with_it() {
        for (option, driver, known) in [
            (
                "--failing-allocations",
                "circbuf",
                "snd-rloop, vblk, netdrv",
            ),
            ("--suspend", "vblk", "snd-rloop"),
        ] {
            let arguments = format!("--stress 5 {option}");
            let want = format!("--stress with {option}: not for {driver}; allowed for: {known}");
            assert_eq!(refused(&arguments, &[driver]), want);
            // It would be silent of one that is not under it.
            assert_eq!(refused(&arguments, &["snd-rloop", driver]), want);
            assert_eq!(refused(&arguments, &["snd-rloop", "sad"]), "");
        }
        assert_eq!(refused("--stress 5 --faults", &["circbuf", "sad"]), "");
    }

    #[test]
    fn checks_that_no_driver_has_are_an_error_that_says_which_have() {
        let error = refused("--powercut", &["sad", "netdrv"]);
        let want = "--powercut: not for sad, netdrv, which is all there is here; allowed for: vblk";
        assert_eq!(error, want);
        assert_eq!(
            refused("pci --powercut", &["pcie-edu"]).split(';').next(),
            Some("--powercut: not for pcie-edu")
        );
        assert_eq!(refused("--powercut", &["sad", "vblk"]), "");
        assert_eq!(refused("--faults", &["snd-minivosc"]), "");
    }

    #[test]
    fn how_much_is_checked_is_asked_of_whom_it_concerns() {
        for option in ["--full", "--byte-rate 5", "--case-bytes 64"] {
            let name = option.split(' ').next().unwrap_or_default();
            let want = format!("{name}: not for netdrv; allowed for: snd-rloop");
            assert_eq!(refused(&format!("net {option}"), &["netdrv"]), want);
            assert_eq!(refused(option, &["snd-rloop", "netdrv"]), "");
        }
    }

    #[test]
    fn a_bench_of_no_cards_refuses_what_is_about_cards() {
        let refused = |arguments: &[&str]| {
            let all = [&["rloop", "bench"], arguments].concat();
            match Cli::try_parse_from(all).map(|cli| cli.command) {
                Ok(Command::Bench(options)) => bench(&options).err().map(|e| e.to_string()),
                other => panic!("{other:?}"),
            }
        };
        for option in [
            &["--card", "1"][..],
            &["--seconds", "1"][..],
            &["--starts", "2"][..],
            &["--only", "load"][..],
            &["--title", ""][..],
            &["--kernel-log"][..],
            &["--from", "x.json"][..],
            &["--report", "x.html"][..],
        ] {
            assert_eq!(refused(option), None, "{option:?}");
            for family in ALL.iter().filter(|family| family.bench.is_some()) {
                let name = family.name;
                let error = format!("family {name}: it has no {}; allowed: sound", option[0]);
                let want = Some(error).filter(|_| !family.has_cards);
                assert_eq!(refused(&[&[name], option].concat()), want);
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
            "card",
            "seconds",
            "starts",
            "only",
            "title",
            "kernel-log",
            "from",
            "report",
        ];
        assert_eq!(of_cards, tried);
    }

    #[test]
    fn only_a_family_with_cards_takes_one() {
        let error = of(Some("char"), Some("rloop"))
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("family char: it has no --card; allowed: sound")
        );
        assert!(of(Some("sound"), Some("rloop")).is_ok());
        let families = of(None, Some("rloop")).unwrap_or_default();
        let names: Vec<&str> = families.iter().map(|family| family.name).collect();
        assert_eq!(names, ["sound"]);
    }

    #[test]
    fn names_are_unique() {
        let families: HashSet<&str> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(families.len(), ALL.len());
        let names: HashSet<&str> = drivers().map(|driver| driver.name).collect();
        assert_eq!(names.len(), drivers().count());
    }

    #[test]
    fn a_driver_lists_its_own_checks() {
        let options = verify("--list");
        for driver in drivers() {
            let checks = (driver.list)(&options);
            assert!(
                checks.iter().all(|check| check.driver == driver.name),
                "{}",
                driver.name
            );
        }
    }

    #[test]
    fn a_family_that_there_is_not_is_an_error_that_names_those_there_are() {
        let error = of(Some("noise"), None).err().map(|error| error.to_string());
        let want = "family noise: there is none of that name; allowed: sound, char, block, net, pci, virtio";
        assert_eq!(error.as_deref(), Some(want));
    }
}
