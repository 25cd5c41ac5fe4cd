// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps about cards that are made and removed at run time.

use std::time::Duration;

use super::Suite;
use super::card::CHECK;
use super::steps::{Time, in_guest};
use crate::report::{self, Check};
use lab::error::Result;
use lab::kernel::Spec;
use lab::ui::Step;

/// How often a card is made and removed while programs try to get at it.
const CYCLES: u32 = 100;

/// One at a time, and many at once.
pub(super) fn functions(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = [CHECK, include_str!("configfs.sh")].concat();
    let job = ("configfs", script.as_str(), Duration::from_secs(900));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

/// Cards come and go while programs use them, on two processors of a debug kernel.
pub(super) fn stress(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = format!(
        "cycles={CYCLES}\n{CHECK}{}",
        include_str!("configfs_stress.sh")
    );
    let job = ("configfs-debug", script.as_str(), Duration::from_secs(1800));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Real)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}
