// SPDX-License-Identifier: MIT OR Apache-2.0

//! JUnit XML.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::{Kept, Outcome, Report, Reporter, Subject, Summary};

/// Suites of results.
#[derive(Default)]
pub struct Suites(Vec<TestSuite>);

/// A result in a suite.
pub struct Case<'a> {
    /// By what viewers group it besides.
    pub class: &'a str,
    /// Its name in the suite.
    pub name: &'a str,
    /// How it ended.
    pub outcome: &'a Outcome,
    /// How long it took, if that is known.
    pub took: Option<Duration>,
    /// Figures and retries.
    pub notes: &'a [String],
}

impl Suites {
    /// Begins the suite `name`, which took so long, if that is known.
    pub fn begin(&mut self, name: &str, took: Option<Duration>) {
        let mut suite = TestSuite::new(name);
        suite.time = took;
        self.0.push(suite);
    }

    /// Adds a result to the suite that was begun last.
    pub fn add(&mut self, case: &Case<'_>) {
        let status = match case.outcome {
            Outcome::Pass => TestCaseStatus::success(),
            Outcome::Skip(why) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(why.as_str());
                status
            }
            Outcome::Fail(why) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(why.as_str());
                status
            }
        };
        let mut told = TestCase::new(case.name, status);
        told.set_classname(case.class);
        told.time = case.took;
        if !case.notes.is_empty() {
            told.set_system_out(case.notes.join("\n"));
        }
        if let Some(suite) = self.0.last_mut() {
            suite.add_test_case(told);
        }
    }

    /// All of it, as `title`; it took so long, if that is known.
    ///
    /// # Errors
    /// If it can't be told as XML.
    pub fn xml(self, title: &str, took: Option<Duration>) -> io::Result<String> {
        let mut xml = Xml::new(title);
        xml.time = took;
        xml.add_test_suites(self.0);
        xml.to_string().map_err(io::Error::other)
    }
}

/// Collects results, and writes them at the end: one suite for each driver's group of checks.
pub struct Junit<'a> {
    out: Box<dyn Write + Send + 'a>,
    suites: Suites,
    /// The group of the last result.
    group: Option<String>,
}

/// Reads what a [`Junit`] has written.
pub fn read(text: &str) -> Result<Kept, String> {
    let xml = Xml::deserialize_from_str(text).map_err(|e| e.to_string())?;
    let mut results = Vec::new();
    for suite in &xml.test_suites {
        results.extend(suite.test_cases.iter().map(|case| result(suite, case)));
    }
    Ok(Kept {
        subject: serde_json::Value::Null,
        results,
        took: xml.time.unwrap_or_default(),
    })
}

fn result(suite: &TestSuite, case: &TestCase) -> Report {
    let text = |message: &Option<XmlString>| {
        let message = message.as_ref().map(XmlString::as_str);
        message.unwrap_or_default().to_owned()
    };
    let notes = text(&case.system_out);
    Report {
        name: format!("{}/{}", suite.name.as_str(), case.name.as_str()),
        outcome: match &case.status {
            TestCaseStatus::Success { .. } => Outcome::Pass,
            TestCaseStatus::NonSuccess { message, .. } => Outcome::Fail(text(message)),
            TestCaseStatus::Skipped { message, .. } => Outcome::Skip(text(message)),
        },
        took: case.time.unwrap_or_default(),
        notes: notes.lines().map(str::to_owned).collect(),
    }
}

impl<'a> Junit<'a> {
    /// A report that is written to `out` when it is complete.
    pub fn new(out: Box<dyn Write + Send + 'a>) -> Self {
        Self {
            out,
            suites: Suites::default(),
            group: None,
        }
    }
}

impl Reporter for Junit<'_> {
    fn begin(&mut self, _: &Subject) -> io::Result<()> {
        Ok(())
    }

    fn result(&mut self, report: &Report) -> io::Result<()> {
        let (group, name) = report
            .name
            .rsplit_once('/')
            .unwrap_or(("rloop", &report.name));
        if self.group.as_deref() != Some(group) {
            self.suites.begin(group, None);
            self.group = Some(group.to_owned());
        }
        self.suites.add(&Case {
            class: &format!("rloop.{}", group.replace('/', ".")),
            name,
            outcome: &report.outcome,
            took: Some(report.took),
            notes: &report.notes,
        });
        Ok(())
    }

    fn end(&mut self, _: &Summary, took: Duration) -> io::Result<()> {
        let suites = std::mem::take(&mut self.suites);
        let text = suites.xml("rloop verify", Some(took))?;
        self.out.write_all(text.as_bytes())
    }
}
