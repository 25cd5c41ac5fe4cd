// SPDX-License-Identifier: MIT OR Apache-2.0

//! A run as tables: the same for a terminal and for the page.

use super::figures::{
    Buffer, Cost, Delay, Figure, Jitter, Load, Loaded, Mode, Pitch, Position, Run, Subject,
};
use super::stats::{Spread, ratio};
use crate::card::Driver;

/// One table.
pub struct Table {
    /// What was measured.
    pub title: &'static str,
    /// How, in a sentence.
    pub about: String,
    /// The heads of the columns after the first.
    pub columns: Vec<String>,
    /// The lines.
    pub rows: Vec<Row>,
}

/// One line of a table.
pub struct Row {
    /// What it says.
    pub what: String,
    /// One for each column.
    pub cells: Vec<String>,
}

/// What one subject has in a line: a number, or words.
enum Cell {
    Number(f64),
    Words(String),
    Nothing,
}

impl<T: Into<f64>> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::Number(value.into())
    }
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

/// How many times the one card's figure the other's is.
fn ratio_text(rloop: f64, aloop: f64) -> String {
    match ratio(aloop, rloop) {
        Some(r) if r >= 1.0 => format!("1 : {}", number(r)),
        Some(r) => format!("{} : 1", number(1.0 / r)),
        None => String::new(),
    }
}

/// All tables of `run` that have anything in them.
pub fn of(run: &Run) -> Vec<Table> {
    let mut tables = vec![
        noise(run),
        position(run),
        jitter(run),
        buffer(run),
        delay(run),
        load(run),
        pitch(run),
    ];
    tables.retain(|t| !t.rows.is_empty());
    tables
}

/// Builds a table with a column for each subject, and one for the ratio where there are both.
struct Builder<'a> {
    run: &'a Run,
    table: Table,
}

impl<'a> Builder<'a> {
    fn new(run: &'a Run, title: &'static str, about: String) -> Self {
        let mut columns: Vec<String> = run
            .subjects
            .iter()
            .map(|s| s.driver.name().to_owned())
            .collect();
        if pair(run).is_some() {
            columns.push("ratio".to_owned());
        }
        Self {
            run,
            table: Table {
                title,
                about,
                columns,
                rows: Vec::new(),
            },
        }
    }

    fn row(&mut self, what: impl Into<String>, cell: impl Fn(&Subject) -> Cell) {
        let cells: Vec<Cell> = self.run.subjects.iter().map(cell).collect();
        if cells.iter().all(|c| matches!(c, Cell::Nothing)) {
            return;
        }
        let mut texts: Vec<String> = cells
            .iter()
            .map(|c| match c {
                Cell::Number(n) => number(*n),
                Cell::Words(words) => words.clone(),
                Cell::Nothing => "–".to_owned(),
            })
            .collect();
        if let Some((rloop, aloop)) = pair(self.run) {
            texts.push(match (&cells[rloop], &cells[aloop]) {
                (Cell::Number(a), Cell::Number(b)) => ratio_text(*a, *b),
                _ => String::new(),
            });
        }
        self.table.rows.push(Row {
            what: what.into(),
            cells: texts,
        });
    }

    /// A line of a figure; why there is none is said in the line of `first` figures only.
    fn figure<T>(
        &mut self,
        what: impl Into<String>,
        first: bool,
        figure: impl Fn(&Subject) -> Option<&Figure<T>>,
        cell: impl Fn(&T) -> Cell,
    ) {
        self.row(what, |subject| match figure(subject) {
            None => Cell::Nothing,
            Some(Figure::Measured(value)) => cell(value),
            Some(Figure::Skipped(why)) if first => Cell::Words(format!("SKIP: {why}")),
            Some(Figure::Failed(why)) if first => Cell::Words(format!("FAIL: {why}")),
            Some(_) => Cell::Nothing,
        });
    }
}

/// What is shown of a spread.
const PARTS: [(&str, fn(&Spread) -> f64); 4] = [
    ("p50", |s| s.p50),
    ("p99", |s| s.p99),
    ("p99.9", |s| s.p999),
    ("max", |s| s.max),
];

/// The columns of snd-rloop and of snd-aloop, where there are both.
fn pair(run: &Run) -> Option<(usize, usize)> {
    let find = |driver| run.subjects.iter().position(|s| s.driver == driver);
    Some((find(Driver::SndRloop)?, find(Driver::SndAloop)?))
}

