// SPDX-License-Identifier: MIT OR Apache-2.0

//! How a check ends.

use std::fmt;

/// Why a check did not pass.
#[derive(Clone, Debug)]
pub enum Problem {
    /// What is under test does not do what it should.
    Failed(String),
    /// The check has nothing to look at here.
    Skipped(String),
    /// It may have been the machine: another try is worth it (see [`mod@crate::retry`]).
    Again(Blame, String),
}

/// Whose fault it is if no try is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// That of what is under test: the machine is not held up in every try.
    Subject,
    /// The machine's, if it is known to be as slow as that; else that of what is under test.
    Either,
    /// The machine's.
    Machine,
}

impl Problem {
    /// What it is where there is no other try: a failure, or a reason to skip.
    pub fn at_last(self) -> Self {
        match self {
            Self::Again(Blame::Subject, text) => Self::Failed(text),
            Self::Again(Blame::Either | Blame::Machine, text) => Self::Skipped(text),
            other => other,
        }
    }

    /// The same, of another text.
    fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Failed(text) => Self::Failed(change(text)),
            Self::Skipped(text) => Self::Skipped(change(text)),
            Self::Again(blame, text) => Self::Again(blame, change(text)),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Failed(text) | Self::Skipped(text) | Self::Again(_, text)) = self;
        f.write_str(text)
    }
}

/// What a check gives: nothing to say, or a problem.
pub type Verdict<T = ()> = Result<T, Problem>;

/// Fails with a message.
pub fn fail<T>(what: impl Into<String>) -> Verdict<T> {
    Err(Problem::Failed(what.into()))
}

/// Skips with a reason.
pub fn skip<T>(why: impl Into<String>) -> Verdict<T> {
    Err(Problem::Skipped(why.into()))
}

/// Fails with a message unless `ok`.
pub fn ensure(ok: bool, what: impl FnOnce() -> String) -> Verdict {
    if ok { Ok(()) } else { fail(what()) }
}

/// What two sides give that wait for each other. Where neither is content, the message has both, as one that stops lets
/// the other only wait; and it is a failure if one of them is.
pub fn of_both<A, B>(first: Verdict<A>, second: Verdict<B>) -> Verdict<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) => {
            let text = format!("{first}; {second}");
            match second {
                Problem::Failed(_) => fail(text),
                _ => Err(first.map(|_| text)),
            }
        }
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

/// Puts `context` in front of the message.
pub trait Within<T> {
    /// `context: message`.
    fn within(self, context: impl FnOnce() -> String) -> Verdict<T>;
}

impl<T, E: Into<Problem>> Within<T> for Result<T, E> {
    fn within(self, context: impl FnOnce() -> String) -> Verdict<T> {
        self.map_err(|e| e.into().map(|text| format!("{}: {text}", context())))
    }
}

/// Lets a message become a failure.
pub trait OrFail<T> {
    /// The error as a failure.
    fn or_fail(self) -> Verdict<T>;
}

impl<T> OrFail<T> for Result<T, String> {
    fn or_fail(self) -> Verdict<T> {
        self.map_err(Problem::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_failed_both_are_told() {
        let told =
            |first: Verdict, second: Verdict| of_both(first, second).err().map(|e| e.to_string());
        assert_eq!(told(Ok(()), Ok(())), None);
        assert_eq!(told(fail("a"), Ok(())).unwrap(), "a");
        assert_eq!(told(Ok(()), skip("b")).unwrap(), "b");
        assert_eq!(told(fail("a"), fail("b")).unwrap(), "a; b");
        for (first, second) in [(fail("a"), skip("b")), (skip("a"), fail("b"))] {
            let problem = of_both::<(), ()>(first, second).unwrap_err();
            assert!(matches!(problem, Problem::Failed(text) if text == "a; b"));
        }
    }
}
