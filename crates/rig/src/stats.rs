// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is made of readings: spreads, lines, ratios.

use serde::{Deserialize, Serialize};
use statrs::statistics::{Data, Max, Min, OrderStatistics, Statistics};

/// How values are spread. The unit is that of the values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The least.
    pub min: f64,
    /// Half of them are less.
    pub p50: f64,
    /// 99 of 100 are less.
    pub p99: f64,
    /// 999 of 1000 are less; about the greatest where there are fewer than 1000.
    pub p999: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of `values`; none if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let mut data = Data::new(values.to_vec());
        Some(Self {
            count: values.len(),
            min: data.min(),
            p50: data.median(),
            p99: data.percentile(99),
            p999: data.quantile(0.999),
            max: data.max(),
        })
    }

    /// From the least to the greatest.
    pub fn width(&self) -> f64 {
        self.max - self.min
    }
}

/// A line `y = y0 + slope · (x − x0)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    x0: f64,
    y0: f64,
    /// By how much y grows with x.
    pub slope: f64,
}

impl Line {
    /// The line with the least squares of distances from `points`, which are (x, y); none if they
    /// don't define one.
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let (x0, y0) = centre(points)?;
        let (mut xx, mut xy) = (0.0, 0.0);
        for (x, y) in points {
            xx += (x - x0) * (x - x0);
            xy += (x - x0) * (y - y0);
        }
        (xx > 0.0).then(|| Self {
            x0,
            y0,
            slope: xy / xx,
        })
    }

    /// The line of a known slope that lies best among `points`.
    pub fn with_slope(points: &[(f64, f64)], slope: f64) -> Option<Self> {
        let (x0, y0) = centre(points)?;
        Some(Self { x0, y0, slope })
    }

    /// y at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.y0 + self.slope * (x - self.x0)
    }

    /// By how much each of `points` lies above the line.
    pub fn residuals(&self, points: &[(f64, f64)]) -> Vec<f64> {
        points.iter().map(|(x, y)| y - self.at(*x)).collect()
    }

    /// x where it meets `other`; none if they are parallel.
    pub fn meets(&self, other: &Self) -> Option<f64> {
        let slope = self.slope - other.slope;
        (slope != 0.0).then(|| self.x0 + (other.at(self.x0) - self.y0) / slope)
    }
}

/// The mean of x and of y.
fn centre(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    // From the first point on, so that large numbers take no digits from small differences.
    let (x1, y1) = *points.first()?;
    let sum = |pick: fn(&(f64, f64)) -> f64, from: f64| {
        from + points.iter().map(|p| pick(p) - from).sum::<f64>() / count
    };
    Some((sum(|p| p.0, x1), sum(|p| p.1, y1)))
}

/// The square root of the mean of the squares of `values`; 0 if there are none.
pub fn rms(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().quadratic_mean()
}

/// The greatest distance of `values` from 0.
pub fn farthest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| most.max(v.abs()))
}

/// The median of `values`; 0 if there are none.
pub fn median(values: &[f64]) -> f64 {
    Spread::of(values).map_or(0.0, |s| s.p50)
}

/// How many times `b` fits into `a`; none unless both are above 0.
pub fn ratio(a: f64, b: f64) -> Option<f64> {
    (a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite()).then(|| a / b)
}

/// Every so many of `values`, so that no more than `most` are left.
pub fn thin<T: Clone>(values: &[T], most: usize) -> Vec<T> {
    let step = values.len().div_ceil(most.max(1)).max(1);
    values.iter().step_by(step).cloned().collect()
}

/// An empty vector with room for `count` values, in memory that is there already.
pub fn room<T: Clone>(count: usize, any: T) -> Vec<T> {
    let mut values = vec![any; count];
    values.clear();
    values
}

/// `value` with so many decimals, as it is reported: more would say nothing.
pub fn round(value: f64, decimals: i32) -> f64 {
    let unit = 10f64.powi(decimals);
    // Nothing is nothing, from whichever side.
    (value * unit).round() / unit + 0.0
}

