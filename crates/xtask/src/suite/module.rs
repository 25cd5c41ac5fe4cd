// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps that compile the module, for each kernel and configuration.

use std::path::Path;

use lab::driver::Driver;
use lab::error::{Error, Result};
use lab::kernel::{Extent, Flavour, Kernel, Spec};
use lab::module::Build;
use lab::ui::Step;

use super::Suite;
use super::steps::program;
use crate::report::Check;

/// A target of the driver's Makefile.
pub(super) fn target(
    suite: &Suite<'_>,
    step: &Step,
    spec: &Spec,
    driver: &Driver,
    target: &str,
) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec, step)?;
    let build = build(suite, step, &kernel, driver);
    let result = build.check(target);
    Ok(vec![program(&format!("make {target}"), result)?])
}

/// How `driver` is built for `kernel`.
fn build<'a>(
    suite: &'a Suite<'_>,
    step: &'a Step,
    kernel: &'a Kernel,
    driver: &'a Driver,
) -> Build<'a> {
    Build {
        context: suite.context,
        sandbox: suite.sandbox,
        kernel,
        driver,
        step,
    }
}

/// What rust-analyzer reads, for whoever works on the driver.
pub(super) fn rust_analyzer(
    suite: &Suite<'_>,
    step: &Step,
    spec: &Spec,
    driver: &Driver,
) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec, step)?;
    let build = build(suite, step, &kernel, driver);
    let why = match build.rust_project() {
        Ok(_) => None,
        Err(e @ (Error::Command { .. } | Error::BadFile { .. })) => Some(e.to_string()),
        Err(e) => return Err(e),
    };
    Ok(vec![Check::that("rust-project.json has the driver", why)])
}

/// The module, all of it compiled.
pub(super) fn compiled(
    suite: &Suite<'_>,
    step: &Step,
    spec: &Spec,
    driver: &Driver,
) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec, step)?;
    let build = build(suite, step, &kernel, driver);
    let (module, built) = match build.module_anew() {
        Ok(module) => (Some(module), Ok(())),
        Err(e) => (None, Err(e)),
    };
    let compiled = match spec.extent {
        Extent::Bootable => "compiles",
        Extent::Prepared => "compiles (against a prepared kernel, not booted)",
    };
    let mut checks = vec![program(compiled, built)?];
    let Some(module) = module else {
        return Ok(checks);
    };
    if spec.extent == Extent::Prepared {
        checks.push(Check::that(
            "needs nothing that this configuration lacks",
            lacking(&symbols(suite, &module)?, spec.flavour),
        ));
    }
    let warnings = build.warnings()?;
    checks.push(Check::that(
        "compiles without a warning",
        (!warnings.is_empty()).then(|| warnings.join("; ")),
    ));
    Ok(checks)
}

/// The symbols that `module` expects of others.
fn symbols(suite: &Suite<'_>, module: &Path) -> Result<String> {
    suite
        .sandbox
        .command::<&str, &str>("nm", &suite.context.paths.repo, &[], "nm")?
        .args(["--undefined-only", "--just-symbols"])
        .arg(module)
        .read()
}

/// A prepared kernel has no list of its symbols. But what begins with `rloop_` would have to be in the module,
/// and what begins with one of these is in no kernel of [`Flavour::Least`].
const NOT_IN_LEAST: &[&str] = &[
    "_printk",
    "config_",
    "configfs_",
    "debugfs_",
    "proc_",
    "snd_info_",
];

/// Which of `symbols`, one a line, a kernel of this flavour can't have.
fn lacking(symbols: &str, flavour: Flavour) -> Option<String> {
    let not: &[&str] = match flavour {
        Flavour::Least => NOT_IN_LEAST,
        _ => &[],
    };
    let lacking: Vec<&str> = symbols
        .lines()
        .filter(|name| {
            name.starts_with("rloop_") || not.iter().any(|start| name.starts_with(start))
        })
        .collect();
    (!lacking.is_empty()).then(|| format!("undefined: {}", lacking.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_lacks_is_told() {
        let symbols = "memcpy\nsnd_info_register\nsnd_card_new\n";
        assert_eq!(lacking(symbols, Flavour::Split), None);
        assert_eq!(
            lacking(symbols, Flavour::Least).as_deref(),
            Some("undefined: snd_info_register")
        );
        assert_eq!(
            lacking("rloop_configfs_init\n", Flavour::Split).as_deref(),
            Some("undefined: rloop_configfs_init")
        );
    }
}
