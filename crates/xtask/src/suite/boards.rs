// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tests for boards, on a guest, and the environments for real boards.

use std::fs;
use std::path::Path;

use lab::error::Result;
use lab::guest::{Machine, probe_kvm};
use lab::kernel::Spec;
use lab::python::Python;
use lab::sandbox;
use lab::ui::Step;

use super::Suite;
use super::layer::{extension, files};
use super::steps::program;
use crate::boards;
use crate::report::{self, Check, Counts};

/// The directory of the tests.
const TESTS: &str = "boards";
/// labgrid and pytest, for pip.
const REQUIREMENTS: &str = "boards/requirements.txt";
/// The checks that are run on the guest: what there is to be seen here are boards, not drivers.
const SHARD: &str = "1/20";
/// Makes all of an environment but a connection to the board.
const LOADS: &str = "import strategy, sys; from labgrid import Environment; \
     target = Environment(sys.argv[1]).get_target(); target.get_driver('Strategy')";

/// Runs the tests of boards/ by labgrid, on a guest that it runs in QEMU; and has labgrid read the environments there.
pub(super) fn on_qemu(
    suite: &Suite<'_>,
    step: &Step,
    name: &str,
    spec: &Spec,
) -> Result<Vec<Check>> {
    let context = suite.context;
    let kernel = suite.kernel(spec, step)?;
    let python = Python::get(context, REQUIREMENTS, None)?;
    let tests = context.paths.repo.join(TESTS);
    let work = context.paths.work().join("boards");
    sandbox::remove(&work)?;
    let accel = probe_kvm(context, suite.sandbox, &kernel)?;
    let machine = Machine::smp(accel, 2, 1024);
    let environment = boards::export(context, suite.sandbox, &kernel, machine, &work.join("qemu"))?;
    let mut checks = Vec::new();
    for file in files(&tests, |path| extension(path, &["yaml"]))? {
        checks.push(loads(&python, &tests, &file)?);
    }
    let junit = work.join("junit.xml");
    let result = python
        .module("pytest")
        .dir(&tests)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-p", "no:cacheprovider", "--shard", SHARD, "--lg-env"])
        .arg(&environment)
        .arg("--reports")
        .arg(work.join("reports"))
        .arg("--lg-log")
        .arg(&work)
        .arg("--junitxml")
        .arg(&junit)
        .run(step, &context.paths.log(name));
    let whole = program("pytest", result)?;
    let text = fs::read_to_string(&junit).unwrap_or_default();
    let tested = report::from_junit(&text).unwrap_or_default();
    // A test that fails counts once; tests that could not be run have to count, too.
    if tested.is_empty() || Counts::of(&tested).failed == 0 {
        checks.push(whole);
    }
    checks.extend(tested);
    // The guest's image is large.
    let image = work.join("qemu");
    sandbox::remove(&image)?;
    Ok(checks)
}

/// Whether labgrid takes the environment `file`, and what it names can be put together.
fn loads(python: &Python, tests: &Path, file: &Path) -> Result<Check> {
    let result = python
        .python("labgrid")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .dir(tests)
        .args(["-c", LOADS])
        .arg(file)
        .read();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    program(&format!("labgrid reads {name}"), result.map(drop))
}
