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
use lab::{others, sandbox, toolchain};

/// What `report.json` says.
#[derive(Serialize)]
struct Report {
    kernel: String,
    arch: String,
    accelerator: String,
    passed: bool,
    counts: Counts,
    seconds: f64,
    sounds: Vec<Heard>,
    checks: Vec<Check>,
}

/// What became of a sound.
#[derive(Serialize)]
struct Heard {
    /// What its files are called after what they are, such as `-SoundCard`; nothing where there is one.
    name: String,
    comparison: Comparison,
}

impl Heard {
    fn line(&self) -> String {
        format!("{}: {}", self.name.trim_start_matches('-'), self.comparison)
    }
}

/// Runs the demo of a driver; true when everything is as it should be.
pub(crate) fn run(context: &Context, shown: &Shown<'_>, spec: &Spec) -> Result<bool> {
    let start = Instant::now();
    let sandbox = toolchain::get(context)?;
    let kernel = kernel::get(context, &sandbox, spec)?;
    let mut guest = Guest::build(context, &sandbox, &kernel)?;
    for dir in &shown.others {
        guest = guest.with_program(others::program(context, &sandbox, spec.arch, dir)?);
    }
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

    let (sounds, mut checks) = judge(&outcome, &dir)?;
    // The line of a script that runs it.
    if script
        .lines()
        .any(|line| line.split_whitespace().next() == Some("verify"))
    {
        checks.extend(verify_checks(&outcome));
    }
    checks.push(Check::that("the guest's commands", outcome.failed_status()));
    checks.push(Check::that(
        "the kernel's log is clean",
        outcome.complaints(str::to_owned),
    ));
    let counts = Counts::of(&checks);
    let passed = counts.failed == 0;
    let accelerator = format!("{:?}", machine.accel).to_lowercase();
    let mut lines = vec![format!("{} on {spec} ({accelerator})", shown.driver.name())];
    for sound in &sounds {
        lines.push(format!("speech: {}", sound.line().trim_start()));
    }
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
        sounds,
        checks: checks.clone(),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|e| Error::BadFile {
        path: dir.join("report.json"),
        problem: e.to_string(),
    })?;
    write(&dir, "report.json", &json)?;

    println!();
    for sound in &report.sounds {
        println!("speech         {}", sound.line().trim_start());
    }
    for check in &checks {
        if let report::Verdict::Fail(why) = &check.verdict {
            println!("FAIL           {}: {}", check.name, report::short(why));
        }
    }
    println!(
        "checks         {} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    );
    let mut files = Vec::new();
    for Heard { name, .. } in &report.sounds {
        files.push(("recording", format!("recording{name}.wav")));
        files.push(("waveforms", format!("waveforms{name}.svg")));
    }
    files.extend(
        [
            ("report", "report.txt"),
            ("", "report.json"),
            ("kernel log", "dmesg.txt"),
            ("console", "serial.log"),
        ]
        .map(|(what, file)| (what, file.to_owned())),
    );
    for (what, file) in files {
        if dir.join(&file).is_file() {
            println!("{what:<14} {}", dir.join(&file).display());
        }
    }
    println!(
        "{} (all in all {})",
        if passed { "PASS" } else { "FAIL" },
        seconds(start.elapsed())
    );
    Ok(passed)
}

/// Takes the recordings out of the share, compares them and draws them: each `recordingNAME.wav` with `originalNAME.wav`.
fn judge(outcome: &Outcome, dir: &Path) -> Result<(Vec<Heard>, Vec<Check>)> {
    let mut names = Vec::new();
    for entry in fs::read_dir(&outcome.share).at(&outcome.share)? {
        let file = entry.at(&outcome.share)?.file_name();
        let file = file.to_string_lossy();
        let name = file
            .strip_prefix("original")
            .and_then(|f| f.strip_suffix(".wav"));
        names.extend(name.map(str::to_owned));
    }
    names.sort();
    let mut checks = Vec::new();
    if names.is_empty() {
        checks.push(Check::fail(
            "speech comes back bit for bit",
            "nothing was played",
        ));
    }
    let mut sounds = Vec::new();
    for name in names {
        let (comparison, check) = compare(&outcome.share, dir, &name)?;
        checks.push(check);
        sounds.push(Heard { name, comparison });
    }
    Ok((sounds, checks))
}

/// The one of these whose files have `name` in their names.
fn compare(share: &Path, dir: &Path, name: &str) -> Result<(Comparison, Check)> {
    let what = match name.strip_prefix('-') {
        Some(card) => format!("speech comes back bit for bit from {card}"),
        None => "speech comes back bit for bit".to_owned(),
    };
    let [original, recording] = ["original", "recording"].map(|file| format!("{file}{name}.wav"));
    if !share.join(&recording).is_file() {
        let check = Check::fail(what, "nothing was recorded");
        return Ok((Comparison::Absent { sounding: 0 }, check));
    }
    for file in [&recording, &original] {
        fs::copy(share.join(file), dir.join(file)).at(share.join(file))?;
    }
    let original = Sound::read(&dir.join(original))?;
    let recording = Sound::read(&dir.join(recording))?;
    let comparison = audio::compare(&original, &recording);
    let offset = match comparison {
        Comparison::Exact { offset, .. } | Comparison::Differs { offset, .. } => offset,
        Comparison::Absent { .. } | Comparison::OtherParameters { .. } => 0,
    };
    let picture = dir.join(format!("waveforms{name}.svg"));
    picture::draw(&original, &recording, offset, &picture)?;
    let why = (!comparison.is_exact()).then(|| comparison.to_string());
    Ok((comparison, Check::that(what, why)))
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
