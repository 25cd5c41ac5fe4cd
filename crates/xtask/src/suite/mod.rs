// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask test`: everything that has to hold, step by step.
//!
//! A step that fails doesn't keep the others from running. The counts are of
//! checks, not of steps: each test of `cargo test` and each check of `rloop
//! verify` is one, and so is whatever else a step looks at (that a build went
//! well, that a kernel's log is clean).

mod bad_parameters;
mod card;
mod configfs;
mod crates;
mod kselftest;
mod layer;
mod steps;

use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use crate::arch::Arch;
use crate::context::Context;
use crate::error::{AtPath as _, Error, Result};
use crate::kernel::{self, Extent, Flavour, Kernel, Spec, Version};
use crate::report::{self, Check, Counts, StepReport, Verdict};
use crate::sandbox::Sandbox;
use crate::toolchain;
use crate::ui::Step;

/// What the user wants to be tested.
pub(crate) struct Options {
    /// Only this architecture.
    pub(crate) arch: Option<Arch>,
    /// This kernel instead of the default, and not the one after it.
    pub(crate) kernel: Option<Version>,
    /// Only steps with one of these in their names.
    pub(crate) only: Vec<String>,
    /// The whole space in `rloop verify`.
    pub(crate) full: bool,
    /// How long the debug kernel is put under stress.
    pub(crate) stress_seconds: u64,
    /// Only name the steps.
    pub(crate) list: bool,
}

impl Options {
    /// Only what is about the Yocto layer.
    pub(crate) fn layer() -> Self {
        Self {
            arch: None,
            kernel: None,
            only: vec!["layer-".to_owned()],
            full: false,
            stress_seconds: 0,
            list: false,
        }
    }
}

type Run = fn(&Suite<'_>, &Spec, &Step) -> Result<Vec<Check>>;

/// A step, before it is run.
struct Planned {
    name: String,
    spec: Spec,
    run: Run,
}

/// What the steps share.
struct Suite<'a> {
    context: &'a Context,
    sandbox: &'a Sandbox,
    options: &'a Options,
    kernels: std::cell::RefCell<BTreeMap<String, std::result::Result<Rc<Kernel>, String>>>,
}

impl Suite<'_> {
    /// The kernel `spec`; one that can't be built is tried only once.
    fn kernel(&self, spec: &Spec) -> Result<Rc<Kernel>> {
        let key = format!("{spec} {:?}", spec.extent);
        let known = self.kernels.borrow().get(&key).cloned();
        let result = match known {
            Some(result) => result,
            None => {
                let result = match kernel::get(self.context, self.sandbox, spec) {
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    other => other.map(Rc::new).map_err(|e| e.to_string()),
                };
                self.kernels.borrow_mut().insert(key, result.clone());
                result
            }
        };
        result.map_err(|why| Error::Missing {
            what: format!("the kernel for this step ({spec})"),
            how: why,
        })
    }
}

/// The steps, in the order in which they tell most soonest.
fn plan(options: &Options) -> Vec<Planned> {
    let version = options.kernel.clone().unwrap_or(Version::DEFAULT);
    let arches: Vec<Arch> = match options.arch {
        Some(arch) => vec![arch],
        None => Arch::ALL.to_vec(),
    };
    let first = arches.first().copied().unwrap_or(Arch::Aarch64);
    let spec = |arch, flavour| Spec {
        version: version.clone(),
        arch,
        flavour,
        extent: Extent::Bootable,
    };
    let plain = spec(first, Flavour::Plain);
    let mut plan: Vec<Planned> = Vec::new();
    let mut add = |name: String, spec: Spec, run: Run| {
        plan.push(Planned { name, spec, run });
    };
    add("rustfmt".into(), plain.clone(), steps::rustfmt);
    add("host-tests".into(), plain.clone(), steps::host_tests);
    add("clippy".into(), plain.clone(), steps::clippy);
    add("layer-kas".into(), plain.clone(), layer::configurations);
    add("layer-lint".into(), plain.clone(), layer::lint);
    add("layer-crates".into(), plain.clone(), crates::in_step);
    add(
        "module-rustfmt".into(),
        plain.clone(),
        steps::module_rustfmt,
    );
    add("module-clippy".into(), plain.clone(), steps::module_clippy);
    for arch in &arches {
        add(
            format!("module-{arch}"),
            spec(*arch, Flavour::Plain),
            steps::module,
        );
    }
    if options.kernel.is_none() {
        let next = Spec {
            version: Version::NEXT,
            extent: Extent::Prepared,
            ..plain.clone()
        };
        add(format!("module-{}", Version::NEXT), next, steps::module);
    }
    for arch in &arches {
        add(
            format!("boot-{arch}"),
            spec(*arch, Flavour::Plain),
            steps::boot,
        );
    }
    for arch in arches.iter().skip(1) {
        add(
            format!("topologies-{arch}"),
            spec(*arch, Flavour::Plain),
            steps::topologies,
        );
    }
    add("boot-crossed".into(), plain.clone(), steps::boot_crossed);
    add("boot-fanout".into(), plain.clone(), steps::boot_fanout);
    add("boot-free".into(), plain.clone(), steps::boot_free);
    add("kselftest-cable".into(), plain.clone(), kselftest::cable);
    add(
        "kselftest-crossed".into(),
        plain.clone(),
        kselftest::crossed,
    );
    add("faults".into(), plain.clone(), steps::faults);
    add("names".into(), plain.clone(), card::names);
    add("alsactl".into(), plain.clone(), card::alsactl);
    add("unplug".into(), plain.clone(), card::unplug);
    add("configfs".into(), plain.clone(), configfs::functions);
    add("reload".into(), plain.clone(), steps::reload);
    add("parameters".into(), plain.clone(), steps::parameters);
    add("layer-ptest".into(), plain, layer::ptest);
    add("boot-rt".into(), spec(first, Flavour::Rt), steps::boot_rt);
    let debug = spec(first, Flavour::Debug);
    add("unplug-debug".into(), debug.clone(), card::unplug);
    add("configfs-debug".into(), debug.clone(), configfs::stress);
    add("stress-debug".into(), debug, steps::stress);
    plan.retain(|step| {
        options.only.is_empty()
            || options
                .only
                .iter()
                .any(|part| step.name.contains(part.as_str()))
    });
    plan
}

