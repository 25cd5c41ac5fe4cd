// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, each with the one message that its reader needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Short for a result with this crate's [`Error`].
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a step couldn't be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
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
    #[error("{what} is missing on this host; {how}")]
    Missing {
        /// A program, a right or a setting.
        what: String,
        /// How to get it.
        how: String,
    },
    /// A program ended with an error.
    #[error("{what} failed ({ended}); its output is in {}{}", .log.display(), tail_text(.tail))]
    Command {
        /// What the program was to do.
        what: String,
        /// How it ended: an exit status or a signal.
        ended: String,
        /// Where all that it said is.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
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
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
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
pub(crate) trait AtPath<T> {
    /// Names the file that the operation was about.
    fn at(self, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::Io {
            path: path.as_ref().to_path_buf(),
            source,
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
}
