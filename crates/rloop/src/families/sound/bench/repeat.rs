// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs of the same title are repeats of each other: whether they gave the same.

use serde_json::Value;

use super::figures::Run;

/// A run, and those that repeated it.
pub struct Repeated<'a> {
    /// The first.
    pub run: &'a Run,
    /// How many more there were.
    pub again: usize,
    /// Where they differ from it, with both values.
    pub differences: Vec<String>,
}

/// Puts runs of the same title together, in the order of the first of each.
pub fn group(runs: &[Run]) -> Vec<Repeated<'_>> {
    let mut groups: Vec<Repeated<'_>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|g| g.run.title == run.title) {
            None => groups.push(Repeated {
                run,
                again: 0,
                differences: Vec::new(),
            }),
            Some(group) => {
                group.again += 1;
                let value = |run: &Run| serde_json::to_value(run).unwrap_or_default();
                let mut path = Vec::new();
                compare(
                    &value(group.run),
                    &value(run),
                    &mut path,
                    &mut group.differences,
                );
            }
        }
    }
    groups
}

/// One line on whether the repeats gave the same; none if there were none.
pub fn verdict(group: &Repeated<'_>) -> Option<String> {
    let times = group.again + 1;
    match (group.again, group.differences.len()) {
        (0, _) => None,
        (_, 0) => Some(format!("run {times} times, each gave the same figures")),
        (_, n) => Some(format!(
            "run {times} times, not all with the same figures ({n} differ): {}{}",
            group
                .differences
                .iter()
                .take(3)
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
            if n > 3 { ", …" } else { "" }
        )),
    }
}

fn compare(a: &Value, b: &Value, path: &mut Vec<String>, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for ((key, a), b) in a.iter().zip(b.values()) {
                path.push(key.clone());
                compare(a, b, path, found);
                path.pop();
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                path.push(number.to_string());
                compare(a, b, path, found);
                path.pop();
            }
        }
        (a, b) if a == b => {}
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => {
            found.push(format!("{} is of another shape", path.join(".")));
        }
        (a, b) => found.push(format!("{} {a} and {b}", path.join("."))),
    }
}
