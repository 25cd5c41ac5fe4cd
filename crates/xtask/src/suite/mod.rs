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
mod dropin;
mod kas_files;
mod kselftest;
mod layer;
mod module;
mod races;
mod servers;
mod steps;
mod tool;
mod turns;

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::report::{self, Check, Counts, StepReport, Verdict};
use lab::arch::Arch;
use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::exec;
use lab::kernel::{self, Extent, Flavour, Kernel, Spec, Version};
use lab::sandbox::Sandbox;
use lab::toolchain;
use lab::ui::Step;
use turns::Turns;

/// What the user wants to be tested.
pub(crate) struct Options {
    /// Only this architecture.
    pub(crate) arch: Option<Arch>,
    /// This kernel instead of the default, and not the one after it.
    pub(crate) kernel: Option<Version>,
    /// Only steps with one of these in their names.
    pub(crate) only: Vec<String>,
    /// Also steps that take long.
    pub(crate) all: bool,
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
            all: false,
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
    /// Whether it takes more than five minutes from nothing; `--all` alone has it then.
    long: bool,
}

/// The steps, in the order in which they are run.
#[derive(Default)]
struct Plan(Vec<Planned>);

impl Plan {
    fn add(&mut self, name: impl Into<String>, spec: &Spec, run: Run) {
        self.0.push(Planned {
            name: name.into(),
            spec: spec.clone(),
            run,
            long: false,
        });
    }

    /// As [`Self::add`], for what takes more than five minutes from nothing, such as a kernel of its own.
    fn add_long(&mut self, name: impl Into<String>, spec: &Spec, run: Run) {
        self.add(name, spec, run);
        if let Some(last) = self.0.last_mut() {
            last.long = true;
        }
    }

    /// The steps that the user wants.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] for a part of no step's name.
    fn wanted(self, only: &[String], all: bool) -> Result<Vec<Planned>> {
        for part in only {
            let mut named = self.0.iter().filter(|step| step.name.contains(part));
            let allowed = match named.next() {
                Some(step) if !all && step.long && named.all(|step| step.long) => {
                    format!("with --all, as {} takes long", step.name)
                }
                Some(_) => continue,
                None => {
                    let names: Vec<&str> = self.0.iter().map(|s| s.name.as_str()).collect();
                    format!("parts of the names {}", names.join(", "))
                }
            };
            return Err(Error::BadInput {
                what: "--only",
                given: part.clone(),
                allowed,
            });
        }
        let mut steps = self.0;
        steps.retain(|step| {
            (all || !step.long)
                && (only.is_empty() || only.iter().any(|part| step.name.contains(part)))
        });
        Ok(steps)
    }
}

/// What the steps share.
struct Suite<'a> {
    context: &'a Context,
    sandbox: &'a Sandbox,
    options: &'a Options,
    turns: Turns,
    kernels: Mutex<BTreeMap<String, Arc<Built>>>,
}

/// A kernel that somebody builds, then has built, or why that can't be.
type Built = OnceLock<std::result::Result<Arc<Kernel>, String>>;

