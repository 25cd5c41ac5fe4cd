// SPDX-License-Identifier: MIT OR Apache-2.0
//! What cables cost, as tables of Markdown and as pictures.

use std::fmt::Write as _;

use lab::kernel::Hz;
use rig::plot::{Bar, Drawn, stacked};

use super::costs::{Cost, Costs};
use super::counts::Mode;
use super::parts::Part;

/// A driver, the way in which its cables are served, and what both are called.
type Subject = (&'static str, Mode, &'static str);

const EXACT: Subject = ("snd-rloop", Mode::Wakeups, "snd-rloop");
const LATE: Subject = ("snd-rloop", Mode::Late, "snd-rloop, slack");
const OTHER: Subject = ("snd-aloop", Mode::Wakeups, "snd-aloop");
const SUBJECTS: [Subject; 3] = [EXACT, LATE, OTHER];

/// So many instructions an end, and so many times what snd-aloop takes, are the targets.
const INSTRUCTIONS: f64 = 1500.0;
const MANY: f64 = 2.0;
const ONE: f64 = 1.2;
const SLACK: f64 = 1.0;
const INTERRUPTS: f64 = 2.0;
/// The cables and the frames that the targets of exact wake-ups are for.
const MOST: u64 = 64;
const SHORT: u64 = 256;

/// A run.
pub(super) struct Run {
    pub(super) hz: Hz,
    pub(super) costs: Costs,
}

/// Loads of the same cables, by exact wake-ups, by late ones and by snd-aloop; and what snd-aloop took beside the late ones.
struct Row<'a> {
    cables: u64,
    period: u64,
    exact: &'a Cost,
    late: &'a Cost,
    other: &'a Cost,
    beside_late: &'a Cost,
}

impl Row<'_> {
    fn name(&self) -> String {
        let cables = if self.cables == 1 { "cable" } else { "cables" };
        format!("{} {cables} of {} frames", self.cables, self.period)
    }

    /// As in [`SUBJECTS`].
    fn columns(&self) -> [&Cost; 3] {
        [self.exact, self.late, self.other]
    }

    /// How many times as much `what` is as snd-aloop's: by exact wake-ups, and by late ones.
    fn times(&self, what: impl Fn(&Cost) -> f64) -> [f64; 2] {
        [
            what(self.exact) / what(self.other),
            what(self.late) / what(self.beside_late),
        ]
    }
}

