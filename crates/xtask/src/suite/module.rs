// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps that compile the module, for each kernel and configuration.

use std::path::Path;

use super::Suite;
use super::steps::program;
use crate::report::Check;
use lab::driver::{Build, Driver};
use lab::error::Result;
use lab::kernel::{Extent, Flavour, Kernel, Spec};
use lab::ui::Step;

pub(super) fn rustfmt(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    driver_target(suite, spec, step, "rustfmtcheck")
}

pub(super) fn clippy(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    driver_target(suite, spec, step, "clippy")
}

fn driver_target(suite: &Suite<'_>, spec: &Spec, step: &Step, target: &str) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec)?;
    let check = |driver| {
        let build = build_of(suite, &kernel, driver, step);
        let what = format!("{}: make {target}", driver.name());
        program(&what, build.check(target))
    };
    suite.context.drivers.iter().map(check).collect()
}

fn build_of<'a>(
    suite: &'a Suite<'_>,
    kernel: &'a Kernel,
    driver: &'a Driver,
    step: &'a Step,
) -> Build<'a> {
    Build {
        context: suite.context,
        sandbox: suite.sandbox,
        kernel,
        driver,
        step,
    }
}

pub(super) fn compiled(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec)?;
    let mut checks = Vec::new();
    for driver in &suite.context.drivers {
        let of_one = compiled_one(suite, &build_of(suite, &kernel, driver, step))?;
        checks.extend(of_one.into_iter().map(|check| Check {
            name: format!("{}: {}", driver.name(), check.name),
            ..check
        }));
    }
    Ok(checks)
}

fn compiled_one(suite: &Suite<'_>, build: &Build<'_>) -> Result<Vec<Check>> {
    let spec = &build.kernel.spec;
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
