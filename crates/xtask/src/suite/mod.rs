// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask test`: everything that has to hold, step by step.
//!
//! A step that fails doesn't keep the others from running. The counts are of
//! checks, not of steps: each test of `cargo test` and each check of `rloop
//! verify` is one, and so is whatever else a step looks at (that a build went
//! well, that a kernel's log is clean).

pub(crate) mod bitbake_setup;
mod boards;
mod complaints;
mod consistent;
mod copies;
mod crate_list;
mod crates;
mod dkms;
mod forges;
mod jobs;
mod kas_files;
mod kselftest;
mod lava;
mod layer;
mod licences;
mod listed;
mod manual;
mod module;
mod new_driver;
mod package;
mod plan;
mod planned;
mod run;
mod servers;
mod steps;

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lab::arch::Arch;
use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::exec;
use lab::kernel::{self, Kernel, Spec, Version};
use lab::sandbox::Sandbox;
use lab::toolchain;
use lab::ui::Step;

use crate::manifest;
use crate::report::{self, Check, Counts, StepReport, Verdict};
use listed::Times;
use planned::Planned;

pub(crate) use run::PRELUDE;

/// What the user wants to be tested.
pub(crate) struct Options {
    /// Only this architecture.
    pub(crate) arch: Option<Arch>,
    /// This kernel instead of the default, and not the one after it.
    pub(crate) kernel: Option<Version>,
    /// Only steps with one of these in their names.
    pub(crate) only: Vec<String>,
    /// Only the steps of this group.
    pub(crate) group: Option<String>,
    /// Also steps that take long.
    pub(crate) all: bool,
    /// The whole space in `rloop verify`.
    pub(crate) full: bool,
    /// How long kernels with checks are put under stress.
    pub(crate) stress_seconds: u64,
    /// How many steps are run at a time; none is as many as the machine can do.
    pub(crate) jobs: Option<usize>,
    /// Only name the steps.
    pub(crate) list: Option<List>,
}

/// How the steps are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// As a table.
    Table,
    /// As JSON.
    Json,
    /// Their groups alone, as JSON on one line, for a forge's matrix.
    Groups,
}

impl Options {
    /// Only what is about the Yocto layer, and what it says of the drivers.
    pub(crate) fn layer() -> Self {
        Self {
            arch: None,
            kernel: None,
            only: vec!["consistent".to_owned(), "layer-".to_owned()],
            group: None,
            all: false,
            full: false,
            stress_seconds: 0,
            jobs: None,
            list: None,
        }
    }
}

/// What the steps share.
struct Suite<'a> {
    context: &'a Context,
    sandbox: &'a Sandbox,
    options: &'a Options,
    kernels: Mutex<BTreeMap<String, Arc<Built>>>,
}

/// A kernel that the step `by` builds or has built, or why that can't be.
struct Built {
    by: String,
    kernel: OnceLock<std::result::Result<Arc<Kernel>, String>>,
}

impl Suite<'_> {
    /// The kernel `spec` for `step`; one that can't be built is tried only once.
    fn kernel(&self, spec: &Spec, step: &Step) -> Result<Arc<Kernel>> {
        let key = format!("{spec} {:?}", spec.extent);
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let built = kernels.entry(key).or_insert_with(|| {
            Arc::new(Built {
                by: step.name().to_owned(),
                kernel: OnceLock::new(),
            })
        });
        let built = Arc::clone(built);
        drop(kernels);
        if built.kernel.get().is_none() && built.by != step.name() {
            step.waits(&format!("for {spec}, which {} builds", built.by));
        }
        let kernel = built.kernel.get_or_init(|| {
            kernel::get(self.context, self.sandbox, spec)
                .map(Arc::new)
                .map_err(|e| e.to_string())
        });
        if exec::interrupted() {
            return Err(Error::Interrupted);
        }
        kernel.clone().map_err(|why| Error::Without {
            what: format!("kernel ({spec})"),
            why,
        })
    }

    /// Runs a step, and says how it went.
    fn step(&self, title: String, planned: Planned<'_>) -> Result<StepReport> {
        let step = Step::new(title);
        let checks = match (planned.work)(self, &step) {
            Ok(checks) => checks,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(e) => vec![Check::fail("the step itself", e.to_string())],
        };
        let counts = Counts::of(&checks);
        let elapsed = step.elapsed();
        let mut remark = format!(
            "{} passed, {} failed, {} skipped",
            counts.passed, counts.failed, counts.skipped
        );
        for check in &checks {
            if let Verdict::Fail(why) = &check.verdict {
                remark.push_str(&format!("\n        {}: {}", check.name, report::short(why)));
            }
        }
        step.end(if counts.failed == 0 { "PASS" } else { "FAIL" }, &remark);
        Ok(StepReport {
            name: planned.name,
            elapsed,
            checks,
        })
    }
}

/// Runs the tests; true when all have passed.
pub(crate) fn run(context: &Context, options: &Options) -> Result<bool> {
    let drivers = manifest::all(&context.paths)?;
    let mut plan = plan::plan(options, &drivers).wanted(&options.only, options.all)?;
    if let Some(group) = &options.group {
        plan = planned::of_group(plan, group)?;
    }
    let dir = context.paths.test();
    let times = Times::read(&dir);
    if let Some(list) = options.list {
        print!("{}", listed::list(&plan, &times, list));
        return Ok(true);
    }
    fs::create_dir_all(&dir).at(&dir)?;
    let sandbox = toolchain::get(context)?;
    let suite = Suite {
        context,
        sandbox: &sandbox,
        options,
        kernels: Mutex::default(),
    };
    let reports = Mutex::new(BTreeMap::new());
    let times = Mutex::new(times);
    let jobs = options.jobs.unwrap_or_else(Context::side_by_side);
    let total = plan.len();
    jobs::each(jobs, plan, |number, planned| {
        let title = format!("[{}/{total}] {}", number + 1, planned.name);
        let report = suite.step(title, planned)?;
        let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
        times.took(&report.name, report.elapsed);
        times.write(&dir)?;
        drop(times);
        let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.insert(number, report);
        // After each step, so that an interrupted run has left what it found.
        report::write_junit(reports.values(), &dir.join("junit.xml"))
    })?;
    let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    let reports: Vec<StepReport> = reports.into_values().collect();
    println!();
    for line in report::summary(&reports) {
        println!("{line}");
    }
    println!("report: {}", dir.join("junit.xml").display());
    let counts = Counts::of(reports.iter().flat_map(|step| &step.checks));
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(counts.failed == 0)
}
