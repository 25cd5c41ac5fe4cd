// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel tree's own tests of ALSA, on our card.
//!
//! They exit with 0 whatever they found, and where there is no card to test: only what they write
//! tells.

use std::collections::BTreeMap;

use crate::manifest::{Kselftest, NotOk};
use crate::report::{Check, Verdict};
use crate::tap::{self, Tap};

/// One of the programs.
struct Program {
    name: &'static str,
    /// Whether it may leave tests out. `mixer-test` does not write to what can't be written to;
    /// `pcm-test` leaves out parameters that a card does not take, and this one takes them all.
    may_skip: bool,
}

const PROGRAMS: [Program; 2] = [
    Program {
        name: "pcm-test",
        may_skip: false,
    },
    Program {
        name: "mixer-test",
        may_skip: true,
    },
];

/// What comes before what a program says; `mark` in the guest writes it.
const MARK: &str = "rloop-part ";

/// The part of `text` between the mark `name` and the next mark.
fn part(text: &str, name: &str) -> String {
    let mark = format!("{MARK}{name}");
    text.lines()
        .skip_while(|line| line.trim_end() != mark)
        .skip(1)
        .take_while(|line| !line.starts_with(MARK))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The names of the control elements, by the numbers that `mixer-test` gives them.
fn elements<'a>(tap: &Tap<'a>, id: &str) -> BTreeMap<&'a str, &'a str> {
    let named = tap.tests.iter().filter_map(|test| {
        let place = test.name.strip_prefix("name.")?;
        let number = place.strip_prefix(id)?.strip_prefix('.')?;
        let said = |line: &&'a str| line.strip_prefix(place)?.strip_prefix(' ');
        Some((number, test.before.iter().find_map(said)?))
    });
    named.collect()
}

/// Judges what `program` wrote of the card `id`, where these tests have to fail.
fn judge(program: &Program, output: &str, id: &str, forced: &[NotOk]) -> Vec<Check> {
    let name = program.name;
    let tap = Tap::new(output);
    let ours = |test: &&tap::Test<'_>| test.name.split('.').any(|part| part == id);
    let untold = || {
        let tested = tap.tests.iter().any(|test| ours(&test));
        (!tested).then(|| format!("expected tests of the card {id}, came none"))
    };
    let mut checks = vec![Check::that(
        format!("{name} has tested the card"),
        tap.incomplete().or_else(untold),
    )];
    let elements = elements(&tap, id);
    let mut seen = vec![false; forced.len()];
    for test in &tap.tests {
        let element = test.name.rsplit('.').next().and_then(|n| elements.get(n));
        let kind = test.name.split('.').next().unwrap_or_default();
        let listed = forced
            .iter()
            .position(|f| f.test == kind && element.is_some_and(|e| f.element == *e));
        if let Some(listed) = listed {
            seen[listed] = true;
        }
        let mut label = format!("{name}: {}", test.name);
        if let Some(element) = element {
            label.push_str(&format!(" ({element})"));
        }
        let said = || [test.before.as_slice(), &test.after].concat().join("; ");
        let verdict = match (test.result, listed) {
            (tap::Result::Ok, None) => Verdict::Pass,
            (tap::Result::NotOk, Some(_)) => {
                label.push_str(" is not ok, as listed");
                Verdict::Pass
            }
            (_, Some(_)) => Verdict::Fail(format!(
                "expected `not ok`, as listed in docs/results/comparison.md, came {:?}",
                test.result
            )),
            (tap::Result::Skip, None) if program.may_skip => Verdict::Skip(said()),
            (tap::Result::Skip, None) => Verdict::Fail(format!("skipped: {}", said())),
            (tap::Result::NotOk, None) => Verdict::Fail(said()),
        };
        checks.push(Check {
            name: label,
            verdict,
        });
    }
    for (NotOk { test, element }, _) in forced.iter().zip(seen).filter(|(_, seen)| !seen) {
        checks.push(Check::fail(
            format!("{name}: {test} ({element})"),
            "listed in docs/results/comparison.md as `not ok`, but there is no such test",
        ));
    }
    checks
}

/// Judges what both programs wrote, one after the other.
pub(super) fn judge_all(output: &str, expected: &Kselftest) -> Vec<Check> {
    let judged = PROGRAMS.iter().flat_map(|program| {
        let forced: &[NotOk] = match program.name {
            "mixer-test" => &expected.not_ok,
            _ => &[],
        };
        judge(program, &part(output, program.name), &expected.card, forced)
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Counts;

    const MIXER: &str = "1..4\nok 1 get_value.A.0\n# A.0 PCM Notify\n# 0.0 PCM Notify is a writeable \
                         boolean but not a Switch\nnot ok 2 name.A.0\n# A.1 Rate\nok 3 name.A.1\n\
                         # Rate is not writeable\nok 4 # SKIP write_default.A.1\n";

    fn forced() -> [NotOk; 1] {
        [NotOk {
            test: "name".to_owned(),
            element: "PCM Notify".to_owned(),
        }]
    }

    fn counts(program: usize, output: &str, forced: &[NotOk]) -> (usize, usize, usize) {
        let counts = Counts::of(&judge(&PROGRAMS[program], output, "A", forced));
        (counts.passed, counts.failed, counts.skipped)
    }

    #[test]
    fn each_program_has_its_part() {
        let text = "x\nrloop-part a\n1\n2\nrloop-part b\n3\nrloop-part end\n4\n";
        assert_eq!(part(text, "a"), "1\n2");
        assert_eq!(part(text, "b"), "3");
        assert_eq!(part(text, "c"), "");
    }

    #[test]
    fn what_is_not_ok_fails_unless_it_is_listed() {
        assert_eq!(counts(1, MIXER, &forced()), (4, 0, 1));
        assert_eq!(counts(1, MIXER, &[]), (3, 1, 1));
        let other = MIXER
            .replace("not ok 2", "ok 2")
            .replace("ok 3", "not ok 3");
        assert_eq!(counts(1, &other, &[]), (3, 1, 1));
        let checks = judge(&PROGRAMS[1], MIXER, "A", &[]);
        let expected =
            "PCM Notify; 0.0 PCM Notify is a writeable boolean but not a Switch; A.1 Rate";
        assert_eq!(
            checks[2],
            Check::fail(
                "mixer-test: name.A.0 (PCM Notify)",
                format!("A.0 {expected}")
            )
        );
    }

    #[test]
    fn a_listed_failure_has_to_occur() {
        let ok = MIXER.replace("not ok 2", "ok 2");
        assert_eq!(counts(1, &ok, &forced()), (3, 1, 1));
        let gone = MIXER.replace("PCM Notify", "PCM Notify Switch");
        assert_eq!(counts(1, &gone, &forced()), (3, 2, 1));
    }

    #[test]
    fn the_run_has_to_be_complete_and_about_our_card() {
        assert_eq!(counts(1, "", &[]), (0, 1, 0));
        assert_eq!(counts(1, "1..0\n", &[]), (0, 1, 0));
        assert_eq!(counts(1, &MIXER.replace(".A.", ".B."), &[]).1, 2);
        assert_eq!(
            counts(1, &MIXER.replace("1..4", "1..5"), &forced()),
            (3, 1, 1)
        );
    }

    #[test]
    fn only_mixer_test_may_skip() {
        let text = "1..1\nok 1 # SKIP default.time1.A.0.0.PLAYBACK\n# no such rate\n";
        assert_eq!(counts(0, text, &[]), (1, 1, 0));
    }
}
