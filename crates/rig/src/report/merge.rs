// SPDX-License-Identifier: MIT OR Apache-2.0

//! Several reports put together to one, and what is in them twice or in none.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{Format, Kept, Report, Subject, Summary, Thing, reporter};

/// Reports, with the names of the files that they come from.
pub struct Merged {
    files: Vec<(String, Kept)>,
}

impl Merged {
    /// Of these.
    pub fn new(files: Vec<(String, Kept)>) -> Self {
        Self { files }
    }

    /// What is wrong with the whole of it, each in one line: checks that were run twice, reports that end too soon;
    /// and, where all names are `wanted`, checks that were not run, and results of others.
    pub fn complaints(&self, wanted: Option<&[String]>) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (file, kept) in &self.files {
            for result in &kept.results {
                seen.entry(&result.name).or_default().push(file);
            }
            let came = kept.results.len() as u64;
            if let Some(checks) = kept.subject["checks"].as_u64().filter(|n| came < *n) {
                complaints.push(format!(
                    "{file}: it has {came} results of {checks}: it ended too soon"
                ));
            }
        }
        for (name, files) in seen.iter().filter(|(_, files)| files.len() > 1) {
            let files = files.join(" and in ");
            complaints.push(format!("{name}: it is there more than once: in {files}"));
        }
        if let Some(wanted) = wanted {
            let mut rest: BTreeSet<&str> = seen.into_keys().collect();
            let mut left_out = Vec::new();
            for name in wanted {
                if !rest.remove(name.as_str()) {
                    left_out.push(name.as_str());
                }
            }
            for (what, names) in [
                ("left out", left_out),
                ("not in the list", rest.into_iter().collect()),
            ] {
                if !names.is_empty() {
                    complaints.push(format!("{what}: {}", some(&names)));
                }
            }
        }
        complaints
    }

    /// Writes all results in `format` to `out`, in the order of their names, whatever the order of the files; returns
    /// how many failed.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn write<'a>(
        &'a self,
        format: Format,
        out: Box<dyn io::Write + Send + 'a>,
    ) -> io::Result<usize> {
        let kepts = || self.files.iter().map(|(_, kept)| kept);
        let mut results: Vec<&Report> = kepts().flat_map(|kept| &kept.results).collect();
        // A group's together, as JUnit wants them.
        results.sort_by_key(|result| result.name.rsplit_once('/'));
        let kernels: BTreeSet<&str> = kepts()
            .filter_map(|kept| kept.subject["kernel"].as_str())
            .collect();
        let files: Vec<&str> = self.files.iter().map(|(file, _)| file.as_str()).collect();
        let subject = Subject {
            things: vec![Thing {
                key: "reports",
                line: format!("reports: {}", files.join(", ")),
                value: kepts().map(|kept| kept.subject.clone()).collect(),
            }],
            kernel: kernels.into_iter().collect::<Vec<_>>().join(", "),
            checks: results.len(),
            late_us: None,
        };
        let mut summary = Summary::default();
        let mut reporter = reporter(format, out);
        reporter.begin(&subject)?;
        for result in results {
            summary.add(&result.outcome);
            reporter.result(result)?;
        }
        // They were run at the same time.
        let took = kepts().map(|kept| kept.took).max();
        reporter.end(&summary, took.unwrap_or_default())?;
        Ok(summary.failed)
    }
}

