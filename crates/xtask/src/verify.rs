// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rloop verify` in a guest, and what it reported.

use std::fs;

use lab::guest::Outcome;

use crate::report::{self, Check, Counts};

/// The checks that the guest's `verify` (suite/prelude.sh) has left in the share, and one that its
/// status goes with them: it may have been ended in the middle.
pub(crate) fn verify_checks(outcome: &Outcome) -> Vec<Check> {
    let read = |name: &str| fs::read_to_string(outcome.share.join(name)).unwrap_or_default();
    let checks = report::from_ptest(&read("verify.txt"));
    let last = outcome.output.lines().rfind(|line| !line.trim().is_empty());
    let whole = verify_whole(
        &checks,
        read("verify.status").trim(),
        last.unwrap_or("(none)"),
    );
    checks
        .into_iter()
        .map(|check| Check {
            name: format!("verify: {}", check.name),
            ..check
        })
        .chain([Check::that("verify: ran to its end", whole)])
        .collect()
}

fn verify_whole(checks: &[Check], status: &str, last: &str) -> Option<String> {
    let expected = match Counts::of(checks) {
        Counts {
            passed: 0,
            failed: 0,
            ..
        } => return Some("it reported no checks".into()),
        Counts { failed: 0, .. } => "0",
        Counts { .. } => "1",
    };
    let status = if status.is_empty() { "(none)" } else { status };
    (status != expected).then(|| {
        format!("after what it reported, its exit status should be {expected} and is {status}; the last line of output: {last}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verify_that_was_ended_in_the_middle_is_no_success() {
        let good = [Check::pass("a")];
        let bad = [Check::pass("a"), Check::fail("b", "c")];
        assert_eq!(verify_whole(&good, "0", ""), None);
        assert_eq!(verify_whole(&bad, "1", ""), None);
        for (checks, status) in [
            (&good[..], "1"),
            (&good[..], ""),
            (&bad[..], "134"),
            (&[], "0"),
        ] {
            assert!(verify_whole(checks, status, "").is_some(), "{status}");
        }
    }
}
