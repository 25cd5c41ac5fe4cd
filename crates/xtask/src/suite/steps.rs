// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps on the host: what cargo says of the crates.

use std::fs;

use lab::cargo;
use lab::error::{Error, Result};
use lab::ui::Step;

use super::Suite;
use crate::report::{self, Check, Counts};

/// A program whose failure is a failed check; that it couldn't be run is an error.
pub(super) fn program(name: &str, result: Result<()>) -> Result<Check> {
    match result {
        Ok(()) => Ok(Check::pass(name)),
        Err(e @ Error::Command { .. }) => Ok(Check::fail(name, e.to_string())),
        Err(e) => Err(e),
    }
}

pub(super) fn rustfmt(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let mut cmd = cargo::command(suite.context, suite.sandbox, "cargo fmt", "fmt")?;
    cmd.args(["--all", "--check", "--", "--color=never"]);
    let result = cmd.run(step, &suite.context.paths.log("rustfmt"));
    Ok(vec![program("cargo fmt --check", result)?])
}

pub(super) fn clippy(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let mut cmd = cargo::command(suite.context, suite.sandbox, "cargo clippy", "clippy")?;
    cmd.args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
    let result = cmd.run(step, &suite.context.paths.log("clippy"));
    Ok(vec![program("cargo clippy", result)?])
}

pub(super) fn host_tests(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let log = suite.context.paths.log("host-tests");
    let mut cmd = cargo::command(suite.context, suite.sandbox, "cargo test", "test")?;
    cmd.args(["--workspace", "--no-fail-fast"]);
    let whole = program("cargo test", cmd.run(step, &log))?;
    let mut checks = report::from_cargo_test(&fs::read_to_string(&log).unwrap_or_default());
    // A test that fails counts once; tests that don't even compile have to count, too.
    if Counts::of(&checks).failed == 0 && whole.verdict != report::Verdict::Pass {
        checks.push(whole);
    }
    Ok(checks)
}
