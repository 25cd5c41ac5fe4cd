// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop verify`: plays sequences round a loopback card and checks what comes back.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use crate::allocations::Injection;
use crate::card::{self, Card};
use crate::error::Error;
use crate::latency::Tracer;
use crate::output::{Ending, complain, read};
use crate::pcm::{Pcm, Space};
use crate::report::{Format, Outcome, Report, Subject, reporter};
use crate::root::Root;
use crate::suspend::Suspender;
use problem::Problem;

pub mod cases;
pub mod checks;
pub mod context;
pub mod elements;
pub mod ledger;
pub mod machine;
pub mod problem;
pub mod rig;
pub mod settings;
pub mod ticker;
pub mod watchdog;

use checks::{Check, Kind};
use context::{Context, Limits};
use ledger::{Ledger, complain_unless_unread};
use machine::Machine;
use settings::Settings;
use watchdog::Watchdog;

/// One step of a check may take this long. The longest legal one takes some seconds.
const STEP_LIMIT: Duration = Duration::from_secs(180);

/// Which checks to run.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Limits of the matrix.
    pub limits: Limits,
    /// Patterns, one of which a name must match; all names if empty.
    pub only: Vec<String>,
    /// Only those that show that a card works at all.
    pub quick: bool,
    /// Only those of this kind.
    pub kind: Kind,
}

impl Selection {
    fn takes(&self, check: &Check) -> bool {
        self.kind == check.kind()
            && (!self.quick || check.quick)
            && (self.only.is_empty() || self.only.iter().any(|p| matches(p, &check.name)))
    }
}

/// Whether `name` contains `pattern`; with `*` in the pattern, whether all of it matches.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return name.contains(pattern);
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(tail)
}

/// A list of the checks, with what each proves.
///
/// # Errors
/// If a pattern matches nothing.
pub fn list(selection: &Selection) -> Result<String, Error> {
    let line = |check: &Check| format!("{:28} {} [{}]\n", check.name, check.about, check.row);
    Ok(select(selection, None)?.iter().map(line).collect())
}

/// The checks that are to be run, on a card that offers `space`.
fn select(selection: &Selection, space: Option<&Space>) -> Result<Vec<Check>, Error> {
    let mut checks = checks::all(selection.limits, space);
    checks.retain(|c| selection.takes(c));
    let unused = selection
        .only
        .iter()
        .find(|pattern| !checks.iter().any(|c| matches(pattern, &c.name)));
    match unused {
        Some(pattern) => Err(Error::NoSuchCheck(pattern.clone())),
        None => Ok(checks),
    }
}

