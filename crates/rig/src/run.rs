// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs the checks of one driver or of several, and reports them.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::{Check, Kind, Listed, Selection};
use crate::ledger::{Ledger, complain_unless_unread};
use crate::machine::Machine;
use crate::output::{Ending, Unwritten, complain};
use crate::report::{Format, Outcome, Report, Subject, Thing, reporter};
use crate::shard::Share;
use crate::verdict::Problem;
use crate::watchdog::Watchdog;

/// One step of a check may take this long. The longest legal one takes some seconds.
const STEP_LIMIT: Duration = Duration::from_secs(180);

/// What the checks of a driver are given.
pub trait Context {
    /// What keeps them from running at all.
    type Error;

    /// Where figures are kept that are worth reporting with a result.
    fn notes(&mut self) -> &mut Vec<String>;

    /// Reports a figure with the result.
    fn note(&mut self, text: impl Into<String>) {
        self.notes().push(text.into());
    }

    /// An error if what is under test has gone, without which no check makes sense; `during` says meanwhile.
    fn gone(&self, during: String) -> Option<Self::Error>;
}

/// What there is for a context to be made of.
pub struct Start {
    /// Told what is being done. What runs has begun as a step already.
    pub watchdog: Arc<Watchdog>,
    /// How punctual the machine is.
    pub machine: Machine,
}

/// Makes what the checks are given. Until then nothing of it is changed.
pub type Open<C> = Box<dyn FnOnce(Start) -> Result<C, <C as Context>::Error>>;

/// The checks of one driver, and what they are run on.
pub struct Suite<C: Context> {
    /// The driver, by the name that people know.
    pub driver: &'static str,
    /// What is under test.
    pub thing: Thing,
    /// Its checks.
    pub checks: Vec<Check<C>>,
    /// Makes what they are given. When that goes, all is as it was before.
    pub open: Open<C>,
}

/// A [`Suite`], whatever its checks are given.
pub trait Tests<E> {
    /// What is under test.
    fn thing(&self) -> Thing;

    /// Its checks.
    fn listed(&self) -> Vec<Listed>;

    /// Leaves only the checks that `selection` takes.
    fn select(&mut self, selection: &Selection);

    /// Leaves only the checks that belong to `share`.
    fn share(&mut self, share: &Share);

    /// Runs all checks; `ledger` gets the results.
    ///
    /// # Errors
    /// If they can't be run, or what is under test goes meanwhile, or a result can't be written.
    fn run(self: Box<Self>, start: Start, ledger: &Ledger) -> Result<(), E>;

    /// Runs all checks until one fails, as one result that is called `name`.
    ///
    /// # Errors
    /// If they can't be run.
    fn run_as_one(self: Box<Self>, name: String, start: Start) -> Result<Report, E>;
}

