// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may stand where: rooms that many drivers share name none of them, and a driver has no `unsafe`.

use std::path::Path;

use lab::error::Result;

use super::super::layer::extension;
use super::read;

/// What knows no driver.
const SHARED: [&str; 3] = ["crates/lab", "crates/rig", "drivers/lib"];

/// Files of the shared rooms that name one of these drivers, by its own name or its module's, and files of drivers that
/// have `unsafe`, which is the library's.
pub(super) fn problems(repo: &Path, drivers: &[String]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    // `new-driver` is tried in a copy that has no more than it writes to.
    let there = SHARED.iter().filter(|room| repo.join(room).is_dir());
    for room in there {
        for (file, text) in read(repo, room, |_| true)? {
            let named = drivers.iter().find(|driver| names(&text, driver));
            problems.extend(named.map(|driver| format!("{file} names {driver}")));
        }
    }
    for driver in drivers {
        for part in ["src", "model"] {
            let files = read(repo, &format!("drivers/{driver}/{part}"), |path| {
                extension(path, &["rs"])
            })?;
            let unsafe_ones = files.iter().filter(|(_, text)| has_unsafe(text));
            problems.extend(unsafe_ones.map(|(file, _)| format!("{file} has unsafe")));
        }
    }
    Ok(problems)
}

/// The words of a text; `-` and `_` are the same.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c))
        .map(|word| word.replace('-', "_"))
}

fn names(text: &str, driver: &str) -> bool {
    let driver = driver.replace('-', "_");
    words(text).any(|word| word == driver)
}

fn has_unsafe(text: &str) -> bool {
    let mut code = text.lines().map(|line| line.split("//").next());
    code.any(|line| line.is_some_and(|line| words(line).any(|word| word == "unsafe")))
}