/// All ends of `card` must be free: gives what one of them offers.
///
/// # Errors
/// If one is in use, or can't be opened.
pub fn probe(card: &Card) -> Result<Space, Error> {
    let wrap = |why| card::not_usable(&Root::default(), card, why);
    for cable in card.cables() {
        for address in [cable.playback, cable.capture] {
            Pcm::open(address).map_err(wrap)?;
        }
    }
    Pcm::open(card.cable(0, 0).playback)
        .and_then(|pcm| pcm.space())
        .map_err(wrap)
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Runs the selected checks on `card` and reports them, after the `results` that `before` gives.
///
/// # Errors
/// If the card can't be used or goes meanwhile, a pattern matches nothing, `before` can't be done, or the results can't
/// be written.
pub fn run(
    card: &Card,
    selection: &Selection,
    format: Format,
    results: usize,
    before: impl FnOnce(&Ledger) -> Result<(), Error>,
) -> Result<Ending, Error> {
    let space = probe(card)?;
    let checks = select(selection, Some(&space))?;
    // What the checks need that most do not.
    match selection.kind {
        Kind::Usual => {}
        Kind::Faults => card::faults(&Root::default(), card)?,
        Kind::Allocations => drop(Injection::new().map_err(Error::NoFailingAllocations)?),
        Kind::Interrupts => drop(Tracer::new().map_err(Error::NoTracer)?),
        Kind::Suspend => drop(Suspender::new().map_err(Error::NoSuspend)?),
    }
    let machine = Machine::measure();
    let subject = Subject {
        card: card.clone(),
        kernel: kernel(),
        checks: results + checks.len(),
        late_us: (
            machine.usual.as_micros() as u64,
            machine.worst.as_micros() as u64,
        ),
    };
    let ledger = Ledger::new(reporter(format, Box::new(io::stdout())));
    let run = || -> Result<(), Error> {
        ledger.begin(&subject)?;
        before(&ledger)?;
        let _settings = Settings::neutral(card)?;
        let watchdog = Watchdog::start(STEP_LIMIT, {
            let ledger = ledger.clone();
            move |what| {
                complain(what);
                complain_unless_unread(ledger.hang(what));
            }
        });
        let mut context = Context::new(card, selection.limits, &space, machine, watchdog);
        run_all(&checks, &mut context, &ledger)
    };
    let run = run();
    // Whatever has kept it from being complete, the report is ended.
    let ended = ledger.end();
    let all = match run {
        Err(Error::Write(e)) => read(Err(e)).map_err(Error::Write)?,
        run => run.map(|()| true)?,
    };
    read(ended).map_err(Error::Write)?;
    Ok(Ending::of(ledger.summary().failed, all))
}

/// Runs the quick checks on `card`, as one result, which `ledger` gets itself if one hangs.
///
/// # Errors
/// If the card can't be used.
pub fn works(card: &Card, limits: Limits, ledger: &Ledger) -> Result<Report, Error> {
    let (name, begin) = (format!("stress/{}-works", card.id), Instant::now());
    let space = probe(card)?;
    let _settings = Settings::neutral(card)?;
    let selection = Selection {
        limits,
        only: Vec::new(),
        quick: true,
        kind: Kind::Usual,
    };
    let machine = Machine::measure();
    let watchdog = Watchdog::start(STEP_LIMIT, {
        let last_words = ledger.last_words(&name);
        move |what| {
            complain(what);
            last_words(what);
        }
    });
    let mut context = Context::new(card, limits, &space, machine, watchdog);
    let mut outcome = Outcome::Pass;
    for check in select(&selection, Some(&space))? {
        match check.run(&mut context) {
            Ok(()) | Err(Problem::Skipped(_)) => {}
            Err(problem) => {
                outcome = Outcome::Fail(format!("{}: {problem}", check.name));
                break;
            }
        }
    }
    Ok(Report {
        name,
        outcome,
        took: begin.elapsed(),
        notes: Vec::new(),
    })
}

fn run_all(checks: &[Check], context: &mut Context<'_>, ledger: &Ledger) -> Result<(), Error> {
    for check in checks {
        ledger.running(&check.name);
        let outcome = match check.run(context) {
            Ok(()) => Outcome::Pass,
            Err(Problem::Skipped(why)) => Outcome::Skip(why),
            // Those of other kinds take it away themselves.
            Err(_) if check.kind() == Kind::Usual && !context.card.is_there() => {
                ledger.ended(Outcome::Skip("the card has gone".to_owned()), Vec::new())?;
                return Err(Error::Gone {
                    card: context.card.shown(),
                    during: format!("while {} ran", check.name),
                });
            }
            Err(problem) => Outcome::Fail(problem.to_string()),
        };
        ledger.ended(outcome, std::mem::take(&mut context.notes))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn everything() -> Selection {
        Selection {
            limits: Limits {
                full: false,
                byte_rate: 16 << 20,
                case_bytes: 1 << 20,
            },
            only: Vec::new(),
            quick: false,
            kind: Kind::Usual,
        }
    }

    #[test]
    fn patterns() {
        assert!(matches("drain", "drain/whole"));
        assert!(matches("drain/*", "drain/whole"));
        assert!(matches("*S16*", "matrix/S16_LE"));
        assert!(matches("*/S*LE", "matrix/S16_LE"));
        assert!(!matches("*/S*BE", "matrix/S16_LE"));
        assert!(!matches("rain/*", "drain/whole"));
    }

    #[test]
    fn names_are_unique_and_every_check_says_what_it_proves() {
        let checks = checks::all(everything().limits, None);
        let names: HashSet<&str> = checks.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), checks.len());
        assert!(
            checks
                .iter()
                .all(|c| c.name.contains('/') && !c.about.is_empty() && !c.row.is_empty())
        );
        assert_eq!(checks.iter().filter(|c| c.quick).count(), 6);
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_an_error() {
        let selection = Selection {
            only: vec!["drain".into(), "nonsense".into()],
            ..everything()
        };
        assert!(matches!(select(&selection, None), Err(Error::NoSuchCheck(p)) if p == "nonsense"));
    }
}
