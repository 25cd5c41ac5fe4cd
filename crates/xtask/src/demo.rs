// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask demo`: recorded speech goes round the card, and every frame of
//! it is looked at.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::audio::{self, Comparison, Sound};
use crate::context::Context;
use crate::error::{AtPath as _, Error, Result};
use crate::guest::{Guest, Job, Machine, Outcome};
use crate::kernel::{self, Spec};
use crate::report::{self, Check, Counts};
use crate::ui::{Step, seconds};
use crate::{klog, picture, sandbox, toolchain};

/// What the guest does.
const SCRIPT: &str = include_str!("demo.sh");

/// What `report.json` says.
#[derive(Serialize)]
struct Report {
    kernel: String,
    arch: String,
    accelerator: String,
    passed: bool,
    counts: Counts,
    seconds: f64,
    comparison: Comparison,
    checks: Vec<Check>,
}

/// Runs the demo; true when everything is as it should be.
pub(crate) fn run(context: &Context, spec: &Spec) -> Result<bool> {
    let start = Instant::now();
    let sandbox = toolchain::get(context)?;
    let kernel = kernel::get(context, &sandbox, spec)?;
    let guest = Guest::build(context, &sandbox, &kernel)?;
    let dir = context.paths.demo();
    sandbox::remove(&dir)?;
    fs::create_dir_all(&dir).at(&dir)?;

    let machine = Machine::counted();
    let step = Step::new(format!("boot of {spec}"));
    let script = format!("{SCRIPT}{}", verify_script(""));
    let job = Job {
        name: "demo",
        script: &script,
        timeout: Duration::from_secs(1800),
        append: String::new(),
        follow: true,
        sealed: false,
    };
    let outcome = match guest.run(&machine, &job, &step) {
        Ok(outcome) => outcome,
        Err(e) => {
            keep_serial(&e, &dir);
            return Err(e);
        }
    };
    step.ok();
    fs::copy(&outcome.serial, dir.join("serial.log")).at(&outcome.serial)?;
    write(&dir, "dmesg.txt", &outcome.dmesg)?;

    let (comparison, mut checks) = judge(&outcome, &dir)?;
    checks.push(Check::that("the guest's commands", failed_status(&outcome)));
    checks.push(Check::that(
        "the kernel's log is clean",
        log_complaints(&outcome),
    ));
    let counts = Counts::of(&checks);
    let passed = counts.failed == 0;
    let accelerator = format!("{:?}", machine.accel).to_lowercase();
    let mut lines = vec![
        format!("snd-rloop on {spec} ({accelerator})"),
        format!("speech: {comparison}"),
    ];
    for check in &checks {
        match &check.verdict {
            report::Verdict::Pass => lines.push(format!("PASS: {}", check.name)),
            report::Verdict::Fail(why) => lines.push(format!("FAIL: {} - {why}", check.name)),
            report::Verdict::Skip(why) => lines.push(format!("SKIP: {} - {why}", check.name)),
        }
    }
    lines.push(format!(
        "{} passed, {} failed",
        counts.passed, counts.failed
    ));
    write(&dir, "report.txt", &(lines.join("\n") + "\n"))?;
    let report = Report {
        kernel: spec.version.to_string(),
        arch: spec.arch.to_string(),
        accelerator,
        passed,
        counts,
        seconds: start.elapsed().as_secs_f64(),
        comparison: comparison.clone(),
        checks: checks.clone(),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|e| Error::BadFile {
        path: dir.join("report.json"),
        problem: e.to_string(),
    })?;
    write(&dir, "report.json", &json)?;

    println!();
    println!("speech         {comparison}");
    for check in &checks {
        if let report::Verdict::Fail(why) = &check.verdict {
            println!("FAIL           {}: {}", check.name, report::short(why));
        }
    }
    println!(
        "checks         {} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    );
    for (what, file) in [
        ("recording", "recording.wav"),
        ("waveforms", "waveforms.svg"),
        ("report", "report.txt"),
        ("", "report.json"),
        ("kernel log", "dmesg.txt"),
        ("console", "serial.log"),
    ] {
        if dir.join(file).is_file() {
            println!("{what:<14} {}", dir.join(file).display());
        }
    }
    println!(
        "{} (all in all {})",
        if passed { "PASS" } else { "FAIL" },
        seconds(start.elapsed())
    );
    Ok(passed)
}

/// Why the guest's commands are no success; none if they are.
pub(crate) fn failed_status(outcome: &Outcome) -> Option<String> {
    (outcome.status != 0).then(|| {
        let last = outcome.output.lines().last().unwrap_or("(none)");
        format!(
            "they ended with status {}; the last line of output: {last}",
            outcome.status
        )
    })
}

/// What is wrong in the kernel's log and on the console; none if nothing is.
pub(crate) fn log_complaints(outcome: &Outcome) -> Option<String> {
    log_complaints_of(outcome, |log| log.to_owned())
}

/// As [`log_complaints`], of what `look` makes of the log.
pub(crate) fn log_complaints_of(
    outcome: &Outcome,
    look: impl Fn(&str) -> String,
) -> Option<String> {
    let console = fs::read_to_string(&outcome.serial).unwrap_or_default();
    let (dmesg, console) = (look(&outcome.dmesg), look(&console));
    // What is on the console and in the log is the same line twice.
    let mut lines: Vec<&str> = klog::complaints(&dmesg);
    for line in klog::complaints(&console) {
        if !outcome.dmesg.contains(line.trim()) && !outcome.output.contains(line.trim()) {
            lines.push(line);
        }
    }
    let mut text = lines.iter().take(5).copied().collect::<Vec<_>>().join("; ");
    if lines.len() > 5 {
        text.push_str(&format!("; and {} more", lines.len() - 5));
    }
    if let Some(taint) = klog::taint(outcome.tainted) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&taint);
    }
    (!text.is_empty()).then_some(text)
}

