// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which steps there are, what each needs, and how long it took last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use lab::arch::Arch;
use lab::error::{AtPath as _, Error, Result};
use lab::kernel::{Extent, Flavour, Spec, Version};
use lab::ui::{Step, seconds};

use super::{
    List, Options, Suite, boards, consistent, crates, kas_files, layer, module, new_driver, run,
    steps,
};
use crate::docs;
use crate::manifest::{Manifest, Run, Time};
use crate::report::Check;

type Work<'a> = Box<dyn Fn(&Suite<'_>, &Step) -> Result<Vec<Check>> + Send + Sync + 'a>;

/// A step, before it is run.
pub(super) struct Planned<'a> {
    /// Its name.
    pub(super) name: String,
    /// What it does.
    pub(super) work: Work<'a>,
    /// The kernel that it needs.
    kernel: Option<Spec>,
    /// How the time of its guest passes, if it has one.
    time: Option<Time>,
    /// Whether it takes more than five minutes from nothing; `--all` alone has it then.
    long: bool,
}

impl Planned<'_> {
    /// It takes more than five minutes from nothing, such as a kernel of its own.
    fn long(&mut self, long: bool) {
        self.long = long;
    }
}

/// The steps, in the order in which they are run.
#[derive(Default)]
pub(super) struct Plan<'a>(Vec<Planned<'a>>);

impl<'a> Plan<'a> {
    /// A step that is done on the host.
    fn on_host(
        &mut self,
        name: &str,
        work: impl Fn(&Suite<'_>, &Step) -> Result<Vec<Check>> + Send + Sync + 'a,
    ) {
        self.0.push(Planned {
            name: name.to_owned(),
            work: Box::new(work),
            kernel: None,
            time: None,
            long: false,
        });
    }

    /// A step for a kernel, in a guest if that has a time.
    fn with_kernel(
        &mut self,
        name: String,
        spec: Spec,
        time: Option<Time>,
        work: impl Fn(&Suite<'_>, &Step, &str, &Spec) -> Result<Vec<Check>> + Send + Sync + 'a,
    ) -> &mut Planned<'a> {
        let (own_name, own_spec) = (name.clone(), spec.clone());
        self.0.push(Planned {
            name,
            work: Box::new(move |suite, step| work(suite, step, &own_name, &own_spec)),
            kernel: Some(spec),
            time,
            long: false,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// The steps that the user wants.
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] for a part of no step's name.
    pub(super) fn wanted(self, only: &[String], all: bool) -> Result<Vec<Planned<'a>>> {
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

/// The steps for all drivers, in the order in which they tell most soonest.
pub(super) fn plan<'a>(options: &Options, drivers: &'a [Manifest]) -> Plan<'a> {
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
    plan.on_host("rustfmt", steps::rustfmt);
    plan.on_host("host-tests", steps::host_tests);
    plan.on_host("consistent", consistent::everywhere);
    plan.on_host("docs", |suite, step| docs::checks(suite.context, step));
    plan.on_host("layer-kas", kas_files::configurations);
    plan.on_host("layer-lint", layer::lint);
    plan.on_host("layer-crates", crates::in_step);
    for driver in drivers {
        modules(&mut plan, options, driver, &arches, &plain);
    }
    let time = Some(Time::Counted);
    plan.with_kernel("new-driver".into(), plain.clone(), time, new_driver::works);
    // Not sooner, as cargo has it wait until host-tests has compiled.
    plan.on_host("clippy", steps::clippy);
    // Whoever builds a kernel of their own comes later; last who has to be alone, so that nobody waits for that. Of the
    // others those of any time come first, as they take the longest.
    let own = [Flavour::Rt, Flavour::Debug, Flavour::Kcsan];
    let guests_of = |plan: &mut Plan<'a>, flavours: &[Flavour], time: Time| {
        for flavour in flavours {
            for driver in drivers {
                let runs = driver.runs.iter();
                for run in runs.filter(|run| run.flavour() == *flavour && run.time == time) {
                    guests(plan, driver, run, &arches, &spec);
                }
            }
        }
    };
    guests_of(&mut plan, &[Flavour::Plain], Time::Any);
    guests_of(&mut plan, &[Flavour::Plain], Time::Counted);
    let time = Some(Time::Counted);
    plan.with_kernel(
        "boards".into(),
        plain.clone(),
        Some(Time::Any),
        boards::on_qemu,
    );
    plan.with_kernel("layer-ptest".into(), plain.clone(), time, layer::ptest);
    guests_of(&mut plan, &own, Time::Any);
    guests_of(&mut plan, &own, Time::Counted);
    guests_of(&mut plan, &[Flavour::Plain], Time::Real);
    guests_of(&mut plan, &own, Time::Real);
    plan
}

/// The steps that compile the module of `driver`.
fn modules<'a>(
    plan: &mut Plan<'a>,
    options: &Options,
    driver: &'a Manifest,
    arches: &[Arch],
    plain: &Spec,
) {
    let driver = &driver.driver;
    let name = |what: &str| format!("{}/module-{what}", driver.name());
    for (what, target) in [("rustfmt", "rustfmtcheck"), ("clippy", "clippy")] {
        plan.with_kernel(
            name(what),
            plain.clone(),
            None,
            move |suite, step, _, spec| module::target(suite, step, spec, driver, target),
        );
    }
    let what = name("rust-analyzer");
    plan.with_kernel(what, plain.clone(), None, move |suite, step, _, spec| {
        module::rust_analyzer(suite, step, spec, driver)
    });
    let mut specs = Vec::new();
    for arch in arches {
        let spec = Spec {
            arch: *arch,
            ..plain.clone()
        };
        specs.push((arch.to_string(), spec));
    }
    // The others have configfs built in, and ALSA in modules.
    let (next, split) = match &options.kernel {
        None => (Version::NEXT, format!("{}-split", Version::NEXT)),
        Some(version) => (version.clone(), "split".to_owned()),
    };
    for (version, flavour, what) in [
        (plain.version.clone(), Flavour::Least, "least".to_owned()),
        (next, Flavour::Split, split),
    ] {
        let spec = Spec {
            version,
            arch: plain.arch,
            flavour,
            extent: Extent::Prepared,
        };
        specs.push((what, spec));
    }
    for (what, spec) in specs {
        plan.with_kernel(name(&what), spec, None, move |suite, step, _, spec| {
            module::compiled(suite, step, spec, driver)
        });
    }
}

