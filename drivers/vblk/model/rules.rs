// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Rules by which requests go wrong: which fail, which are late, which never end.

use core::fmt;

use crate::lib::model::plan::Plan;

/// How many rules there can be of each kind.
pub const RULES_MAX: usize = 16;
/// The longest delay, in microseconds.
pub const DELAY_MAX: u32 = 60_000_000;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Gives bytes.
    Read,
    /// Takes bytes.
    Write,
    /// Brings what is in the volatile cache to the medium.
    Flush,
    /// Forgets bytes.
    Discard,
    /// Makes bytes zero.
    Zeroes,
}

/// Their names.
const OPERATIONS: [(&str, Option<Operation>); 6] = [
    ("any", None),
    ("read", Some(Operation::Read)),
    ("write", Some(Operation::Write)),
    ("flush", Some(Operation::Flush)),
    ("discard", Some(Operation::Discard)),
    ("zeroes", Some(Operation::Zeroes)),
];

/// The errors that a request can end with, and their numbers on Linux.
const ERRORS: [(&str, i32); 13] = [
    ("EIO", 5),
    ("EAGAIN", 11),
    ("ENOMEM", 12),
    ("EBUSY", 16),
    ("ENODEV", 19),
    ("ENOSPC", 28),
    ("EBADE", 52),
    ("ENODATA", 61),
    ("ENOLINK", 67),
    ("EILSEQ", 84),
    ("EOPNOTSUPP", 95),
    ("ETIMEDOUT", 110),
    ("EREMOTEIO", 121),
];

/// What a list of rules is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `OP RANGE ERRNO PLAN`
    Error,
    /// `OP RANGE MICROSECONDS PLAN`
    Delay,
    /// `OP RANGE PLAN`
    Hang,
}

impl Kind {
    /// What may be written, for messages.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Error => {
                "OP RANGE ERRNO PLAN, or off; OP: any, read, write, flush, discard or zeroes; RANGE: all (flush has no other), a \
                 sector or FIRST-LAST; ERRNO: EIO, EAGAIN, ENOMEM, EBUSY, ENODEV, ENOSPC, EBADE, ENODATA, ENOLINK, EILSEQ, \
                 EOPNOTSUPP, ETIMEDOUT or EREMOTEIO; PLAN: a number of those to come (5), a \
                 range of them (3-7), some of them by a seed (1/100 42), or always"
            }
            Self::Delay => {
                "OP RANGE MICROSECONDS PLAN, or off; OP: any, read, write, flush, discard or zeroes; RANGE: all (flush has no \
                 other), a sector or FIRST-LAST; MICROSECONDS: 1-60000000; PLAN: a number of those to come (5), a \
                 range of them (3-7), some of them by a seed (1/100 42), or always"
            }
            Self::Hang => {
                "OP RANGE PLAN, or off; OP: any, read, write, flush, discard or zeroes; RANGE: all (flush has no other), a \
                 sector or FIRST-LAST; PLAN: a number of those to come (5), a \
                 range of them (3-7), some of them by a seed (1/100 42), or always"
            }
        }
    }
}

/// All sectors. A request that has no place is among all, and in no other range.
const ALL: (u64, u64) = (0, u64::MAX);

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Of which requests it speaks; `None` of all.
    operation: Option<Operation>,
    /// Of which sectors: the first and the last.
    range: (u64, u64),
    /// The error's number, or the microseconds; 0 for a rule of [`Kind::Hang`].
    value: u32,
    /// Which of the requests that it speaks of it is for; `None` if for all.
    plan: Option<Plan>,
    /// How many it was for already.
    fired: u64,
}

