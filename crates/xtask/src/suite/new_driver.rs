// SPDX-License-Identifier: MIT OR Apache-2.0
//! The step that does what somebody does who begins a driver: has it written, and tries it.

use std::fs;
use std::time::Duration;

use lab::error::{AtPath as _, Error, Result};
use lab::guest::Guest;
use lab::kernel::Spec;
use lab::module::Build;
use lab::paths;
use lab::sandbox;
use lab::ui::Step;

use super::run::{Job, in_guest, script};
use super::steps::program;
use super::{Suite, consistent};
use crate::manifest::{self, Family, LIST};
use crate::new_driver;
use crate::report::{self, Check};

/// The driver's name.
const NAME: &str = "brand-new";

/// A new driver in a copy of what it needs of the repository: all that is said of it agrees, and it passes the steps
/// that a driver has.
pub(super) fn works(suite: &Suite<'_>, step: &Step, name: &str, spec: &Spec) -> Result<Vec<Check>> {
    let repo = &suite.context.paths.repo;
    let copy = suite.context.paths.work().join("new-driver");
    sandbox::remove(&copy)?;
    for part in ["drivers/lib", LIST, "README.md", "docs/index.md"] {
        let to = copy.join(part);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir).at(dir)?;
        }
        paths::copy(&repo.join(part), &to)?;
    }
    // Of the layer's list only the new one is in the copy.
    let list = copy.join(LIST);
    fs::write(&list, "\nRLOOP_DRIVERS = \"\\\n\"\n").at(&list)?;
    new_driver::write(&repo.join(new_driver::TEMPLATES), &copy, NAME, Family::Char)?;
    let drivers = manifest::of(&copy.join("drivers"))?;
    let mut checks = consistent::checks(&copy, &drivers)?;
    let [manifest] = drivers.as_slice() else {
        return Err(Error::Without {
            what: "new driver".into(),
            why: "its manifest is not there".into(),
        });
    };

    let kernel = suite.kernel(spec, step)?;
    let build = Build {
        context: suite.context,
        sandbox: suite.sandbox,
        kernel: &kernel,
        driver: &manifest.driver,
        step,
    };
    checks.push(program("make rustfmtcheck", build.check("rustfmtcheck"))?);
    let project = build.rust_project().map(drop);
    checks.push(program("make rust-analyzer", project)?);
    checks.push(program("make clippy", build.check("clippy"))?);
    let module = match build.module_anew() {
        Ok(module) => module,
        Err(e) => {
            checks.push(program("compiles", Err(e))?);
            return Ok(checks);
        }
    };
    let warnings = build.warnings()?;
    checks.push(Check::that(
        "compiles without a warning",
        (!warnings.is_empty()).then(|| warnings.join("; ")),
    ));
    let mut guest = Guest::bare(suite.context, suite.sandbox, &kernel)?;
    guest.modules.push(module);
    for run in &manifest.runs {
        let job = Job {
            name,
            script: script(&manifest.driver, run, false, 0)?,
            timeout: Duration::from_secs(run.timeout),
            time: run.time,
            processors: run.processors(),
            board: None,
            append: &run.append,
            extras: run.qemu.clone(),
            sealed: run.sealed,
        };
        let (outcome, of_any) = in_guest(suite, step, &guest, &job, str::to_owned)?;
        let own = report::from_ptest(&outcome.output);
        checks.extend(of_any);
        checks.push(Check::that(
            "has one check",
            (own.len() != 1).then(|| format!("expected one, came {}", own.len())),
        ));
        checks.extend(own);
    }
    Ok(checks)
}