impl Run {
    /// The loads that all were measured for.
    fn rows(&self) -> Vec<Row<'_>> {
        let costs = &self.costs;
        let exact = costs.of(EXACT.0, EXACT.1);
        let rows = exact.map(|exact| {
            let (cables, period) = (exact.cables.count, exact.cables.period);
            let same = |driver, mode| {
                let mut all = costs.of(driver, mode);
                all.find(|cost| (cost.cables.count, cost.cables.period) == (cables, period))
            };
            Some(Row {
                cables,
                period,
                exact,
                late: same(LATE.0, LATE.1)?,
                other: same(OTHER.0, Mode::Wakeups)?,
                beside_late: same(OTHER.0, Mode::Late)?,
            })
        });
        rows.flatten().collect()
    }

    /// Its tables.
    pub(super) fn markdown(&self, picture: &str) -> String {
        let rows = self.rows();
        let (least, most) = self.costs.idle;
        let mut text = format!(
            "## Instructions of the kernel at HZ={}\n\n\
             Beyond what an idle guest executes, which is {} to {} a second. The slack is of one tick.\n\n",
            self.hz,
            whole(least),
            whole(most)
        );
        text += "### For each end of a period that is due\n\n";
        text += &head(&[
            "",
            EXACT.2,
            LATE.2,
            OTHER.2,
            "times snd-aloop",
            "for each wake-up",
            "slack: times snd-aloop",
            "for each wake-up",
        ]);
        for row in &rows {
            let [exact, late] = row.times(Cost::for_a_cable);
            let [exact_each, late_each] = row.times(Cost::for_a_wakeup);
            let mut cells = vec![row.name()];
            cells.extend(row.columns().map(|cost| whole(cost.for_each_end())));
            cells.extend([exact, exact_each, late, late_each].map(|times| format!("{times:.2}")));
            text += &line(&cells);
        }
        text += "\nThe multiples are of what snd-aloop takes for a second of a cable, and for each of its wake-ups.\n\n\
                 ### Wake-ups and timer interrupts\n\n";
        let subjects = || SUBJECTS.iter().map(|subject| subject.2);
        let told = subjects().map(|name| format!("{name}: ends told"));
        let interrupts = subjects().map(|name| format!("{name}: interrupts"));
        let columns: Vec<String> = std::iter::once(String::new())
            .chain(told)
            .chain(interrupts)
            .collect();
        text += &head(&columns.iter().map(String::as_str).collect::<Vec<_>>());
        for row in &rows {
            let mut cells = vec![row.name()];
            let columns = row.columns();
            cells.extend(columns.map(|cost| format!("{:.0} %", cost.told() * 100.0)));
            cells.extend(columns.map(|cost| format!("{:.1}", cost.interrupts())));
            text += &line(&cells);
        }
        text +=
            "\nOf the ends of a period that are due, and per second of a cable.\n\n### By part\n\n";
        let _ = writeln!(
            text,
            "![Instructions for each end of a period, by part, at HZ={}]({picture})\n",
            self.hz
        );
        for row in &rows {
            let _ = writeln!(
                text,
                "{}: instructions for each end of a period\n",
                row.name()
            );
            text += &head(&["", EXACT.2, LATE.2, OTHER.2]);
            let columns = row.columns();
            for part in Part::ALL {
                let mut cells = vec![part.name().to_owned()];
                cells.extend(columns.map(|cost| whole(cost.parts()[part as usize])));
                text += &line(&cells);
            }
            let mut cells = vec!["in all".to_owned()];
            cells.extend(columns.map(|cost| whole(cost.for_each_end())));
            text += &line(&cells);
            text.push('\n');
        }
        text += "### Targets\n\n";
        text += &targets(&rows);
        text
    }

    /// Its picture, as SVG.
    pub(super) fn picture(&self) -> Drawn<String> {
        let mut bars = Vec::new();
        for row in self.rows() {
            for (cost, (_, _, name)) in row.columns().into_iter().zip(SUBJECTS) {
                bars.push(Bar {
                    name: format!("{} × {}, {name}", row.cables, row.period),
                    values: cost.parts().to_vec(),
                });
            }
        }
        let caption = format!(
            "Instructions for each end of a period, cables × frames, at HZ={}",
            self.hz
        );
        let svg = stacked(&caption, &Part::ALL.map(Part::drawn), &bars)?;
        let about = "<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n<!-- made by cargo xtask bench -->";
        Ok(svg.replacen('\n', &format!("\n{about}\n"), 1))
    }
}

/// What a cost is for, and the cost.
type Way = (&'static str, fn(&Cost) -> f64);

/// Whether what was wanted came.
fn targets(rows: &[Row<'_>]) -> String {
    let mut text = head(&["", "target", "came"]);
    let mut judge = |what: &str, most: f64, came: Vec<(String, f64)>| {
        let missed = came.iter().any(|(_, value)| *value > most);
        let came: Vec<String> = came
            .iter()
            .map(|(name, value)| format!("{name}: {}", number(*value)))
            .collect();
        let verdict = if came.is_empty() {
            "not judged"
        } else if missed {
            "missed"
        } else {
            "met"
        };
        text += &line(&[verdict.to_owned(), what.to_owned(), came.join("; ")]);
    };
    let of = |which: &dyn Fn(&Row<'_>) -> bool, value: &dyn Fn(&Row<'_>) -> f64| {
        let rows = rows.iter().filter(|row| which(row));
        rows.map(|row| (row.name(), value(row))).collect()
    };
    judge(
        "64 cables of 256 frames: at most 1500 instructions for each end of a period",
        INSTRUCTIONS,
        of(&|r| (r.cables, r.period) == (MOST, SHORT), &|r| {
            r.exact.for_each_end()
        }),
    );
    judge(
        "the same: at most twice what snd-aloop takes for each wake-up",
        MANY,
        of(&|r| (r.cables, r.period) == (MOST, SHORT), &|r| {
            r.times(Cost::for_a_wakeup)[0]
        }),
    );
    let ways: [Way; 2] = [
        ("for each wake-up", Cost::for_a_wakeup),
        ("for a second of a cable", Cost::for_a_cable),
    ];
    for (unit, way) in ways {
        judge(
            &format!("1 cable: at most 1.2 times what snd-aloop takes {unit}"),
            ONE,
            of(&|r| r.cables == 1, &|r| r.times(way)[0]),
        );
    }
    for (unit, way) in ways {
        judge(
            &format!("a slack of one tick: not more than snd-aloop takes {unit}"),
            SLACK,
            of(&|_| true, &|r| r.times(way)[1]),
        );
    }
    judge(
        "a slack of one tick: at most twice snd-aloop's timer interrupts",
        INTERRUPTS,
        of(&|_| true, &|r| r.times(Cost::interrupts)[1]),
    );
    text
}

fn number(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.2}")
    } else {
        whole(value)
    }
}

