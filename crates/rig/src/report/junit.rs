// SPDX-License-Identifier: MIT OR Apache-2.0

//! JUnit XML, written at the end: one suite for each driver's group of checks.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::{Kept, Outcome, Report, Reporter, Subject, Summary};

/// Collects results.
pub struct Junit<'a> {
    out: Box<dyn Write + Send + 'a>,
    suites: Vec<TestSuite>,
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
    pub fn new(out: Box<dyn Write + Send + 'a>) -> Self {
        Self {
            out,
            suites: Vec::new(),
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
        let status = match &report.outcome {
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
        let mut case = TestCase::new(name, status);
        case.set_classname(format!("rloop.{}", group.replace('/', ".")))
            .set_time(report.took);
        if !report.notes.is_empty() {
            case.set_system_out(report.notes.join("\n"));
        }
        if self.suites.last().is_none_or(|s| s.name.as_str() != group) {
            self.suites.push(TestSuite::new(group));
        }
        if let Some(suite) = self.suites.last_mut() {
            suite.add_test_case(case);
        }
        Ok(())
    }

    fn end(&mut self, _: &Summary, took: Duration) -> io::Result<()> {
        let mut xml = Xml::new("rloop verify");
        xml.set_time(took);
        xml.add_test_suites(self.suites.drain(..));
        let text = xml.to_string().map_err(io::Error::other)?;
        self.out.write_all(text.as_bytes())
    }
}
