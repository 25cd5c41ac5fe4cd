// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps in guests, as the drivers' manifests have them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::arch::Arch;
use lab::board::Board;
use lab::driver::Driver;
use lab::error::{AtPath as _, Result};
use lab::guest::{self, Accel, Extras, Guest, Machine, Outcome, probe_kvm};
use lab::kernel::{Kernel, Spec, selftests};
use lab::ui::Step;
use lab::{klog, others, paths, rootfs, sandbox};

use super::copies::{self, Xruns};
use super::{Suite, kselftest, manual, servers};
use crate::manifest::{Judge, Log, Manifest, Root, Run, Time};
use crate::report::{self, Check};
use crate::verify::{must_be_tried, verify_checks};

/// What the scripts of all runs begin with.
pub(crate) const PRELUDE: &str = include_str!("prelude.sh");

/// Memory of a guest with KASAN, in MiB.
const DEBUG_MEMORY: u32 = 3072;
/// A host that is busy elsewhere for twenty seconds is no fault of the guest's kernel, which would say so.
const PATIENT: &str = "rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60";
/// How long a run takes at most when `rloop verify` tries the whole space, in seconds.
const FULL: u64 = 7200;

/// A guest's job, however it came about.
pub(super) struct Job<'a> {
    /// The step's name.
    pub(super) name: &'a str,
    /// All of what the guest runs.
    pub(super) script: String,
    /// When to give up.
    pub(super) timeout: Duration,
    /// How its time passes.
    pub(super) time: Time,
    /// How many processors it has, which is one where its time is counted.
    pub(super) processors: u32,
    /// The board that it runs on, if it isn't the architecture's own machine.
    pub(super) board: Option<Board>,
    /// Arguments for the kernel.
    pub(super) append: &'a str,
    /// What its machine has besides.
    pub(super) extras: Extras,
    /// Whether it has no share before it has ended.
    pub(super) sealed: bool,
}

/// What a run has that isn't its kernel's architecture's own.
#[derive(Clone, Copy)]
pub(super) enum Other {
    /// The machine.
    Board(Board),
    /// The architecture of its programs.
    Programs(Arch),
}

/// Runs `run` of `manifest` on the kernel `spec`, with what is `other` there.
pub(super) fn run(
    suite: &Suite<'_>,
    step: &Step,
    name: &str,
    spec: &Spec,
    (manifest, run): (&Manifest, &Run),
    other: Option<Other>,
) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec, step)?;
    let driver = &manifest.driver;
    let (board, arch) = match other {
        None => (None, spec.arch),
        Some(Other::Board(board)) => (Some(board), spec.arch),
        Some(Other::Programs(arch)) => (None, arch),
    };
    let mut guest = Guest::with_programs_of(arch, suite.context, suite.sandbox, &kernel)?;
    if run.rootfs == Root::Servers {
        guest = guest.with_root(&rootfs::SERVERS)?;
    }
    if !run.packages.is_empty() {
        let packages: Vec<&str> = run.packages.iter().map(String::as_str).collect();
        guest = guest.with_root(&rootfs::Contents::with(&packages))?;
    }
    for folder in &run.others {
        let dir = driver.dir.join(folder);
        guest = guest.with_program(others::program(suite.context, suite.sandbox, arch, &dir)?);
    }
    if let Some(files) = files(suite, step, name, &kernel, driver, run)? {
        guest = guest.with_files(files);
    }
    let script = script(
        driver,
        run,
        suite.options.full,
        suite.options.stress_seconds,
    )?;
    // Those that are for as long as the user wants say so.
    let mut seconds = run.timeout;
    if script.contains("--stress $seconds") {
        seconds += suite.options.stress_seconds;
    }
    if run.full && suite.options.full {
        seconds = seconds.max(FULL);
    }
    let job = Job {
        name,
        script,
        timeout: Duration::from_secs(seconds),
        time: run.time,
        processors: run.processors(),
        board,
        append: &run.append,
        extras: run.qemu.clone(),
        sealed: run.sealed,
    };
    let module = driver.kernel_name();
    let look = |log: &str| match run.log {
        Log::Whole => log.to_owned(),
        Log::FailedAllocations => klog::without_failed_allocations(log),
        Log::OthersRaces => klog::without_others_races(log, &module).0,
    };
    let (outcome, checks) = in_guest(suite, step, &guest, &job, look)?;
    let mut checks = Vec::from(checks);
    // A script may run `rloop verify` the same way.
    if run.verify.is_some() || outcome.share.join("verify.txt").exists() {
        checks.extend(verify_checks(&outcome));
    }
    match &run.judge {
        Some(Judge::Kselftest(expected)) => {
            checks.extend(kselftest::judge_all(&outcome.output, expected));
        }
        judge => {
            checks.extend(report::from_ptest(&outcome.output));
            match judge {
                Some(Judge::Recordings(server)) => {
                    checks.extend(servers::judge(&outcome.share, &manifest.driver, server)?);
                }
                Some(Judge::Copies(names)) => {
                    checks.extend(copies::judge(&outcome.share, names, Xruns::None)?);
                }
                Some(Judge::CopiesButXruns(names)) => {
                    checks.extend(copies::judge(&outcome.share, names, Xruns::Told)?);
                }
                _ => {}
            }
        }
    }
    if checks.len() == IN_ANY {
        checks.push(Check::fail(
            "has checked anything",
            "it printed no PASS: and no FAIL:",
        ));
    }
    Ok(must_be_tried(checks, &run.tried))
}

