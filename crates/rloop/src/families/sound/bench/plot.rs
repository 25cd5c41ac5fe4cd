// SPDX-License-Identifier: MIT OR Apache-2.0

//! The plots of a run, as SVG. Text and axes are black; the page colours them as its text.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::figures::{Mode, Run, Subject};
use super::tables::number;
use crate::families::sound::loopback::Driver;

type Drawn<T> = Result<T, Box<dyn std::error::Error>>;

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

struct Series {
    name: String,
    colour: RGBColor,
    /// Thin lines are for the usual, wide ones for the worst.
    width: u32,
    points: Vec<(f64, f64)>,
}

/// Which table a plot belongs to, by its title; and the axes.
struct Axes {
    caption: &'static str,
    x: &'static str,
    y: &'static str,
    log_x: bool,
    log_y: bool,
}

/// Both are told apart on white and on black.
fn colour(driver: Driver) -> RGBColor {
    match driver {
        Driver::SndRloop => RGBColor(0x2f, 0x8f, 0xdd),
        Driver::SndAloop => RGBColor(0xe0, 0x7b, 0x1a),
    }
}

/// The plot for the table called `title`, if there is one.
///
/// # Errors
/// If it can't be drawn.
pub fn of(run: &Run, title: &str) -> Drawn<Option<Plot>> {
    let (axes, series) = match title {
        "Position granularity" => position(run),
        "Wake-up jitter" => jitter(run),
        "Loop delay" => delay(run),
        "CPU time and timer interrupts" => load(run),
        _ => return Ok(None),
    };
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
            let RGBColor(r, g, b) = s.colour;
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
        svg: draw(&axes, &series)?,
    }))
}

fn series(
    run: &Run,
    what: &str,
    width: u32,
    points: impl Fn(&Subject) -> Option<Vec<(f64, f64)>>,
) -> Vec<Series> {
    run.subjects
        .iter()
        .map(|subject| Series {
            name: format!("{}{what}", subject.driver.name()),
            colour: colour(subject.driver),
            width,
            points: points(subject).unwrap_or_default(),
        })
        .collect()
}

fn position(run: &Run) -> (Axes, Vec<Series>) {
    let axes = Axes {
        caption: "The position's distance from a line, in its first 30 ms",
        x: "ms",
        y: "frames",
        log_x: false,
        log_y: false,
    };
    let lines = series(run, "", 1, |s| {
        Some(s.position.as_ref()?.value()?.curve.clone())
    });
    (axes, lines)
}

fn jitter(run: &Run) -> (Axes, Vec<Series>) {
    let axes = Axes {
        caption: "How late a program is woken; less than 1 µs is shown as 1",
        x: "frames in a period",
        y: "µs",
        log_x: true,
        log_y: true,
    };
    let of = |part: fn(&super::stats::Spread) -> f64| {
        move |s: &Subject| {
            Some(
                s.jitter
                    .iter()
                    .filter_map(|j| Some((j.period as f64, part(&j.jitter.value()?.late_us))))
                    .map(|(period, late)| (period, late.max(1.0)))
                    .collect(),
            )
        }
    };
    let mut lines = series(run, ", half of all", 1, of(|s| s.p50));
    lines.extend(series(run, ", the worst", 3, of(|s| s.max)));
    (axes, lines)
}

fn delay(run: &Run) -> (Axes, Vec<Series>) {
    let axes = Axes {
        caption: "How many starts had which delay",
        x: "frames",
        y: "starts",
        log_x: false,
        log_y: false,
    };
    let lines = series(run, "", 2, |s| {
        let classes = &s.delay.as_ref()?.value()?.classes;
        let width = classes.windows(2).next().map_or(1.0, |w| w[1].0 - w[0].0);
        let bars = classes.iter().flat_map(|(from, count)| {
            let count = *count as f64;
            [
                (*from, 0.0),
                (*from, count),
                (from + width, count),
                (from + width, 0.0),
            ]
        });
        Some(bars.collect())
    });
    (axes, lines)
}

fn load(run: &Run) -> (Axes, Vec<Series>) {
    let axes = Axes {
        caption: "CPU time per cable-second",
        x: "cables",
        y: "µs",
        log_x: true,
        log_y: true,
    };
    let of = |period: u64, mode: Mode| {
        move |s: &Subject| {
            let load = s.load.as_ref()?.value()?;
            let points = load
                .loads
                .iter()
                .filter(|l| (l.period, l.mode) == (period, mode))
                .filter_map(|l| Some((l.cables as f64, l.cost.value()?.cpu_us?)))
                // Less than a step of the kernel's counters is no figure.
                .filter(|(cables, us)| *us >= load.resolution_us / cables);
            Some(points.collect())
        }
    };
    let mut lines = series(run, ", periods of 256 frames", 3, of(256, Mode::Wakeups));
    lines.extend(series(run, ", 1024 frames", 1, of(1024, Mode::Wakeups)));
    (axes, lines)
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

fn draw(axes: &Axes, series: &[Series]) -> Drawn<String> {
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
        let style = one.colour.stroke_width(one.width);
        chart.draw_series(LineSeries::new(one.points.iter().copied(), style))?;
        if axes.log_x {
            let marks = one
                .points
                .iter()
                .map(|p| Circle::new(*p, 4, one.colour.filled()));
            chart.draw_series(marks)?;
        }
    }
    Ok(())
}
