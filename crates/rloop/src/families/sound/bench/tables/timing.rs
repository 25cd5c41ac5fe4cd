// SPDX-License-Identifier: MIT OR Apache-2.0

//! The tables of what has to do with time.

use super::builder::{Builder, Cell, PARTS, Row, Table};
use crate::families::sound::bench::figures::{
    Buffer, Delay, Jitter, Position, Run, Subject, Throughput,
};
use rig::figure::Figure;
use rig::stats::number;

/// Of `run`.
pub fn noise(run: &Run) -> Table {
    let (mut rows, mut by) = (Vec::new(), String::new());
    match &run.noise {
        None => {}
        Some(Figure::Skipped(why) | Figure::Failed(why)) => rows.push(Row {
            what: "SKIP".to_owned(),
            cells: vec![why.clone()],
        }),
        Some(Figure::Measured(noise)) => {
            by = format!(", by {}", noise.by);
            let s = noise.late_us;
            for (what, value) in [
                ("p50, µs", s.p50),
                ("p99, µs", s.p99),
                ("p99.9, µs", s.p999),
                ("max, µs", s.max),
            ] {
                rows.push(Row {
                    what: what.to_owned(),
                    cells: vec![number(value)],
                });
            }
        }
    }
    Table {
        title: "Scheduling noise of the machine",
        about: format!("How late sleeps of 1 ms end, without any card{by}."),
        columns: vec!["late".to_owned()],
        rows,
    }
}

/// Of `run`.
pub fn position(run: &Run) -> Table {
    let about = "The position of a player at 48 kHz, read as fast as can be for 1.5 s.".to_owned();
    let mut t = Builder::new(run, "Position granularity", about);
    fn figure(s: &Subject) -> Option<&Figure<Position>> {
        s.position.as_ref()
    }
    t.figure("largest step, frames", true, figure, |p| {
        (p.largest_step as f64).into()
    });
    t.figure("smallest step, frames", false, figure, |p| {
        (p.least_step as f64).into()
    });
    t.figure(
        "largest step beyond the time between its readings, frames",
        false,
        figure,
        |p| p.excess.into(),
    );
    t.figure("RMS distance from a line, frames", false, figure, |p| {
        p.rms.into()
    });
    t.figure("largest distance from a line, frames", false, figure, |p| {
        p.farthest.into()
    });
    t.figure("a reading takes (median), µs", false, figure, |p| {
        p.call_us.into()
    });
    t.figure("readings", false, figure, |p| (p.readings as f64).into());
    t.table
}

/// Of `run`.
pub fn jitter(run: &Run) -> Table {
    let about = "How long after the end of a period at 48 kHz poll returns to a recorder with that period in its buffer, in µs."
        .to_owned();
    let mut t = Builder::new(run, "Wake-up jitter", about);
    let mut periods: Vec<u64> = run
        .subjects
        .iter()
        .flat_map(|s| s.jitter.iter().map(|j| j.period))
        .collect();
    periods.sort_unstable();
    periods.dedup();
    for period in periods {
        let figure = by_period(period);
        for (number, (name, part)) in PARTS.into_iter().enumerate() {
            t.figure(
                format!("{period} frames, {name}"),
                number == 0,
                figure,
                |j| part(&j.late_us).into(),
            );
        }
        t.figure(
            format!("{period} frames, wake-ups per period"),
            false,
            figure,
            |j| (j.wakeups as f64 / j.periods as f64).into(),
        );
    }
    t.table
}

/// The jitter at a period.
fn by_period(period: u64) -> impl Fn(&Subject) -> Option<&Figure<Jitter>> + Copy {
    move |s| Some(&s.jitter.iter().find(|j| j.period == period)?.jitter)
}

/// Of `run`.
pub fn buffer(run: &Run) -> Table {
    let about = format!(
        "Player and recorder, linked, with two periods in each buffer, for {} s; every frame is compared.",
        run.seconds
    );
    let mut t = Builder::new(run, "Smallest buffer", about);
    fn figure(s: &Subject) -> Option<&Figure<Buffer>> {
        s.buffer.as_ref()
    }
    t.figure("smallest period that runs, frames", true, figure, |b| {
        b.smallest
            .map_or(Cell::Words("none".to_owned()), |n| (n as f64).into())
    });
    let mut periods: Vec<u64> = run
        .subjects
        .iter()
        .filter_map(|s| figure(s)?.value())
        .flat_map(|b| b.tries.iter().map(|t| t.period))
        .collect();
    periods.sort_unstable();
    periods.dedup();
    for period in periods {
        t.figure(format!("2 × {period}"), false, figure, |b| {
            match b.tries.iter().find(|t| t.period == period) {
                None => Cell::Nothing,
                Some(t) => Cell::Words(t.trouble.clone().unwrap_or("runs".to_owned())),
            }
        });
    }
    t.table
}

/// Of `run`.
pub fn delay(run: &Run) -> Table {
    let about = "From the first frame played to the frame as which it was recorded, less the time between the two starts, in frames. Frames are whole: without any delay that is between -1 and 0, and uncertain by what the calls take."
        .to_owned();
    let mut t = Builder::new(run, "Loop delay", about);
    fn figure(s: &Subject) -> Option<&Figure<Delay>> {
        s.delay.as_ref()
    }
    t.figure("starts", true, figure, |d| (d.frames.count as f64).into());
    t.figure("median", false, figure, |d| d.frames.p50.into());
    t.figure("least", false, figure, |d| d.frames.min.into());
    t.figure("greatest", false, figure, |d| d.frames.max.into());
    t.figure("spread", false, figure, |d| d.frames.width().into());
    t.figure("of that surely the card's", false, figure, |d| {
        d.surely.into()
    });
    t.figure("a start is known to ±", false, figure, |d| {
        d.known_to.into()
    });
    t.table
}

/// Of `run`.
pub fn throughput(run: &Run) -> Table {
    fn figure(s: &Subject) -> Option<&Figure<Throughput>> {
        s.throughput.as_ref()
    }
    let some = run.subjects.iter().find_map(|s| figure(s)?.value());
    let about = some.map_or(String::new(), |t| {
        format!(
            "Sound at 48 kHz from a player to a recorder, as fast as both go, with periods of {} in buffers of {} frames; all of it is compared. The pipe holds as much as both buffers.",
            t.period, t.buffer
        )
    });
    let mut t = Builder::new(run, "Throughput without a clock", about);
    t.figure("times as fast as it sounds", true, figure, |t| {
        t.times.into()
    });
    t.figure("seconds for an hour of sound", false, figure, |t| {
        t.seconds_for_an_hour().into()
    });
    t.figure("a pipe: times as fast as it sounds", false, figure, |t| {
        t.pipe_times.into()
    });
    t.figure("of the pipe's speed", false, figure, |t| {
        Cell::Words(format!("{:.0} %", 100.0 * t.times / t.pipe_times))
    });
    t.table
}
