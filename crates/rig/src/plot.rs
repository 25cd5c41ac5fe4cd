// SPDX-License-Identifier: MIT OR Apache-2.0

//! Plots, as SVG. Text and axes are black; a page colours them as its text.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::stats::number;

/// What drawing gives.
pub type Drawn<T> = Result<T, Box<dyn std::error::Error>>;

/// In pixels; the page scales it. Small enough that its letters can be read on a phone.
const SIZE: (u32, u32) = (540, 330);

/// A plot, and what its lines are.
pub struct Plot {
    /// What it shows.
    pub caption: &'static str,
    /// Name and colour of each line.
    pub legend: Vec<(String, String)>,
    /// The picture.
    pub svg: String,
}

/// What is at a point. A ring is the larger, so that a dot in the same place hides none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A filled circle.
    Dot,
    /// A hollow one.
    Ring,
}

/// A line of a plot.
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Red, green and blue.
    pub colour: (u8, u8, u8),
    /// Thin lines are for the usual, wide ones for the worst.
    pub width: u32,
    /// What is at each point of a logarithmic plot.
    pub mark: Mark,
    /// x and y.
    pub points: Vec<(f64, f64)>,
}

/// What a plot shows, and its axes.
pub struct Axes {
    /// What it shows.
    pub caption: &'static str,
    /// What goes from left to right.
    pub x: &'static str,
    /// What goes up.
    pub y: &'static str,
    /// Whether both are logarithmic.
    pub log: bool,
}

/// A bar of [`stacked`].
pub struct Bar {
    /// What is written beside it.
    pub name: String,
    /// Its parts, from left to right.
    pub values: Vec<f64>,
}

/// Height of a bar with what is around it, and of a line of the legend.
const BAR: u32 = 20;
const LEGEND: u32 = 20;
/// So many names are in a line of the legend.
const IN_A_LINE: usize = 4;
/// Room for what is written beside a bar.
const BESIDE: u32 = 190;

/// Draws bars that lie on their sides, each of `parts` with a name and a colour, on white.
///
/// # Errors
/// If it can't be drawn.
pub fn stacked(caption: &str, parts: &[(&str, (u8, u8, u8))], bars: &[Bar]) -> Drawn<String> {
    let colour = |part: usize| {
        parts
            .get(part)
            .map_or(BLACK, |(_, (r, g, b))| RGBColor(*r, *g, *b))
    };
    // What is less than nothing has no width.
    let widths = |bar: &Bar| bar.values.iter().map(|v| v.max(0.0)).collect::<Vec<f64>>();
    let lengths = bars.iter().map(|bar| widths(bar).iter().sum::<f64>());
    let longest = lengths.fold(1.0, f64::max);
    let lines = parts.len().div_ceil(IN_A_LINE) as u32;
    let top = LEGEND * (lines + 1) + 8;
    let height = top + BAR * bars.len() as u32 + 40;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (SIZE.0, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let text = ("sans-serif", 16).into_font();
        root.draw(&Text::new(caption, (8, 8), ("sans-serif", 18).into_font()))?;
        for (at, (name, _)) in parts.iter().enumerate() {
            let (column, line) = (at % IN_A_LINE, at / IN_A_LINE);
            let x = 8 + column as i32 * (SIZE.0 as i32 / IN_A_LINE as i32);
            let y = (LEGEND * (line as u32 + 1)) as i32 + 8;
            root.draw(&Rectangle::new(
                [(x, y), (x + 12, y + 12)],
                colour(at).filled(),
            ))?;
            root.draw(&Text::new(*name, (x + 17, y), text.clone()))?;
        }
        let (legend, area) = root.split_vertically(top);
        drop(legend);
        let mut chart = ChartBuilder::on(&area)
            .margin_right(16)
            .x_label_area_size(36)
            .y_label_area_size(BESIDE)
            .build_cartesian_2d(0.0..longest * 1.02, bars.len() as f64..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .x_labels(6)
            .x_label_formatter(&|v| number(*v))
            .bold_line_style(BLACK.mix(0.12))
            .light_line_style(TRANSPARENT)
            .axis_style(BLACK)
            .label_style(text.clone())
            .draw()?;
        for (at, bar) in bars.iter().enumerate() {
            let (from, to) = (at as f64 + 0.15, at as f64 + 0.85);
            let mut left = 0.0;
            for (part, width) in widths(bar).into_iter().enumerate() {
                let corners = [(left, from), (left + width, to)];
                let rectangle = Rectangle::new(corners, colour(part).filled());
                chart.draw_series(std::iter::once(rectangle))?;
                left += width;
            }
            let y = (BAR * at as u32) as i32 + 3;
            area.draw(&Text::new(bar.name.as_str(), (8, y), text.clone()))?;
        }
        root.present()?;
    }
    Ok(svg)
}

/// Draws those of `series` that have points; nothing if none has.
///
/// # Errors
/// If it can't be drawn.
pub fn draw(axes: &Axes, series: Vec<Series>) -> Drawn<Option<Plot>> {
    let series: Vec<Series> = series
        .into_iter()
        .filter(|s| !s.points.is_empty())
        .collect();
    if series.is_empty() {
        return Ok(None);
    }
    let one_width = series.windows(2).all(|pair| pair[0].width == pair[1].width);
    let legend = series
        .iter()
        .map(|s| {
            let (r, g, b) = s.colour;
            let width = match s.width {
                _ if one_width => "",
                1 => " (thin)",
                _ => " (wide)",
            };
            (
                format!("{}{width}", s.name),
                format!("#{r:02x}{g:02x}{b:02x}"),
            )
        })
        .collect();
    Ok(Some(Plot {
        caption: axes.caption,
        legend,
        svg: picture(axes, &series)?,
    }))
}

/// From the least to the greatest.
fn extremes(values: &[f64]) -> (f64, f64) {
    let both = |(a, b): (f64, f64), v: &f64| (a.min(*v), b.max(*v));
    values.iter().fold((f64::MAX, f64::MIN), both)
}

/// A linear axis: a little more than the values need.
fn linear(values: &[f64]) -> Range<f64> {
    let (least, most) = extremes(values);
    let margin = ((most - least) * 0.06).max(0.5);
    least - margin..most + margin
}

/// A logarithmic axis of whole decades, and what is written at it: 1, 2 and 5 of each decade where there is room.
fn decades(values: &[f64]) -> (Range<f64>, Vec<f64>) {
    let (least, most) = extremes(values);
    let from = least.log10().floor() as i32;
    let to = (most.log10().ceil() as i32).max(from + 1);
    let steps: &[f64] = if to - from <= 4 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let end = 10f64.powi(to);
    let at = |decade| steps.iter().map(move |step| step * 10f64.powi(decade));
    let ticks = (from..=to).flat_map(at).filter(|tick| *tick <= end);
    (10f64.powi(from)..end, ticks.collect())
}

/// A logarithmic axis for values that were chosen: these are written at it.
fn chosen(values: &[f64]) -> (Range<f64>, Vec<f64>) {
    let (least, most) = extremes(values);
    let mut ticks = values.to_vec();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    (least / 1.3..most * 1.3, ticks)
}

fn picture(axes: &Axes, series: &[Series]) -> Drawn<String> {
    let points = || series.iter().flat_map(|s| s.points.iter());
    let x: Vec<f64> = points().map(|p| p.0).collect();
    let y: Vec<f64> = points().map(|p| p.1).collect();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        if axes.log {
            let ((x, at_x), (y, at_y)) = (chosen(&x), decades(&y));
            let x = x.log_scale().with_key_points(at_x);
            on(&root, axes, series, x, y.log_scale().with_key_points(at_y))?;
        } else {
            on(&root, axes, series, linear(&x), linear(&y))?;
        }
        root.present()?;
    }
    Ok(svg)
}

