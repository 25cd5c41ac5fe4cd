// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files for forges, as far as that goes without one: against the forges' schemas, and what they want of xtask.

use std::fs;

use clap::Parser as _;

use lab::error::{AtPath as _, Result};
use lab::python::Python;
use lab::ui::Step;

use super::Suite;
use super::steps::program;
use crate::cli::Cli;
use crate::report::Check;

/// What has the schemas, for pip.
const TOOLS: &str = "crates/xtask/forges/requirements.txt";

/// GitLab's file, and the one that it puts the groups into.
const GITLAB: &str = ".gitlab-ci.yml";
const GITLAB_GROUPS: &str = ".ci/gitlab-groups.yml";
/// Where it puts them: as sed has it, and as the other file has it.
const PLACE: [&str; 2] = [r"s/\[GROUPS\]/$groups/", "GROUP: [GROUPS]\n"];

/// The files, with what each has to be by check-jsonschema's schemas.
const FILES: &[(&str, &[&str])] = &[
    (
        ".github/workflows/suite.yml",
        &[
            "vendor.github-workflows",
            "custom.github-workflows-require-timeout",
        ],
    ),
    (
        ".github/workflows/yocto.yml",
        &[
            "vendor.github-workflows",
            "custom.github-workflows-require-timeout",
        ],
    ),
    (GITLAB, &["vendor.gitlab-ci"]),
    (GITLAB_GROUPS, &["vendor.gitlab-ci"]),
];

/// A check of each file by each of its schemas, and one of the commands in it; and one of the groups' place.
pub(super) fn files(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let python = Python::get(suite.context, TOOLS, None)?;
    let paths = &suite.context.paths;
    let mut checks = Vec::new();
    let mut gitlab = String::new();
    for (file, schemas) in FILES {
        let path = paths.repo.join(file);
        for schema in *schemas {
            let result = python
                .module("check_jsonschema")
                .args(["--builtin-schema", schema])
                .arg(&path)
                .run(step, &paths.log(&format!("forges-{schema}")));
            checks.push(program(&format!("{file} by {schema}"), result)?);
        }
        let text = fs::read_to_string(&path).at(&path)?;
        checks.push(Check::that(
            format!("{file}'s commands are xtask's"),
            problem(&text),
        ));
        if schemas.contains(&"vendor.gitlab-ci") {
            gitlab.push_str(&text);
        }
    }
    let lost = PLACE.iter().find(|place| !gitlab.contains(**place));
    checks.push(Check::that(
        "GitLab's groups have their place",
        lost.map(|place| {
            format!(
                "neither {GITLAB} nor {GITLAB_GROUPS} has `{}`",
                place.trim()
            )
        }),
    ));
    Ok(checks)
}

/// The arguments of each `cargo xtask` in `text`, up to what is the shell's.
fn commands(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("cargo xtask ")?;
        let own = rest.split([')', '|', '>', ';', '&']).next()?;
        Some(
            own.split_whitespace()
                .map(|word| word.trim_matches('"'))
                .collect(),
        )
    })
}

/// What is wrong with the commands in `text`.
fn problem(text: &str) -> Option<String> {
    let mut commands = commands(text).peekable();
    if commands.peek().is_none() {
        return Some("there is none".to_owned());
    }
    commands.find_map(|arguments| {
        let whole = ["cargo xtask"].into_iter().chain(arguments.iter().copied());
        let e = Cli::try_parse_from(whole).err()?.to_string();
        let said = e.lines().next().unwrap_or_default().to_owned();
        Some(format!("cargo xtask {}: {said}", arguments.join(" ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_none_of_xtask_s_is_told() {
        let good = "- groups=$(cargo xtask test --list --groups)\nrun: cargo xtask test --group \"$GROUP\" >x\n";
        assert_eq!(problem(good), None);
        assert_eq!(
            problem(&good.replace("--groups", "--gruops")).unwrap(),
            "cargo xtask test --list --gruops: error: unexpected argument '--gruops' found"
        );
        assert_eq!(problem("- make\n").unwrap(), "there is none");
    }
}
