// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks and their results, however they were told, and how they are told on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rig::report::Outcome;
use rig::report::junit::{self, Case, Suites};
use serde::Serialize;

use lab::error::{AtPath as _, Result};
use lab::ui::seconds;

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "why")]
pub(crate) enum Verdict {
    /// As it should.
    Pass,
    /// Not as it should; says what was expected and what came.
    Fail(String),
    /// It couldn't be tried.
    Skip(String),
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// Its name.
    pub(crate) name: String,
    /// Its result.
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

impl Check {
    /// A check that passed.
    pub(crate) fn pass(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict: Verdict::Pass,
        }
    }

    /// A check that failed.
    pub(crate) fn fail(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict: Verdict::Fail(why.into()),
        }
    }

    /// A check that couldn't be tried.
    pub(crate) fn skip(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict: Verdict::Skip(why.into()),
        }
    }

    /// A check whose failure is `why`, if there is one.
    pub(crate) fn that(name: impl Into<String>, why: Option<String>) -> Self {
        match why {
            None => Self::pass(name),
            Some(why) => Self::fail(name, why),
        }
    }
}

/// How many checks went how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Passed.
    pub(crate) passed: usize,
    /// Failed.
    pub(crate) failed: usize,
    /// Couldn't be tried.
    pub(crate) skipped: usize,
}

impl Counts {
    /// Counts `checks`.
    pub(crate) fn of<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Self {
        let mut counts = Self::default();
        for check in checks {
            match check.verdict {
                Verdict::Pass => counts.passed += 1,
                Verdict::Fail(_) => counts.failed += 1,
                Verdict::Skip(_) => counts.skipped += 1,
            }
        }
        counts
    }
}

/// Reads lines of `PASS: name`, `FAIL: name` and `SKIP: name`, as ptest has
/// them. The reason is in indented or `#` lines before, or after ` - ` in the line itself.
pub(crate) fn from_ptest(text: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(more) = line.strip_prefix([' ', '\t', '#']) {
            said.push(more.trim());
            continue;
        }
        let (word, rest) = line.split_once(": ").unwrap_or((line, ""));
        let (name, why) = rest.split_once(" - ").unwrap_or((rest, ""));
        if !why.is_empty() {
            said.push(why.trim());
        }
        let why = said.join("; ");
        said.clear();
        let verdict = match word {
            "PASS" => Verdict::Pass,
            "FAIL" => Verdict::Fail(why),
            "SKIP" => Verdict::Skip(why),
            _ => continue,
        };
        checks.push(Check {
            name: name.trim().to_owned(),
            verdict,
        });
    }
    checks
}

/// How much of a reason a terminal gets to see; the reports have all of it.
const SHORT: usize = 240;

/// The start of a reason, in one line.
pub(crate) fn short(why: &str) -> String {
    let words = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text: String = words.chars().take(SHORT).collect();
    if text.len() < words.len() {
        text.push_str(" …");
    }
    text
}

/// Reads what `cargo test` prints; the name of a test is that of its binary and its own.
pub(crate) fn from_cargo_test(text: &str) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    let mut binary = String::new();
    // What a test that failed has printed, while that is read.
    let mut output: Option<(String, String)> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some((name, said)) = output.take() {
            if !line.starts_with("---- ") && line != "failures:" {
                output = Some((name, said + line + "\n"));
                continue;
            }
            if let Some(check) = checks.iter_mut().rfind(|check| check.name == name) {
                check.verdict = Verdict::Fail(why_it_panicked(&said));
            }
        }
        if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            output = Some((format!("{binary}: {name}"), String::new()));
        } else if let Some(rest) = line.strip_prefix("Running ") {
            // Running unittests src/main.rs (target/debug/deps/xtask-0123456789abcdef)
            let path = rest.split('(').nth(1).unwrap_or(rest).trim_end_matches(')');
            let file = path.rsplit('/').next().unwrap_or(path);
            file.rsplit_once('-')
                .map_or(file, |(name, _)| name)
                .clone_into(&mut binary);
        } else if let Some(rest) = line.strip_prefix("Doc-tests ") {
            binary = format!("{rest} (documentation)");
        } else if let Some((name, result)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.rsplit_once(" ... "))
        {
            let verdict = match result {
                "ok" => Verdict::Pass,
                "FAILED" => Verdict::Fail("see the log".into()),
                other if other.starts_with("ignored") => Verdict::Skip(other.to_owned()),
                _ => continue,
            };
            checks.push(Check {
                name: format!("{binary}: {name}"),
                verdict,
            });
        }
    }
    checks
}

