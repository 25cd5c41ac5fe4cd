// SPDX-License-Identifier: MIT OR Apache-2.0

//! A run as tables: the same for a terminal and for the page.

use super::figures::Run;

mod builder;
mod cost;
mod pitch;
mod timing;

pub use builder::Table;

/// All tables of `run` that have anything in them.
pub fn of(run: &Run) -> Vec<Table> {
    let mut tables = vec![
        timing::noise(run),
        timing::position(run),
        timing::jitter(run),
        timing::buffer(run),
        timing::delay(run),
        cost::load(run),
        pitch::pitch(run),
        timing::throughput(run),
    ];
    tables.retain(|t| !t.rows.is_empty());
    tables
}
