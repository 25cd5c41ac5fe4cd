// SPDX-License-Identifier: MIT OR Apache-2.0

//! Figures for a terminal.

use std::fmt::Write as _;

use comfy_table::presets::ASCII_BORDERS_ONLY_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use super::figures::Run;
use super::repeat::{group, verdict};
use super::{tables, targets};

/// All runs.
pub fn show(runs: &[Run]) -> String {
    let mut text = String::new();
    for group in group(runs) {
        let run = group.run;
        let _ = writeln!(text, "{}\n{}", run.title, where_it_ran(run));
        if let Some(line) = verdict(&group) {
            let _ = writeln!(text, "{line}");
        }
        for table in tables::of(run) {
            let mut shown = Table::new();
            shown
                .load_preset(ASCII_BORDERS_ONLY_CONDENSED)
                .set_content_arrangement(ContentArrangement::Dynamic);
            shown.set_header(
                std::iter::once(table.title.to_owned()).chain(table.columns.iter().cloned()),
            );
            for row in table.rows {
                shown.add_row(std::iter::once(row.what).chain(row.cells));
            }
            let _ = writeln!(text, "\n{}\n{shown}", table.about);
        }
        let _ = writeln!(text);
        for target in targets::judge(run) {
            let _ = writeln!(
                text,
                "{:10} {}: {}",
                target.reached.word(),
                target.want,
                target.came
            );
        }
        let _ = writeln!(text);
    }
    text
}

/// One line on the machine.
pub fn where_it_ran(run: &Run) -> String {
    let m = &run.machine;
    format!(
        "{} ({}), {} processor{}, Linux {}, HZ={}, {}, {}; measurements of up to {} s",
        m.model,
        m.architecture,
        m.processors,
        if m.processors == 1 { "" } else { "s" },
        m.kernel,
        m.hz,
        m.clock,
        m.policy,
        run.seconds
    )
}
