// SPDX-License-Identifier: MIT OR Apache-2.0
//! DKMS itself: it adds, builds, installs, replaces and removes what `drivers/dkms.conf` says.

use std::fs;

use lab::error::{AtPath as _, Error, Result};
use lab::kernel::Spec;
use lab::sandbox;
use lab::ui::Step;

use super::Suite;
use super::run::PRELUDE;
use crate::report::{self, Check, Counts};

/// Prints a line for each thing that it has tried.
const CYCLE: &str = include_str!("dkms.sh");

/// All that a user does with DKMS, for a kernel of the toolchain root's own architecture.
pub(super) fn cycle(suite: &Suite<'_>, step: &Step, _: &str, spec: &Spec) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec, step)?;
    let paths = &suite.context.paths;
    let work = paths.work().join("dkms");
    sandbox::remove(&work)?;
    fs::create_dir_all(&work).at(&work)?;
    let log = paths.log("dkms");
    let ran = suite
        .sandbox
        .seeing(&kernel.source)
        .command::<&str, &str>("the cycle of DKMS", &work, &[], "bash")?
        .args(["-c", &format!("{PRELUDE}{CYCLE}"), "dkms"])
        .arg(paths.repo.join("drivers"))
        .arg(&kernel.dir)
        .arg(&kernel.release)
        .run(step, &log);
    sandbox::remove(&work)?;
    let checks = || {
        fs::read_to_string(&log)
            .at(&log)
            .map(|text| report::from_ptest(&text))
    };
    match ran {
        // What has failed is among its lines, unless it is the script.
        Err(e @ Error::Command { .. }) => {
            let checks = checks()?;
            match Counts::of(&checks).failed {
                0 => Err(e),
                _ => Ok(checks),
            }
        }
        ran => ran.and_then(|()| checks()),
    }
}
