// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the figures of all families have: where they were measured, what was wanted of them, and how they are told.

use std::fmt;
use std::io;
use std::thread;

use comfy_table::presets::{ASCII_BORDERS_ONLY_CONDENSED, ASCII_MARKDOWN};
use rig::output::{Ending, print};
use serde::Serialize;

use crate::error::Error;
use crate::options::BenchFormat;

/// Something can't be measured.
pub fn failed(what: &str, why: impl fmt::Display) -> Error {
    Error::File {
        path: what.to_owned(),
        why: io::Error::other(why.to_string()),
    }
}

/// Where it was measured.
#[derive(Debug, Serialize)]
pub struct Place {
    kernel: String,
    architecture: String,
    processors: usize,
}

impl Place {
    /// Here.
    pub fn here() -> Self {
        let uname = rustix::system::uname();
        Self {
            kernel: uname.release().to_string_lossy().into_owned(),
            architecture: uname.machine().to_string_lossy().into_owned(),
            processors: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kernel,
            architecture,
            processors,
        } = self;
        write!(
            f,
            "Linux {kernel} ({architecture}), {processors} processor(s)"
        )
    }
}

/// What was asked for, and what came.
#[derive(Debug)]
pub struct Target {
    /// In words.
    pub want: String,
    /// What was measured.
    pub came: f64,
    /// The most that it may be.
    pub most: f64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { want, came, most } = self;
        // Judged as it is shown: runs differ by a switch in thousands.
        let came = (came * 100.0).round() / 100.0;
        let word = if came <= *most { "reached" } else { "missed" };
        write!(f, "- {want}: {came:.2}, {word}")
    }
}

/// Prints a document in a format; `text` makes it with the preset of its tables.
///
/// # Errors
/// If it can't be printed.
pub fn report<D: Serialize>(
    document: &D,
    format: BenchFormat,
    text: impl Fn(&str) -> String,
) -> Result<Ending, Error> {
    let text = match format {
        BenchFormat::Human => text(ASCII_BORDERS_ONLY_CONDENSED),
        BenchFormat::Markdown => text(ASCII_MARKDOWN),
        BenchFormat::Json => {
            let json = serde_json::to_string_pretty(document);
            json.map_err(|e| Error::Json(e.to_string()))? + "\n"
        }
    };
    print(&text)?;
    Ok(Ending::Passed)
}
