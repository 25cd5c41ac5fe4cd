// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Rules by which requests go wrong: which fail, which are late, which never end.

use core::fmt;

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
    /// `OP RANGE ERRNO COUNT`
    Error,
    /// `OP RANGE MICROSECONDS COUNT`
    Delay,
    /// `OP RANGE COUNT`
    Hang,
}

impl Kind {
    /// What may be written, for messages.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Error => {
                "OP RANGE ERRNO COUNT, or off; OP: any, read, write, flush, discard or zeroes; RANGE: all (flush has no other), a \
                 sector or FIRST-LAST; ERRNO: EIO, EAGAIN, ENOMEM, EBUSY, ENODEV, ENOSPC, EBADE, ENODATA, ENOLINK, EILSEQ, \
                 EOPNOTSUPP, ETIMEDOUT or EREMOTEIO; COUNT: a number or always"
            }
            Self::Delay => {
                "OP RANGE MICROSECONDS COUNT, or off; OP: any, read, write, flush, discard or zeroes; RANGE: all (flush has no \
                 other), a sector or FIRST-LAST; MICROSECONDS: 1-60000000; COUNT: a number or always"
            }
            Self::Hang => {
                "OP RANGE COUNT, or off; OP: any, read, write, flush, discard or zeroes; RANGE: all (flush has no other), a \
                 sector or FIRST-LAST; COUNT: a number or always"
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
    /// How many requests it is still for; `None` if it stays.
    left: Option<u32>,
    /// How many it was for already.
    fired: u64,
}

impl Rule {
    /// Reads a rule that was written to the list of this kind; `None` if it is none.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let operation = named(&OPERATIONS, words.next()?)?;
        let range = parse_range(words.next()?)?;
        if operation == Some(Operation::Flush) && range != ALL {
            return None;
        }
        let value = match kind {
            Kind::Error => named(&ERRORS, words.next()?)?.unsigned_abs(),
            Kind::Delay => {
                let micros = words.next()?.parse().ok()?;
                Some(micros).filter(|micros| (1..=DELAY_MAX).contains(micros))?
            }
            Kind::Hang => 0,
        };
        let left = match words.next()? {
            "always" => None,
            count => Some(count.parse().ok().filter(|count| *count > 0)?),
        };
        words.next().is_none().then_some(Self {
            operation,
            range,
            value,
            left,
            fired: 0,
        })
    }

    /// Whether it is for a request.
    fn is_for(&self, operation: Operation, first: u64, sectors: u64) -> bool {
        let (from, to) = self.range;
        let meets = sectors > 0 && first <= to && from < first.saturating_add(sectors);
        self.left != Some(0)
            && self.operation.is_none_or(|own| own == operation)
            && (meets || self.range == ALL)
    }

    /// Writes it as it was written, with what is left of its count, and how often it was for a request.
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
        match self.left {
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
        rules.any(|rule| rule.left != Some(0))
    }

    /// Adds a rule, in the place of the first that is over if there is no other. Whether there was a place.
    pub fn add(&mut self, rule: Rule) -> bool {
        let free = self.list.iter().position(Option::is_none);
        let over = || {
            self.list
                .iter()
                .flatten()
                .position(|rule| rule.left == Some(0))
        };
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
    /// `sectors` is 0 for one that has no place.
    pub fn apply(&mut self, operation: Operation, first: u64, sectors: u64) -> Option<u32> {
        let mut rules = self.list.iter_mut().flatten();
        let rule = rules.find(|rule| rule.is_for(operation, first, sectors))?;
        rule.left = rule.left.map(|left| left - 1);
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
