// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tests for boards, on guests: on one that labgrid runs in QEMU, and on two that are places of a coordinator.

use std::fs;
use std::path::{Path, PathBuf};

use lab::arch::Arch;
use lab::cargo;
use lab::error::Result;
use lab::exec::Cmd;
use lab::guest::{Guest, Machine};
use lab::kernel::Spec;
use lab::python::Python;
use lab::sandbox;
use lab::ui::Step;
use rig::report::junit;

use super::Suite;
use super::layer::{extension, files};
use super::steps::program;
use crate::boards;
use crate::report::{self, Check, Counts};

/// The directory of the tests.
const TESTS: &str = "boards";
/// labgrid and pytest, for pip.
const REQUIREMENTS: &str = "boards/requirements.txt";
/// The checks that one guest runs: what there is to be seen here are boards, not drivers.
const SHARD: &str = "1/16";
/// What is divided over two: six checks of the whole matrix, of which each has hundreds of combinations. So that it does not
/// take long, only those that move little in a second are there, with little data each.
const DIVIDED: &str = "--full --byte-rate 1 --case-bytes 16 --only 'snd-rloop/matrix/*32_*'";
/// The guests of boards/guests.py.
const BOARDS: [&str; 2] = ["board1", "board2"];
/// When a guest is given up, in seconds.
const SECONDS: &str = "300";
/// Makes all of an environment but a connection to the board; its images are to be where kas leaves them.
const LOADS: &str = "import strategy, sys; from os.path import abspath; from labgrid import Environment; \
     environment = Environment(sys.argv[1]); environment.get_target().get_driver('Strategy'); \
     images = map(environment.config.get_image_path, environment.config.get_images()); \
     built = abspath('../build/tmp/deploy/images') + '/'; \
     sys.exit(' '.join(f'not in {built}: {image}' for image in images if not abspath(image).startswith(built)) or 0)";

/// labgrid, and a guest that is written for it.
struct Bench {
    python: Python,
    tests: PathBuf,
    /// What the step leaves.
    work: PathBuf,
    /// The guest's environment.
    environment: PathBuf,
}

impl Bench {
    fn new(suite: &Suite<'_>, step: &Step, name: &str, spec: &Spec) -> Result<Self> {
        let context = suite.context;
        let kernel = suite.kernel(spec, step)?;
        let guest = Guest::build(context, suite.sandbox, &kernel)?;
        let work = context.paths.work().join(name);
        sandbox::remove(&work)?;
        let environment = boards::export(&guest, &Machine::counted(), "", &work.join("guest"))?;
        Ok(Self {
            python: Python::get(context, REQUIREMENTS, None)?,
            tests: context.paths.repo.join(TESTS),
            work,
            environment,
        })
    }

    /// A command that runs Python in the directory of the tests, and leaves nothing there.
    fn python(&self, what: &str) -> Cmd {
        let mut cmd = self.python.python(what);
        cmd.env("PYTHONDONTWRITEBYTECODE", "1").dir(&self.tests);
        cmd
    }

    /// Whether labgrid takes the environment `file`, and what that names can be put together.
    fn loads(&self, file: &Path) -> Result<Check> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let result = self
            .python("labgrid")
            .args(["-c", LOADS])
            .arg(file)
            .read()
            .map(drop);
        program(&format!("labgrid reads {name}"), result)
    }
}

/// Runs the tests on a guest, and has labgrid read the environments of real boards.
pub(super) fn one(suite: &Suite<'_>, step: &Step, name: &str, spec: &Spec) -> Result<Vec<Check>> {
    let bench = Bench::new(suite, step, name, spec)?;
    let mut checks = Vec::new();
    for file in files(&bench.tests, |path| {
        extension(path, &["yaml"]) && !path.parent().is_some_and(|dir| dir.ends_with("lava"))
    })? {
        checks.push(bench.loads(&file)?);
    }
    let junit = bench.work.join("junit.xml");
    let result = bench
        .python("pytest")
        .args(["-m", "pytest", "-p", "no:cacheprovider", "--shard", SHARD])
        .args(["--seconds", SECONDS, "--lg-env"])
        .arg(&bench.environment)
        .arg("--reports")
        .arg(bench.work.join("reports"))
        .arg("--lg-log")
        .arg(&bench.work)
        .arg("--junitxml")
        .arg(&junit)
        .run(step, &suite.context.paths.log(name));
    let whole = program("pytest", result)?;
    let text = fs::read_to_string(&junit).unwrap_or_default();
    let tested = report::from_junit(&text).unwrap_or_default();
    // A test that fails counts once; tests that could not be run have to count, too.
    if tested.is_empty() || Counts::of(&tested).failed == 0 {
        checks.push(whole);
    }
    checks.extend(tested);
    Ok(checks)
}

