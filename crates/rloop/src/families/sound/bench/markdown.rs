// SPDX-License-Identifier: MIT OR Apache-2.0

//! Figures as Markdown, for documents.

use std::fmt::Write as _;

use super::figures::Run;
use super::repeat::{group, verdict};
use super::table::where_it_ran;
use super::{tables, targets};

/// All runs, a section of the second level each.
pub fn show(runs: &[Run]) -> String {
    let mut parts = Vec::new();
    for group in group(runs) {
        let run = group.run;
        let mut text = format!("## {}\n\n{}.\n", run.title, where_it_ran(run));
        if let Some(line) = verdict(&group) {
            let _ = writeln!(text, "\n**{line}.**");
        }
        let targets = targets::judge(run);
        if !targets.is_empty() {
            let _ = writeln!(text, "\n### Targets\n");
            head(&mut text, ["", "", ""]);
            for target in targets {
                row(
                    &mut text,
                    [target.reached.word(), target.want, &target.came],
                );
            }
        }
        for table in tables::of(run) {
            let _ = writeln!(text, "\n### {}\n\n{}\n", table.title, table.about);
            let columns = table.columns.iter().map(String::as_str);
            head(&mut text, std::iter::once("").chain(columns));
            for line in &table.rows {
                let cells = line.cells.iter().map(String::as_str);
                row(&mut text, std::iter::once(line.what.as_str()).chain(cells));
            }
        }
        parts.push(text);
    }
    parts.join("\n")
}

fn head<'a>(text: &mut String, columns: impl IntoIterator<Item = &'a str>) {
    let columns: Vec<&str> = columns.into_iter().collect();
    row(text, columns.iter().copied());
    let _ = writeln!(text, "{}|", "|---".repeat(columns.len()));
}

/// Cells must not be taken for markup.
fn row<'a>(text: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for cell in cells {
        let cell = cell.replace('|', "\\|").replace('<', "&lt;");
        let _ = write!(text, "| {cell}{}", if cell.is_empty() { "" } else { " " });
    }
    let _ = writeln!(text, "|");
}
