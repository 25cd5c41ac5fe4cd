// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks that are divided over machines, and their reports put together again; on any machine, with sound or without.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

use std::fs;
use std::path::{Path, PathBuf};

use tool::rloop;

mod tool;

/// Runs the tool: its status, what it says, and its errors.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = rloop(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let status = output.status.code().unwrap_or(-1);
    (status, text(output.stdout), text(output.stderr))
}

/// A list of checks.
fn list(options: &[&str]) -> String {
    let (status, list, errors) = run(&[&["verify", "--list"], options].concat());
    assert_eq!((status, errors.as_str()), (0, ""), "{options:?}");
    list
}

#[test]
fn shards_of_a_list_are_together_the_whole_list() {
    // Each line of --full says how many combinations the check has: a part that is the same has them all.
    for (options, numbers) in [
        (&[][..], &[4][..]),
        (&["--full"], &[2, 3, 7]),
        (&["--only", "drain/*"], &[3]),
        (&["--faults"], &[2]),
    ] {
        let whole = list(options);
        let mut all: Vec<&str> = whole.lines().collect();
        all.sort_unstable();
        for n in numbers {
            let mut lines = Vec::new();
            for k in 1..=*n {
                let shard = format!("{k}/{n}");
                let part = list(&[options, &["--shard", &shard]].concat());
                lines.extend(part.lines().map(str::to_owned));
                let size = part.lines().count();
                let least = all.len() / n;
                let equal = (least..=least + 1).contains(&size);
                assert!(equal, "{shard} of {options:?}: {size}, not {least}");
            }
            lines.sort();
            assert_eq!(lines, all, "{n} of {options:?}");
        }
    }
}

#[test]
fn what_is_no_shard_is_one_clear_error() {
    for bad in ["0/3", "4/3", "3", "a/b"] {
        let (status, _, errors) = run(&["verify", "--shard", bad]);
        let want = format!(
            "error: invalid value '{bad}' for '--shard <K/N>': allowed: K/N with K from 1 to N, such as 2/3\n"
        );
        assert!(errors.starts_with(&want), "{errors}");
        assert_eq!(status, 2);
    }
    let (status, _, errors) = run(&["verify", "--list", "--shard", "1/2", "--only", "nonsense"]);
    assert_eq!((status, errors.contains("nonsense")), (2, true), "{errors}");
}

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rloop-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    /// Writes the file `name` there.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Path::new(&self.0));
    }
}

/// A report as `rloop verify --format json` writes it.
fn report(results: &[(&str, &str)]) -> String {
    let result = |(name, outcome): &(&str, &str)| {
        format!(r#"{{"name":"{name}","outcome":"{outcome}","why":"w","seconds":1.5,"notes":[]}}"#)
            .replace(r#""pass","why":"w""#, r#""pass""#)
    };
    let results: Vec<String> = results.iter().map(result).collect();
    format!(
        r#"{{"subject":{{"kernel":"7.2"}},"summary":{{}},"seconds":2,"results":[{}]}}"#,
        results.join(",")
    )
}

#[test]
fn merge_says_by_its_status_whether_each_was_run_once_and_passed() {
    let dir = Dir::new("merge");
    let a = dir.file(
        "a.json",
        &report(&[("d/g/one", "pass"), ("d/g/two", "skip")]),
    );
    let b = dir.file("b.json", &report(&[("d/g/three", "pass")]));
    let failed = dir.file("failed.json", &report(&[("d/g/three", "fail")]));
    let whole = dir.file("list", "d/g/one  a [c]\nd/g/two  b [c]\nd/g/three  c [c]\n");
    let good = run(&["merge", &a, &b, "--list", &whole, "--format", "ptest"]);
    let want = "PASS: d/g/one\nPASS: d/g/three\n  w\nSKIP: d/g/two\n";
    assert_eq!(good, (0, want.to_owned(), String::new()));
    let (status, _, errors) = run(&["merge", &a, &failed, "--list", &whole]);
    assert_eq!((status, errors.as_str()), (1, ""));
    let (status, _, errors) = run(&["merge", &a, "--list", &whole]);
    assert_eq!(
        (status, errors.as_str()),
        (1, "rloop: left out: d/g/three\n")
    );
    let (status, _, errors) = run(&["merge", &b, &failed]);
    let want = format!("rloop: d/g/three: it is there more than once: in {b} and in {failed}\n");
    assert_eq!((status, errors), (1, want));
    // What it writes, it reads.
    for format in ["json", "junit"] {
        let (_, text, _) = run(&["merge", &a, &b, "--format", format]);
        let again = dir.file("again", &text);
        let (status, _, errors) = run(&["merge", &again, "--list", &whole]);
        assert_eq!((status, errors.as_str()), (0, ""), "{format}");
    }
    let (status, _, errors) = run(&["merge", &a, &whole]);
    let want = format!(
        "rloop: {whole}: neither JSON nor JUnit XML; allowed: a report of `rloop verify --format json` or `--format junit`\n"
    );
    assert_eq!((status, errors), (2, want));
    let (status, _, errors) = run(&["merge", &a, "--list", &a]);
    assert!(
        errors.contains("is no check's name; allowed: a list"),
        "{errors}"
    );
    assert_eq!(status, 2);
}
