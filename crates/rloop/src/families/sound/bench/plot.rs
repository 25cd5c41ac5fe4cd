// SPDX-License-Identifier: MIT OR Apache-2.0

//! The plots of a run.

use rig::plot::{Axes, Drawn, Mark, Plot, Series, draw};

use super::figures::{Mode, Run, Subject};
use crate::families::sound::loopback::Driver;

/// Both are told apart on white and on black.
fn colour(driver: Driver) -> (u8, u8, u8) {
    match driver {
        Driver::SndRloop => (0x2f, 0x8f, 0xdd),
        Driver::SndAloop => (0xe0, 0x7b, 0x1a),
    }
}

/// Where both are the same, both are seen.
fn mark(driver: Driver) -> Mark {
    match driver {
        Driver::SndRloop => Mark::Dot,
        Driver::SndAloop => Mark::Ring,
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
    draw(&axes, series)
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
            mark: mark(subject.driver),
            points: points(subject).unwrap_or_default(),
        })
        .collect()
}

fn position(run: &Run) -> (Axes, Vec<Series>) {
    let axes = Axes {
        caption: "The position's distance from a line, in its first 30 ms",
        x: "ms",
        y: "frames",
        log: false,
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
        log: true,
    };
    let of = |part: fn(&rig::stats::Spread) -> f64| {
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
        log: false,
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
        log: true,
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
