// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been found, and told in a table.

use std::collections::BTreeMap;
use std::time::Duration;

use super::place::Place;
use crate::report::{Check, Counts, Verdict};
use lab::error::{Error, Result};
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

/// What has been found.
#[derive(Default)]
pub(super) struct Summary {
    lines: Vec<Line>,
    /// Of the repositories, by name and commit; with the commit that should have been taken.
    commits: BTreeMap<(String, String), Option<String>>,
}

impl Summary {
    /// Runs `cmd` as the check `name`; whether it passed.
    pub(super) fn run(&mut self, place: &Place<'_>, name: &str, mut cmd: Cmd) -> Result<bool> {
        let step = Step::new(name);
        let log = place
            .context
            .paths
            .log(&format!("yocto-{}", name.replace(['/', ' ', ':'], "-")));
        let result = cmd.run(&step, &log);
        let took = step.elapsed();
        let check = match result {
            Ok(()) => Check::pass(name),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(e) => Check::fail(name, e.to_string()),
        };
        let passed = check.verdict == Verdict::Pass;
        step.end(if passed { "PASS" } else { "FAIL" }, "");
        if let Verdict::Fail(why) = &check.verdict {
            eprintln!("{why}");
        }
        self.lines.push(Line { check, took });
        Ok(passed)
    }

    /// Says that `name` could not be tried.
    pub(super) fn skip(&mut self, name: &str, why: String) {
        self.lines.push(Line {
            check: Check {
                name: name.to_owned(),
                verdict: Verdict::Skip(why),
            },
            took: Duration::ZERO,
        });
    }

    /// Notes the commits that a configuration was tried with.
    pub(super) fn note(&mut self, commits: BTreeMap<&str, Commit>) {
        for (name, commit) in commits {
            let pinned = commit.instead.map(|instead| instead.of);
            self.commits.insert((name.to_owned(), commit.taken), pinned);
        }
    }

    /// How many checks went how.
    pub(super) fn counts(&self) -> Counts {
        Counts::of(self.lines.iter().map(|line| &line.check))
    }

    /// All of it, in Markdown.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("| what | result | time |\n|---|---|---|\n");
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