/// Runs the tests; true when all have passed.
pub(crate) fn run(context: &Context, options: &Options) -> Result<bool> {
    let plan = plan(options);
    let unused = options
        .only
        .iter()
        .find(|part| !plan.iter().any(|step| step.name.contains(part.as_str())));
    if let Some(part) = unused {
        let all = Options {
            only: Vec::new(),
            arch: options.arch,
            kernel: options.kernel.clone(),
            ..*options
        };
        let names: Vec<String> = self::plan(&all).into_iter().map(|s| s.name).collect();
        return Err(Error::BadInput {
            what: "--only",
            given: part.clone(),
            allowed: format!("parts of the names {}", names.join(", ")),
        });
    }
    if options.list {
        for step in &plan {
            println!("{}", step.name);
        }
        return Ok(true);
    }
    let dir = context.paths.test();
    fs::create_dir_all(&dir).at(&dir)?;
    let sandbox = toolchain::get(context)?;
    let suite = Suite {
        context,
        sandbox: &sandbox,
        options,
        kernels: Default::default(),
    };
    let mut reports = Vec::new();
    let total = plan.len();
    for (number, planned) in plan.into_iter().enumerate() {
        let step = Step::new(format!("[{}/{total}] {}", number + 1, planned.name));
        let checks = match (planned.run)(&suite, &planned.spec, &step) {
            Ok(checks) => checks,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(e) => vec![Check::fail("the step itself", e.to_string())],
        };
        let counts = Counts::of(&checks);
        let elapsed = step.elapsed();
        let remark = format!(
            "{} passed, {} failed, {} skipped",
            counts.passed, counts.failed, counts.skipped
        );
        step.end(if counts.failed == 0 { "PASS" } else { "FAIL" }, &remark);
        for check in &checks {
            if let Verdict::Fail(why) = &check.verdict {
                eprintln!("        {}: {}", check.name, report::short(why));
            }
        }
        reports.push(StepReport {
            name: planned.name,
            elapsed,
            checks,
        });
        // After each step, so that an interrupted run has left what it found.
        report::write_junit(&reports, &dir.join("junit.xml"))?;
    }
    println!();
    for line in report::summary(&reports) {
        println!("{line}");
    }
    println!("report: {}", dir.join("junit.xml").display());
    let counts = Counts::of(reports.iter().flat_map(|step| &step.checks));
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(counts.failed == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            arch: None,
            kernel: None,
            only: Vec::new(),
            full: false,
            stress_seconds: 60,
            list: false,
        }
    }

    #[test]
    fn names_of_steps_are_unique() {
        let mut names: Vec<String> = plan(&options()).into_iter().map(|s| s.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.contains(&"module-7.3".to_owned()));
    }

    #[test]
    fn another_kernel_replaces_both() {
        let names: Vec<String> = plan(&Options {
            kernel: Some(Version::NEXT),
            arch: Some(Arch::X86_64),
            ..options()
        })
        .into_iter()
        .map(|s| s.name)
        .collect();
        assert!(!names.contains(&"module-7.3".to_owned()));
        assert!(!names.iter().any(|n| n.contains("aarch64")));
    }
}
