// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the tool says, and how it ends. Whoever reads it may stop to, as `head` does: that is no error, and nothing is
//! said of it.

use std::fmt::{self, Display};
use std::io::{self, Write as _};
use std::process::ExitCode;

/// The results could not be written.
#[derive(Debug)]
pub struct Unwritten(pub io::Error);

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(why) = self;
        write!(f, "the results can't be written to standard output: {why}")
    }
}

/// How a command has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is as it should be.
    Passed,
    /// A check failed.
    Failed,
    /// Whoever read the results has stopped to before there were all of them.
    Unread,
}

impl Ending {
    /// After `failed` checks have failed, and whether `all` were run.
    pub fn of(failed: usize, all: bool) -> Self {
        match (failed, all) {
            (1.., _) => Self::Failed,
            (0, true) => Self::Passed,
            (0, false) => Self::Unread,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Passed => Self::SUCCESS,
            Ending::Failed => Self::from(1),
            Ending::Unread => Self::from(2),
        }
    }
}

/// Writes a line to standard error. If that can't be done, there is nobody to tell.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes a line of the tool's own to standard error.
pub fn complain(what: impl Display) {
    say(format_args!("rloop: {what}"));
}

/// Writes all of `text` to standard output, unless nobody reads it.
///
/// # Errors
/// What the system says, as for a full disk.
pub fn print(text: &str) -> Result<(), Unwritten> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Unwritten(e)),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_outweighs_a_reader_that_has_gone() {
        assert_eq!(Ending::of(1, false), Ending::Failed);
        assert_eq!(Ending::of(0, false), Ending::Unread);
        assert_eq!(Ending::of(0, true), Ending::Passed);
    }
}
