// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of the pitch.

use super::builder::{Builder, Cell, Table};
use crate::families::sound::bench::figures::{Pitch, Run, Subject};
use rig::figure::Figure;
use rig::stats::Spread;

/// Of `run`.
pub fn pitch(run: &Run) -> Table {
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
            Some(Figure::Skipped(why)) => Cell::Why(format!("SKIP: {why}")),
            Some(Figure::Failed(why)) => Cell::Why(format!("FAIL: {why}")),
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
