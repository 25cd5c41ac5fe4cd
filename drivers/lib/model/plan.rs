// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Which of what is to come goes wrong: the next so many, a range of them, or some by a seed. The same plan chooses the
//! same ones each time. What is counted is frames, bytes, requests, or whatever else a driver moves.

use core::fmt;

use super::mix::mix;

/// A plan. It counts from when it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// None goes wrong.
    #[default]
    None,
    /// After `skip` that are right `count` of them, not 0, go wrong.
    Some {
        /// How many come before.
        skip: u64,
        /// How many there are.
        count: u64,
    },
    /// `wrong` of `of` go wrong, until there is another plan.
    Seeded {
        /// So many, not 0.
        wrong: u32,
        /// Of so many, not less than `wrong`.
        of: u32,
        /// What chooses them.
        seed: u32,
        /// How many there have been.
        number: u64,
    },
}

/// The most that [`Plan::next_run`] looks at where a seed chooses: what comes after is looked at again.
const AHEAD: u64 = 16;

impl Plan {
    /// Reads a plan: `5`, `3-7`, `1/100 42`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((wrong, rest)) = text.split_once('/') {
            let (of, seed) = rest.split_once(' ')?;
            let (wrong, of) = (wrong.parse().ok()?, of.parse().ok()?);
            let seed = seed.parse().ok()?;
            return (1..=of).contains(&wrong).then_some(Self::Seeded {
                wrong,
                of,
                seed,
                number: 0,
            });
        }
        if let Some((first, last)) = text.split_once('-') {
            let first: u32 = first.parse().ok()?;
            let last: u32 = last.parse().ok()?;
            return (1..=last).contains(&first).then(|| Self::Some {
                skip: u64::from(first) - 1,
                count: u64::from(last - first) + 1,
            });
        }
        Some(Self::next(text.parse().ok()?))
    }

    /// The next `count` go wrong.
    pub fn next(count: u32) -> Self {
        match count {
            0 => Self::None,
            count => Self::Some {
                skip: 0,
                count: count.into(),
            },
        }
    }

    /// The next run, of at most `most`, of which all go wrong, or none does: how many they are, and whether they do. It
    /// need not be the longest where a seed chooses.
    pub fn next_run(&self, most: u64) -> (u64, bool) {
        match *self {
            Self::None => (most, false),
            Self::Some { skip: 0, count } => (most.min(count), true),
            Self::Some { skip, .. } => (most.min(skip), false),
            Self::Seeded {
                wrong,
                of,
                seed,
                number,
            } => {
                let is_wrong = |ahead: u64| {
                    let number = number.wrapping_add(ahead);
                    let random = mix((u64::from(seed) << 32) ^ number) >> 32;
                    // Which is less than `of`, and each as often.
                    (random * u64::from(of)) >> 32 < u64::from(wrong)
                };
                let first = is_wrong(0);
                let most = most.min(AHEAD);
                let end = (1..most).find(|ahead| is_wrong(*ahead) != first);
                (end.unwrap_or(most), first)
            }
        }
    }

    /// So many have come.
    pub fn pass(&mut self, come: u64) {
        match self {
            Self::None => {}
            Self::Some { skip, count } => {
                let right = come.min(*skip);
                *skip -= right;
                *count = count.saturating_sub(come - right);
                if *count == 0 {
                    *self = Self::None;
                }
            }
            Self::Seeded { number, .. } => *number = number.wrapping_add(come),
        }
    }

    /// As [`Plan::next_run`]. They count as come.
    pub fn run(&mut self, most: u64) -> (u64, bool) {
        let (run, wrong) = self.next_run(most);
        self.pass(run);
        (run, wrong)
    }

    /// Whether the next one goes wrong. It counts as come.
    pub fn next_is_wrong(&mut self) -> bool {
        self.run(1).1
    }

    /// `count` come: calls `wrong` with each run of them that goes wrong, as how many come before it, and how many it has.
    pub fn each_wrong(&mut self, count: u64, mut wrong: impl FnMut(u64, u64)) {
        if self.is_none() {
            return;
        }
        let mut done = 0;
        while done < count {
            let (run, is_wrong) = self.run(count - done);
            if is_wrong {
                wrong(done, run);
            }
            done += run;
        }
    }

    /// Whether none goes wrong.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether a seed chooses: then runs are short, and there is no end of them.
    pub fn is_seeded(&self) -> bool {
        matches!(self, Self::Seeded { .. })
    }

    /// Whether a seed chooses no more than every second one, or none does.
    pub fn is_at_most_half(&self) -> bool {
        match self {
            Self::Seeded { wrong, of, .. } => *wrong <= of / 2,
            _ => true,
        }
    }
}

impl fmt::Display for Plan {
    /// What is left of it, as it would be written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("0"),
            Self::Some { skip: 0, count } => write!(f, "{count}"),
            Self::Some { skip, count } => write!(f, "{}-{}", skip + 1, skip + count),
            Self::Seeded {
                wrong, of, seed, ..
            } => write!(f, "{wrong}/{of} {seed}"),
        }
    }
}

/// The plans that a fault takes.
#[derive(Clone, Copy, Debug)]
pub struct Plans {
    /// What may be written, for messages.
    pub allowed: &'static str,
    /// Whether it takes this one.
    pub takes: fn(&Plan) -> bool,
}

impl Plans {
    /// Any.
    pub const ANY: Self = Self {
        allowed: "a number of those to come (5), a range of them (3-7), or some of them by a seed (1/100 42); 0 for none",
        takes: |_| true,
    };

    /// Reads one that is taken.
    pub fn parse(&self, text: &str) -> Option<Plan> {
        Plan::parse(text).filter(self.takes)
    }
}
