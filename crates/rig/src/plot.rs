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

/// A line of a plot.
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Red, green and blue.
    pub colour: (u8, u8, u8),
    /// Thin lines are for the usual, wide ones for the worst.
    pub width: u32,
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
    /// Whether that is by powers of two.
    pub log_x: bool,
    /// Whether that is by powers of ten.
    pub log_y: bool,
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
    let legend = series
        .iter()
        .map(|s| {
            let (r, g, b) = s.colour;
            let width = if s.width > 1 { "wide" } else { "thin" };
            (
                format!("{} ({width})", s.name),
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

/// From the least to the greatest, and a little more.
fn range(values: impl Iterator<Item = f64>, log: bool) -> Range<f64> {
    let (least, most) = values.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
    if log {
        return least / 1.3..most * 1.3;
    }
    let margin = ((most - least) * 0.06).max(0.5);
    least - margin..most + margin
}

fn picture(axes: &Axes, series: &[Series]) -> Drawn<String> {
    let points = || series.iter().flat_map(|s| s.points.iter());
    let x = range(points().map(|p| p.0), axes.log_x);
    let y = range(points().map(|p| p.1), axes.log_y);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        match (axes.log_x, axes.log_y) {
            (true, true) => on(&root, axes, series, x.log_scale().base(2.0), y.log_scale())?,
            (_, _) => on(&root, axes, series, x, y)?,
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
        if axes.log_x {
            let marks = one
                .points
                .iter()
                .map(|p| Circle::new(*p, 4, colour.filled()));
            chart.draw_series(marks)?;
        }
    }
    Ok(())
}
