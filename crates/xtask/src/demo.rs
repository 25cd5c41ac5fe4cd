// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask demo`: recorded speech goes round the card, and every frame of
//! it is looked at.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::audio::{self, Comparison, Sound};
use crate::manifest::Shown;
use crate::picture;
use crate::report::{self, Check, Counts};
use crate::suite::PRELUDE;
use crate::verify::verify_checks;
use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::guest::{Guest, Job, Machine, Outcome};
use lab::kernel::{self, Spec};
use lab::ui::{Step, seconds};
use lab::{sandbox, toolchain};

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

/// Runs the demo of a driver; true when everything is as it should be.
pub(crate) fn run(context: &Context, shown: &Shown<'_>, spec: &Spec) -> Result<bool> {
    let start = Instant::now();
    let sandbox = toolchain::get(context)?;
    let kernel = kernel::get(context, &sandbox, spec)?;
    let guest = Guest::build(context, &sandbox, &kernel)?;
    let dir = context.paths.demo();
    sandbox::remove(&dir)?;
    fs::create_dir_all(&dir).at(&dir)?;

    let machine = Machine::counted();
    let step = Step::new(format!("boot of {spec}"));
    let path = &shown.script;
    let script = PRELUDE.to_owned() + &fs::read_to_string(path).at(path)?;
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
    checks.push(Check::that("the guest's commands", outcome.failed_status()));
    checks.push(Check::that(
        "the kernel's log is clean",
        outcome.complaints(str::to_owned),
    ));
    let counts = Counts::of(&checks);
    let passed = counts.failed == 0;
    let accelerator = format!("{:?}", machine.accel).to_lowercase();
    let mut lines = vec![
        format!("{} on {spec} ({accelerator})", shown.driver.name()),
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