impl Rule {
    /// Reads a rule that was written to the list of this kind; `None` if it is none.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let mut rest = text.trim_ascii();
        let mut word = || {
            let (word, after) = rest.split_once(|c: char| c.is_ascii_whitespace())?;
            rest = after.trim_ascii_start();
            Some(word)
        };
        let operation = named(&OPERATIONS, word()?)?;
        let range = parse_range(word()?)?;
        if operation == Some(Operation::Flush) && range != ALL {
            return None;
        }
        let value = match kind {
            Kind::Error => named(&ERRORS, word()?)?.unsigned_abs(),
            Kind::Delay => {
                let micros = word()?.parse().ok()?;
                Some(micros).filter(|micros| (1..=DELAY_MAX).contains(micros))?
            }
            Kind::Hang => 0,
        };
        let plan = match rest {
            "always" => None,
            plan => Some(Plan::parse(plan).filter(|plan| !plan.is_none())?),
        };
        Some(Self {
            operation,
            range,
            value,
            plan,
            fired: 0,
        })
    }

    /// Whether it is over.
    fn is_over(&self) -> bool {
        self.plan == Some(Plan::None)
    }

    /// Whether it speaks of a request.
    fn speaks_of(&self, operation: Operation, first: u64, sectors: u64) -> bool {
        let (from, to) = self.range;
        let meets = sectors > 0 && first <= to && from < first.saturating_add(sectors);
        !self.is_over()
            && self.operation.is_none_or(|own| own == operation)
            && (meets || self.range == ALL)
    }

    /// Writes it as it was written, with what is left of its plan, and how often it was for a request.
    fn show(&self, kind: Kind, f: &mut dyn fmt::Write) -> fmt::Result {
        let name = OPERATIONS.iter().find(|(_, own)| *own == self.operation);
        write!(f, "{} ", name.map_or("any", |(name, _)| name))?;
        match self.range {
            ALL => f.write_str("all ")?,
            (first, last) => write!(f, "{first}-{last} ")?,
        }
        match kind {
            Kind::Error => {
                let number = self.value;
                let name = ERRORS.iter().find(|(_, own)| own.unsigned_abs() == number);
                write!(f, "{} ", name.map_or("EIO", |(name, _)| name))?;
            }
            Kind::Delay => write!(f, "{} ", self.value)?,
            Kind::Hang => {}
        }
        match self.plan {
            None => f.write_str("always")?,
            Some(left) => write!(f, "{left}")?,
        }
        writeln!(f, " fired {}", self.fired)
    }
}

fn named<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    let found = names.iter().find(|(own, _)| *own == name);
    found.map(|(_, value)| *value)
}

fn parse_range(text: &str) -> Option<(u64, u64)> {
    if text == "all" {
        return Some(ALL);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// The rules of one kind, in the order in which they were written.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    kind: Kind,
    list: [Option<Rule>; RULES_MAX],
}

impl Rules {
    /// No rules.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            list: [None; RULES_MAX],
        }
    }

    /// Whether one of them may be for the next request.
    pub fn are_pending(&self) -> bool {
        let mut rules = self.list.iter().flatten();
        rules.any(|rule| !rule.is_over())
    }

    /// Adds a rule, in the place of the first that is over if there is no other. Whether there was a place.
    pub fn add(&mut self, rule: Rule) -> bool {
        let free = self.list.iter().position(Option::is_none);
        let over = || self.list.iter().flatten().position(Rule::is_over);
        let Some(place) = free.or_else(over) else {
            return false;
        };
        self.list.copy_within(place + 1.., place);
        self.list[RULES_MAX - 1] = None;
        let end = self.list.iter_mut().find(|entry| entry.is_none());
        end.map(|entry| *entry = Some(rule)).is_some()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.list = [None; RULES_MAX];
    }

    /// What the first rule says that is for a request, which is counted: the error's number, or the microseconds.
    /// `sectors` is 0 for one that has no place. It has come for those before, which speak of it and let it pass.
    pub fn apply(&mut self, operation: Operation, first: u64, sectors: u64) -> Option<u32> {
        let rules = self.list.iter_mut().flatten();
        let rule = rules
            .filter(|rule| rule.speaks_of(operation, first, sectors))
            .find_map(|rule| {
                let chosen = rule.plan.as_mut().is_none_or(Plan::next_is_wrong);
                chosen.then_some(rule)
            })?;
        rule.fired += 1;
        Some(rule.value)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rules = self.list.iter().flatten();
        rules.try_for_each(|rule| rule.show(self.kind, f))
    }
}
