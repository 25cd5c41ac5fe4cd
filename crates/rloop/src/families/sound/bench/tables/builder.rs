// SPDX-License-Identifier: MIT OR Apache-2.0

//! How a table is made.

use rig::stats::{Spread, number, ratio};

use crate::families::sound::bench::figures::{Run, Subject};
use crate::families::sound::loopback::Driver;
use rig::figure::Figure;

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

/// What one subject has in a line: a number, words, or why there is neither, which a column says once.
pub enum Cell {
    Number(f64),
    Words(String),
    Why(String),
    Nothing,
}

impl<T: Into<f64>> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::Number(value.into())
    }
}

/// What a cell without anything has.
const NOTHING: &str = "–";

/// How many times the one card's figure the other's is.
pub fn ratio_text(rloop: f64, aloop: f64) -> String {
    match ratio(aloop, rloop) {
        Some(r) if r >= 1.0 => format!("1 : {}", number(r)),
        Some(r) => format!("{} : 1", number(1.0 / r)),
        None => String::new(),
    }
}

/// Builds a table with a column for each subject, and one for the ratio where there are both.
pub struct Builder<'a> {
    pub run: &'a Run,
    pub table: Table,
    /// Each reason that was given, and by which subject.
    said: Vec<(usize, String)>,
}

impl<'a> Builder<'a> {
    pub fn new(run: &'a Run, title: &'static str, about: String) -> Self {
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
            said: Vec::new(),
        }
    }

    pub fn row(&mut self, what: impl Into<String>, cell: impl Fn(&Subject) -> Cell) {
        let cells: Vec<Cell> = self.run.subjects.iter().map(cell).collect();
        if cells.iter().all(|c| matches!(c, Cell::Nothing)) {
            return;
        }
        let mut texts: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(subject, c)| match c {
                Cell::Number(n) => number(*n),
                Cell::Words(words) => words.clone(),
                Cell::Why(why) => self.once(subject, why),
                Cell::Nothing => NOTHING.to_owned(),
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

    /// The reason `why`, the first time that `subject` has it.
    fn once(&mut self, subject: usize, why: &str) -> String {
        let reason = (subject, why.to_owned());
        if self.said.contains(&reason) {
            return NOTHING.to_owned();
        }
        self.said.push(reason);
        why.to_owned()
    }

    /// A line of a figure; why there is none is said in the line of `first` figures only.
    pub fn figure<T>(
        &mut self,
        what: impl Into<String>,
        first: bool,
        figure: impl Fn(&Subject) -> Option<&Figure<T>>,
        cell: impl Fn(&T) -> Cell,
    ) {
        self.row(what, |subject| match figure(subject) {
            None => Cell::Nothing,
            Some(Figure::Measured(value)) => cell(value),
            Some(Figure::Skipped(why)) if first => Cell::Why(format!("SKIP: {why}")),
            Some(Figure::Failed(why)) if first => Cell::Why(format!("FAIL: {why}")),
            Some(_) => Cell::Nothing,
        });
    }
}

/// A value of a spread, and its name.
pub type Part = (&'static str, fn(&Spread) -> f64);

/// What is shown of a spread.
pub const PARTS: [Part; 4] = [
    ("p50", |s| s.p50),
    ("p99", |s| s.p99),
    ("p99.9", |s| s.p999),
    ("max", |s| s.max),
];

/// The columns of snd-rloop and of snd-aloop, where there are both.
pub fn pair(run: &Run) -> Option<(usize, usize)> {
    let find = |driver| run.subjects.iter().position(|s| s.driver == driver);
    Some((find(Driver::SndRloop)?, find(Driver::SndAloop)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_told_from_the_smaller() {
        assert_eq!(ratio_text(1.0, 192.0), "1 : 192");
        assert_eq!(ratio_text(30.0, 12.0), "2.5 : 1");
        assert_eq!(ratio_text(0.0, 12.0), "");
    }
}
