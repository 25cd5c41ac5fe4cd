// SPDX-License-Identifier: MIT OR Apache-2.0

//! For people: a line for each check, a bar for what runs, the failures once more at the end.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Outcome, Report, Reporter, Subject, Summary};

/// Writes as results come.
pub struct Human<'a> {
    out: Box<dyn Write + Send + 'a>,
    progress: Option<ProgressDrawTarget>,
    bar: ProgressBar,
    failed: Vec<Report>,
}

impl<'a> Human<'a> {
    /// Results go to `out`, the bar to `progress`.
    pub fn new(out: Box<dyn Write + Send + 'a>, progress: ProgressDrawTarget) -> Self {
        Self {
            out,
            progress: Some(progress),
            bar: ProgressBar::hidden(),
            failed: Vec::new(),
        }
    }
}

impl Reporter for Human<'_> {
    fn begin(&mut self, subject: &Subject) -> io::Result<()> {
        let lines: Vec<&str> = subject.things.iter().map(|t| t.line.as_str()).collect();
        write!(self.out, "{}", lines.join("; "))?;
        if !subject.kernel.is_empty() {
            write!(self.out, "; Linux {}", subject.kernel)?;
        }
        if let Some((usual, worst)) = subject.late_us {
            let late = format!("this machine wakes {usual} µs late, {worst} at worst");
            write!(self.out, "; {late}")?;
        }
        writeln!(self.out)?;
        let target = self.progress.take();
        let target = target.unwrap_or_else(ProgressDrawTarget::hidden);
        self.bar = ProgressBar::with_draw_target(Some(subject.checks as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            self.bar.set_style(style);
        }
        Ok(())
    }

    fn running(&mut self, name: &str) {
        self.bar.set_message(name.to_owned());
        self.bar.tick();
    }

    fn result(&mut self, report: &Report) -> io::Result<()> {
        let (word, text) = match &report.outcome {
            Outcome::Pass => ("ok  ", report.notes.join(", ")),
            Outcome::Fail(why) => ("FAIL", why.clone()),
            Outcome::Skip(why) => ("skip", why.clone()),
        };
        if matches!(report.outcome, Outcome::Fail(_)) {
            self.failed.push(report.clone());
        }
        let out = &mut self.out;
        self.bar.suspend(|| {
            writeln!(
                out,
                "{word} {:38} {:6.2} s  {text}",
                report.name,
                report.took.as_secs_f64()
            )?;
            out.flush()
        })?;
        self.bar.inc(1);
        Ok(())
    }

    fn end(&mut self, summary: &Summary, took: Duration) -> io::Result<()> {
        self.bar.finish_and_clear();
        if !self.failed.is_empty() {
            writeln!(self.out, "\nFailed:")?;
        }
        for report in &self.failed {
            if let Outcome::Fail(why) = &report.outcome {
                writeln!(self.out, "  {}\n    {why}", report.name)?;
            }
        }
        let Summary {
            passed,
            failed,
            skipped,
        } = summary;
        writeln!(
            self.out,
            "\n{passed} passed, {failed} failed, {skipped} skipped in {:.1} s",
            took.as_secs_f64()
        )
    }
}
