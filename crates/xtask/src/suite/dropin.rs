// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps about the card in the place of snd-aloop's, about as many cards as there can be, and about
//! what users do to the log.

use std::time::Duration;

use super::Suite;
use super::card::CHECK;
use super::steps::{Time, in_guest};
use crate::report::{self, Check};
use lab::error::{Error, Result};
use lab::kernel::Spec;
use lab::ui::Step;

/// What the recipes of cards have in common, which has what modprobe reads on a target.
const RECIPES: &str = include_str!("../../../../meta-rloop/classes-recipe/rloop_sound.bbclass");

/// The line that the layer has modprobe read, with `parameters` for those that a build asks for.
fn layer_options(parameters: &str) -> Result<String> {
    let defaults = RECIPES
        .lines()
        .find_map(|line| line.strip_prefix("RLOOP_DEFAULTS ?= \""))
        .and_then(|line| line.strip_suffix('"'))
        .ok_or_else(|| Error::Missing {
            what: "RLOOP_DEFAULTS in the class of the recipes of cards".into(),
            how: "a line `RLOOP_DEFAULTS ?= \"…\"`".into(),
        })?;
    Ok(format!("options snd-rloop {defaults} {parameters}"))
}

/// What is written for snd-aloop, tried with it and with snd-rloop.
pub(super) fn same(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = format!(
        "layer_options='{}'\n{}",
        layer_options("$RLOOP_PARAMETERS")?,
        include_str!("dropin.sh")
    );
    run(suite, spec, step, ("drop-in", &script))
}

/// The PCMs that alsa-lib makes of a loopback card.
pub(super) fn pcms(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    run(suite, spec, step, ("drop-in-pcms", include_str!("pcms.sh")))
}

/// More cards than the kernel has room for.
pub(super) fn many(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    run(suite, spec, step, ("many-cards", include_str!("many.sh")))
}

/// An ordinary user can't fill the log.
pub(super) fn noise(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    run(suite, spec, step, ("noise", include_str!("noise.sh")))
}

fn run(suite: &Suite<'_>, spec: &Spec, step: &Step, job: (&str, &str)) -> Result<Vec<Check>> {
    let (name, script) = job;
    let script = [CHECK, script].concat();
    let job = (name, script.as_str(), Duration::from_secs(1800));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}