/// Takes the recording out of the share, compares it and draws it.
fn judge(outcome: &Outcome, dir: &Path) -> Result<(Comparison, Vec<Check>)> {
    let from = |name: &str| outcome.share.join(name);
    let name = "speech comes back bit for bit";
    let (comparison, mut checks) = if from("recording.wav").is_file() {
        for file in ["recording.wav", "original.wav"] {
            fs::copy(from(file), dir.join(file)).at(from(file))?;
        }
        let original = Sound::read(&dir.join("original.wav"))?;
        let recording = Sound::read(&dir.join("recording.wav"))?;
        let comparison = audio::compare(&original, &recording);
        let offset = match comparison {
            Comparison::Exact { offset, .. } | Comparison::Differs { offset, .. } => offset,
            Comparison::Absent { .. } | Comparison::OtherParameters { .. } => 0,
        };
        picture::draw(&original, &recording, offset, &dir.join("waveforms.svg"))?;
        let why = (!comparison.is_exact()).then(|| comparison.to_string());
        (comparison, vec![Check::that(name, why)])
    } else {
        let check = Check::fail(name, "nothing was recorded");
        (Comparison::Absent { sounding: 0 }, vec![check])
    };
    checks.extend(verify_checks(outcome));
    Ok((comparison, checks))
}

/// What the guest runs to have [`verify_checks`] judge it. `rloop verify` says
/// by 1 that checks have failed, and those are counted one by one.
///
/// The pipe is there so that `rloop` never waits for the host's disk: with a clock that counts
/// instructions the guest's time jumps meanwhile.
pub(crate) fn verify_script(arguments: &str) -> String {
    format!(
        "{{ status=0\n\
         rloop verify {arguments} --format ptest || status=$?\n\
         echo $status >/tmp/verify.status; }} | cat >/mnt/share/verify.txt\n\
         cp /tmp/verify.status /mnt/share\n"
    )
}

/// The checks that `rloop verify` has left in the share, and one that its
/// status goes with them: it may have been ended in the middle.
pub(crate) fn verify_checks(outcome: &Outcome) -> Vec<Check> {
    let read = |name: &str| fs::read_to_string(outcome.share.join(name)).unwrap_or_default();
    let checks = report::from_ptest(&read("verify.txt"));
    let last = outcome.output.lines().rfind(|line| !line.trim().is_empty());
    let whole = verify_whole(
        &checks,
        read("verify.status").trim(),
        last.unwrap_or("(none)"),
    );
    checks
        .into_iter()
        .map(|check| Check {
            name: format!("verify: {}", check.name),
            ..check
        })
        .chain([Check::that("verify: ran to its end", whole)])
        .collect()
}

fn verify_whole(checks: &[Check], status: &str, last: &str) -> Option<String> {
    let expected = match Counts::of(checks) {
        Counts {
            passed: 0,
            failed: 0,
            ..
        } => return Some("it reported no checks".into()),
        Counts { failed: 0, .. } => "0",
        Counts { .. } => "1",
    };
    let status = if status.is_empty() { "(none)" } else { status };
    (status != expected).then(|| {
        format!("after what it reported, its exit status should be {expected} and is {status}; the last line of output: {last}")
    })
}

fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    fs::write(&path, text).at(&path)
}

/// Leaves the console of a guest that died where the user looks for it.
fn keep_serial(error: &Error, dir: &Path) {
    if let Error::Timeout { log, .. } | Error::GuestDied { log, .. } = error {
        // The error itself names the log, too.
        let _ = fs::copy(log, dir.join("serial.log"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verify_that_was_ended_in_the_middle_is_no_success() {
        let good = [Check::pass("a")];
        let bad = [Check::pass("a"), Check::fail("b", "c")];
        assert_eq!(verify_whole(&good, "0", ""), None);
        assert_eq!(verify_whole(&bad, "1", ""), None);
        for (checks, status) in [
            (&good[..], "1"),
            (&good[..], ""),
            (&bad[..], "134"),
            (&[], "0"),
        ] {
            assert!(verify_whole(checks, status, "").is_some(), "{status}");
        }
    }
}