/// The steps of one run: one for each machine.
fn guests<'a>(
    plan: &mut Plan<'a>,
    driver: &'a Manifest,
    run: &'a Run,
    arches: &[Arch],
    spec: &impl Fn(Arch, Flavour) -> Spec,
) {
    let name = format!("{}/{}", driver.driver.name(), run.name);
    let (on, several): (Vec<Arch>, bool) = match run.arches.as_slice() {
        [] => (arches.iter().copied().take(1).collect(), false),
        some => {
            let both = some.iter().filter(|arch| arches.contains(arch));
            (both.copied().collect(), some.len() > 1)
        }
    };
    for arch in on {
        let name = if several {
            format!("{name}-{arch}")
        } else {
            name.clone()
        };
        let spec = spec(arch, run.flavour());
        plan.with_kernel(
            name,
            spec,
            Some(run.time),
            move |suite, step, name, spec| run::run(suite, step, name, spec, (driver, run)),
        )
        .long(run.long);
    }
}

/// How long each step took last, in seconds.
#[derive(Debug, Default)]
pub(super) struct Times(BTreeMap<String, f64>);

impl Times {
    fn path(dir: &Path) -> PathBuf {
        dir.join("times.json")
    }

    /// What was left in `dir`; nothing if that can't be read.
    pub(super) fn read(dir: &Path) -> Self {
        let text = fs::read_to_string(Self::path(dir)).unwrap_or_default();
        Self(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Notes that the step `name` took so long.
    pub(super) fn took(&mut self, name: &str, time: Duration) {
        self.0.insert(name.to_owned(), time.as_secs_f64());
    }

    /// Leaves them in `dir`.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let path = Self::path(dir);
        let text = serde_json::to_string_pretty(&self.0).map_err(|e| Error::BadFile {
            path: path.clone(),
            problem: e.to_string(),
        })?;
        fs::write(&path, text).at(&path)
    }
}

/// A step as `--list --json` has it.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    /// The kernel's version or its directory, if it needs one.
    kernel: Option<String>,
    arch: Option<&'static str>,
    /// `plain`, `debug`, `rt`, …
    flavour: Option<String>,
    /// `counted`, `real` or `any`, if it is run in a guest.
    time: Option<Time>,
    /// Whether it takes more than five minutes from nothing.
    long: bool,
    /// How long it took last.
    seconds: Option<f64>,
}

