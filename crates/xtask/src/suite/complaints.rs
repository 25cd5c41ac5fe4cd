// SPDX-License-Identifier: MIT OR Apache-2.0
//! That the layer and the tests of boards find the same complaints in a kernel's log as the devkit does, whose own tests are
//! `lab::klog`'s.

use std::fs;
use std::path::Path;

use lab::error::{AtPath as _, Result};
use lab::exec::Cmd;
use lab::python::Python;

use super::steps::program;
use crate::report::Check;

/// The layer's own cases for testimage, and what imports them without bitbake.
const OEQA: &str = "meta-rloop/lib/oeqa/runtime/cases/rloop.py";
const IMPORT: &str = "crates/xtask/layer/oeqa_complaints.py";
/// The tests of boards, their part that looks for complaints.
const BOARDS: &str = "boards/kernel_log.py";
/// Of run-ptest, the function alone.
const FUNCTION: &str =
    r#"eval "$(sed -n '/^complaints() {$/,/^}$/p' "$0")"; cat "$@" | complaints"#;
/// What a kernel may say, and lines each of which is a complaint.
const HEALTHY: &str = "crates/lab/src/klog/healthy.log";
const COMPLAINTS: &str = "crates/lab/src/klog/complaints.log";

/// A check of `run_ptest`, a path in `repo`, one of the oeqa cases, and one of the tests of boards.
pub(super) fn found(repo: &Path, run_ptest: &str, python: &Python) -> Result<Vec<Check>> {
    let path = repo.join(COMPLAINTS);
    let expected = fs::read_to_string(&path).at(&path)?;
    let mut shell = Cmd::new("run-ptest's complaints", "sh");
    shell.args(["-c", FUNCTION]).arg(repo.join(run_ptest));
    let mut oeqa = python.python("the oeqa cases' complaints");
    oeqa.arg(repo.join(IMPORT)).arg(repo.join(OEQA));
    let mut boards = python.python("the tests of boards' complaints");
    boards.arg(repo.join(BOARDS));
    let mut checks = Vec::new();
    for (who, cmd) in [
        ("run-ptest", &mut shell),
        ("the oeqa cases", &mut oeqa),
        ("the tests of boards", &mut boards),
    ] {
        let name = format!("{who}: each complaint of a kernel is found");
        checks.push(match cmd.arg(repo.join(HEALTHY)).arg(&path).read() {
            Ok(found) => Check::that(name, difference(&expected, &found)),
            Err(e) => program(&name, Err(e))?,
        });
    }
    Ok(checks)
}

/// The first line in which what was found differs.
fn difference(expected: &str, found: &str) -> Option<String> {
    let mut pairs = (expected.lines().map(Some).chain([None]))
        .zip(found.lines().map(Some).chain(std::iter::repeat(None)));
    let (expected, found) = pairs.find(|(expected, found)| expected != found)?;
    Some(format!(
        "expected {}, came {}",
        expected.unwrap_or("no other line"),
        found.unwrap_or("no other line")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        let told = |found| difference("a\nb\n", found).unwrap_or_default();
        assert_eq!(told("a\nb\n"), "");
        assert_eq!(told("b\n"), "expected a, came b");
        assert_eq!(told("a\n"), "expected b, came no other line");
        assert_eq!(told("a\nb\nc\n"), "expected no other line, came c");
    }
}