fn whole(value: f64) -> String {
    // Not -0.
    format!("{:.0}", value.round() + 0.0)
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn head(cells: &[&str]) -> String {
    let names = cells.join(" | ");
    format!("| {names} |\n|{}\n", "---|".repeat(cells.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::instructions::counts::windows;
    use crate::bench::instructions::symbols::Symbols;

    /// A run in which each load has executed so many instructions, in a second, at 100 ends, and half of them are told by
    /// snd-aloop.
    fn run(loads: &[(&str, &str, u64)]) -> Run {
        let symbols = Symbols::new(
            "10000 t advance [snd_rloop]\n20000 T snd_pcm_period_elapsed [snd_pcm]\n30000 T hrtimer_interrupt\n",
            "",
        );
        let (mut log, mut counts) = (String::new(), String::new());
        for (time, (driver, mode, instructions)) in loads.iter().enumerate() {
            let _ = writeln!(
                log,
                "[{time}.0] rloop bench: begin {driver} cables=64 period=256 rate=200 mode={mode}\n\
                 [{}.0] rloop bench: end",
                time + 1
            );
            let told = if *driver == "snd-aloop" { 50 } else { 100 };
            let _ = writeln!(
                counts,
                "mark\n10000 1 {instructions}\n20000 {told} 0\n30000 64 0\nmark"
            );
        }
        Run {
            hz: Hz::Hz250,
            costs: Costs::new(&windows(&log, &counts).unwrap(), &symbols),
        }
    }

    #[test]
    fn tables_say_what_was_met() {
        let run = run(&[
            ("snd-rloop", "wakeups", 200_000),
            ("snd-rloop", "late", 100_000),
            ("snd-rloop", "off", 1),
            ("snd-aloop", "wakeups", 100_000),
            ("snd-aloop", "late", 100_000),
        ]);
        let text = run.markdown("hz250.svg");
        for line in [
            "| 64 cables of 256 frames | 2000 | 1000 | 1000 | 2.00 | 1.00 | 1.00 | 0.50 |\n",
            "| 64 cables of 256 frames | 100 % | 100 % | 50 % | 1.0 | 1.0 | 1.0 |\n",
            "| the driver | 2000 | 1000 | 1000 |\n",
            "| in all | 2000 | 1000 | 1000 |\n",
            "| missed | 64 cables of 256 frames: at most 1500 instructions for each end of a period | 64 cables of 256 frames: 2000 |\n",
            "| met | the same: at most twice what snd-aloop takes for each wake-up | 64 cables of 256 frames: 1.00 |\n",
            "| not judged | 1 cable: at most 1.2 times what snd-aloop takes for a second of a cable |  |\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        let svg = run.picture().unwrap();
        assert!(svg.contains("64 × 256, snd-aloop"), "{svg}");
    }

    #[test]
    fn loads_that_were_not_measured_on_both_are_left_out() {
        assert!(
            run(&[("snd-rloop", "wakeups", 1), ("snd-rloop", "late", 1)])
                .rows()
                .is_empty()
        );
    }
}
