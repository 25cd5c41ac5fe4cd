// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is checked, and which of it.

use crate::verdict::Verdict;

/// One thing that is checked of one driver. `C` is what that driver's checks are given.
pub struct Check<C> {
    /// `group/name`; reports put the driver in front.
    pub name: String,
    /// What of the contract it proves.
    pub claim: &'static str,
    /// What it does and wants, in one sentence.
    pub about: String,
    /// What it does to what is under test.
    pub kind: Kind,
    /// Whether it is one of the quick checks that show that a thing works at all.
    pub quick: bool,
    /// Does it.
    pub run: Box<dyn Fn(&mut C) -> Verdict>,
}

/// A check that is a function, as a table of a module has it: name, claim, what it does, the function.
pub type Plain<C> = (
    &'static str,
    &'static str,
    &'static str,
    fn(&mut C) -> Verdict,
);

impl<C: 'static> From<&Plain<C>> for Check<C> {
    fn from(&(name, claim, about, run): &Plain<C>) -> Self {
        Self {
            name: name.to_owned(),
            claim,
            about: about.to_owned(),
            kind: Kind::Usual,
            quick: false,
            run: Box::new(run),
        }
    }
}

impl<C> Check<C> {
    /// The first part of its name.
    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// What a list says of it, as one of `driver`.
    pub fn listed(&self, driver: &'static str) -> Listed {
        Listed {
            driver,
            name: format!("{driver}/{}", self.name),
            claim: self.claim,
            about: self.about.clone(),
            kind: self.kind,
            quick: self.quick,
        }
    }
}

/// Kinds of checks, of which one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They leave what they test as it is.
    Usual,
    /// They let it do wrong.
    Faults,
    /// They let allocations in the kernel fail.
    Allocations,
    /// They measure for how long interrupts are off.
    Interrupts,
    /// They suspend the machine.
    Suspend,
    /// They take the power away from what they test.
    PowerCut,
}

/// A check in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Whose it is.
    pub driver: &'static str,
    /// `driver/group/name`.
    pub name: String,
    /// What of the contract it proves.
    pub claim: &'static str,
    /// What it does and wants, in one sentence.
    pub about: String,
    /// What it does to what is under test.
    pub kind: Kind,
    /// Whether it is one of the quick checks.
    pub quick: bool,
}

/// Which checks to run.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Patterns, one of which a name must match; all names if empty.
    pub only: Vec<String>,
    /// Only those that show that a thing works at all.
    pub quick: bool,
    /// Only those of this kind.
    pub kind: Kind,
}

impl Selection {
    /// The quick checks.
    pub fn quick() -> Self {
        Self {
            only: Vec::new(),
            quick: true,
            kind: Kind::Usual,
        }
    }

    /// Whether this check is to be run.
    pub fn takes(&self, check: &Listed) -> bool {
        self.kind == check.kind
            && (!self.quick || check.quick)
            && (self.only.is_empty() || self.only.iter().any(|p| named(p, check)))
    }

    /// Those of `checks` that are to be run.
    ///
    /// # Errors
    /// A pattern that matches none of them.
    pub fn of(&self, checks: impl IntoIterator<Item = Listed>) -> Result<Vec<Listed>, String> {
        let checks: Vec<Listed> = checks.into_iter().filter(|c| self.takes(c)).collect();
        let matches = |pattern: &&String| checks.iter().any(|check| named(pattern, check));
        match self.only.iter().find(|pattern| !matches(pattern)) {
            Some(pattern) => Err(pattern.clone()),
            None => Ok(checks),
        }
    }
}

/// Whether a pattern means this check: it is tried with the driver in front of the name and without.
fn named(pattern: &str, check: &Listed) -> bool {
    let short = &check.name[check.driver.len() + 1..];
    matches(pattern, &check.name) || matches(pattern, short)
}

/// Whether `name` contains `pattern`; with `*` in the pattern, whether all of it matches.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return name.contains(pattern);
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("drain", "drain/whole"));
        assert!(matches("drain/*", "drain/whole"));
        assert!(matches("*S16*", "matrix/S16_LE"));
        assert!(matches("*/S*LE", "matrix/S16_LE"));
        assert!(!matches("*/S*BE", "matrix/S16_LE"));
        assert!(!matches("rain/*", "drain/whole"));
    }

    fn listed(driver: &'static str, name: &str) -> Listed {
        let plain: Plain<()> = ("", "a claim", "about", |()| Ok(()));
        let check = Check {
            name: name.to_owned(),
            ..Check::from(&plain)
        };
        check.listed(driver)
    }

    fn only(pattern: &str) -> Vec<String> {
        let selection = Selection {
            only: vec![pattern.to_owned()],
            quick: false,
            kind: Kind::Usual,
        };
        let all = [
            listed("one", "drain/whole"),
            listed("two", "drain/whole"),
            listed("two", "start/late"),
        ];
        let taken = selection.of(all).unwrap_or_default();
        taken.into_iter().map(|check| check.name).collect()
    }

    #[test]
    fn a_name_is_found_with_its_driver_and_without() {
        assert_eq!(only("drain"), ["one/drain/whole", "two/drain/whole"]);
        assert_eq!(only("drain/*"), ["one/drain/whole", "two/drain/whole"]);
        assert_eq!(only("two/*"), ["two/drain/whole", "two/start/late"]);
        assert_eq!(only("two/start/late"), ["two/start/late"]);
        assert_eq!(only("one/drain/*"), ["one/drain/whole"]);
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_an_error() {
        let selection = Selection {
            only: vec!["drain".into(), "nonsense".into()],
            quick: false,
            kind: Kind::Usual,
        };
        let taken = selection.of([listed("one", "drain/whole")]);
        assert_eq!(taken.unwrap_err(), "nonsense");
    }
}