/// The steps, what each needs, and how long it took last.
pub(super) fn list(steps: &[Planned<'_>], times: &Times, how: List) -> String {
    let listed = steps.iter().map(|step| {
        let kernel = step.kernel.as_ref();
        Listed {
            name: &step.name,
            kernel: kernel.map(|spec| spec.version.to_string()),
            arch: kernel.map(|spec| spec.arch.name()),
            flavour: kernel.map(|spec| match spec.flavour {
                Flavour::Plain => "plain".to_owned(),
                other => other.suffix(""),
            }),
            time: step.time,
            long: step.long,
            seconds: times.0.get(&step.name).copied(),
        }
    });
    match how {
        List::Json => {
            let listed: Vec<_> = listed.collect();
            // Nothing of it can fail to be JSON.
            serde_json::to_string_pretty(&listed).unwrap_or_default() + "\n"
        }
        List::Table => {
            let width = steps.iter().map(|s| s.name.len()).max().unwrap_or(0).max(4);
            let line = |name: &str, kernel: &str, time: &str, last: &str| {
                format!("{name:width$}  {kernel:20}  {time:7}  {last}")
            };
            let mut text = line("step", "kernel", "time", "took last");
            text.push('\n');
            for step in listed {
                let words = [step.kernel, step.arch.map(str::to_owned), step.flavour];
                let kernel: Vec<String> = words.into_iter().flatten().collect();
                let time = match step.time {
                    None => "",
                    Some(Time::Counted) => "counted",
                    Some(Time::Real) => "real",
                    Some(Time::Any) => "any",
                };
                let took = step.seconds.map(|s| seconds(Duration::from_secs_f64(s)));
                let took = took.unwrap_or_default();
                text.push_str(line(step.name, &kernel.join(" "), time, &took).trim_end());
                text.push('\n');
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use lab::driver::Driver;

    use super::*;
    use crate::manifest::Family;

    fn options() -> Options {
        Options {
            all: true,
            ..Options::layer()
        }
    }

    fn driver(runs: &str) -> Manifest {
        #[derive(serde::Deserialize)]
        struct Runs {
            run: Vec<Run>,
        }
        let runs: Runs = toml::from_str(runs).unwrap();
        Manifest {
            summary: String::new(),
            family: Family::Char,
            driver: Driver {
                dir: "/drivers/drv".into(),
                module: "drv".into(),
                packages: Vec::new(),
                programs: Vec::new(),
            },
            demo: None,
            bench: None,
            runs: runs.run,
        }
    }

    const RUNS: &str = "run = [\
        { name = \"checked\", kernel = \"debug\", verify = \"\" },\
        { name = \"kcsan\", kernel = \"kcsan\", long = true, verify = \"\" },\
        { name = \"boot\", arches = [\"aarch64\", \"x86_64\"], verify = \"\" },\
        { name = \"other\", arches = [\"x86_64\"], verify = \"\" },\
        { name = \"alone\", time = \"real\", verify = \"\" },\
        { name = \"races\", kernel = \"debug\", time = \"any\", verify = \"\" }]";

    fn names<'a>(steps: &'a [Planned<'_>]) -> Vec<&'a str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    /// The steps in guests.
    fn runs(options: &Options) -> String {
        let drivers = [driver(RUNS)];
        let plan = plan(options, &drivers);
        let mut names = names(&plan.0);
        names.retain(|name| name.starts_with("drv/") && !name.contains("module-"));
        names.join(" ")
    }

    #[test]
    fn a_run_is_a_step_for_each_of_its_machines() {
        assert_eq!(
            runs(&options()),
            "drv/boot-aarch64 drv/boot-x86_64 drv/other drv/races drv/checked drv/kcsan drv/alone"
        );
        let one = |arch| Options {
            arch: Some(arch),
            ..options()
        };
        assert_eq!(
            runs(&one(Arch::Aarch64)),
            "drv/boot-aarch64 drv/races drv/checked drv/kcsan drv/alone"
        );
        assert_eq!(
            runs(&one(Arch::X86_64)),
            "drv/boot-x86_64 drv/other drv/races drv/checked drv/kcsan drv/alone"
        );
    }

    #[test]
    fn another_kernel_replaces_both() {
        let drivers = [driver(RUNS)];
        let next = plan(
            &Options {
                kernel: Some(Version::NEXT),
                arch: Some(Arch::X86_64),
                ..options()
            },
            &drivers,
        );
        let names = names(&next.0);
        assert!(names.contains(&"drv/module-split"));
        assert!(!names.iter().any(|n| n.contains("aarch64")));
        let both = plan(&options(), &drivers);
        assert!(both.0.iter().any(|s| s.name == "drv/module-7.3-split"));
    }

    #[test]
    fn long_steps_are_run_only_with_all() {
        let drivers = [driver(RUNS)];
        let wanted = |only: &[&str], all: bool| {
            let mut plan = plan(&options(), &drivers);
            plan.0
                .retain(|s| ["drv/alone", "drv/checked", "drv/kcsan"].contains(&s.name.as_str()));
            let only: Vec<String> = only.iter().map(|part| (*part).to_owned()).collect();
            plan.wanted(&only, all)
                .map(|steps| names(&steps).join(" "))
                .map_err(|e| e.to_string())
        };
        assert_eq!(wanted(&[], false).unwrap(), "drv/checked drv/alone");
        assert_eq!(
            wanted(&[], true).unwrap(),
            "drv/checked drv/kcsan drv/alone"
        );
        assert_eq!(wanted(&["drv/k"], true).unwrap(), "drv/kcsan");
        assert_eq!(
            wanted(&["kcsan"], false).unwrap_err(),
            "--only: `kcsan` can't be used; allowed: with --all, as drv/kcsan takes long"
        );
        assert_eq!(
            wanted(&["alone", "x"], true).unwrap_err(),
            "--only: `x` can't be used; allowed: parts of the names drv/checked, drv/kcsan, drv/alone"
        );
    }

    #[test]
    fn the_list_says_what_a_step_needs_and_took() {
        let drivers = [driver(RUNS)];
        let mut steps = plan(&options(), &drivers).0;
        steps.retain(|s| ["rustfmt", "drv/alone"].contains(&s.name.as_str()));
        let dir = tempfile::tempdir().unwrap();
        let mut times = Times::read(dir.path());
        times.took("drv/alone", Duration::from_secs(61));
        times.write(dir.path()).unwrap();
        let times = Times::read(dir.path());
        assert_eq!(
            list(&steps, &times, List::Table),
            "step       kernel                time     took last\n\
             rustfmt\n\
             drv/alone  7.2 aarch64 plain     real     1 min 01 s\n"
        );
        let json: serde_json::Value =
            serde_json::from_str(&list(&steps, &times, List::Json)).unwrap();
        assert_eq!(json[0]["kernel"], serde_json::Value::Null);
        assert_eq!(json[1]["flavour"], "plain");
        assert_eq!(json[1]["time"], "real");
        assert_eq!(json[1]["seconds"], 61.0);
    }
}
