// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Which of the frames to come go wrong: the next so many, a range of them, or some by a seed. The same plan chooses the
//! same frames each time.

use core::fmt;

use crate::lib::model::mix::mix;

/// A plan. Frames are counted from when it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// None goes wrong.
    #[default]
    None,
    /// After `skip` frames `count` of them, not 0, go wrong.
    Some {
        /// How many come before.
        skip: u64,
        /// How many there are.
        count: u64,
    },
    /// `wrong` of `of` frames go wrong, until there is another plan.
    Seeded {
        /// So many, not 0.
        wrong: u32,
        /// Of so many, not less than `wrong`.
        of: u32,
        /// What chooses them.
        seed: u32,
        /// How many frames there have been.
        frame: u64,
    },
}

/// What a plan may be written as.
pub const ALLOWED: &str = "a number of frames (5), a range of those to come (3-7), or some of \
                           them by a seed (1/100 42); 0 for none";

impl Plan {
    /// Reads a plan: `5`, `3-7`, `1/100 42`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((wrong, rest)) = text.split_once('/') {
            let (of, seed) = rest.split_once(' ')?;
            let (wrong, of) = (wrong.parse().ok()?, of.parse().ok()?);
            let seed = seed.parse().ok()?;
            let frame = 0;
            return (1..=of).contains(&wrong).then_some(Self::Seeded {
                wrong,
                of,
                seed,
                frame,
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
        Some(match text.parse::<u32>().ok()? {
            0 => Self::None,
            count => Self::Some {
                skip: 0,
                count: count.into(),
            },
        })
    }

    /// Whether the next frame goes wrong. It counts as one that has come.
    pub fn next_is_wrong(&mut self) -> bool {
        match self {
            Self::None => false,
            Self::Some { skip, .. } if *skip > 0 => {
                *skip -= 1;
                false
            }
            Self::Some { count, .. } => {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    *self = Self::None;
                }
                true
            }
            Self::Seeded {
                wrong,
                of,
                seed,
                frame,
            } => {
                let random = mix((u64::from(*seed) << 32) ^ *frame) >> 32;
                *frame += 1;
                // Which is less than `of`, and each as often.
                (random * u64::from(*of)) >> 32 < u64::from(*wrong)
            }
        }
    }

    /// Whether no frame goes wrong.
    pub fn is_none(&self) -> bool {
        *self == Self::None
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