/// The first of `names`, and how many more there are.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let mut text = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Outcome;
    use super::*;
    use crate::random::Random;
    use crate::shard::Shard;

    /// Results of all kinds, with all that XML and JSON must not stumble over.
    fn results(random: &mut Random) -> Vec<Report> {
        let texts = [
            "expected <1>, came \"2\" & 'more'",
            "µs late]]>",
            "two\nlines",
            "",
            " blanks ",
        ];
        let number = random.between(1, 60);
        let result = |i: u64| Report {
            name: format!("drv/group-{}/check {i} <{}>", i % 5, i * 7),
            outcome: match random.between(0, 2) {
                0 => Outcome::Pass,
                1 => Outcome::Fail(random.pick(&texts).to_owned()),
                _ => Outcome::Skip(random.pick(&texts).to_owned()),
            },
            took: Duration::from_millis(random.between(0, 100_000)),
            notes: match random.once_in(3) {
                true => vec!["3 cases".to_owned(), "one <more> & another".to_owned()],
                false => Vec::new(),
            },
        };
        (0..number).map(result).collect()
    }

    /// What a run leaves in a file.
    fn report(results: &[Report], format: Format) -> String {
        let kept = Kept {
            subject: serde_json::json!({ "kernel": "7.2" }),
            results: results.to_vec(),
            took: Duration::from_secs(3),
        };
        write(&Merged::new(vec![("all".to_owned(), kept)]), format)
    }

    fn write(merged: &Merged, format: Format) -> String {
        let mut bytes = Vec::new();
        merged.write(format, Box::new(&mut bytes)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The reports of `n` machines which have each run their share of `all`.
    fn shards(all: &[Report], n: usize, format: Format) -> Merged {
        let file = |k: usize| {
            let shard: Shard = format!("{k}/{n}").parse().unwrap();
            let share = shard.of(names(all));
            let own = all.iter().filter(|result| share.has(&result.name));
            let text = report(&own.cloned().collect::<Vec<_>>(), format);
            (format!("{k}.file"), Kept::read(&text).unwrap())
        };
        Merged::new((1..=n).map(file).collect())
    }

    fn names(results: &[Report]) -> Vec<String> {
        results.iter().map(|result| result.name.clone()).collect()
    }

    #[test]
    fn the_shards_reports_are_the_report_of_all() {
        let mut random = Random::new(1);
        for _ in 0..60 {
            let all = results(&mut random);
            for format in [Format::Json, Format::Junit] {
                let n = random.between(1, 6) as usize;
                let mut merged = shards(&all, n, format);
                assert_eq!(merged.complaints(Some(&names(&all))), [""; 0]);
                let whole = Kept::read(&report(&all, format)).unwrap();
                let together = Kept::read(&write(&merged, format)).unwrap();
                assert_eq!(together.results, whole.results);
                // Whatever the order of the files.
                let text = write(&merged, Format::Ptest);
                merged.files.reverse();
                assert_eq!(write(&merged, Format::Ptest), text);
            }
        }
    }

    #[test]
    fn nothing_is_lost_on_the_way_through_a_file() {
        let mut random = Random::new(2);
        for _ in 0..60 {
            let mut all = results(&mut random);
            all.sort_by(|a, b| a.name.rsplit_once('/').cmp(&b.name.rsplit_once('/')));
            for format in [Format::Json, Format::Junit] {
                let read = Kept::read(&report(&all, format)).unwrap();
                assert_eq!(read.results, all, "{format:?}");
                assert_eq!(read.took, Duration::from_secs(3));
            }
        }
    }

    #[test]
    fn what_is_twice_left_out_or_unknown_is_told() {
        let mut random = Random::new(3);
        for _ in 0..60 {
            let all = results(&mut random);
            let wanted = names(&all);
            let lost = random.between(0, all.len() as u64 - 1) as usize;
            let name = &wanted[lost];
            let mut merged = shards(&all, 3, Format::Junit);
            merged
                .files
                .push(("4.file".to_owned(), merged.files[0].1.clone()));
            merged.files[3].1.results = vec![all[lost].clone()];
            let twice = merged.complaints(None);
            assert_eq!(twice.len(), 1, "{twice:?}");
            assert!(twice[0].starts_with(&format!("{name}: it is there more than once: in ")));
            assert!(twice[0].ends_with(" and in 4.file"), "{twice:?}");
            for (_, kept) in &mut merged.files {
                kept.results.retain(|result| result.name != *name);
            }
            assert_eq!(merged.complaints(None), [""; 0]);
            let left_out = format!("left out: {name}");
            assert_eq!(merged.complaints(Some(&wanted)), [left_out]);
        }
        let merged = shards(&results(&mut random), 1, Format::Json);
        let unknown = merged.complaints(Some(&[]));
        assert!(
            unknown[0].starts_with("not in the list: drv/"),
            "{unknown:?}"
        );
    }

    #[test]
    fn a_report_that_ended_too_soon_is_told() {
        let all = results(&mut Random::new(4));
        let mut merged = shards(&all, 1, Format::Json);
        merged.files[0].1.subject["checks"] = 100.into();
        let came = all.len();
        let want = format!("1.file: it has {came} results of 100: it ended too soon");
        assert_eq!(merged.complaints(None), [want]);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in ["", "\n", "{", "{}", "<", "<a/>", "PASS: x/a/one\n"] {
            assert!(Kept::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(some(&["a", "b"]), "a, b");
        let many = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(some(&many), "a, b, c, d, e and 2 more");
    }
}
