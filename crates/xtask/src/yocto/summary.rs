// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been found, and told in a table.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::place::Place;
use crate::report::{Check, Counts, Verdict};
use lab::error::{AtPath as _, Error, Result};
use lab::exec::Cmd;
use lab::ui::{Step, seconds};

/// The commit of a repository.
pub(super) struct Commit {
    /// The one that was taken.
    pub(super) taken: String,
    /// Why not the one that it is pinned to.
    pub(super) instead: Option<Instead>,
}

/// What a mirror lacks.
pub(super) struct Instead {
    /// The commit that is pinned.
    pub(super) of: String,
    /// The branch whose newest commit was taken.
    pub(super) branch: String,
}

/// A line of the summary.
struct Line {
    check: Check,
    took: Duration,
}

/// What of bitbake's warnings is no fault here.
const HARMLESS: &[&str] = &[
    // Its own parser's
    "yacc table file version is out of date",
    // The release after wrynose wants AND and OR between licences; wrynose knows & and | alone.
    ": LICENSE is using an old syntax and should be upgraded to: ",
];

/// What bitbake warns of in its output, if anything: nobody reads that where all else is well.
fn complaint(output: &str) -> Option<String> {
    let warnings: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("WARNING: "))
        .filter(|line| !HARMLESS.iter().any(|text| line.contains(text)))
        .collect();
    (!warnings.is_empty()).then(|| warnings.join("\n"))
}

/// What has been found. It is in a file as soon as it is known: the next step may take an hour, or end all.
pub(super) struct Summary {
    path: PathBuf,
    heading: String,
    lines: Vec<Line>,
    /// Of the repositories, by name and commit; with the commit that should have been taken.
    commits: BTreeMap<(String, String), Option<String>>,
}

impl Summary {
    /// Begins a summary below `heading`, in the file `path`.
    pub(super) fn new(path: PathBuf, heading: String) -> Result<Self> {
        let summary = Self {
            path,
            heading,
            lines: Vec::new(),
            commits: BTreeMap::new(),
        };
        summary.write()?;
        Ok(summary)
    }

    fn write(&self) -> Result<()> {
        fs::write(&self.path, self.text()).at(&self.path)
    }

    /// Runs `cmd` as the check `name`; whether it did what it should, even if something was warned of.
    pub(super) fn run(&mut self, place: &Place<'_>, name: &str, mut cmd: Cmd) -> Result<bool> {
        let step = Step::new(name);
        let log = place
            .context
            .paths
            .log(&format!("yocto-{}", name.replace(['/', ' ', ':'], "-")));
        let result = cmd.run(&step, &log);
        let (took, done) = (step.elapsed(), result.is_ok());
        let check = match result {
            Ok(()) => Check::that(name, complaint(&fs::read_to_string(&log).at(&log)?)),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(e) => Check::fail(name, e.to_string()),
        };
        match &check.verdict {
            Verdict::Fail(why) => {
                step.end("FAIL", "");
                eprintln!("{why}");
            }
            _ => step.end("PASS", ""),
        }
        self.lines.push(Line { check, took });
        self.write()?;
        Ok(done)
    }

    /// Says that `name` could not be tried.
    pub(super) fn skip(&mut self, name: &str, why: String) -> Result<()> {
        self.lines.push(Line {
            check: Check {
                name: name.to_owned(),
                verdict: Verdict::Skip(why),
            },
            took: Duration::ZERO,
        });
        self.write()
    }

    /// Notes the commits that a configuration is tried with.
    pub(super) fn note(&mut self, commits: &BTreeMap<&str, Commit>) {
        for (name, commit) in commits {
            let pinned = commit.instead.as_ref().map(|instead| instead.of.clone());
            self.commits
                .insert(((*name).to_owned(), commit.taken.clone()), pinned);
        }
    }

    /// How many checks went how.
    pub(super) fn counts(&self) -> Counts {
        Counts::of(self.lines.iter().map(|line| &line.check))
    }

    /// All of it, in Markdown.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}\n| what | result | time |\n|---|---|---|\n",
            self.heading
        );
        for line in &self.lines {
            let result = match &line.check.verdict {
                Verdict::Pass => "passed".to_owned(),
                Verdict::Fail(_) => "**failed**".to_owned(),
                Verdict::Skip(why) => format!("not tried: {why}"),
            };
            text += &format!(
                "| {} | {result} | {} |\n",
                line.check.name,
                seconds(line.took)
            );
        }
        text += "\n| repository | commit |\n|---|---|\n";
        for ((name, taken), pinned) in &self.commits {
            text += &format!("| {name} | `{taken}`");
            if let Some(pin) = pinned {
                text += &format!(", as the mirror lacks the pinned `{pin}`");
            }
            text += " |\n";
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_a_complaint() {
        let output = "NOTE: a\nWARNING: b: c\n  WARNING: of d\nWARNING: e\n";
        assert_eq!(complaint(output).unwrap(), "WARNING: b: c\nWARNING: e");
        let harmless = "WARNING: f.bb: f: LICENSE is using an old syntax and should be upgraded to: \"A AND B\"";
        assert_eq!(complaint(&format!("NOTE: a\n{harmless}\n")), None);
    }

    #[test]
    fn what_is_known_is_in_the_file_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("yocto.md");
        let mut summary = Summary::new(path.clone(), "today\n".to_owned()).unwrap();
        summary.skip("a.yml", "no mirror".to_owned()).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(text.starts_with("today\n\n| what"));
        assert!(text.contains("| a.yml | not tried: no mirror |"));
    }
}
