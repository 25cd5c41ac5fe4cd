// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps about `rloop` where things are not as in most other steps.

use std::time::Duration;

use super::Suite;
use super::card::CHECK;
use super::steps::{Time, in_guest};
use crate::report::{self, Check};
use lab::error::Result;
use lab::kernel::Spec;
use lab::ui::Step;

/// No rights, no devices, no files, no room, no reader, no card any more.
pub(super) fn troubles(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = include_str!("tool_troubles.sh");
    run(suite, spec, step, "tool-troubles", script)
}

/// A card whose cables differ.
pub(super) fn cables(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = include_str!("tool_cables.sh");
    run(suite, spec, step, "tool-cables", script)
}

fn run(
    suite: &Suite<'_>,
    spec: &Spec,
    step: &Step,
    name: &str,
    script: &str,
) -> Result<Vec<Check>> {
    let script = format!("{CHECK}{script}");
    let job = (name, script.as_str(), Duration::from_secs(900));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}
