// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Test Anything Protocol, as the kernel's selftests write it
//! (`Documentation/dev-tools/ktap.rst`, `tools/testing/selftests/kselftest.h`).
//!
//! kselftest puts a directive before the test's name (`ok 3 # SKIP name`), where TAP
//! has it after it, and comments on a test before its line or after it.

/// How many comments on one test are kept; a test may have something to say of each value.
const COMMENTS: usize = 16;

/// What a test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Result {
    /// `ok`
    Ok,
    /// `not ok`
    NotOk,
    /// `ok … # SKIP`
    Skip,
}

/// One test's line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Test<'a> {
    /// What it came to.
    pub(crate) result: Result,
    /// Its name, with neither number nor directive.
    pub(crate) name: &'a str,
    /// The first comments since the line of the test before.
    pub(crate) before: Vec<&'a str>,
    /// The first comments up to the line of the next test.
    pub(crate) after: Vec<&'a str>,
}

/// All that a program wrote.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tap<'a> {
    /// How many tests there are to be, if the program came to say so.
    pub(crate) plan: Option<usize>,
    /// Why the program gave up, if it did.
    pub(crate) bail_out: Option<&'a str>,
    /// The tests, in the order of their lines.
    pub(crate) tests: Vec<Test<'a>>,
}

impl<'a> Tap<'a> {
    /// Reads `text`; lines that are no TAP are passed over.
    pub(crate) fn new(text: &'a str) -> Self {
        let mut tap = Self::default();
        let mut before: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim_end) {
            if let Some(comment) = line.strip_prefix('#') {
                let after = tap.tests.last_mut().map(|test| &mut test.after);
                for comments in [Some(&mut before), after].into_iter().flatten() {
                    if comments.len() < COMMENTS {
                        comments.push(comment.trim());
                    }
                }
            } else if let Some(why) = line.strip_prefix("Bail out!") {
                tap.bail_out = Some(why.trim());
            } else if let Some(number) = line.strip_prefix("1..") {
                tap.plan = number.parse().ok();
            } else if let Some((result, name)) = result(line) {
                tap.tests.push(Test {
                    result,
                    name,
                    before: std::mem::take(&mut before),
                    after: Vec::new(),
                });
            }
        }
        tap
    }

    /// Why this can't be the output of a program that ran to its end and tested something.
    pub(crate) fn incomplete(&self) -> Option<String> {
        if let Some(why) = self.bail_out {
            return Some(format!("it gave up: {why}"));
        }
        let ran = self.tests.len();
        match self.plan {
            None => Some(format!("expected a plan, came none, and {ran} tests")),
            Some(0) => Some("expected a plan of at least one test, came 1..0".to_owned()),
            Some(plan) if plan != ran => Some(format!("{plan} tests were planned, {ran} ran")),
            Some(_) => None,
        }
    }
}

/// The result and the name in a test's line.
fn result(line: &str) -> Option<(Result, &str)> {
    let (ok, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (Result::NotOk, rest),
        None => (Result::Ok, line.strip_prefix("ok ")?),
    };
    let number = rest.find(|c: char| !c.is_ascii_digit())?;
    let rest = rest[number..].trim_start();
    let Some((name, directive)) = rest.split_once('#') else {
        return Some((ok, rest.trim_start_matches("- ")));
    };
    let directive = directive.trim();
    let (word, more) = directive.split_once(' ').unwrap_or((directive, ""));
    let result = match word {
        "SKIP" if ok == Result::Ok => Result::Skip,
        _ => ok,
    };
    let name = name.trim().trim_start_matches("- ");
    // What follows the directive is the name with kselftest, a reason with others.
    Some((result, if name.is_empty() { more.trim() } else { name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "TAP version 13\n1..3\n# card\nok 1 get.A.0\n# wrong\n# very\n\
                        not ok 2 name.A.0\n# time\nok 3 # SKIP write.A.0\n# Totals: pass:1\n";

    #[test]
    fn what_kselftest_writes_is_read() {
        let tap = Tap::new(TEXT);
        assert_eq!(tap.plan, Some(3));
        assert_eq!(
            tap.tests[1],
            Test {
                result: Result::NotOk,
                name: "name.A.0",
                before: vec!["wrong", "very"],
                after: vec!["time"],
            }
        );
        let results: Vec<_> = tap.tests.iter().map(|t| (t.result, t.name)).collect();
        assert_eq!(results[0], (Result::Ok, "get.A.0"));
        assert_eq!(results[2], (Result::Skip, "write.A.0"));
        assert_eq!(tap.incomplete(), None);
    }

    #[test]
    fn directives_may_be_before_the_name_or_after_it() {
        for (line, expected) in [
            ("ok 1 - a b # SKIP no card", (Result::Skip, "a b")),
            ("ok 1 # SKIP a b", (Result::Skip, "a b")),
            ("ok 1 # XFAIL a", (Result::Ok, "a")),
            ("not ok 12 # error a", (Result::NotOk, "a")),
            ("not ok 1 a # SKIP", (Result::NotOk, "a")),
            ("ok 1 a #", (Result::Ok, "a")),
        ] {
            assert_eq!(result(line), Some(expected), "{line}");
        }
        for line in ["okay 1 a", "ok", "not ok", "", "  ok 1 a", "a ok 1"] {
            assert_eq!(result(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_no_complete_run_is_named() {
        let why = |text: &str| Tap::new(text).incomplete().unwrap_or_default();
        assert_eq!(
            why("1..0\n"),
            "expected a plan of at least one test, came 1..0"
        );
        assert_eq!(why("ok 1 a\n"), "expected a plan, came none, and 1 tests");
        assert_eq!(why("1..2\nok 1 a\n"), "2 tests were planned, 1 ran");
        assert_eq!(why("1..x\n"), "expected a plan, came none, and 0 tests");
        assert_eq!(why("1..1\nBail out! no memory\n"), "it gave up: no memory");
        assert_eq!(why(""), "expected a plan, came none, and 0 tests");
    }

    #[test]
    fn of_a_flood_of_comments_the_first_are_kept() {
        let text = format!("{}not ok 1 a\n", "# x\n".repeat(1000));
        assert_eq!(Tap::new(&text).tests[0].before.len(), COMMENTS);
    }
}
