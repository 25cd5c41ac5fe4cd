// SPDX-License-Identifier: MIT OR Apache-2.0

//! Figures as one page of HTML that needs nothing else: for a phone as for a wide screen, light or dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::figures::Run;
use super::repeat::{Repeated, group, verdict};
use super::table::where_it_ran;
use super::tables::Table;
use super::targets::{Reached, judge};
use super::{plot, tables};
use crate::error::Error;

const STYLE: &str = include_str!("page.css");

/// All runs.
///
/// # Errors
/// If a plot can't be drawn.
pub fn show(runs: &[Run]) -> Result<String, Error> {
    let groups = group(runs);
    let mut parts = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        parts.push(section(number, group)?);
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "rloop bench" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "rloop bench" }
                p { "Loopback sound cards: how exact, how prompt and how costly they are. A ratio is that of snd-rloop to snd-aloop." }
                @if groups.len() > 1 {
                    ul {
                        @for (number, group) in groups.iter().enumerate() {
                            li { a href=(format!("#run{number}")) { (group.run.title) } }
                        }
                    }
                }
                @for part in parts { (part) }
            }
        }
    };
    Ok(page.into_string())
}

fn section(number: usize, group: &Repeated<'_>) -> Result<Markup, Error> {
    let run = group.run;
    let mut parts = Vec::new();
    for table in tables::of(run) {
        let plot = plot::of(run, table.title).map_err(|e| Error::Plot(e.to_string()))?;
        parts.push(html! {
            h3 { (table.title) }
            p { (table.about) }
            @if let Some(plot) = plot {
                figure {
                    (PreEscaped(plot.svg))
                    figcaption {
                        (plot.caption) ": "
                        @for (name, colour) in plot.legend {
                            span.key { span.swatch style=(format!("background:{colour}")) {} (name) }
                        }
                    }
                }
            }
            (grid(&table))
        });
    }
    let targets = judge(run);
    Ok(html! {
        section id=(format!("run{number}")) {
            h2 { (run.title) }
            p.machine { (where_it_ran(run)) "." }
            @for subject in &run.subjects {
                p.machine {
                    (subject.driver.name()) ": " (subject.cables) " cables (card"
                    @if subject.cards.len() > 1 { "s" }
                    " " (subject.cards.join(", ")) ")"
                }
            }
            @if let Some(line) = verdict(group) { p { strong { (line) } "." } }
            @if !targets.is_empty() {
                h3 { "Targets" }
                div.scroll { table.words {
                    @for target in targets {
                        tr {
                            td class=(class(target.reached)) { (target.reached.word()) }
                            td { (target.want) }
                            td { (target.came) }
                        }
                    }
                } }
            }
            @for part in parts { (part) }
        }
    })
}

fn class(reached: Reached) -> &'static str {
    match reached {
        Reached::Met => "met",
        Reached::Missed => "missed",
        Reached::Open => "open",
    }
}

/// A ratio on one line.
fn unbroken(cell: &str) -> String {
    cell.replace(" : ", "\u{a0}:\u{a0}")
}

fn grid(table: &Table) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th {} @for column in &table.columns { th { (column) } } } }
            tbody {
                @for row in &table.rows {
                    tr { th scope="row" { (row.what) } @for cell in &row.cells { td { (unbroken(cell)) } } }
                }
            }
        } }
    }
}