impl<C: Context> Tests<C::Error> for Suite<C>
where
    C::Error: From<Unwritten>,
{
    fn thing(&self) -> Thing {
        self.thing.clone()
    }

    fn listed(&self) -> Vec<Listed> {
        let checks = self.checks.iter();
        checks.map(|check| check.listed(self.driver)).collect()
    }

    fn select(&mut self, selection: &Selection) {
        let driver = self.driver;
        self.checks.retain(|c| selection.takes(&c.listed(driver)));
    }

    fn share(&mut self, share: &Share) {
        let driver = self.driver;
        self.checks.retain(|c| share.has(&c.listed(driver).name));
    }

    fn run(self: Box<Self>, start: Start, ledger: &Ledger) -> Result<(), C::Error> {
        let watchdog = start.watchdog.clone();
        let mut context = (self.open)(start)?;
        for check in &self.checks {
            let name = format!("{}/{}", self.driver, check.name);
            ledger.running(&name);
            watchdog.step(name.clone());
            let outcome = match (check.run)(&mut context) {
                Ok(()) => Outcome::Pass,
                Err(Problem::Skipped(why)) => Outcome::Skip(why),
                Err(problem) => {
                    // Those of other kinds take it away themselves.
                    let gone = match check.kind {
                        Kind::Usual => context.gone(format!("while {name} ran")),
                        _ => None,
                    };
                    if let Some(error) = gone {
                        ledger.ended(Outcome::Skip("it has gone".to_owned()), Vec::new())?;
                        return Err(error);
                    }
                    Outcome::Fail(problem.at_last().to_string())
                }
            };
            ledger.ended(outcome, std::mem::take(context.notes()))?;
        }
        Ok(())
    }

    fn run_as_one(self: Box<Self>, name: String, start: Start) -> Result<Report, C::Error> {
        let (begin, watchdog) = (Instant::now(), start.watchdog.clone());
        let mut context = (self.open)(start)?;
        let mut outcome = Outcome::Pass;
        for check in &self.checks {
            watchdog.step(format!("{}/{}", self.driver, check.name));
            match (check.run)(&mut context) {
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
}

/// Something else that gives results.
pub struct Before<E> {
    /// How many.
    pub results: usize,
    /// Gives them.
    pub run: Run<E>,
}

/// What is done before the checks; the ledger gets the results.
pub type Run<E> = Box<dyn FnOnce(&Ledger) -> Result<(), E>>;

/// All that is to be done.
pub struct Plan<E> {
    /// What comes before the checks.
    pub before: Vec<Before<E>>,
    /// The checks.
    pub suites: Vec<Box<dyn Tests<E>>>,
}

impl<E> Default for Plan<E> {
    fn default() -> Self {
        Self {
            before: Vec::new(),
            suites: Vec::new(),
        }
    }
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Watches over checks whose results `ledger` gets.
fn watch(ledger: &Ledger) -> Arc<Watchdog> {
    let ledger = ledger.clone();
    Watchdog::start(STEP_LIMIT, move |what| {
        complain(what);
        complain_unless_unread(ledger.hang(what));
    })
}

/// Does all of `plan` and reports it in `format` on standard output.
///
/// # Errors
/// If something can't be run, or what is under test goes meanwhile, or the results can't be written.
pub fn run<E: From<Unwritten>>(plan: Plan<E>, format: Format) -> Result<Ending, E> {
    let checks = plan.suites.iter().map(|suite| suite.listed().len());
    let before = plan.before.iter().map(|before| before.results);
    let machine = Machine::measure();
    let subject = Subject {
        things: plan.suites.iter().map(|suite| suite.thing()).collect(),
        kernel: kernel(),
        checks: before.chain(checks).sum(),
        late_us: Some((
            machine.usual.as_micros() as u64,
            machine.worst.as_micros() as u64,
        )),
    };
    let ledger = Ledger::new(reporter(format, Box::new(io::stdout())));
    let run = || -> Result<(), E> {
        ledger.begin(&subject)?;
        for before in plan.before {
            (before.run)(&ledger)?;
        }
        for suite in plan.suites {
            let watchdog = watch(&ledger);
            suite.run(Start { watchdog, machine }, &ledger)?;
        }
        Ok(())
    };
    let run = run();
    // Whatever has kept it from being complete, the report is ended.
    let ended = ledger.end();
    let all = match run {
        Err(_) if ledger.is_unread() => false,
        run => {
            run?;
            true
        }
    };
    if !ledger.is_unread() {
        ended?;
    }
    Ok(Ending::of(ledger.summary().failed, all))
}

/// Runs the quick checks of `suite` as one result, which is called `name`, and which `ledger` gets itself if one hangs.
///
/// # Errors
/// If they can't be run.
pub fn works<E>(mut suite: Box<dyn Tests<E>>, name: String, ledger: &Ledger) -> Result<Report, E> {
    suite.select(&Selection::quick());
    let last_words = ledger.last_words(&name);
    let watchdog = Watchdog::start(STEP_LIMIT, move |what| {
        complain(what);
        last_words(what);
    });
    let machine = Machine::measure();
    suite.run_as_one(name, Start { watchdog, machine })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Plain;
    use crate::verdict::{Verdict, fail, skip};
    use std::io::Write;
    use std::sync::{Mutex, PoisonError};

    #[derive(Debug, PartialEq)]
    enum Error {
        Gone(String),
        Unwritten,
    }

    impl From<Unwritten> for Error {
        fn from(_: Unwritten) -> Self {
            Self::Unwritten
        }
    }

    #[derive(Default)]
    struct Thermometer {
        broken: bool,
        notes: Vec<String>,
    }

    impl Context for Thermometer {
        type Error = Error;

        fn notes(&mut self) -> &mut Vec<String> {
            &mut self.notes
        }

        fn gone(&self, during: String) -> Option<Error> {
            self.broken.then_some(Error::Gone(during))
        }
    }

    const CHECKS: &[Plain<Thermometer>] = &[
        ("heat/warm", "heat", "it is warm", |context| {
            context.note("20 degrees");
            Ok(())
        }),
        ("heat/dark", "heat", "it is dark", |_| skip("no eyes")),
        ("heat/hot", "heat", "it is hot", |_| fail("it is not")),
        ("drop/broken", "drop", "it breaks", |context| -> Verdict {
            context.broken = true;
            fail("no answer")
        }),
        ("drop/late", "drop", "it is not there", |_| Ok(())),
    ];

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn suite() -> Box<dyn Tests<Error>> {
        Box::new(Suite {
            driver: "mercury",
            thing: Thing {
                key: "thermometer",
                line: String::new(),
                value: serde_json::Value::Null,
            },
            checks: CHECKS.iter().map(Check::from).collect(),
            open: Box::new(|_| Ok(Thermometer::default())),
        })
    }

    fn start() -> Start {
        Start {
            watchdog: Watchdog::start(STEP_LIMIT, |_| {}),
            machine: Machine::measure(),
        }
    }

    #[test]
    fn checks_run_until_what_they_test_has_gone() {
        let page = Page::default();
        let ledger = Ledger::new(reporter(Format::Ptest, Box::new(page.clone())));
        let ended = suite().run(start(), &ledger);
        let gone = Error::Gone("while mercury/drop/broken ran".to_owned());
        assert_eq!(ended, Err(gone));
        assert_eq!(
            page.text(),
            "  20 degrees\nPASS: mercury/heat/warm\n  no eyes\nSKIP: mercury/heat/dark\n  it is not\n\
             FAIL: mercury/heat/hot\n  it has gone\nSKIP: mercury/drop/broken\n"
        );
    }

    #[test]
    fn several_checks_are_one_result_that_ends_with_the_first_failure() {
        let report = suite().run_as_one("works".to_owned(), start()).unwrap();
        let failed = Outcome::Fail("heat/hot: it is not".to_owned());
        assert_eq!((report.name.as_str(), report.outcome), ("works", failed));
    }

    #[test]
    fn only_what_is_selected_is_left() {
        let mut suite = suite();
        suite.select(&Selection {
            only: vec!["mercury/heat/*".to_owned()],
            ..Selection::quick()
        });
        assert!(suite.listed().is_empty(), "none of them is quick");
        let mut suite = self::suite();
        suite.select(&Selection {
            only: vec!["mercury/heat/*".to_owned()],
            quick: false,
            kind: Kind::Usual,
        });
        assert_eq!(suite.listed().len(), 3);
    }
}
