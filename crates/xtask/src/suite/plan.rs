// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which steps there are, and on which kernel.

use lab::arch::Arch;
use lab::kernel::{Extent, Flavour, Spec, Version};

use super::planned::Plan;
use super::run::Other;
use super::{
    Options, boards, consistent, crates, dkms, forges, kas_files, lava, layer, module, new_driver,
    package, run, steps,
};
use crate::docs;
use crate::manifest::{Manifest, Run, Time};

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
    plan.on_host("forges", forges::files);
    plan.on_host("boards-lava", lava::jobs);
    plan.on_host("package", package::builds).long(true);
    for driver in drivers {
        modules(&mut plan, options, driver, &arches, &plain);
    }
    // DKMS takes the architecture that it runs on for the kernel's.
    if arches.contains(&Arch::X86_64) {
        let spec = spec(Arch::X86_64, Flavour::Plain);
        plan.with_kernel("dkms".into(), spec, None, dkms::cycle);
    }
    let time = Some(Time::Counted);
    plan.with_kernel("new-driver".into(), plain.clone(), time, new_driver::works);
    // Not sooner, as cargo has it wait until host-tests has compiled.
    plan.on_host("clippy", steps::clippy);
    // Whoever builds a kernel of their own comes later. Of the others those in real time come first, as they take the
    // longest.
    let own = [
        Flavour::Rt,
        Flavour::Debug,
        Flavour::Kcsan,
        Flavour::Suites,
        Flavour::Sparse,
        Flavour::Pages16k,
        Flavour::Pages64k,
    ];
    let guests_of = |plan: &mut Plan<'a>, flavours: &[Flavour], time: Time| {
        for flavour in flavours {
            for driver in drivers {
                let runs = driver.runs.iter();
                for run in runs.filter(|run| run.flavour() == *flavour && run.time == time) {
                    guests(plan, options, (driver, run), &arches, &spec);
                }
            }
        }
    };
    guests_of(&mut plan, &[Flavour::Plain], Time::Real);
    guests_of(&mut plan, &[Flavour::Plain], Time::Counted);
    let time = Some(Time::Counted);
    plan.with_kernel("boards".into(), plain.clone(), time, boards::one);
    plan.with_kernel("boards-farm".into(), plain.clone(), time, boards::farm);
    plan.with_kernel("layer-ptest".into(), plain.clone(), time, layer::ptest);
    guests_of(&mut plan, &own, Time::Real);
    guests_of(&mut plan, &own, Time::Counted);
    for driver in drivers {
        for run in &driver.runs {
            elsewhere(&mut plan, (driver, run), &arches, &spec);
        }
    }
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
    if !driver.is_for(plain.arch) {
        return;
    }
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
    for arch in arches.iter().filter(|arch| driver.is_for(**arch)) {
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
        })
        .asked_for(options);
    }
}

/// The steps of one run: one for each machine.
fn guests<'a>(
    plan: &mut Plan<'a>,
    options: &Options,
    (driver, run): (&'a Manifest, &'a Run),
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
    for arch in on.into_iter().filter(|arch| driver.driver.is_for(*arch)) {
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
            move |suite, step, name, spec| run::run(suite, step, name, spec, (driver, run), None),
        )
        .long(run.long)
        .asked_for(options);
    }
}

/// The steps of one run elsewhere than on its architectures' own machines: by programs of 32 bits on kernels of 64, and on
/// boards. What these need is built for them alone.
fn elsewhere<'a>(
    plan: &mut Plan<'a>,
    (driver, run): (&'a Manifest, &'a Run),
    arches: &[Arch],
    spec: &impl Fn(Arch, Flavour) -> Spec,
) {
    let programs = run.compat.iter().filter_map(|programs| {
        let (arch, flavour) = programs.facts().wider?;
        let what = format!("compat-{programs}");
        Some((what, arch, flavour, Other::Programs(*programs)))
    });
    let boards = run.boards.iter().map(|board| {
        let arch = board.facts().arch;
        (
            board.to_string(),
            arch,
            Flavour::Boards,
            Other::Board(*board),
        )
    });
    for (what, arch, flavour, other) in programs.chain(boards) {
        if !arches.contains(&arch) || !driver.driver.is_for(arch) {
            continue;
        }
        plan.with_kernel(
            format!("{}/{}-{what}", driver.driver.name(), run.name),
            spec(arch, flavour),
            Some(run.time),
            move |suite, step, name, spec| {
                run::run(suite, step, name, spec, (driver, run), Some(other))
            },
        )
        .long(true);
    }
}

#[cfg(test)]
mod tests {
    use lab::driver::Driver;