fn on<X, Y>(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    axes: &Axes,
    series: &[Series],
    x: X,
    y: Y,
) -> Drawn<()>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(root)
        .margin(8)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(x, y)?;
    let grid = BLACK.mix(0.12);
    chart
        .configure_mesh()
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(&|v| number(*v))
        .y_label_formatter(&|v| number(*v))
        .x_labels(6)
        .y_labels(6)
        .bold_line_style(grid)
        .light_line_style(TRANSPARENT)
        .axis_style(BLACK)
        .label_style(("sans-serif", 16))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    for one in series {
        let (r, g, b) = one.colour;
        let colour = RGBColor(r, g, b);
        let style = colour.stroke_width(one.width);
        chart.draw_series(LineSeries::new(one.points.iter().copied(), style))?;
        if axes.log {
            let (size, style) = match one.mark {
                Mark::Dot => (4, colour.filled()),
                Mark::Ring => (7, colour.stroke_width(2)),
            };
            let marks = one.points.iter().map(|p| Circle::new(*p, size, style));
            chart.draw_series(marks)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_their_parts_and_names() {
        let bars = ["one", "two"].map(|name| Bar {
            name: name.to_owned(),
            values: vec![10.0, -1.0],
        });
        let parts = [("first", (1, 2, 3)), ("second", (4, 5, 6))];
        let svg = stacked("a caption", &parts, &bars).unwrap();
        for text in ["a caption", "first", "second", "one", "two"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
        }
        assert_eq!(svg.matches("fill=\"#010203\"").count(), 3);
    }

    #[test]
    fn a_logarithmic_axis_has_whole_decades_and_numbers_between_them() {
        let (range, ticks) = decades(&[15.4, 7646.0]);
        assert_eq!(range, 10.0..10_000.0);
        let want = [
            10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0,
        ];
        assert_eq!(ticks, want);
        assert_eq!(decades(&[100.0]).0, 100.0..1000.0);
        assert_eq!(decades(&[1.0, 1e6]).1.len(), 7);
    }

    #[test]
    fn the_legend_says_the_width_where_it_tells_lines_apart() {
        let series = |width| Series {
            name: "a".to_owned(),
            colour: (0, 0, 0),
            width,
            mark: Mark::Ring,
            points: vec![(1.0, 3.0), (8.0, 90.0)],
        };
        let axes = Axes {
            caption: "c",
            x: "x",
            y: "y",
            log: true,
        };
        let names = |widths: [u32; 2]| -> Vec<String> {
            let plot = draw(&axes, widths.map(series).into()).unwrap().unwrap();
            for label in ["\n8\n", "\n20\n", "\n100\n"] {
                assert!(plot.svg.contains(label), "{label}: {}", plot.svg);
            }
            plot.legend.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names([3, 3]), ["a", "a"]);
        assert_eq!(names([1, 3]), ["a (thin)", "a (wide)"]);
    }
}
