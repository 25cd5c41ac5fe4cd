// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rloop verify` in a guest, and what it reported.

use std::fs;

use lab::guest::Outcome;

use crate::report::{self, Check, Counts, Verdict};

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

/// What `checks` say of those that the run is made for, whose names begin with one of `tried`: one that was skipped has
/// failed, and so has a beginning that none has.
pub(crate) fn must_be_tried(checks: Vec<Check>, tried: &[String]) -> Vec<Check> {
    let begins = |check: &Check, begin: &String| {
        let name = check.name.strip_prefix("verify: ");
        name.unwrap_or(&check.name).starts_with(begin.as_str())
    };
    let missing: Vec<Check> = tried
        .iter()
        .filter(|begin| !checks.iter().any(|check| begins(check, begin)))
        .map(|begin| Check::fail(format!("verify: {begin}"), "it was not tried"))
        .collect();
    let judged = checks.into_iter().map(|check| match &check.verdict {
        Verdict::Skip(why) if tried.iter().any(|begin| begins(&check, begin)) => {
            let why = format!("this run is made for it, and it was skipped: {why}");
            Check::fail(check.name, why)
        }
        _ => check,
    });
    judged.chain(missing).collect()
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
    fn what_a_run_is_made_for_must_be_tried() {
        let checks = || {
            vec![
                Check::pass("verify: x/a/1"),
                Check::skip("verify: x/a/2", "no port"),
                Check::skip("verify: x/b", "no memory"),
                Check::skip("x/by-a-script", "no clock"),
            ]
        };
        let failed = |tried: &[&str]| -> Vec<String> {
            let tried: Vec<String> = tried.iter().map(|&name| name.to_owned()).collect();
            let judged = must_be_tried(checks(), &tried);
            let failed = judged
                .into_iter()
                .filter(|check| matches!(check.verdict, Verdict::Fail(_)));
            failed.map(|check| check.name).collect()
        };
        assert!(failed(&[]).is_empty() && failed(&["x/a/1"]).is_empty());
        assert_eq!(failed(&["x/a"]), ["verify: x/a/2"]);
        assert_eq!(failed(&["x/by"]), ["x/by-a-script"]);
        assert_eq!(failed(&["x/a/2", "x/c"]), ["verify: x/a/2", "verify: x/c"]);
    }

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