    use super::super::planned::{Planned, groups, of_group};
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
                arches: Vec::new(),
            },
            demo: None,
            bench: None,
            runs: runs.run,
        }
    }

    const RUNS: &str = "run = [\
        { name = \"checked\", kernel = \"debug\", verify = \"\" },\
        { name = \"kcsan\", kernel = \"kcsan\", long = true, verify = \"\" },\
        { name = \"boot\", arches = [\"aarch64\", \"x86_64\", \"arm\"], \
          boards = [\"raspi4b\", \"orangepi-pc\", \"uefi\"], compat = [\"arm\", \"i386\"], verify = \"\" },\
        { name = \"other\", arches = [\"x86_64\"], verify = \"\" },\
        { name = \"races\", kernel = \"debug\", time = \"real\", verify = \"\" }]";

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
            "drv/boot-aarch64 drv/boot-x86_64 drv/boot-arm drv/other drv/races drv/checked drv/kcsan \
             drv/boot-compat-arm drv/boot-compat-i386 drv/boot-raspi4b drv/boot-orangepi-pc drv/boot-uefi"
        );
        let one = |arch| Options {
            arch: Some(arch),
            ..options()
        };
        assert_eq!(
            runs(&one(Arch::Aarch64)),
            "drv/boot-aarch64 drv/races drv/checked drv/kcsan drv/boot-compat-arm drv/boot-raspi4b drv/boot-uefi"
        );
        assert_eq!(
            runs(&one(Arch::X86_64)),
            "drv/boot-x86_64 drv/other drv/races drv/checked drv/kcsan drv/boot-compat-i386"
        );
        // Whose kernel is not built unasked.
        let arm = one(Arch::Arm);
        assert_eq!(
            runs(&arm),
            "drv/boot-arm drv/races drv/checked drv/kcsan drv/boot-orangepi-pc"
        );
        let long = |options: &Options| {
            let drivers = [driver(RUNS)];
            let plan = plan(options, &drivers);
            let mut steps = plan.0.iter();
            steps.find(|step| step.name == "drv/boot-arm").unwrap().long
        };
        assert!(long(&options()) && !long(&arm));
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
    fn each_step_is_in_one_group_which_has_one_kernel() {
        let drivers = [driver(RUNS)];
        let steps = || plan(&options(), &drivers).wanted(&[], true).unwrap();
        let groups = groups(&steps());
        assert_eq!(
            groups,
            [
                "host",
                "7.2-aarch64-plain",
                "7.2-x86_64-plain",
                "7.2-arm-plain",
                "7.2-riscv64-plain",
                "7.2-aarch64-least",
                "7.3-aarch64-split",
                "7.2-aarch64-debug",
                "7.2-aarch64-kcsan",
                "7.2-aarch64-suites",
                "7.2-aarch64-boards",
                "7.2-arm-boards",
            ]
        );
        let mut all = Vec::new();
        for group in &groups {
            let part = of_group(steps(), group).unwrap();
            let kernels = part.iter().map(|step| step.kernel.as_ref());
            let mut kernels: Vec<_> = kernels
                .map(|spec| spec.map(|spec| (spec.to_string(), spec.extent)))
                .collect();
            kernels.dedup();
            assert_eq!(kernels.len(), 1, "{group}");
            all.extend(part.into_iter().map(|step| step.name));
        }
        all.sort();
        let mut whole: Vec<_> = steps().into_iter().map(|step| step.name).collect();
        whole.sort();
        assert_eq!(all, whole);
        let e = of_group(
            plan(&options(), &drivers)
                .wanted(&["kcsan".into()], true)
                .unwrap(),
            "host",
        );
        assert_eq!(
            e.err().unwrap().to_string(),
            "--group: `host` can't be used; allowed: 7.2-aarch64-kcsan"
        );
    }

    #[test]
    fn long_steps_are_run_only_with_all() {
        let drivers = [driver(RUNS)];
        let wanted = |only: &[&str], all: bool| {
            let mut plan = plan(&options(), &drivers);
            plan.0
                .retain(|s| ["drv/races", "drv/checked", "drv/kcsan"].contains(&s.name.as_str()));
            let only: Vec<String> = only.iter().map(|part| (*part).to_owned()).collect();
            plan.wanted(&only, all)
                .map(|steps| names(&steps).join(" "))
                .map_err(|e| e.to_string())
        };
        assert_eq!(wanted(&[], false).unwrap(), "drv/races drv/checked");
        assert_eq!(
            wanted(&[], true).unwrap(),
            "drv/races drv/checked drv/kcsan"
        );
        assert_eq!(wanted(&["drv/k"], true).unwrap(), "drv/kcsan");
        assert_eq!(
            wanted(&["kcsan"], false).unwrap_err(),
            "--only: `kcsan` can't be used; allowed: with --all, as drv/kcsan takes long"
        );
        assert_eq!(
            wanted(&["races", "x"], true).unwrap_err(),
            "--only: `x` can't be used; allowed: parts of the names that --list --all shows"
        );
    }
}
