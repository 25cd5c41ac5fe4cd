// SPDX-License-Identifier: MIT OR Apache-2.0

//! Formats of one line per check, written as results come: ptest and TAP.

use std::io::{self, Write};
use std::time::Duration;

use super::{Outcome, Report, Reporter, Subject, Summary};

/// One line, whatever the text is: a line break would look like a result of its own.
fn flat(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// `PASS: name`; why something failed goes before it, indented.
pub struct Ptest<'a> {
    out: Box<dyn Write + Send + 'a>,
}

impl<'a> Ptest<'a> {
    pub fn new(out: Box<dyn Write + Send + 'a>) -> Self {
        Self { out }
    }
}

impl Reporter for Ptest<'_> {
    fn begin(&mut self, _: &Subject) -> io::Result<()> {
        Ok(())
    }

    fn result(&mut self, report: &Report) -> io::Result<()> {
        let (word, why) = match &report.outcome {
            Outcome::Pass => ("PASS", None),
            Outcome::Fail(why) => ("FAIL", Some(why)),
            Outcome::Skip(why) => ("SKIP", Some(why)),
        };
        for line in report.notes.iter().chain(why) {
            writeln!(self.out, "  {}", flat(line))?;
        }
        writeln!(self.out, "{word}: {}", report.name)?;
        self.out.flush()
    }

    fn end(&mut self, _: &Summary, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

/// Test Anything Protocol.
pub struct Tap<'a> {
    out: Box<dyn Write + Send + 'a>,
    number: usize,
}

impl<'a> Tap<'a> {
    pub fn new(out: Box<dyn Write + Send + 'a>) -> Self {
        Self { out, number: 0 }
    }
}

impl Reporter for Tap<'_> {
    fn begin(&mut self, subject: &Subject) -> io::Result<()> {
        writeln!(self.out, "TAP version 14\n1..{}", subject.checks)
    }

    fn result(&mut self, report: &Report) -> io::Result<()> {
        self.number += 1;
        // In TAP a # begins a directive.
        let name = report.name.replace('#', "\\#");
        match &report.outcome {
            Outcome::Pass => writeln!(self.out, "ok {} - {name}", self.number)?,
            Outcome::Skip(why) => {
                writeln!(self.out, "ok {} - {name} # SKIP {}", self.number, flat(why))?
            }
            Outcome::Fail(why) => {
                writeln!(self.out, "not ok {} - {name}", self.number)?;
                writeln!(
                    self.out,
                    "  ---\n  message: {}\n  ...",
                    serde_json::Value::from(flat(why))
                )?;
            }
        }
        for note in &report.notes {
            writeln!(self.out, "# {}", flat(note))?;
        }
        self.out.flush()
    }

    fn end(&mut self, _: &Summary, _: Duration) -> io::Result<()> {
        Ok(())
    }
}