/// What the guest runs.
pub(super) fn script(driver: &Driver, run: &Run, full: bool, seconds: u64) -> Result<String> {
    let module = &driver.module;
    let mut text = format!("driver={module} seconds={seconds}\n{PRELUDE}");
    let setup = match run.setup.as_str() {
        "" => String::new(),
        setup => format!("{setup}\n"),
    };
    match (&run.script, &run.verify) {
        (Some(script), _) => {
            let path = driver.dir.join(script);
            text.push_str(&setup);
            let commands = fs::read_to_string(&path).at(&path)?;
            match path.extension().is_some_and(|e| e == "md") {
                true => text.push_str(&manual::script(module, &commands)),
                false => text.push_str(&commands),
            }
        }
        (None, verify) => {
            let verify = verify.as_deref().unwrap_or_default();
            let full = if full && run.full { " --full" } else { "" };
            text.push_str(&format!(
                "set -e\nmodprobe {module} {}\n{setup}verify {verify}{full}\nmodprobe -r {module}\n",
                run.parameters
            ));
        }
    }
    Ok(text)
}

/// A directory with what the guest is to find in /mnt/share/files, if that is anything.
fn files(
    suite: &Suite<'_>,
    step: &Step,
    name: &str,
    kernel: &Kernel,
    driver: &Driver,
    run: &Run,
) -> Result<Option<PathBuf>> {
    let of_tree = !run.tree.is_empty() || !run.selftests.is_empty();
    if run.files.is_empty() && !of_tree && run.judge.is_none() {
        return Ok(None);
    }
    let dir = suite.context.paths.work().join("files").join(plain(name));
    sandbox::remove(&dir)?;
    fs::create_dir_all(&dir).at(&dir)?;
    for file in &run.files {
        let from = suite.context.paths.repo.join(file);
        paths::copy(&from, &dir.join(file.file_name().unwrap_or_default()))?;
    }
    let tree = dir.join("linux");
    for part in &run.tree {
        paths::copy(&kernel.source.join(part), &placed(&tree, part)?)?;
    }
    for program in &run.selftests {
        let (folder, name) = program.rsplit_once('/').unwrap_or(("", program));
        let built = selftests::build(suite.context, suite.sandbox, kernel, step, folder, &[name])?;
        let at = Path::new(selftests::FOLDER).join(program);
        paths::copy(&built.join(name), &placed(&tree, &at)?)?;
    }
    match &run.judge {
        None => {}
        Some(Judge::Kselftest(_)) => {
            let programs = selftests::alsa(suite.context, suite.sandbox, kernel, step)?;
            paths::copy(&programs, &dir)?;
        }
        Some(Judge::Copies(_) | Judge::CopiesButXruns(_)) => copies::files(&dir)?,
        Some(Judge::Recordings(server)) => servers::files(suite, step, driver, server, &dir)?,
    }
    Ok(Some(dir))
}

/// Where `part` is in `tree`, in a directory that is there.
fn placed(tree: &Path, part: &Path) -> Result<PathBuf> {
    let at = tree.join(part);
    let parent = at.parent().unwrap_or(tree);
    fs::create_dir_all(parent).at(parent)?;
    Ok(at)
}

/// A step's name as a file's.
fn plain(name: &str) -> String {
    name.replace('/', "-")
}

/// The checks of [`in_guest`].
const IN_ANY: usize = 2;

/// Runs a job, and looks at how it ended and at what `look` makes of the kernel's log.
pub(super) fn in_guest(
    suite: &Suite<'_>,
    step: &Step,
    guest: &Guest<'_>,
    job: &Job<'_>,
    look: impl Fn(&str) -> String,
) -> Result<(Outcome, [Check; IN_ANY])> {
    let (mut machine, append) = match job.time {
        Time::Counted => (Machine::counted(), ""),
        Time::Real => {
            let accel = match job.board {
                None => probe_kvm(suite.context, suite.sandbox, guest.kernel)?,
                Some(_) => Accel::Tcg,
            };
            (Machine::smp(accel, job.processors, DEBUG_MEMORY), PATIENT)
        }
    };
    machine.board = job.board;
    machine.extras = job.extras.clone();
    let name = plain(job.name);
    let of_guest = guest::Job {
        name: &name,
        script: &job.script,
        timeout: job.timeout,
        append: format!("{append} {}", job.append),
        follow: false,
        sealed: job.sealed,
    };
    let outcome = guest.run(&machine, &of_guest, step)?;
    keep(&suite.context.paths.test(), &name, &outcome)?;
    let checks = [
        Check::that("the guest's commands", outcome.failed_status()),
        Check::that("the kernel's log is clean", outcome.complaints(look)),
    ];
    Ok((outcome, checks))
}

/// Leaves what the guest said beside junit.xml, for whoever has to find out why.
fn keep(dir: &Path, name: &str, outcome: &Outcome) -> Result<()> {
    for (suffix, text) in [("output", &outcome.output), ("dmesg", &outcome.dmesg)] {
        let path = dir.join(format!("{name}.{suffix}.txt"));
        fs::write(&path, text).at(&path)?;
    }
    Ok(())
}