impl Suite<'_> {
    /// The kernel `spec`; one that can't be built is tried only once.
    fn kernel(&self, spec: &Spec) -> Result<Arc<Kernel>> {
        let key = format!("{spec} {:?}", spec.extent);
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let built = Arc::clone(kernels.entry(key).or_default());
        drop(kernels);
        let built = built.get_or_init(|| {
            kernel::get(self.context, self.sandbox, spec)
                .map(Arc::new)
                .map_err(|e| e.to_string())
        });
        if exec::interrupted() {
            return Err(Error::Interrupted);
        }
        built.clone().map_err(|why| Error::Without {
            what: format!("kernel ({spec})"),
            why,
        })
    }

    /// Runs a step, and says how it went.
    fn step(&self, title: String, planned: Planned) -> Result<StepReport> {
        let step = Step::new(title);
        let checks = match (planned.run)(self, &planned.spec, &step) {
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

/// The steps, in the order in which they tell most soonest.
fn plan(options: &Options) -> Plan {
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
    let mut plan = Plan::default();
    plan.add("rustfmt", &plain, steps::rustfmt);
    plan.add("host-tests", &plain, steps::host_tests);
    plan.add("layer-kas", &plain, kas_files::configurations);
    plan.add("layer-lint", &plain, layer::lint);
    plan.add("layer-crates", &plain, crates::in_step);
    plan.add("module-rustfmt", &plain, module::rustfmt);
    plan.add("module-clippy", &plain, module::clippy);
    for arch in &arches {
        plan.add(
            format!("module-{arch}"),
            &spec(*arch, Flavour::Plain),
            module::compiled,
        );
    }
    // The others have configfs built in, and ALSA in modules.
    let (next, name) = match &options.kernel {
        None => (Version::NEXT, format!("module-{}-split", Version::NEXT)),
        Some(version) => (version.clone(), "module-split".to_owned()),
    };
    for (version, flavour, name) in [
        (version.clone(), Flavour::Least, "module-least".to_owned()),
        (next, Flavour::Split, name),
    ] {
        let spec = Spec {
            version,
            arch: first,
            flavour,
            extent: Extent::Prepared,
        };
        plan.add(name, &spec, module::compiled);
    }
    // Not sooner, as cargo has it wait until host-tests has compiled.
    plan.add("clippy", &plain, steps::clippy);
    for arch in &arches {
        plan.add(
            format!("boot-{arch}"),
            &spec(*arch, Flavour::Plain),
            steps::boot,
        );
    }
    for arch in arches.iter().skip(1) {
        plan.add(
            format!("topologies-{arch}"),
            &spec(*arch, Flavour::Plain),
            steps::topologies,
        );
    }
    if let Some(arch) = arches.iter().find(|arch| **arch == Arch::X86_64) {
        // Whose kernel has the tracer.
        let spec = spec(*arch, Flavour::Plain);
        plan.add("interrupts-off", &spec, races::interrupts_off);
    }
    plan.add("boot-crossed", &plain, steps::boot_crossed);
    plan.add("boot-fanout", &plain, steps::boot_fanout);
    plan.add("boot-free", &plain, steps::boot_free);
    plan.add("kselftest-cable", &plain, kselftest::cable);
    plan.add("kselftest-crossed", &plain, kselftest::crossed);
    plan.add("faults", &plain, steps::faults);
    plan.add("names", &plain, card::names);
    plan.add("bandwidth", &plain, card::bandwidth);
    plan.add("alsactl", &plain, card::alsactl);
    plan.add("unplug", &plain, card::unplug);
    plan.add("configfs", &plain, configfs::functions);
    plan.add("tool-troubles", &plain, tool::troubles);
    plan.add("tool-cables", &plain, tool::cables);
    plan.add("reload", &plain, steps::reload);
    plan.add("parameters", &plain, steps::parameters);
    plan.add("drop-in", &plain, dropin::same);
    plan.add("many-cards", &plain, dropin::many);
    plan.add("noise", &plain, dropin::noise);
    plan.add("servers-pulseaudio", &plain, servers::pulseaudio);
    plan.add("servers-pipewire", &plain, servers::pipewire);
    plan.add("layer-ptest", &plain, layer::ptest);
    let rt = spec(first, Flavour::Rt);
    plan.add("boot-rt", &rt, steps::boot_rt);
    plan.add("drop-in-pcms", &rt, dropin::pcms);
    plan.add("stress-rt", &rt, races::stress_rt);
    let debug = spec(first, Flavour::Debug);
    plan.add("unplug-debug", &debug, card::unplug);
    plan.add("configfs-debug", &debug, configfs::stress);
    plan.add("suspend", &debug, races::suspend);
    plan.add("stress-debug", &debug, races::stress);
    plan.add_long("allocations", &debug, races::allocations);
    plan.add_long(
        "stress-kcsan",
        &spec(first, Flavour::Kcsan),
        races::stress_kcsan,
    );
    plan
}

/// Runs the tests; true when all have passed.
pub(crate) fn run(context: &Context, options: &Options) -> Result<bool> {
    let plan = plan(options).wanted(&options.only, options.all)?;
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
        turns: Turns::default(),
        kernels: Mutex::default(),
    };
    let reports = Mutex::new(BTreeMap::new());
    let total = plan.len();
    turns::each(Context::side_by_side(), plan, |number, planned| {
        let title = format!("[{}/{total}] {}", number + 1, planned.name);
        let report = suite.turns.beside(|| suite.step(title, planned))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            arch: None,
            kernel: None,
            only: Vec::new(),
            all: true,
            full: false,
            stress_seconds: 60,
            list: false,
        }
    }

    fn names(steps: &[Planned]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    #[test]
    fn names_of_steps_are_unique() {
        let plan = plan(&options());
        let mut names = names(&plan.0);
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.contains(&"module-7.3-split"));
    }

    #[test]
    fn another_kernel_replaces_both() {
        let plan = plan(&Options {
            kernel: Some(Version::NEXT),
            arch: Some(Arch::X86_64),
            ..options()
        });
        let names = names(&plan.0);
        assert!(names.contains(&"module-split"));
        assert!(!names.iter().any(|n| n.contains("aarch64")));
    }

    #[test]
    fn long_steps_are_run_only_with_all() {
        let spec = plan(&options()).0.remove(0).spec;
        let wanted = |only: &[&str], all: bool| {
            let mut plan = Plan::default();
            let run: Run = |_, _, _| Ok(Vec::new());
            plan.add("boot", &spec, run);
            plan.add_long("boot-kcsan", &spec, run);
            plan.add("unplug", &spec, run);
            let only: Vec<String> = only.iter().map(|part| (*part).to_owned()).collect();
            plan.wanted(&only, all)
                .map(|steps| names(&steps).join(" "))
                .map_err(|e| e.to_string())
        };
        assert_eq!(wanted(&[], false).unwrap(), "boot unplug");
        assert_eq!(wanted(&[], true).unwrap(), "boot boot-kcsan unplug");
        assert_eq!(wanted(&["boot"], false).unwrap(), "boot");
        assert_eq!(wanted(&["kcsan"], true).unwrap(), "boot-kcsan");
        assert_eq!(
            wanted(&["kcsan"], false).unwrap_err(),
            "--only: `kcsan` can't be used; allowed: with --all, as boot-kcsan takes long"
        );
        assert_eq!(
            wanted(&["unplug", "x"], true).unwrap_err(),
            "--only: `x` can't be used; allowed: parts of the names boot, boot-kcsan, unplug"
        );
    }
}
