// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that are divided over several machines.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::random::Random;

/// One of several shares of all checks, as `K/N` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    number: u64,
    /// How many there are.
    of: u64,
}

/// A text that names no shard.
#[derive(Debug)]
pub struct NoShard;

impl fmt::Display for NoShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("allowed: K/N with K from 1 to N, such as 2/3")
    }
}

impl std::error::Error for NoShard {}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        // Digits alone: what else a number may have, such as a sign, is more likely a slip.
        let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<u32>().map_err(|_| NoShard),
            false => Err(NoShard),
        };
        let (k, n) = text.split_once('/').ok_or(NoShard)?;
        let (k, n) = (number(k)?, number(n)?);
        match (1..=n).contains(&k) {
            true => Ok(Self {
                number: k.into(),
                of: n.into(),
            }),
            false => Err(NoShard),
        }
    }
}

impl Shard {
    /// What belongs to it of checks whose names are `listed`. All machines must have the same list.
    pub fn of(self, listed: impl IntoIterator<Item = String>) -> Share {
        Share {
            shard: self,
            places: listed.into_iter().zip(0..).collect(),
        }
    }
}

/// The checks of a [`Shard`].
///
/// In which a check is depends on the list and on its name alone, whatever else there is on a machine: those whose
/// drivers or devices differ agree on it all the same.
pub struct Share {
    shard: Shard,
    places: HashMap<String, u64>,
}

impl Share {
    /// Whether the check of this name belongs to it: by its place in the list, so that the shares are equal and
    /// neighbours are in different ones; by the name itself if it is not in the list, as those of unusual devices.
    pub fn has(&self, name: &str) -> bool {
        let place = self.places.get(name).copied();
        place.unwrap_or_else(|| hash(name)) % self.shard.of == self.shard.number - 1
    }
}

/// FNV-1a, whose low bits alone would not be even, mixed.
fn hash(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Random::new(hash).number()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All `n` shares of a list.
    fn shares(n: usize, listed: &[String]) -> Vec<Share> {
        let share = |k: usize| {
            let shard: Shard = format!("{k}/{n}").parse().unwrap();
            shard.of(listed.to_vec())
        };
        (1..=n).map(share).collect()
    }

    /// How many of `names` are in each of the shares; each is in one.
    fn sizes(shares: &[Share], names: &[String]) -> Vec<usize> {
        let mut sizes = vec![0; shares.len()];
        for name in names {
            let mut of = (0..shares.len()).filter(|at| shares[*at].has(name));
            sizes[of.next().unwrap()] += 1;
            assert_eq!(of.next(), None, "{name}");
        }
        sizes
    }

    fn names(number: u64) -> Vec<String> {
        let formats = ["S8", "S16_LE", "S24_3BE", "FLOAT64_LE", "DSD_U8"];
        let name = |n: u64| format!("drv/matrix/{}-{}-{n}", formats[n as usize % 5], n * 8000);
        (0..number).map(name).collect()
    }

    #[test]
    fn each_check_is_in_one_share_and_they_are_equal() {
        let mut random = Random::new(5);
        for _ in 0..200 {
            let listed = names(random.between(0, 400));
            let n = random.between(1, 40) as usize;
            let shares = shares(n, &listed);
            let all = sizes(&shares, &listed);
            let (least, most) = (listed.len() / n, listed.len().div_ceil(n));
            let equal = all.iter().all(|size| (least..=most).contains(size));
            assert!(equal, "{all:?}");
            // A machine on which there are not all of them.
            let mut some = listed.clone();
            some.retain(|_| random.once_in(3));
            let some = sizes(&shares, &some);
            assert!(some.iter().zip(&all).all(|(some, all)| some <= all));
        }
    }

    #[test]
    fn what_is_in_no_list_is_in_one_share_too() {
        for n in [1, 2, 3, 4, 5, 8, 16, 31] {
            let sizes = sizes(&shares(n, &[]), &names(6000));
            let mean = 6000 / n;
            let even = sizes.iter().all(|size| size.abs_diff(mean) < mean / 3);
            assert!(even, "{sizes:?}");
        }
    }

    #[test]
    fn what_is_no_shard_is_an_error() {
        for text in [
            "",
            "1",
            "/",
            "1/",
            "/1",
            "0/3",
            "4/3",
            "0/0",
            "1/0",
            "-1/3",
            "+1/3",
            "1/3/3",
            " 1/3",
            "1/3x",
            "1.0/3",
            "1/4294967296",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert!("3/3".parse::<Shard>().is_ok());
    }
}
