// SPDX-License-Identifier: MIT OR Apache-2.0

//! The matrix: which combinations of parameters are tried.
//!
//! By default every *pair* of values (of format, rate, channels, both accesses, both buffer
//! shapes) occurs in at least one case. With `--full` every combination of format, rate,
//! channels and both accesses occurs, while the buffer shapes rotate.

use std::collections::HashSet;
use std::fmt;

use crate::alsa::pcm::{Access, Config};
use crate::alsa::signal::Format;

/// Rates in Hz: both ends of the range, the usual ones, and one that nobody uses.
pub const RATES: [u32; 9] = [
    8_000, 11_025, 44_100, 47_999, 48_000, 96_000, 192_000, 384_000, 768_000,
];

/// Channel counts: both ends of the range, the usual ones, odd ones.
pub const CHANNELS: [u32; 8] = [1, 2, 3, 6, 8, 32, 127, 128];

/// Period in frames and periods in a buffer, at up to 96 kHz.
pub const SHAPES: [Shape; 5] = [
    Shape {
        period: 16,
        periods: 32,
    },
    Shape {
        period: 64,
        periods: 8,
    },
    Shape {
        period: 147,
        periods: 5,
    },
    Shape {
        period: 512,
        periods: 2,
    },
    Shape {
        period: 1024,
        periods: 1,
    },
];

/// Period and buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Frames.
    pub period: u64,
    /// Periods in the buffer.
    pub periods: u64,
}

/// One combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// Of both ends.
    pub format: Format,
    /// Of both ends, in Hz.
    pub rate: u32,
    /// Of both ends.
    pub channels: u32,
    /// How the player writes.
    pub write: Access,
    /// How the recorder reads.
    pub read: Access,
    /// The player's buffer.
    pub write_shape: Shape,
    /// The recorder's buffer.
    pub read_shape: Shape,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}-{}/{}x{}-{}x{}",
            self.format,
            self.rate,
            self.channels,
            self.write,
            self.read,
            self.write_shape.period,
            self.write_shape.periods,
            self.read_shape.period,
            self.read_shape.periods
        )
    }
}

impl Case {
    /// Bytes per second in one direction.
    pub fn byte_rate(&self) -> u64 {
        self.format.bytes() as u64 * u64::from(self.channels) * u64::from(self.rate)
    }

    /// A stream's configuration. High rates get proportionally larger buffers: what is tried here
    /// is that all bytes arrive, not how fast the machine is.
    fn config(&self, access: Access, shape: Shape) -> Config {
        let factor = u64::from(self.rate / 96_000).max(1);
        // And low rates half of it, or most of the time would go to a few cases.
        let period = if self.rate < 16_000 {
            (shape.period / 2).max(16)
        } else {
            shape.period
        };
        let config = Config {
            access,
            format: self.format,
            channels: self.channels,
            rate: self.rate,
            ..Config::default()
        }
        .with_buffer(period * factor, shape.periods);
        Config {
            avail_min: if shape.periods == 1 {
                config.buffer / 4
            } else {
                0
            },
            ..config
        }
    }

    /// The player's configuration.
    pub fn write_config(&self) -> Config {
        self.config(self.write, self.write_shape)
    }

    /// The recorder's configuration.
    pub fn read_config(&self) -> Config {
        self.config(self.read, self.read_shape)
    }
}

/// What there is to combine.
pub struct Axes<'a> {
    /// Formats.
    pub formats: &'a [Format],
    /// Rates in Hz.
    pub rates: &'a [u32],
    /// Channel counts.
    pub channels: &'a [u32],
    /// Ways of transfer.
    pub accesses: &'a [Access],
    /// Bytes per second that a case may move in one direction.
    pub byte_rate: u64,
}

/// Axes of a case: format, rate, channels, write, read, write shape, read shape.
const AXES: usize = 7;
/// A case as indices into the axes, while it is being chosen.
type Row = [Option<usize>; AXES];
/// A value of one axis with a value of another.
type Pair = ((usize, usize), (usize, usize));

