// SPDX-License-Identifier: MIT OR Apache-2.0

//! The table of what running cables cost.

use super::builder::{Builder, Cell, Table};
use crate::families::sound::bench::figures::{Cost, Load, Loaded, Mode, Run, Subject};
use rig::figure::Figure;
use rig::stats::number;

/// Of `run`.
pub fn load(run: &Run) -> Table {
    fn figure(s: &Subject) -> Option<&Figure<Load>> {
        s.load.as_ref()
    }
    let some = run.subjects.iter().find_map(|s| figure(s)?.value());
    let about = some.map_or(String::new(), |l| {
        format!(
            "What running cables (a player and a recorder each, 48 kHz) make the kernel do, per second of a cable, beyond what it does when none runs; each for {} s. CPU time is that of interrupts, hard and soft, and of a program that looks; it is counted in steps of {} µs, divided by the number of cables.",
            l.seconds,
            number(l.resolution_us)
        )
    });
    let mut t = Builder::new(run, "CPU time and timer interrupts", about);
    t.row("", |s| match figure(s) {
        Some(Figure::Skipped(why)) => Cell::Why(format!("SKIP: {why}")),
        Some(Figure::Failed(why)) => Cell::Why(format!("FAIL: {why}")),
        _ => Cell::Nothing,
    });
    let kinds: [Kind; 2] = [
        (CPU, "CONFIG_IRQ_TIME_ACCOUNTING", |c| c.cpu_us),
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
        let counted_in_steps = kind == CPU;
        for is in some.map_or(&[][..], |l| &l.loads) {
            t.figure(loaded(is, kind), false, figure, |l| {
                let same = l
                    .loads
                    .iter()
                    .find(|o| (o.cables, o.period, o.mode) == (is.cables, is.period, is.mode));
                match same.map(|l| &l.cost) {
                    Some(Figure::Measured(cost)) => match of(cost) {
                        // Less than a step of the kernel's counters is no figure to make a ratio of.
                        Some(us) if counted_in_steps && us.abs() < step(l, is) => {
                            Cell::Words(format!("< {}", number(step(l, is))))
                        }
                        Some(value) => Cell::Number(value),
                        None => Cell::Nothing,
                    },
                    Some(Figure::Skipped(why)) => Cell::Why(format!("SKIP: {why}")),
                    Some(Figure::Failed(why)) => Cell::Why(format!("FAIL: {why}")),
                    None => Cell::Nothing,
                }
            });
        }
    }
    t.table
}

const CPU: &str = "µs of CPU";

/// The step in which the kernel counts the time of one of the cables of `is`, in µs.
fn step(load: &Load, is: &Loaded) -> f64 {
    load.resolution_us / is.cables as f64
}

/// A part of a cost: its unit, what the kernel needs to count it, and where it is.
type Kind = (&'static str, &'static str, fn(&Cost) -> Option<f64>);

fn loaded(is: &Loaded, kind: &str) -> String {
    let mode = match is.mode {
        Mode::Wakeups => format!("periods of {} frames", is.period),
        Mode::Late => format!("periods of {} frames, may be late", is.period),
        Mode::Off => "no period wake-ups".to_owned(),
        Mode::Looked => "no period wake-ups, looked at".to_owned(),
    };
    let cables = if is.cables == 1 { "cable" } else { "cables" };
    format!("{} {cables}, {mode}: {kind}", is.cables)
}
