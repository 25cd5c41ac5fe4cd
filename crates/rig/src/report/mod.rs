// SPDX-License-Identifier: MIT OR Apache-2.0

//! Results, for people and for machines.

use std::io;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::ProgressDrawTarget;
use serde::{Deserialize, Serialize};

mod human;
mod json;
pub mod junit;
mod lines;
pub mod merge;

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "why", rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// What was expected, what came, at which frame.
    Fail(String),
    /// Why it could not be judged here.
    Skip(String),
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the check.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took, in seconds.
    #[serde(
        serialize_with = "seconds",
        deserialize_with = "from_seconds",
        rename = "seconds"
    )]
    pub took: Duration,
    /// Figures and retries.
    pub notes: Vec<String>,
}

fn seconds<S: serde::Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

fn from_seconds<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(d)?).map_err(serde::de::Error::custom)
}

/// A report as it was read.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was under test, as JSON has it; null if that is not known.
    pub subject: serde_json::Value,
    /// The results.
    pub results: Vec<Report>,
    /// How long it took.
    pub took: Duration,
}

impl Kept {
    /// Reads a report in one of the formats that keep all of it: JSON, or JUnit XML.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.trim_start().chars().next() {
            Some('{') => json::read(text),
            Some('<') => junit::read(text),
            Some(_) => Err("neither JSON nor JUnit XML".to_owned()),
            None => Err("it is empty, as of a run that did not end".to_owned()),
        }
    }
}

/// How many checks ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
}

impl Summary {
    /// Counts one more.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Pass => self.passed += 1,
            Outcome::Fail(_) => self.failed += 1,
            Outcome::Skip(_) => self.skipped += 1,
        }
    }
}

/// Something that is under test.
#[derive(Clone, Debug)]
pub struct Thing {
    /// What JSON calls it.
    pub key: &'static str,
    /// What people are told of it, in one line.
    pub line: String,
    /// What JSON says of it.
    pub value: serde_json::Value,
}

/// What is under test, for the head of a report.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// All of it.
    #[serde(flatten, serialize_with = "by_key")]
    pub things: Vec<Thing>,
    /// The running kernel.
    pub kernel: String,
    /// How many checks there will be.
    pub checks: usize,
    /// How late wake-ups come on this machine, in microseconds: usually and at worst; none if these are several
    /// machines' results.
    pub late_us: Option<(u64, u64)>,
}

fn by_key<S: serde::Serializer>(things: &[Thing], s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(things.iter().map(|thing| (thing.key, &thing.value)))
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: progress, failures, a summary
    Human,
    /// PASS: name, FAIL: name, SKIP: name (as ptest-runner reads it)
    Ptest,
    /// Test Anything Protocol, version 14
    Tap,
    /// One JSON object
    Json,
    /// JUnit XML
    Junit,
}

/// Writes results.
pub trait Reporter {
    /// Before the first check.
    fn begin(&mut self, subject: &Subject) -> io::Result<()>;
    /// Before each check.
    fn running(&mut self, _name: &str) {}
    /// After each check.
    fn result(&mut self, report: &Report) -> io::Result<()>;
    /// After the last check.
    fn end(&mut self, summary: &Summary, took: Duration) -> io::Result<()>;
}

/// The reporter for `format`; it writes results to `out`, and progress to standard error where that is a
/// terminal.
pub fn reporter<'a>(
    format: Format,
    out: Box<dyn io::Write + Send + 'a>,
) -> Box<dyn Reporter + Send + 'a> {
    match format {
        Format::Human => Box::new(human::Human::new(out, ProgressDrawTarget::stderr())),
        Format::Ptest => Box::new(lines::Ptest::new(out)),
        Format::Tap => Box::new(lines::Tap::new(out)),
        Format::Json => Box::new(json::Json::new(out)),
        Format::Junit => Box::new(junit::Junit::new(out)),
    }
}

#[cfg(test)]
mod tests;