fn noise(run: &Run) -> Table {
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

fn position(run: &Run) -> Table {
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

fn jitter(run: &Run) -> Table {
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

fn buffer(run: &Run) -> Table {
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

fn delay(run: &Run) -> Table {
    let about = "From the first frame played to the frame as which it was recorded, less the time between the two starts, in frames."
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

fn load(run: &Run) -> Table {
    fn figure(s: &Subject) -> Option<&Figure<Load>> {
        s.load.as_ref()
    }
    let some = run.subjects.iter().find_map(|s| figure(s)?.value());
    let about = some.map_or(String::new(), |l| {
        format!(
            "What running cables (a player and a recorder each, 48 kHz) make the kernel do, per second of a cable, beyond what it does when none runs; each for {} s. CPU time is what the processors were not idle; it is counted in steps of {} µs, divided by the number of cables.",
            l.seconds,
            number(l.resolution_us)
        )
    });
    let mut t = Builder::new(run, "CPU time and timer interrupts", about);
    t.row("", |s| match figure(s) {
        Some(Figure::Skipped(why)) => Cell::Words(format!("SKIP: {why}")),
        Some(Figure::Failed(why)) => Cell::Words(format!("FAIL: {why}")),
        _ => Cell::Nothing,
    });
    let kinds: [Kind; 2] = [
        ("µs of CPU", "CONFIG_IRQ_TIME_ACCOUNTING", |c| c.cpu_us),
        ("interrupts", "a known timer in /proc/interrupts", |c| {
            c.interrupts
        }),
    ];
    for (kind, needs, of) in kinds {
        if some.is_some_and(|l| of(&l.idle).is_none()) {
            t.figure(kind, false, figure, |_| {
                Cell::Words(format!("SKIP: this kernel lacks {needs}"))
            });
            continue;
        }
        t.figure(
            format!("idle machine: {kind} per second"),
            false,
            figure,
            |l| of(&l.idle).map_or(Cell::Nothing, Cell::Number),
        );
        for is in some.map_or(&[][..], |l| &l.loads) {
            t.figure(loaded(is, kind), false, figure, |l| {
                let same = l
                    .loads
                    .iter()
                    .find(|o| (o.cables, o.period, o.mode) == (is.cables, is.period, is.mode));
                match same.map(|l| &l.cost) {
                    Some(Figure::Measured(cost)) => of(cost).map_or(Cell::Nothing, Cell::Number),
                    Some(Figure::Skipped(why)) => Cell::Words(format!("SKIP: {why}")),
                    Some(Figure::Failed(why)) => Cell::Words(format!("FAIL: {why}")),
                    None => Cell::Nothing,
                }
            });
        }
    }
    t.table
}

/// A part of a cost: its unit, what the kernel needs to count it, and where it is.
type Kind = (&'static str, &'static str, fn(&Cost) -> Option<f64>);

fn loaded(is: &Loaded, kind: &str) -> String {
    let mode = match is.mode {
        Mode::Wakeups => format!("periods of {} frames", is.period),
        Mode::Off => "no period wake-ups".to_owned(),
        Mode::Looked => "no period wake-ups, looked at".to_owned(),
    };
    let cables = if is.cables == 1 { "cable" } else { "cables" };
    format!("{} {cables}, {mode}: {kind}", is.cables)
}

fn pitch(run: &Run) -> Table {
    let about = format!(
        "By how much the rate differs from the one set, against CLOCK_MONOTONIC, over {} s; and how long after the write the speed changes, in 20 changes.",
        run.seconds
    );
    let mut t = Builder::new(run, "Pitch", about);
    let mut names: Vec<&str> = Vec::new();
    for pitched in run.subjects.iter().flat_map(|s| &s.pitch) {
        if !names.contains(&pitched.element.as_str()) {
            names.push(&pitched.element);
        }
    }
    for name in names {
        let of = |s: &Subject| -> Option<Figure<Pitch>> {
            s.pitch
                .iter()
                .find(|p| p.element == name)
                .map(|p| p.pitch.clone())
        };
        let tried: Vec<i32> = run
            .subjects
            .iter()
            .find_map(|s| Some(of(s)?.value()?.settings.iter().map(|s| s.value).collect()))
            .unwrap_or_default();
        t.row(format!("{name}: a greater value is"), |s| match of(s) {
            Some(Figure::Measured(p)) if p.greater_is_faster => Cell::Words("faster".to_owned()),
            Some(Figure::Measured(_)) => Cell::Words("slower".to_owned()),
            Some(Figure::Skipped(why)) => Cell::Words(format!("SKIP: {why}")),
            Some(Figure::Failed(why)) => Cell::Words(format!("FAIL: {why}")),
            None => Cell::Nothing,
        });
        for value in tried {
            t.row(format!("{name} = {value}: error, ppm"), |s| {
                of(s)
                    .and_then(|f| {
                        let setting = f.value()?.settings.iter().find(|s| s.value == value)?;
                        Some(setting.error_ppm)
                    })
                    .map_or(Cell::Nothing, Cell::Number)
            });
        }
        for (what, part) in [
            ("median", (|s| s.p50) as fn(&Spread) -> f64),
            ("longest", |s| s.max),
        ] {
            t.row(format!("{name}: time to effect, {what}, µs"), |s| {
                of(s)
                    .and_then(|f| f.value().map(|p| part(&p.effect_us)))
                    .map_or(Cell::Nothing, Cell::Number)
            });
        }
    }
    t.table
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

    #[test]
    fn ratios_are_told_from_the_smaller() {
        assert_eq!(ratio_text(1.0, 192.0), "1 : 192");
        assert_eq!(ratio_text(30.0, 12.0), "2.5 : 1");
        assert_eq!(ratio_text(0.0, 12.0), "");
    }
}
