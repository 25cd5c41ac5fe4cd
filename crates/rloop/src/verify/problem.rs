// SPDX-License-Identifier: MIT OR Apache-2.0

//! How a check ends.

use std::fmt;

use crate::card::holder;
use crate::error::Error;
use crate::pcm::AlsaError;
use crate::root::Root;

/// Why a check did not pass.
#[derive(Clone, Debug)]
pub enum Problem {
    /// The card does not do what it should.
    Failed(String),
    /// The check has nothing to look at on this card.
    Skipped(String),
    /// An xrun that may be the machine's fault: the check is worth another try with a larger buffer.
    Xrun(String),
    /// A drain that ALSA has given up, since it has heard nothing for a tenth of a second: worth another
    /// try, as the machine may have held up the program or the card.
    GivenUp(String),
    /// An xrun of a machine that takes more than a third of the sound's own time only to copy it.
    Slow(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Failed(text)
        | Self::Skipped(text)
        | Self::Xrun(text)
        | Self::GivenUp(text)
        | Self::Slow(text)) = self;
        f.write_str(text)
    }
}

/// What a check gives: nothing to say, or a problem.
pub type Verdict<T = ()> = Result<T, Problem>;

impl From<AlsaError> for Problem {
    fn from(error: AlsaError) -> Self {
        match error.errno {
            libc::EPIPE => Self::Xrun(error.to_string()),
            libc::EIO if error.call == "snd_pcm_drain" => Self::GivenUp(error.to_string()),
            libc::EBUSY | libc::EAGAIN if error.call == "snd_pcm_open" => {
                let holder = holder(&Root::default(), error.at.card, error.at);
                Self::Failed(format!("{error}: it is in use by {holder}"))
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Hidden { .. } => Self::Skipped(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Fails with a message.
pub fn fail<T>(what: impl Into<String>) -> Verdict<T> {
    Err(Problem::Failed(what.into()))
}

/// Skips with a reason.
pub fn skip<T>(why: impl Into<String>) -> Verdict<T> {
    Err(Problem::Skipped(why.into()))
}

/// Fails with a message unless `ok`.
pub fn ensure(ok: bool, what: impl FnOnce() -> String) -> Verdict {
    if ok { Ok(()) } else { fail(what()) }
}

/// Puts `context` in front of the message.
pub trait Within<T> {
    /// `context: message`.
    fn within(self, context: impl FnOnce() -> String) -> Verdict<T>;
}

impl<T, E: Into<Problem>> Within<T> for Result<T, E> {
    fn within(self, context: impl FnOnce() -> String) -> Verdict<T> {
        self.map_err(|e| match e.into() {
            Problem::Failed(text) => Problem::Failed(format!("{}: {text}", context())),
            Problem::Skipped(text) => Problem::Skipped(format!("{}: {text}", context())),
            Problem::Xrun(text) => Problem::Xrun(format!("{}: {text}", context())),
            Problem::GivenUp(text) => Problem::GivenUp(format!("{}: {text}", context())),
            Problem::Slow(text) => Problem::Slow(format!("{}: {text}", context())),
        })
    }
}

/// Lets the errors of [`crate::signal::Trace::expect`] become failures.
pub trait OrFail<T> {
    /// The error as a failure.
    fn or_fail(self) -> Verdict<T>;
}

impl<T> OrFail<T> for Result<T, String> {
    fn or_fail(self) -> Verdict<T> {
        self.map_err(Problem::Failed)
    }
}