impl Axes<'_> {
    fn sizes(&self) -> [usize; AXES] {
        let (a, s) = (self.accesses.len(), SHAPES.len());
        [
            self.formats.len(),
            self.rates.len(),
            self.channels.len(),
            a,
            a,
            s,
            s,
        ]
    }

    /// The case that `row` stands for; what is open gets the value that moves the fewest bytes.
    fn case(&self, row: &Row) -> Case {
        let cheapest = |axis: usize| -> usize {
            let key = |i: &usize| match axis {
                0 => self.formats[*i].bytes() as u32,
                1 => self.rates[*i],
                2 => self.channels[*i],
                _ => 0,
            };
            (0..self.sizes()[axis]).min_by_key(key).unwrap_or(0)
        };
        let at = |axis: usize| row[axis].unwrap_or_else(|| cheapest(axis));
        Case {
            format: self.formats[at(0)],
            rate: self.rates[at(1)],
            channels: self.channels[at(2)],
            write: self.accesses[at(3)],
            read: self.accesses[at(4)],
            write_shape: SHAPES[at(5)],
            read_shape: SHAPES[at(6)],
        }
    }

    fn possible(&self, row: &Row) -> bool {
        self.case(row).byte_rate() <= self.byte_rate
    }

    /// Cases in which every possible pair of values occurs. The same in every run.
    pub fn pairwise(&self) -> Vec<Case> {
        let sizes = self.sizes();
        if sizes.contains(&0) {
            return Vec::new();
        }
        let mut open: Vec<Pair> = Vec::new();
        for a in 0..AXES {
            for b in a + 1..AXES {
                open.extend(
                    (0..sizes[a]).flat_map(|i| (0..sizes[b]).map(move |j| ((a, i), (b, j)))),
                );
            }
        }
        let mut left: HashSet<Pair> = open.iter().copied().collect();
        let mut cases = Vec::new();
        for pair in open {
            if !left.contains(&pair) {
                continue;
            }
            let mut row: Row = [None; AXES];
            row[pair.0.0] = Some(pair.0.1);
            row[pair.1.0] = Some(pair.1.1);
            if !self.possible(&row) {
                left.remove(&pair);
                continue;
            }
            for axis in 0..AXES {
                if row[axis].is_none() {
                    row[axis] = self.best(&row, axis, &left, cases.len());
                }
            }
            for covered in pairs(&row) {
                left.remove(&covered);
            }
            cases.push(self.case(&row));
        }
        cases
    }

    /// The value of `axis` that covers the most open pairs; ties go round with `turn`.
    fn best(&self, row: &Row, axis: usize, left: &HashSet<Pair>, turn: usize) -> Option<usize> {
        let size = self.sizes()[axis];
        (0..size)
            .map(|i| (i + turn) % size)
            .filter_map(|value| {
                let mut row = *row;
                row[axis] = Some(value);
                self.possible(&row)
                    .then(|| (pairs(&row).filter(|p| left.contains(p)).count(), value))
            })
            .reduce(|best, other| if other.0 > best.0 { other } else { best })
            .map(|(_, value)| value)
    }

    /// Every combination of format, rate, channels and both accesses; shapes rotate.
    pub fn product(&self) -> Vec<Case> {
        let [f, r, c, w, p, shapes, _] = self.sizes();
        (0..f * r * c * w * p)
            .map(|n| {
                let at = |before: usize, size: usize| Some(n / before % size);
                let row = [
                    at(w * p * c * r, f),
                    at(w * p * c, r),
                    at(w * p, c),
                    at(p, w),
                    at(1, p),
                    Some((n + n / shapes) % shapes),
                    Some((n + n / 7) % shapes),
                ];
                (self.case(&row), self.possible(&row))
            })
            .filter_map(|(case, possible)| possible.then_some(case))
            .collect()
    }
}

fn pairs(row: &Row) -> impl Iterator<Item = Pair> + '_ {
    let set = |axis: usize| row[axis].map(|value| (axis, value));
    (0..AXES).flat_map(move |a| (a + 1..AXES).filter_map(move |b| Some((set(a)?, set(b)?))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alsa::signal::format::FORMATS;

    fn axes(byte_rate: u64) -> Axes<'static> {
        Axes {
            formats: FORMATS,
            rates: &RATES,
            channels: &CHANNELS,
            accesses: &Access::ALL,
            byte_rate,
        }
    }

    #[test]
    fn every_possible_pair_occurs() {
        let axes = axes(16 << 20);
        let cases = axes.pairwise();
        assert!(cases.len() < 480, "{}", cases.len());
        for f in FORMATS {
            for r in RATES {
                assert!(
                    cases.iter().any(|c| c.format == *f && c.rate == r),
                    "{f} {r}"
                );
            }
            for n in CHANNELS {
                assert!(
                    cases.iter().any(|c| c.format == *f && c.channels == n),
                    "{f} {n}"
                );
            }
            for a in Access::ALL {
                assert!(
                    cases.iter().any(|c| c.format == *f && c.read == a),
                    "{f} {a}"
                );
                assert!(
                    cases.iter().any(|c| c.format == *f && c.write == a),
                    "{f} {a}"
                );
            }
            for s in SHAPES {
                assert!(
                    cases.iter().any(|c| c.format == *f && c.read_shape == s),
                    "{f} {s:?}"
                );
            }
        }
        for w in Access::ALL {
            for r in Access::ALL {
                assert!(cases.iter().any(|c| c.write == w && c.read == r));
            }
        }
        assert!(cases.iter().all(|c| c.byte_rate() <= axes.byte_rate));
    }

    #[test]
    fn a_low_byte_rate_still_leaves_each_extreme() {
        let cases = axes(9 << 20).pairwise();
        assert!(cases.iter().any(|c| c.rate == 768_000));
        assert!(cases.iter().any(|c| c.channels == 128));
    }

    #[test]
    fn the_product_is_whole() {
        let cases = axes(u64::MAX).product();
        assert_eq!(cases.len(), FORMATS.len() * 9 * 8 * 16);
        assert_eq!(cases.iter().collect::<HashSet<_>>().len(), cases.len());
        assert!(SHAPES.iter().all(|s| {
            cases
                .iter()
                .any(|c| c.write_shape == *s && c.read_shape == SHAPES[0])
        }));
    }

    #[test]
    fn nothing_to_combine_is_no_case() {
        assert!(
            Axes {
                formats: &[],
                ..axes(1)
            }
            .pairwise()
            .is_empty()
        );
    }
}