/// Where a test panicked, and why: the last time, which is where a property test names the smallest
/// input that fails.
fn why_it_panicked(said: &str) -> String {
    let from = said.rfind("panicked at ").unwrap_or(0);
    let rest = said[from..].lines();
    let noise = ["stack backtrace:", "note: run with `RUST_BACKTRACE"];
    let why: Vec<_> = rest
        .take_while(|line| !noise.iter().any(|noise| line.starts_with(noise)))
        .collect();
    let why = why.join("\n");
    let why = why.trim();
    match why {
        "" => "see the log".into(),
        why => why.into(),
    }
}

/// Reads JUnit's XML; none if it is no such thing. The name of a check is that of its suite and its own.
pub(crate) fn from_junit(text: &str) -> Option<Vec<Check>> {
    let results = junit::read(text).ok()?.results;
    let checks = results.into_iter().map(|result| Check {
        name: result.name,
        verdict: match result.outcome {
            Outcome::Pass => Verdict::Pass,
            Outcome::Fail(why) => Verdict::Fail(why),
            Outcome::Skip(why) => Verdict::Skip(why),
        },
    });
    Some(checks.collect())
}

/// What one step of a run found.
#[derive(Debug, Serialize)]
pub(crate) struct StepReport {
    /// The step's name.
    pub(crate) name: String,
    /// How long it took.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub(crate) elapsed: Duration,
    /// What it looked at.
    pub(crate) checks: Vec<Check>,
}

fn as_seconds<S: serde::Serializer>(time: &Duration, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_f64(time.as_secs_f64())
}

/// Writes the steps as JUnit's XML.
pub(crate) fn write_junit<'a>(
    steps: impl IntoIterator<Item = &'a StepReport>,
    to: &Path,
) -> Result<()> {
    let mut suites = Suites::default();
    for step in steps {
        suites.begin(&step.name, Some(step.elapsed));
        for check in &step.checks {
            suites.add(&Case {
                class: &step.name,
                name: &check.name,
                outcome: &match check.verdict.clone() {
                    Verdict::Pass => Outcome::Pass,
                    Verdict::Fail(why) => Outcome::Fail(why),
                    Verdict::Skip(why) => Outcome::Skip(why),
                },
                took: None,
                notes: &[],
            });
        }
    }
    let text = suites.xml("rloop", None).at(to)?;
    fs::write(to, text).at(to)
}