/// A number with three digits that count, as people write it.
pub fn number(value: f64) -> String {
    let text = match value.abs() {
        a if a >= 100.0 || a == 0.0 => format!("{value:.0}"),
        a if a >= 10.0 => format!("{value:.1}"),
        a if a >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_that_count() {
        let shown: Vec<String> = [0.0, 0.0123, 0.5, 1.0, 12.34, 192.0, -3.456, 48_000.4]
            .into_iter()
            .map(number)
            .collect();
        assert_eq!(
            shown,
            ["0", "0.012", "0.5", "1", "12.3", "192", "-3.46", "48000"]
        );
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn rounded_to_nothing_there_is_no_sign() {
        assert_eq!(format!("{:.2}", round(-0.001, 2)), "0.00");
        assert_eq!(round(-0.005, 2), -0.01);
    }

    #[test]
    fn a_line_is_found_far_from_zero() {
        let points: Vec<_> = (0..1000)
            .map(|i| 1e6 + f64::from(i) * 1e-3)
            .map(|x| (x, 5e9 + 48_000.0 * (x - 1e6)))
            .collect();
        let line = Line::fit(&points).unwrap();
        assert!((line.slope - 48_000.0).abs() < 1e-3, "{}", line.slope);
        assert!(farthest(&line.residuals(&points)) < 1e-3);
    }

    #[test]
    fn steps_of_192_frames_have_the_rms_of_a_sawtooth() {
        // What a clock shows that counts jiffies of 4 ms, read every 10 µs.
        let points: Vec<_> = (0..100_000u32)
            .map(|i| (f64::from(i) * 1e-5, f64::from(i / 400 * 192)))
            .collect();
        let line = Line::fit(&points).unwrap();
        assert!((line.slope - 48_000.0).abs() < 10.0, "{}", line.slope);
        let rms = rms(&line.residuals(&points));
        assert!((rms - 192.0 / 12f64.sqrt()).abs() < 0.5, "{rms}");
    }

    #[test]
    fn no_line_without_two_different_points() {
        assert_eq!(Line::fit(&[]), None);
        assert_eq!(Line::fit(&[(1.0, 2.0), (1.0, 3.0)]), None);
    }

    #[test]
    fn lines_meet_where_the_pitch_changed() {
        let before: Vec<_> = (0..50).map(f64::from).map(|x| (x, 10.0 * x)).collect();
        let after: Vec<_> = (90..150)
            .map(f64::from)
            .map(|x| (x, 600.0 + 12.0 * (x - 60.0)))
            .collect();
        let (a, b) = (Line::fit(&before).unwrap(), Line::fit(&after).unwrap());
        assert!(near(a.meets(&b).unwrap(), 60.0));
        let b = Line::with_slope(&after, 12.0).unwrap();
        assert!(near(b.meets(&a).unwrap(), 60.0));
        assert_eq!(a.meets(&a), None);
    }

    #[test]
    fn percentiles_of_1_to_1000() {
        let values: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        let spread = Spread::of(&values).unwrap();
        assert_eq!((spread.count, spread.min, spread.max), (1000, 1.0, 1000.0));
        assert!((spread.p50 - 500.5).abs() <= 0.5);
        assert!((spread.p99 - 990.0).abs() <= 1.0, "{}", spread.p99);
        assert!((spread.p999 - 999.0).abs() <= 1.0, "{}", spread.p999);
        assert_eq!(spread.width(), 999.0);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn percentiles_of_few() {
        let spread = Spread::of(&[3.0]).unwrap();
        assert_eq!((spread.p50, spread.p99, spread.p999), (3.0, 3.0, 3.0));
        let spread = Spread::of(&[1.0, 2.0, 9.0]).unwrap();
        assert_eq!((spread.p50, spread.p999), (2.0, 9.0));
    }

    #[test]
    fn ratios_of_what_can_be_compared() {
        assert_eq!(ratio(192.0, 1.0), Some(192.0));
        assert_eq!(ratio(1.0, 4.0), Some(0.25));
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(-1.0, 1.0), None);
    }

    #[test]
    fn room_is_made_before_it_is_needed() {
        let values = room(1000, 1.0);
        assert!(values.is_empty() && values.capacity() >= 1000);
    }

    #[test]
    fn what_is_thinned_keeps_its_order() {
        let values: Vec<u32> = (0..1000).collect();
        let few = thin(&values, 300);
        assert!(few.len() <= 300 && few.len() >= 200);
        assert!(few.is_sorted());
        assert_eq!(thin(&values[..5], 300), [0, 1, 2, 3, 4]);
    }
}
