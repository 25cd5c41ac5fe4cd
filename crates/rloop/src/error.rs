// SPDX-License-Identifier: MIT OR Apache-2.0

//! What keeps the tool from running at all (exit code 2): in one line what was tried, what happened and what can be
//! done.

use std::io;
use std::path::Path;

use rig::output::Unwritten;
use rig::verdict::Problem;

use crate::alsa::pcm::AlsaError;

/// The tool could not run. (No variant has a `source`: each text is whole.)
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to look at.
    #[error("no loopback card: {found}; {advice}")]
    NoCard {
        /// What there is.
        found: String,
        /// How to get one.
        advice: String,
    },
    /// `--card` names no card.
    #[error("--card {given}: no such card; the loopback cards here are: {known}")]
    UnknownCard {
        /// What was given.
        given: String,
        /// What would have been right.
        known: String,
    },
    /// `--card` names a card of another driver.
    #[error(
        "--card {given}: not a loopback card (its driver is {driver}); the loopback cards here are: {known}"
    )]
    NotLoopback {
        /// What was given.
        given: String,
        /// The driver of that card.
        driver: String,
        /// What would have been right.
        known: String,
    },
    /// A family that there is not.
    #[error("family {given}: there is none of that name; allowed: {known}")]
    NoSuchFamily {
        /// What was given.
        given: String,
        /// What would have been right.
        known: String,
    },
    /// A family has nothing here to be looked at.
    #[error(
        "family {family}: no module of it is loaded ({drivers}); `modprobe {first}`, as root, loads one"
    )]
    NoModule {
        /// Which one.
        family: &'static str,
        /// Its drivers.
        drivers: String,
        /// One of them.
        first: &'static str,
    },
    /// A family has no such thing.
    #[error("family {family}: it has no {what}; allowed: {known}")]
    NotOfFamily {
        /// Which one.
        family: &'static str,
        /// What it has not.
        what: &'static str,
        /// Those that have it.
        known: String,
    },
    /// An option has no meaning for some drivers.
    #[error("{option}: not for {drivers}; allowed for: {known}")]
    NotForDrivers {
        /// What was given.
        option: String,
        /// Which ones.
        drivers: String,
        /// Those for which it has.
        known: String,
    },
    /// `--only` matches nothing.
    #[error("--only {0}: no check has such a name; `rloop verify --list` shows all names")]
    NoSuchCheck(String),
    /// Somebody uses the card.
    #[error(
        "card {card}: {stream} is in use by {holder}; every subdevice of the card is needed: stop that, or name another card with --card"
    )]
    Busy {
        /// Id of the card.
        card: String,
        /// The end that is in use.
        stream: String,
        /// By whom.
        holder: String,
    },
    /// A device or a file can't be opened.
    #[error("{card}: {path} can't be opened: {why}; {advice}")]
    NotOpened {
        /// What it is of.
        card: String,
        /// Which one.
        path: String,
        /// What happened.
        why: String,
        /// What can be done.
        advice: String,
    },
    /// A file of ALSA's is not to be seen.
    #[error("{card}: {path} is not there: {advice}")]
    Hidden {
        /// Of which card.
        card: String,
        /// The file.
        path: String,
        /// Why, and what can be done.
        advice: String,
    },
    /// The card was there.
    #[error(
        "{card} has gone {during}: it was unplugged, or removed, or its module was; see the kernel's log (dmesg)"
    )]
    Gone {
        /// Which card.
        card: String,
        /// Meanwhile.
        during: String,
    },
    /// A card can't do wrong on demand.
    #[error("--faults: {why}; {advice}")]
    NoFaults {
        /// Why not.
        why: String,
        /// What can be done.
        advice: String,
    },
    /// The kernel can't let allocations fail.
    #[error("--failing-allocations: {0}")]
    NoFailingAllocations(String),
    /// The kernel can't trace for how long interrupts are off.
    #[error("--interrupts: {0}")]
    NoTracer(String),
    /// The kernel can't suspend for a moment.
    #[error("--suspend: {0}")]
    NoSuspend(String),
    /// ALSA failed before a check could begin.
    #[error("card {card}: {why}")]
    Alsa {
        /// Id of the card.
        card: String,
        /// What failed.
        why: AlsaError,
    },
    /// A control device failed.
    #[error("card {card}: {why}")]
    Control {
        /// Id or index of the card.
        card: String,
        /// What failed.
        why: alsa::Error,
    },
    /// A cable can't be set up for the checks.
    #[error("{card}: {why}; another program may have locked it")]
    Setting {
        /// Which card.
        card: String,
        /// What failed.
        why: String,
    },
    /// A file can't be read, or made, or written.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What failed.
        why: io::Error,
    },
    /// `--from` names a file that can't be read, or one of something else.
    #[error("--from {path}: {why}")]
    NoFigures {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file for `rloop merge` can't be read, or is of something else.
    #[error("{path}: {why}; allowed: {allowed}")]
    NoReport {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
        /// What would have been right.
        allowed: &'static str,
    },
    /// A plot could not be drawn.
    #[error("a plot: {0}")]
    Plot(String),
    /// The results could not be written.
    #[error("{0}")]
    Write(Unwritten),
    /// A process of the stress test can't be started, or waited for.
    #[error("a process of the stress test: {0}")]
    Process(io::Error),
    /// Figures that JSON can't hold.
    #[error("JSON: {0}")]
    Json(String),
}

impl From<Unwritten> for Error {
    fn from(why: Unwritten) -> Self {
        Self::Write(why)
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

impl Error {
    /// What failed with the file at `path`.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |why| Self::File {
            path: path.display().to_string(),
            why,
        }
    }
}
