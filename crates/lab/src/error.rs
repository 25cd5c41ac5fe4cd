// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, each with the one message that its reader needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Short for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a step couldn't be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user gave something that can't be.
    #[error("{what}: `{given}` can't be used; allowed: {allowed}")]
    BadInput {
        /// The option or the thing that was named.
        what: &'static str,
        /// What was given.
        given: String,
        /// What would have been right.
        allowed: String,
    },
    /// The host lacks something.
    #[error("{what} is missing; {how}")]
    Missing {
        /// A program, a right, a place or a setting.
        what: String,
        /// How to get it.
        how: String,
    },
    /// A program ended with an error.
    #[error("{what} failed ({ended}){}", command_text(.said, .log.as_deref()))]
    Command {
        /// What the program was to do.
        what: String,
        /// How it ended: an exit status or a signal.
        ended: String,
        /// What it said of the cause.
        said: Said,
        /// Where all that it said is.
        log: Option<PathBuf>,
    },
    /// Something can't be had, because of something else.
    #[error("no {what}: {why}")]
    Without {
        /// What is needed.
        what: String,
        /// Why it isn't there.
        why: String,
    },
    /// Something took too long and was ended.
    #[error("{what} took longer than {} s and was ended; its output is in {}{}", .limit.as_secs(), .log.display(), tail_text(.tail))]
    Timeout {
        /// What was going on.
        what: String,
        /// The time it was given.
        limit: Duration,
        /// Where all that it said is.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The user wants to stop (SIGINT, SIGTERM or SIGHUP).
    #[error("interrupted; the next run goes on from here")]
    Interrupted,
    /// The guest ended without having said how its job went.
    #[error("{what}: the guest ended before its job did; its console is in {}{}", .log.display(), tail_text(.tail))]
    GuestDied {
        /// What the guest was to do.
        what: String,
        /// The console's log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The kernel's configuration isn't what was asked for.
    #[error("the kernel's configuration lacks what was asked for (a dependency is missing, or the option is unknown to this kernel):\n  {}", .lines.join("\n  "))]
    ConfigNotTaken {
        /// The lines that aren't in `.config`.
        lines: Vec<String>,
    },
    /// A file operation failed.
    #[error("{}: {said}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said. No source: whoever prints those, too, would say it twice.
        said: std::io::Error,
    },
    /// A file's content isn't what it should be.
    #[error("{}: {problem}", .path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a program said before it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The line that names the cause.
    Cause(String),
    /// The last lines: none of them is known to name the cause.
    Last(String),
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cause(text) | Self::Last(text) => f.write_str(text.trim()),
        }
    }
}

fn command_text(said: &Said, log: Option<&Path>) -> String {
    let log = log.map(|log| format!("; its output is in {}", log.display()));
    let log = log.unwrap_or_default();
    match said {
        Said::Cause(line) => format!(": {line}{log}"),
        Said::Last(lines) => format!("{log}{}", tail_text(lines)),
    }
}

/// Indents a log's tail below the message; nothing for an empty one.
fn tail_text(tail: &str) -> String {
    if tail.trim().is_empty() {
        return String::new();
    }
    let mut text = String::from("; it ended with:");
    for line in tail.lines() {
        text.push_str("\n  | ");
        text.push_str(line);
    }
    text
}

/// Adds the path to an I/O error.
pub trait AtPath<T> {
    /// Names the file that the operation was about.
    fn at(self, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|said| Error::Io {
            path: path.as_ref().to_path_buf(),
            said,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_names_all_three() {
        let e = Error::BadInput {
            what: "--kernel",
            given: "6.6".into(),
            allowed: "7.2, 7.3 or a directory".into(),
        };
        assert_eq!(
            e.to_string(),
            "--kernel: `6.6` can't be used; allowed: 7.2, 7.3 or a directory"
        );
    }

    #[test]
    fn an_empty_tail_adds_nothing() {
        assert_eq!(tail_text(" \n"), "");
        assert_eq!(tail_text("a\nb"), "; it ended with:\n  | a\n  | b");
    }

    #[test]
    fn a_failure_is_told_in_one_line_where_its_cause_is_known() {
        let error = |said, log: Option<&str>| {
            let e = Error::Command {
                what: "x".into(),
                ended: "exit status 1".into(),
                said,
                log: log.map(PathBuf::from),
            };
            e.to_string()
        };
        assert_eq!(
            error(Said::Cause("no space".into()), Some("/l")),
            "x failed (exit status 1): no space; its output is in /l"
        );
        assert_eq!(
            error(Said::Last("a\nb".into()), None),
            "x failed (exit status 1); it ended with:\n  | a\n  | b"
        );
    }

    #[test]
    fn what_the_system_says_is_said_once() {
        let e = std::fs::read("/nonexistent")
            .at("/nonexistent")
            .unwrap_err();
        assert_eq!(
            e.to_string(),
            "/nonexistent: No such file or directory (os error 2)"
        );
        assert!(std::error::Error::source(&e).is_none());
    }
}
