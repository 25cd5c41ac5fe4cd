// SPDX-License-Identifier: MIT OR Apache-2.0

//! The results of a run as they come: reported, summed up, and kept if a check never comes back.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::output::{Unwritten, complain};
use crate::report::{Outcome, Report, Reporter, Subject, Summary};

/// Results, shared by whoever checks and whoever notices that a check hangs.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<Book>>);

struct Book {
    reporter: Box<dyn Reporter + Send>,
    summary: Summary,
    took: Duration,
    /// The check that runs, and since when.
    running: Option<(String, Instant)>,
    /// No more results are taken.
    closed: bool,
    /// Nobody reads them any more.
    unread: bool,
}

impl Book {
    fn enter(&mut self, report: &Report) -> Result<(), Unwritten> {
        if self.closed {
            return Ok(());
        }
        self.summary.add(&report.outcome);
        self.took += report.took;
        let written = self.reporter.result(report);
        self.written(written)
    }

    fn written(&mut self, written: io::Result<()>) -> Result<(), Unwritten> {
        self.unread |= matches!(&written, Err(e) if e.kind() == io::ErrorKind::BrokenPipe);
        written.map_err(Unwritten)
    }
}

impl Ledger {
    /// A ledger without results.
    pub fn new(reporter: Box<dyn Reporter + Send>) -> Self {
        Self(Arc::new(Mutex::new(Book {
            reporter,
            summary: Summary::default(),
            took: Duration::ZERO,
            running: None,
            closed: false,
            unread: false,
        })))
    }

    /// Begins the report, on `subject`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn begin(&self, subject: &Subject) -> Result<(), Unwritten> {
        let mut book = self.book();
        let written = book.reporter.begin(subject);
        book.written(written)
    }

    /// The results so far.
    pub fn summary(&self) -> Summary {
        self.book().summary
    }

    /// Whether nobody reads them any more.
    pub fn is_unread(&self) -> bool {
        self.book().unread
    }

    /// Reports what was judged elsewhere.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn add(&self, report: &Report) -> Result<(), Unwritten> {
        self.book().enter(report)
    }

    /// The check `name` begins.
    pub fn running(&self, name: &str) {
        let mut book = self.book();
        book.reporter.running(name);
        book.running = Some((name.to_owned(), Instant::now()));
    }

    /// The check that ran has ended.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn ended(&self, outcome: Outcome, notes: Vec<String>) -> Result<(), Unwritten> {
        let mut book = self.book();
        let Some((name, since)) = book.running.take() else {
            return Ok(());
        };
        let report = Report {
            name,
            outcome,
            took: since.elapsed(),
            notes,
        };
        book.enter(&report)
    }

    /// No more results come.
    ///
    /// # Errors
    /// If the end of the report can't be written.
    pub fn end(&self) -> Result<(), Unwritten> {
        let mut book = self.book();
        let (summary, took) = (book.summary, book.took);
        // Several may notice at once that nothing goes on.
        match std::mem::replace(&mut book.closed, true) {
            true => Ok(()),
            false => {
                let written = book.reporter.end(&summary, took);
                book.written(written)
            }
        }
    }

    /// The check that runs won't come back: it has failed, and the report ends with it.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn hang(&self, why: &str) -> Result<(), Unwritten> {
        let ended = self.ended(Outcome::Fail(why.to_owned()), Vec::new());
        self.end().and(ended)
    }

    /// What a watchdog says here of a hang in what is reported as `name`, and began now: it has failed, and
    /// the report ends with it.
    pub fn last_words(&self, name: &str) -> impl FnOnce(&str) + Send + 'static {
        let (ledger, name, begin) = (self.clone(), name.to_owned(), Instant::now());
        move |what| {
            let report = Report {
                name,
                outcome: Outcome::Fail(what.to_owned()),
                took: begin.elapsed(),
                notes: Vec::new(),
            };
            let added = ledger.add(&report);
            complain_unless_unread(ledger.end().and(added));
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a report can't be written, unless that is because nobody reads it.
pub fn complain_unless_unread(written: Result<(), Unwritten>) {
    match written {
        Ok(()) => {}
        Err(Unwritten(e)) if e.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => complain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::report::{Format, reporter};
    use std::io::Write;

    /// A writer whose bytes can be seen.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_check_that_hangs_has_failed_and_the_others_are_kept() {
        let page = Page::default();
        let subject = Subject {
            things: Vec::new(),
            kernel: "7.2".into(),
            checks: 2,
            late_us: Some((1, 2)),
        };
        let reporter = reporter(Format::Junit, Box::new(page.clone()));
        let ledger = Ledger::new(reporter);
        ledger.begin(&subject).unwrap();
        ledger.running("a/one");
        ledger.ended(Outcome::Pass, Vec::new()).unwrap();
        ledger.running("a/two");
        ledger.hang("hangs in drain").unwrap();
        let summary = ledger.summary();
        assert_eq!((summary.passed, summary.failed), (1, 1));
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert!(
            text.contains("\"one\"") && text.contains("hangs in drain"),
            "{text}"
        );
    }
}
