// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps about what seldom happens: races, no memory, a suspend, a processor that is kept from its interrupts.

use std::time::Duration;

use super::Suite;
use super::card::CHECK;
use super::steps::{Special, Time, in_guest, run_specially};
use crate::report::{self, Check};
use crate::verify::{verify_checks, verify_script};
use lab::error::Result;
use lab::guest::Guest;
use lab::kernel::Spec;
use lab::klog;
use lab::ui::Step;

/// Several cards, as stress is for all cards at once.
const CARDS: &str = "modprobe snd-rloop enable=1,1,1,1 id=rloop,Loopback,fan,free \
     topology=cable,crossed,fanout,cable clock=timer,timer,timer,free\n";

/// How long the machine is frozen now and then under random calls.
const SUSPEND_SECONDS: u64 = 60;

/// Random calls on a debug kernel, some of which find no memory, by which everything goes wrong that can.
pub(super) fn stress(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let seconds = suite.options.stress_seconds;
    let verify = verify_script(&format!(
        "--stress {seconds} --faults --failing-allocations"
    ));
    // What depends on who is first, a trigger or a timer on another processor, is then tried at leisure. (Not
    // drain/exact, which is judged by time, and the host's is nobody's here.)
    let script = format!(
        "set -e\n{CARDS}{verify}\
         rloop verify --format ptest --card Loopback --only drain/whole --only 'drain/*-*' --only 'drain/no*' \
         --only 'drain/rec*' --only 'pause/*' --only 'controls/*'\n\
         rloop verify --format ptest --card fan --only 'fanout/*'\n\
         rloop verify --format ptest --card free --only 'free/*'\n\
         modprobe -r snd-rloop\n"
    );
    let special = Special {
        append: "",
        log: klog::without_failed_mappings,
        sealed: false,
    };
    // A debug kernel is slow, and the checks after the stress take their time.
    let limit = Duration::from_secs(seconds + 1200);
    specially(
        suite,
        spec,
        step,
        ("stress-debug", &script, limit),
        &special,
    )
}

/// Random calls where timers' callbacks and spin locks can be preempted.
pub(super) fn stress_rt(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let seconds = suite.options.stress_seconds;
    let verify = verify_script(&format!("--stress {seconds} --faults"));
    let script = format!("set -e\n{CARDS}{verify}modprobe -r snd-rloop\n");
    let job = (
        "stress-rt",
        script.as_str(),
        Duration::from_secs(seconds + 600),
    );
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Real)?;
    checks.extend(verify_checks(&outcome));
    Ok(checks)
}

/// Random calls on a kernel that looks for data races.
pub(super) fn stress_kcsan(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let seconds = suite.options.stress_seconds;
    let verify = verify_script(&format!("--stress {seconds} --faults"));
    let script = format!("set -e\n{CARDS}{verify}modprobe -r snd-rloop\n");
    let special = Special {
        append: "",
        log: |log| klog::without_others_races(log, "snd_rloop").0,
        sealed: false,
    };
    let limit = Duration::from_secs(seconds + 1200);
    specially(
        suite,
        spec,
        step,
        ("stress-kcsan", &script, limit),
        &special,
    )
}

/// For how long interrupts are off, on a processor whose time is counted.
pub(super) fn interrupts_off(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = "set -e\n\
         mount -t tracefs tracefs /sys/kernel/tracing\n\
         modprobe snd-rloop enable=1,1 id=rloop,fan topology=cable,fanout pcm_substreams=8,128 \
         bandwidth=100000\n\
         status=0\n\
         rloop verify --interrupts --format ptest --card fan --only '*/fan-*' || status=$?\n\
         rloop verify --interrupts --format ptest --card rloop --only '*/cable-*' || status=$?\n\
         modprobe -r snd-rloop\n\
         exit $status\n";
    let job = ("interrupts-off", script, Duration::from_secs(900));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Time::Counted)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

/// The machine suspends while streams run, and while random calls are made.
pub(super) fn suspend(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    // The share's device does not come back by itself from a suspend of devices.
    let script = format!(
        "{CARDS}\
         status=0\n\
         rloop verify --suspend --format ptest || status=1\n\
         rloop verify --stress {SUSPEND_SECONDS} --suspend --format ptest || status=1\n\
         modprobe -r snd-rloop || status=1\n\
         cd /sys/bus/virtio/drivers/9pnet_virtio\n\
         for device in virtio*; do echo $device >unbind; echo $device >bind; done\n\
         exit $status\n"
    );
    let special = Special {
        append: "",
        log: str::to_owned,
        sealed: true,
    };
    let limit = Duration::from_secs(SUSPEND_SECONDS + 600);
    let job = ("suspend", script.as_str(), limit);
    let kernel = suite.kernel(spec)?;
    let guest = Guest::build(suite.context, suite.sandbox, &kernel)?;
    let (outcome, mut checks) = run_specially(&guest, suite, step, job, Time::Real, &special)?;
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}

/// Each allocation fails once; nothing is left of what could not be made.
pub(super) fn allocations(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let verify = verify_script("--failing-allocations");
    // kmemleak takes nothing for a leak that is younger than five seconds.
    let script = format!(
        "{CHECK}\
         # Another card whose timer can be listened to.\n\
         modprobe snd-aloop id=other && modprobe snd-rloop || exit 1\n\
         {verify}\
         cd /sys/kernel/debug\n\
         check 'leaks are looked for' eval 'echo scan >kmemleak && sleep 6 && echo scan >kmemleak'\n\
         cat kmemleak >/mnt/share/leaks.txt\n\
         check 'none of them is ours' eval '! grep snd_rloop /mnt/share/leaks.txt'\n\
         grep -c 'unreferenced object' /mnt/share/leaks.txt\n\
         check 'the module can be unloaded' modprobe -r snd-rloop\n\
         exit $status\n"
    );
    let special = Special {
        append: "kmemleak=on",
        log: klog::without_failed_mappings,
        sealed: false,
    };
    let limit = Duration::from_secs(1800);
    specially(suite, spec, step, ("allocations", &script, limit), &special)
}

/// Runs `rloop verify` in real time, in a guest with something special.
fn specially(
    suite: &Suite<'_>,
    spec: &Spec,
    step: &Step,
    job: (&str, &str, Duration),
    special: &Special,
) -> Result<Vec<Check>> {
    let kernel = suite.kernel(spec)?;
    let guest = Guest::build(suite.context, suite.sandbox, &kernel)?;
    let (outcome, mut checks) = run_specially(&guest, suite, step, job, Time::Real, special)?;
    checks.extend(verify_checks(&outcome));
    checks.extend(report::from_ptest(&outcome.output));
    Ok(checks)
}
