// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

fn write(format: Format) -> String {
    let mut bytes = Vec::new();
    fill(&mut *reporter(format, Box::new(&mut bytes)));
    String::from_utf8(bytes).unwrap()
}

/// Some results for `reporter`.
fn fill(reporter: &mut dyn Reporter) {
    let thing = Thing {
        key: "thing",
        line: "thing 1: a thing".to_owned(),
        value: serde_json::json!({ "driver": "of-things" }),
    };
    let results = [
        ("x/a/one", Outcome::Pass, vec!["3 cases".to_owned()]),
        (
            "x/a/two#2",
            Outcome::Fail("expected <1>,\ncame \"2\"".into()),
            vec![],
        ),
        ("x/b/three", Outcome::Skip("too slow".into()), vec![]),
    ];
    let subject = Subject {
        things: vec![thing],
        kernel: "7.2".into(),
        checks: 3,
        late_us: Some((1, 2)),
    };
    let mut summary = Summary::default();
    reporter.begin(&subject).unwrap();
    for (name, outcome, notes) in results {
        summary.add(&outcome);
        let took = Duration::from_millis(1500);
        reporter
            .result(&Report {
                name: name.into(),
                outcome,
                took,
                notes,
            })
            .unwrap();
    }
    reporter.end(&summary, Duration::from_secs(2)).unwrap();
}

#[test]
fn ptest() {
    let text = write(Format::Ptest);
    assert_eq!(
        text,
        "  3 cases\nPASS: x/a/one\n  expected <1>, came \"2\"\nFAIL: x/a/two#2\n  too slow\nSKIP: x/b/three\n"
    );
}

#[test]
fn tap() {
    let text = write(Format::Tap);
    assert!(
        text.starts_with(
            "TAP version 14\n1..3\nok 1 - x/a/one\n# 3 cases\nnot ok 2 - x/a/two\\#2\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("  message: \"expected <1>, came \\\"2\\\"\"\n"),
        "{text}"
    );
    assert!(
        text.ends_with("ok 3 - x/b/three # SKIP too slow\n"),
        "{text}"
    );
}

#[test]
fn json() {
    let value: serde_json::Value = serde_json::from_str(&write(Format::Json)).unwrap();
    assert_eq!(value["summary"]["failed"], 1);
    assert_eq!(value["results"][0]["outcome"], "pass");
    assert_eq!(value["results"][0]["seconds"], 1.5);
    assert_eq!(value["results"][2]["why"], "too slow");
    assert_eq!(value["subject"]["thing"]["driver"], "of-things");
}

#[test]
fn junit() {
    let text = write(Format::Junit);
    assert!(
        text.contains("<testsuite name=\"x/a\" tests=\"2\""),
        "{text}"
    );
    assert!(text.contains("classname=\"rloop.x.a\""), "{text}");
    assert!(text.contains("failures=\"1\""), "{text}");
    assert!(text.contains("expected &lt;1&gt;"), "{text}");
}

#[test]
fn human() {
    // Without a bar: the tests may have a terminal, and their output a reader.
    let mut bytes = Vec::new();
    let mut human = human::Human::new(Box::new(&mut bytes), ProgressDrawTarget::hidden());
    fill(&mut human);
    drop(human);
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.starts_with("thing 1: a thing; Linux 7.2; this machine wakes 1 "),
        "{text}"
    );
    assert!(
        text.contains("1 passed, 1 failed, 1 skipped in 2.0 s"),
        "{text}"
    );
    assert!(text.contains("Failed:\n  x/a/two#2\n"), "{text}");
}