/// Divides checks over two guests: each is to be run once, by one of them.
pub(super) fn farm(suite: &Suite<'_>, step: &Step, name: &str, spec: &Spec) -> Result<Vec<Check>> {
    let context = suite.context;
    let bench = Bench::new(suite, step, name, spec)?;
    let rloop = bench.work.join("rloop");
    // The toolchain root is amd64; for guests there the same is built.
    let programs = cargo::programs(context, suite.sandbox, Arch::X86_64, step)?;
    suite
        .sandbox
        .command::<&str, &str>("rloop", &context.paths.repo, &[], &programs[0])?
        .write_script(&rloop)?;
    let reports = bench.work.join("reports");
    let guest = bench.environment.parent().unwrap_or(&bench.work);
    let result = bench
        .python("boards/farm.py")
        .args(["guests.py", "--boards", "2"])
        .arg(guest)
        .args(["--", "python3", "farm.py", "--seconds", SECONDS])
        .arg(format!("--verify={DIVIDED}"))
        .arg("--rloop")
        .arg(&rloop)
        .arg("--reports")
        .arg(&reports)
        .args(BOARDS)
        .run(step, &context.paths.log(name));
    let mut checks = vec![program("boards/farm.py", result)?];
    let read = |file: PathBuf| fs::read_to_string(reports.join(file)).unwrap_or_default();
    let list = read(Path::new(BOARDS[0]).join("list"));
    let results = |file| report::from_junit(&read(file)).unwrap_or_default().len();
    let shares = BOARDS.map(|board| results(Path::new(board).join("verify.xml")));
    checks.push(Check::that(
        "each board has run its half",
        unequal(list.lines().count(), shares),
    ));
    let merged = read("merged.xml".into());
    checks.push(Check::that(
        "the boards have tried all combinations",
        untried(&list, &merged),
    ));
    checks.extend(report::from_junit(&merged).unwrap_or_default());
    Ok(checks)
}

/// What is wrong with the numbers of checks that two boards have run, of so many.
fn unequal(listed: usize, shares: [usize; 2]) -> Option<String> {
    let expected = [listed.div_ceil(2), listed / 2];
    (listed < 2 || shares != expected)
        .then(|| format!("expected {expected:?} of {listed}, came {shares:?}"))
}

/// What is wrong with the number of combinations that a report tells of, of checks that have so many in the list.
fn untried(list: &str, report: &str) -> Option<String> {
    let listed = list.lines().filter_map(|line| {
        let (_, about) = line.split_once(' ')?;
        let (number, _) = about.trim_start().split_once(" combinations of ")?;
        number.parse::<usize>().ok()
    });
    let listed: usize = listed.sum();
    let results = junit::read(report).map_or_else(|_| Vec::new(), |kept| kept.results);
    let notes = results.iter().flat_map(|result| &result.notes);
    let tried = notes.filter_map(|note| note.strip_suffix(" cases")?.parse::<usize>().ok());
    let tried: usize = tried.sum();
    (listed == 0 || tried != listed).then(|| format!("expected {listed}, came {tried}"))
}

#[cfg(test)]
mod tests {
    use rig::report::Outcome;
    use rig::report::junit::{Case, Suites};

    use super::*;

    #[test]
    fn halves_are_equal_but_for_one() {
        assert_eq!(unequal(7, [4, 3]), None);
        assert!(unequal(7, [7, 0]).is_some());
        assert!(unequal(0, [0, 0]).is_some());
    }

    #[test]
    fn combinations_are_counted() {
        let list = "d/matrix/S8     11 combinations of rate, channels [c]\nd/matrix/U8  4 combinations of rate [c]\n";
        let report = |notes: &[&str]| {
            let notes: Vec<String> = notes.iter().map(|&note| note.to_owned()).collect();
            let mut suites = Suites::default();
            suites.begin("d/matrix", None);
            for notes in [&notes[..], &["4 cases".to_owned()]] {
                suites.add(&Case {
                    class: "d",
                    name: "x",
                    outcome: &Outcome::Pass,
                    took: None,
                    notes,
                });
            }
            suites.xml("rloop", None).unwrap_or_default()
        };
        let retried = "2 cases needed more than one try; the first: …";
        assert_eq!(untried(list, &report(&["11 cases"])), None);
        assert!(untried(list, &report(&["10 cases"])).is_some());
        assert!(untried("", &report(&[])).is_some());
        assert_eq!(untried(list, &report(&[retried, "11 cases"])), None);
    }
}
