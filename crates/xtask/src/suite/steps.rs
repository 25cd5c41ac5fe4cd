// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each step of `cargo xtask test` does.

use std::fs;
use std::time::Duration;

use super::{Suite, bad_parameters};
use crate::report::{self, Check, Counts};
use crate::verify::{verify_checks, verify_script};
use lab::cargo;
use lab::error::{AtPath as _, Error, Result};
use lab::guest::{Guest, Job, Machine, Outcome, probe_kvm};
use lab::kernel::Spec;
use lab::ui::Step;

/// How often the module is loaded and unloaded.
const RELOADS: u32 = 100;
/// Memory of a guest with KASAN, in MiB.
const DEBUG_MEMORY: u32 = 3072;
/// A host that is busy elsewhere for twenty seconds is no fault of the guest's kernel, which would say so.
const PATIENT: &str = "rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60";

/// How the time of a guest passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// With the instructions of one processor: whatever is judged by time is judged here.
    Counted,
    /// As the host's, on two processors that race.
    Real,
}

/// A program whose failure is a failed check; that it couldn't be run is an error.
pub(super) fn program(name: &str, result: Result<()>) -> Result<Check> {
    match result {
        Ok(()) => Ok(Check::pass(name)),
        Err(e @ Error::Command { .. }) => Ok(Check::fail(name, e.to_string())),
        Err(e) => Err(e),
    }
}

pub(super) fn rustfmt(suite: &Suite<'_>, _: &Spec, step: &Step) -> Result<Vec<Check>> {
    let mut cmd = cargo::command(suite.context, suite.sandbox, "cargo fmt", "fmt")?;
    cmd.args(["--all", "--check", "--", "--color=never"]);
    let result = cmd.run(step, &suite.context.paths.log("rustfmt"));
    Ok(vec![program("cargo fmt --check", result)?])
}

pub(super) fn clippy(suite: &Suite<'_>, _: &Spec, step: &Step) -> Result<Vec<Check>> {
    let mut cmd = cargo::command(suite.context, suite.sandbox, "cargo clippy", "clippy")?;
    cmd.args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
    let result = cmd.run(step, &suite.context.paths.log("clippy"));
    Ok(vec![program("cargo clippy", result)?])
}

pub(super) fn host_tests(suite: &Suite<'_>, _: &Spec, step: &Step) -> Result<Vec<Check>> {
    let log = suite.context.paths.log("host-tests");
    let mut cmd = cargo::command(suite.context, suite.sandbox, "cargo test", "test")?;
    cmd.args(["--workspace", "--no-fail-fast"]);
    let whole = program("cargo test", cmd.run(step, &log))?;
    let mut checks = report::from_cargo_test(&fs::read_to_string(&log).unwrap_or_default());
    // A test that fails counts once; tests that don't even compile have to count, too.
    if Counts::of(&checks).failed == 0 && whole.verdict != report::Verdict::Pass {
        checks.push(whole);
    }
    Ok(checks)
}

/// Runs `script` in a guest with the module and looks at the kernel's log.
pub(super) fn in_guest(
    suite: &Suite<'_>,
    spec: &Spec,
    step: &Step,
    job: (&str, &str, Duration),
    time: Time,
) -> Result<(Outcome, Vec<Check>)> {
    let kernel = suite.kernel(spec)?;
    let guest = Guest::build(suite.context, suite.sandbox, &kernel)?;
    run_in(&guest, suite, step, job, time)
}

/// As [`in_guest`], in a guest that is built already.
pub(super) fn run_in(
    guest: &Guest<'_>,
    suite: &Suite<'_>,
    step: &Step,
    job: (&str, &str, Duration),
    time: Time,
) -> Result<(Outcome, Vec<Check>)> {
    let special = Special {
        append: "",
        log: str::to_owned,
        sealed: false,
    };
    run_specially(guest, suite, step, job, time, &special)
}

/// What is not as in most guests.
pub(super) struct Special {
    /// More arguments for the kernel.
    pub(super) append: &'static str,
    /// What of the kernel's log is looked at.
    pub(super) log: fn(&str) -> String,
    /// Whether the share is there only when the script has ended.
    pub(super) sealed: bool,
}

