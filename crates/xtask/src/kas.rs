// SPDX-License-Identifier: MIT OR Apache-2.0
//! kas files: which there are, and what kas itself says of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use lab::error::{AtPath as _, Error, Result};

/// The arguments that make kas say what a configuration is, as JSON, and fetch nothing for it.
pub(crate) const DUMP: &[&str] = &[
    "dump",
    "--format",
    "json",
    "--skip",
    "repo_setup_loop",
    "--skip",
    "finish_setup_repos",
    "--skip",
    "repos_checkout",
    "--skip",
    "repos_apply_patches",
];

/// How the name of a file ends in which kas finds, and keeps, the commits of the file beside it.
pub(crate) const LOCK: &str = ".lock.yml";

/// The kas files in the directory `dir` of the repository `repo`, with their paths in it.
pub(crate) fn files(repo: &Path, dir: &str) -> Result<Vec<String>> {
    let path = repo.join(dir);
    let mut files = Vec::new();
    for entry in fs::read_dir(&path).at(&path)? {
        let name = entry.at(&path)?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".yml") && !name.ends_with(LOCK) {
            files.push(format!("{dir}/{name}"));
        }
    }
    files.sort();
    Ok(files)
}

/// Whether `text` is the whole name of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A configuration, as far as it matters here.
#[derive(Deserialize)]
pub(crate) struct Dump {
    #[serde(default)]
    repos: BTreeMap<String, Option<Entry>>,
    #[serde(default)]
    overrides: Overrides,
    machine: Option<String>,
    distro: Option<String>,
    target: Option<Target>,
    #[serde(default)]
    local_conf_header: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Overrides {
    #[serde(default)]
    repos: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: Option<String>,
    branch: Option<String>,
    commit: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    One(String),
    Several(Vec<String>),
}

/// A repository that has to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repository<'a> {
    /// Its name in the kas files.
    pub(crate) name: &'a str,
    /// Where it is fetched from.
    pub(crate) url: &'a str,
    /// The branch that the commit is on.
    pub(crate) branch: Option<&'a str>,
    /// The commit that it is pinned to.
    pub(crate) commit: Option<&'a str>,
}

impl Dump {
    /// Reads what kas has said after [`DUMP`].
    ///
    /// # Errors
    ///
    /// [`Error::BadInput`] if it is no such JSON.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|e| Error::BadInput {
            what: "the output of kas dump",
            given: e.to_string(),
            allowed: "a configuration as JSON".into(),
        })
    }

    /// The repositories that have to be fetched.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = Repository<'_>> {
        self.repos.iter().filter_map(|(name, entry)| {
            let entry = entry.as_ref()?;
            let pin = self.overrides.repos.get(name);
            let pin = pin.and_then(|entry| entry.commit.as_deref());
            Some(Repository {
                name,
                url: entry.url.as_deref()?,
                branch: entry.branch.as_deref(),
                commit: pin.or(entry.commit.as_deref()),
            })
        })
    }

    /// The names of repositories for which a commit is given, whether they are used or not.
    pub(crate) fn pins(&self) -> impl Iterator<Item = &str> {
        self.overrides.repos.keys().map(String::as_str)
    }

    /// What is to be built.
    pub(crate) fn targets(&self) -> String {
        match &self.target {
            Some(Target::One(target)) => target.clone(),
            Some(Target::Several(targets)) => targets.join(" "),
            None => "core-image-minimal".to_owned(),
        }
    }

    /// The files that `local.conf` takes in by names that it does not know yet: kas says which machine and distro it
    /// is at the end.
    fn taken_in_too_early(&self) -> impl Iterator<Item = &str> {
        let lines = self
            .local_conf_header
            .values()
            .flat_map(|text| text.lines());
        lines.filter_map(|line| {
            let (word, file) = line.trim().split_once(' ')?;
            let early = ["${MACHINE}", "${DISTRO}"]
                .iter()
                .any(|name| file.contains(name));
            (matches!(word, "require" | "include") && early).then_some(file)
        })
    }

    /// What is missing for a build that anybody can repeat, or keeps bitbake from it.
    pub(crate) fn complaint(&self) -> Option<String> {
        let mut complaints: Vec<String> = self
            .repositories()
            .filter_map(|repository| match repository.commit {
                None => Some(format!("{} is pinned to no commit", repository.name)),
                Some(commit) => (!is_commit(commit)).then(|| {
                    format!(
                        "{} is pinned to {commit}, which is no commit",
                        repository.name
                    )
                }),
            })
            .collect();
        for (what, value) in [("machine", &self.machine), ("distro", &self.distro)] {
            if value.as_deref().is_none_or(|value| value == "unset") {
                complaints.push(format!("no {what}"));
            }
        }
        let early = self.taken_in_too_early();
        complaints.extend(early.map(|file| format!("{file} is taken in before its name is known")));
        (!complaints.is_empty()).then(|| complaints.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_without_a_commit_is_told() {
        const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
        let good = r#"{"machine": "m", "distro": "d", "repos": {"own": null, "a": {"url": "u", "branch": "b"}},
                       "overrides": {"repos": {"a": {"commit": "COMMIT"}}}}"#
            .replace("COMMIT", COMMIT);
        let dump = Dump::parse(&good).unwrap();
        assert_eq!(dump.complaint(), None);
        let fetched: Vec<_> = dump.repositories().collect();
        let a = Repository {
            name: "a",
            url: "u",
            branch: Some("b"),
            commit: Some(COMMIT),
        };
        assert_eq!(fetched, [a]);
        let bad = Dump::parse(r#"{"machine": "m", "repos": {"a": {"url": "u"}}}"#).unwrap();
        let why = bad.complaint().unwrap();
        assert_eq!(why, "a is pinned to no commit, no distro");
        let tag = Dump::parse(&good.replace(COMMIT, "v1.0")).unwrap();
        let why = tag.complaint().unwrap();
        assert_eq!(why, "a is pinned to v1.0, which is no commit");
    }

    #[test]
    fn a_file_whose_name_is_not_known_yet_is_told() {
        let dump = |line: &str| {
            let text =
                r#"{"machine": "m", "distro": "d", "local_conf_header": {"a": "LINE\nA = \"1\""}}"#;
            Dump::parse(&text.replace("LINE", line)).unwrap()
        };
        for good in ["require conf/m.inc", "A = '${MACHINE}'"] {
            assert_eq!(dump(good).complaint(), None, "{good}");
        }
        for bad in ["require conf/${MACHINE}.inc", "include conf/${DISTRO}.inc"] {
            let file = bad.split_once(' ').unwrap().1;
            let why = format!("{file} is taken in before its name is known");
            assert_eq!(dump(bad).complaint(), Some(why));
        }
    }
}
