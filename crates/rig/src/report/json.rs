// SPDX-License-Identifier: MIT OR Apache-2.0

//! One JSON object, written at the end.

use std::io::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Kept, Report, Reporter, Subject, Summary};

/// Collects results.
pub struct Json<'a> {
    out: Box<dyn Write + Send + 'a>,
    subject: Option<Subject>,
    results: Vec<Report>,
}

#[derive(Serialize)]
struct Document<'a> {
    subject: &'a Option<Subject>,
    summary: &'a Summary,
    seconds: f64,
    results: &'a [Report],
}

/// What is read of a document: the summary follows from its results.
#[derive(Deserialize)]
struct Read {
    subject: serde_json::Value,
    seconds: f64,
    results: Vec<Report>,
}

/// Reads what a [`Json`] has written.
pub fn read(text: &str) -> Result<Kept, String> {
    let read: Read = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let took = Duration::try_from_secs_f64(read.seconds).map_err(|e| e.to_string())?;
    Ok(Kept {
        subject: read.subject,
        results: read.results,
        took,
    })
}

impl<'a> Json<'a> {
    pub fn new(out: Box<dyn Write + Send + 'a>) -> Self {
        Self {
            out,
            subject: None,
            results: Vec::new(),
        }
    }
}

impl Reporter for Json<'_> {
    fn begin(&mut self, subject: &Subject) -> io::Result<()> {
        self.subject = Some(subject.clone());
        Ok(())
    }

    fn result(&mut self, report: &Report) -> io::Result<()> {
        self.results.push(report.clone());
        Ok(())
    }

    fn end(&mut self, summary: &Summary, took: Duration) -> io::Result<()> {
        let document = Document {
            subject: &self.subject,
            summary,
            seconds: took.as_secs_f64(),
            results: &self.results,
        };
        serde_json::to_writer_pretty(&mut self.out, &document)?;
        writeln!(self.out)
    }
}