/// As [`run_in`], with something special.
pub(super) fn run_specially(
    guest: &Guest<'_>,
    suite: &Suite<'_>,
    step: &Step,
    job: (&str, &str, Duration),
    time: Time,
    special: &Special,
) -> Result<(Outcome, Vec<Check>)> {
    let (name, script, timeout) = job;
    let (machine, append) = match time {
        Time::Counted => (Machine::counted(), ""),
        Time::Real => {
            let accel = probe_kvm(suite.context, suite.sandbox, guest.kernel)?;
            (Machine::smp(accel, 2, DEBUG_MEMORY), PATIENT)
        }
    };
    let job = Job {
        name,
        script,
        timeout,
        append: format!("{append} {}", special.append),
        follow: false,
        sealed: special.sealed,
    };
    let outcome = match time {
        Time::Counted => guest.run(&machine, &job, step)?,
        Time::Real => {
            step.message("waits to be alone");
            suite.turns.alone(|| guest.run(&machine, &job, step))?
        }
    };
    // Beside junit.xml, for whoever has to find out why.
    let dir = suite.context.paths.test();
    for (suffix, text) in [("output", &outcome.output), ("dmesg", &outcome.dmesg)] {
        let path = dir.join(format!("{name}.{suffix}.txt"));
        fs::write(&path, text).at(&path)?;
    }
    let complaints = outcome.complaints(special.log);
    let checks = vec![
        Check::that("the guest's commands", outcome.failed_status()),
        Check::that("the kernel's log is clean", complaints),
    ];
    Ok((outcome, checks))
}

pub(super) fn boot(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    verified(suite, spec, step, &format!("boot-{}", spec.arch), "")
}

/// As `boot`, with snd-aloop's topology: only then the card has control elements.
pub(super) fn boot_crossed(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    // The second card is one to follow; its clock is as exact as that of the first.
    let parameters = "enable=1,1 id=Loopback,second topology=crossed,cable";
    verified(suite, spec, step, "boot-crossed", parameters)
}

/// As `boot`, with one player and eight readers.
pub(super) fn boot_fanout(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    verified(suite, spec, step, "boot-fanout", "topology=fanout")
}

/// What only cards of other topologies have, on an architecture on which these have no steps of their own.
pub(super) fn topologies(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = "set -e\n\
         modprobe snd-rloop enable=1,1,1 id=Loopback,fan,single topology=crossed,fanout,cable pcm_substreams=8,8,1\n\
         rloop verify --format ptest --card Loopback --only 'controls/*'\n\
         rloop verify --format ptest --card fan --only 'fanout/*'\n\
         rloop verify --format ptest --card single --only 'controls/*'\n\
         modprobe -r snd-rloop\n";
    let job = ("topologies", script, Duration::from_secs(600));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

/// The card does wrong on demand, and `rloop verify` notices.
pub(super) fn faults(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = format!(
        "set -e\nmodprobe snd-rloop\n{}modprobe -r snd-rloop\n",
        verify_script("--faults")
    );
    let timeout = Duration::from_secs(600);
    let job = ("faults", script.as_str(), timeout);
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(verify_checks(&outcome));
    Ok(checks)
}

/// The whole matrix on a card without a clock.
pub(super) fn boot_free(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    verified(suite, spec, step, "boot-free", "clock=free")
}

/// As `boot`, on a kernel with PREEMPT_RT, another HZ and a tick that never stops.
pub(super) fn boot_rt(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    verified(suite, spec, step, "boot-rt", "")
}

/// `rloop verify` for a card that is made with `parameters`.
fn verified(
    suite: &Suite<'_>,
    spec: &Spec,
    step: &Step,
    name: &str,
    parameters: &str,
) -> Result<Vec<Check>> {
    let verify = verify_script(if suite.options.full { "--full" } else { "" });
    let script = format!(
        "set -e\nmodprobe snd-rloop {parameters}\n\
         # Another card whose clock can be followed.\n\
         modprobe snd-aloop id=other\n\
         aplay -l\n{verify}modprobe -r snd-rloop\n"
    );
    let timeout = Duration::from_secs(if suite.options.full { 7200 } else { 1800 });
    let job = (name, script.as_str(), timeout);
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(verify_checks(&outcome));
    Ok(checks)
}

pub(super) fn reload(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = format!(
        "for i in $(seq {RELOADS}); do\n\
         \tmodprobe snd-rloop || {{ echo \"load $i failed\"; exit 1; }}\n\
         \t[ -e /proc/asound/card0 ] || {{ echo \"load $i made no card\"; exit 1; }}\n\
         \trmmod snd-rloop || {{ echo \"unload $i failed\"; exit 1; }}\n\
         done\n\
         echo 'PASS: loaded and unloaded {RELOADS} times'\n\
         # What the module has forgotten in the ALSA core comes to light when that goes.\n\
         rmmod snd-pcm snd-timer snd && echo 'PASS: the ALSA core can be unloaded after it'\n"
    );
    let timeout = Duration::from_secs(600);
    let job = ("reload", script.as_str(), timeout);
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

pub(super) fn parameters(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let cases = bad_parameters::CASES;
    let script = bad_parameters::script(cases);
    let timeout = Duration::from_secs(300);
    let job = ("parameters", script.as_str(), timeout);
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(bad_parameters::judge(
        cases,
        &outcome.output,
        &outcome.dmesg,
    ));
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}
