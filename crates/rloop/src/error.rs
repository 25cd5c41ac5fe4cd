// SPDX-License-Identifier: MIT OR Apache-2.0

//! What keeps the tool from running at all (exit code 2).

/// The tool could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to look at.
    #[error(
        "no loopback card: neither snd-rloop nor snd-aloop has a card here (`modprobe snd-rloop` makes one)"
    )]
    NoCard,
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
    /// `--only` matches nothing.
    #[error("--only {0}: no check has such a name; `rloop verify --list` shows all names")]
    NoSuchCheck(String),
    /// Somebody uses the card.
    #[error(
        "card {card}: {stream} is in use by another program; every subdevice of the card is needed"
    )]
    Busy {
        /// Id of the card.
        card: String,
        /// The end that is in use.
        stream: String,
    },
    /// A card can't do wrong on demand.
    #[error("--faults: needs root, debugfs and a card of snd-rloop: {0}")]
    NoFaults(String),
    /// ALSA failed before a check could begin.
    #[error("card {card}: {source}")]
    Alsa {
        /// Id of the card.
        card: String,
        /// What failed.
        source: crate::pcm::AlsaError,
    },
    /// A control device failed.
    #[error("card {card}: {source}")]
    Control {
        /// Id or index of the card.
        card: String,
        /// What failed.
        source: alsa::Error,
    },
    /// A file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What failed.
        source: std::io::Error,
    },
    /// `--from` names a file that can't be read, or one of something else.
    #[error("--from {path}: {why}")]
    NoFigures {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A plot could not be drawn.
    #[error("a plot: {0}")]
    Plot(String),
    /// The results could not be written.
    #[error("standard output: {0}")]
    Write(#[from] std::io::Error),
}