/// A table of the steps, the failures below it, as lines.
pub(crate) fn summary(steps: &[StepReport]) -> Vec<String> {
    let width = steps.iter().map(|s| s.name.len()).max().unwrap_or(0).max(4);
    let mut lines = vec![format!(
        "{:width$}  {:>6}  {:>6}  {:>7}  time",
        "step", "passed", "failed", "skipped"
    )];
    for step in steps {
        let counts = Counts::of(&step.checks);
        lines.push(format!(
            "{:width$}  {:>6}  {:>6}  {:>7}  {}",
            step.name,
            counts.passed,
            counts.failed,
            counts.skipped,
            seconds(step.elapsed)
        ));
    }
    for step in steps {
        for check in &step.checks {
            if let Verdict::Fail(why) = &check.verdict {
                lines.push(format!(
                    "FAIL  {}: {}: {}",
                    step.name,
                    check.name,
                    short(why)
                ));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_junit_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("junit.xml");
        let checks = |prefix: &str| {
            vec![
                Check::pass(format!("{prefix}a")),
                Check::fail(format!("{prefix}b"), "<1>"),
                Check::skip(format!("{prefix}c"), "no timer"),
            ]
        };
        let step = StepReport {
            name: "step".into(),
            elapsed: Duration::ZERO,
            checks: checks(""),
        };
        write_junit([&step], &path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(from_junit(&text), Some(checks("step/")));
        assert_eq!(from_junit("no XML"), None);
    }

    #[test]
    fn ptest_lines_are_read_with_their_reasons() {
        let text =
            "noise\nPASS: a b\n  at frame 7\nFAIL: c - expected 1, got 2\n# no timer\nSKIP: d\n";
        assert_eq!(
            from_ptest(text),
            [
                Check::pass("a b"),
                Check::fail("c", "at frame 7; expected 1, got 2"),
                Check {
                    name: "d".into(),
                    verdict: Verdict::Skip("no timer".into())
                },
            ]
        );
    }

    #[test]
    fn cargo_test_is_read() {
        let text = "     Running unittests src/main.rs (target/debug/deps/xtask-0123456789abcdef)\n\
                    test klog::x ... ok\ntest y ... FAILED\ntest z ... ignored, slow\n\
                    test result: FAILED. 1 passed; 1 failed\n   Doc-tests rloop\ntest src/lib.rs - f (line 3) ... ok\n";
        let checks = from_cargo_test(text);
        assert_eq!(checks[0], Check::pass("xtask: klog::x"));
        assert_eq!(
            checks[3],
            Check::pass("rloop (documentation): src/lib.rs - f (line 3)")
        );
        let counts = Counts::of(&checks);
        assert_eq!((counts.passed, counts.failed, counts.skipped), (2, 1, 1));
    }

    #[test]
    fn a_failed_test_says_why() {
        let text = "Running tests/cable/main.rs (target/debug/deps/cable-0123456789abcdef)\n\
                    test a ... FAILED\ntest b ... FAILED\ntest c ... FAILED\n\nfailures:\n\n---- a stdout ----\n\n\
                    thread 'a' (1) panicked at x.rs:1:2:\nshrinking\n\nthread 'a' (1) panicked at x.rs:3:4:\n\
                    minimal failing input: n = 7\nstack backtrace:\n   0: f\n\n---- b stdout ----\n\n\n\
                    ---- c stdout ----\nthread 'c' (1) panicked at y.rs:5:6:\nno\n\
                    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n\
                    failures:\n    a\n    b\n";
        let why = "panicked at x.rs:3:4:\nminimal failing input: n = 7";
        assert_eq!(
            from_cargo_test(text),
            [
                Check::fail("cable: a", why),
                Check::fail("cable: b", "see the log"),
                Check::fail("cable: c", "panicked at y.rs:5:6:\nno")
            ]
        );
    }

    #[test]
    fn the_summary_names_failures() {
        let steps = [StepReport {
            name: "boot".into(),
            elapsed: Duration::from_secs(2),
            checks: vec![Check::pass("a"), Check::fail("b", "because")],
        }];
        let lines = summary(&steps);
        assert_eq!(lines[1], "boot       1       1        0  2.0 s");
        assert_eq!(lines[2], "FAIL  boot: b: because");
    }

    #[test]
    fn junit_has_every_check() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("j.xml");
        let steps = [StepReport {
            name: "boot".into(),
            elapsed: Duration::from_secs(2),
            checks: vec![Check::pass("a"), Check::fail("b", "1 < 2")],
        }];
        write_junit(&steps, &to).unwrap();
        let text = fs::read_to_string(&to).unwrap();
        assert!(
            text.contains(r#"failures="1""#) && text.contains("1 &lt; 2"),
            "{text}"
        );
    }
}
