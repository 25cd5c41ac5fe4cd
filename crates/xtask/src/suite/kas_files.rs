// SPDX-License-Identifier: MIT OR Apache-2.0
//! What kas says of the kas files, without fetching anything for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::layer::{extension, files};
use super::{Suite, bitbake_setup};
use crate::kas::{self, Dump};
use lab::error::{AtPath as _, Error, Result};
use lab::exec::Cmd;
use lab::paths;
use lab::python::Python;

use crate::TOOLS;
use crate::report::Check;
use lab::sandbox;
use lab::ui::Step;

/// The questions of `kas menu`.
const MENU: &str = "kas/Kconfig";
/// How a lock file begins.
const LICENCE: &str = "# SPDX-License-Identifier: ";
/// What users read; the section, and the paths in its example.
const PAGE: &str = "docs/using/yocto.md";
const SUBMODULE: &str = "### In a git submodule";
const SUBMODULE_PATH: &str = "sources/rloop";
const MAIN: &str = "kas/qemuarm64.yml";
/// With these kas reads other settings of git than it does for a user.
const RUNNER: &[&str] = &[
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "REMOTE_CONTAINERS",
    "GITCONFIG_FILE",
];
/// What git tells its hooks of the repository that they are run for: another one than is meant here.
const HOOK: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
];

/// kas, and a directory in which it is tried.
struct Kas {
    python: Python,
    work: PathBuf,
}

impl Kas {
    /// A repository in the directory `name`, with the kas files. kas asks git for the top of a project; where the
    /// checkout itself lies, in a submodule or in an archive, is not to matter here.
    fn project(&self, repo: &Path, name: &str) -> Result<PathBuf> {
        let dir = self.work.join(name);
        paths::copy(&repo.join("kas"), &dir.join("kas"))?;
        git(&self.work, &["init", "-q", name])?;
        Ok(dir)
    }

    /// What kas says of `configuration` in `dir`.
    fn dump(&self, dir: &Path, arguments: &[&str], configuration: &str) -> Cmd {
        let mut cmd = self.python.module("kas");
        cmd.without(RUNNER)
            .env("KAS_WORK_DIR", dir)
            .args(arguments)
            .arg(configuration)
            .dir(dir);
        cmd
    }
}

/// git in `dir`, of which the user's and the host's settings are no part.
fn git(dir: &Path, arguments: &[&str]) -> Result<()> {
    Cmd::new("git", "git")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .without(HOOK)
        .args(["-c", "protocol.file.allow=always"])
        .args(["-c", "user.name=rloop", "-c", "user.email=rloop@localhost"])
        .args(arguments)
        .dir(dir)
        .read()
        .map(drop)
}

/// The configuration, or what kas complains of.
fn read(cmd: &mut Cmd) -> Result<std::result::Result<Dump, String>> {
    match cmd.read() {
        Ok(text) => Ok(Dump::parse(&text).map_err(|e| e.to_string())),
        Err(Error::Command { said, .. }) => Ok(Err(said.to_string())),
        Err(e) => Err(e),
    }
}

fn complaint(cmd: &mut Cmd) -> Result<Option<String>> {
    Ok(match read(cmd)? {
        Ok(dump) => dump.complaint(),
        Err(why) => Some(why),
    })
}

/// Every kas file, every one of them with every option, and with all of them: read by kas itself, which holds
/// them against its schema, and without a repository that is not pinned.
pub(super) fn configurations(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let repo = &suite.context.paths.repo;
    let kas = Kas {
        python: Python::get(suite.context, TOOLS, None)?,
        work: suite.context.paths.work().join("kas"),
    };
    sandbox::remove(&kas.work)?;
    let project = kas.project(repo, "project")?;
    let (machines, options) = (kas::files(repo, "kas")?, kas::files(repo, "kas/opt")?);
    let mut configurations = machines.clone();
    for machine in &machines {
        configurations.extend(options.iter().map(|option| format!("{machine}:{option}")));
        configurations.push(format!("{machine}:{}", options.join(":")));
    }
    let mut checks = Vec::new();
    let (mut pinned, mut used) = (BTreeSet::new(), BTreeSet::new());
    for configuration in &configurations {
        step.message(configuration);
        let complaint = match read(&mut kas.dump(&project, kas::DUMP, configuration))? {
            Ok(dump) => {
                pinned.extend(dump.pins().map(str::to_owned));
                used.extend(dump.repositories().map(|r| r.name.to_owned()));
                dump.complaint()
            }
            Err(why) => Some(why),
        };
        checks.push(Check::that(format!("kas dump {configuration}"), complaint));
    }
    checks.push(Check::that(
        "pins are in lock files",
        pins_elsewhere(&repo.join("kas"))?,
    ));
    checks.push(Check::that(
        "lock files have their licences, and no commit twice",
        rewritten(&repo.join("kas"))?,
    ));
    let unused: Vec<&str> = pinned.difference(&used).map(String::as_str).collect();
    checks.push(Check::that(
        "every pin is used",
        (!unused.is_empty()).then(|| format!("in no configuration: {}", unused.join(", "))),
    ));
    let path = repo.join(MENU);
    let menu = fs::read_to_string(&path).at(&path)?;
    let offered: BTreeSet<&str> = menu.split('"').filter(|s| s.ends_with(".yml")).collect();
    let there: BTreeSet<&str> = machines
        .iter()
        .chain(&options)
        .map(String::as_str)
        .collect();
    let wrong: Vec<&str> = offered.symmetric_difference(&there).copied().collect();
    checks.push(Check::that(
        "kas menu offers what is there",
        (!wrong.is_empty())
            .then(|| format!("not offered by {MENU}, or not there: {}", wrong.join(", "))),
    ));
    let text = kas.dump(&project, kas::DUMP, MAIN).read()?;
    checks.push(Check::that(
        format!("{} says what {MAIN} does", bitbake_setup::FILE),
        bitbake_setup::complaint(repo, &Dump::parse(&text)?)?,
    ));
    checks.push(Check::that(
        "as a submodule, with the file in the manual",
        submodule(&kas, repo, &project)?,
    ));
    checks.push(other_owner(&kas, repo)?);
    Ok(checks)
}

/// The first indented block of the page after the line `heading`.
fn example(page: &str, heading: &str) -> Option<String> {
    let block: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| line.starts_with("    ") || line.is_empty())
        .map(|line| line.get(4..).unwrap_or_default())
        .collect();
    (!block.is_empty()).then(|| block.join("\n"))
}

/// kas takes a submodule for a part of the repository around it.
fn submodule(kas: &Kas, repo: &Path, project: &Path) -> Result<Option<String>> {
    let page = repo.join(PAGE);
    let text = fs::read_to_string(&page).at(&page)?;
    let Some(file) = example(&text, SUBMODULE) else {
        return Ok(Some(format!("{PAGE} has no example below `{SUBMODULE}`")));
    };
    git(project, &["add", "kas"])?;
    git(project, &["commit", "-q", "-m", "kas files"])?;
    git(&kas.work, &["init", "-q", "around"])?;
    let around = kas.work.join("around");
    let from = project.display().to_string();
    git(&around, &["submodule", "add", "-q", &from, SUBMODULE_PATH])?;
    let path = around.join("board.yml");
    fs::write(&path, file).at(&path)?;
    // For what is included from a repository, kas has to set that up: it is there.
    let arguments: Vec<&str> = kas::DUMP
        .split(|word| *word == "--skip")
        .filter(|words| *words != ["repo_setup_loop"])
        .collect::<Vec<_>>()
        .join(&"--skip");
    complaint(&mut kas.dump(&around, &arguments, "board.yml"))
}

/// git tells nothing of a tree of another owner to whom it has not been told to, and kas does not read the user's
/// settings of git.
fn other_owner(kas: &Kas, repo: &Path) -> Result<Check> {
    let name = "in a tree of another owner, as in the manual";
    let dir = kas.project(repo, "other")?;
    sandbox::command("giving a tree to another user")
        .args(["chown", "-R", "1:1"])
        .arg(&dir)
        .read()?;
    let told = kas.work.join("gitconfig");
    let mut cmd = kas.dump(&dir, kas::DUMP, MAIN);
    if complaint(&mut cmd)?.is_none() {
        let why = "git tells of trees of any owner here: it is old, or /etc/gitconfig says so";
        return Ok(Check::skip(name, why));
    }
    let (dir, file) = (dir.display().to_string(), told.display().to_string());
    git(
        &kas.work,
        &["config", "--file", &file, "safe.directory", &dir],
    )?;
    let complaint = complaint(cmd.env("GITCONFIG_FILE", &told))?;
    Ok(Check::that(name, complaint))
}

/// Lines of kas files that pin a commit outside a lock file, which `kas lock` would not move, or a repository a second
/// time.
fn pins_elsewhere(kas: &Path) -> Result<Option<String>> {
    let mut found = Vec::new();
    for path in files(kas, |path| extension(path, &["yml", "yaml", "json"]))? {
        let text = fs::read_to_string(&path).at(&path)?;
        let place = path.to_string_lossy().ends_with(kas::LOCK);
        let mut seen = BTreeSet::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let wrong = if place {
                // kas takes the last of two without a word
                line.trim_end().ends_with(':') && !seen.insert(line)
            } else {
                words.any(|word| matches!(word, "commit" | "tag") || kas::is_commit(word))
            };
            if wrong {
                found.push(format!("{}:{number}", path.display()));
            }
        }
    }
    Ok((!found.is_empty()).then(|| {
        format!(
            "expected each once, in a file *{} alone; came in {}",
            kas::LOCK,
            found.join(", ")
        )
    }))
}

/// What `kas lock --update` does to lock files without a word: it drops their comments, and where a configuration has two
/// files for a repository it writes the commit that is for the last into the first.
fn rewritten(kas: &Path) -> Result<Option<String>> {
    let mut problems = Vec::new();
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in files(kas, |path| path.to_string_lossy().ends_with(kas::LOCK))? {
        let text = fs::read_to_string(&path).at(&path)?;
        if !text.starts_with(LICENCE) {
            problems.push(format!(
                "{} does not begin with `{LICENCE}`: put its comments back, and see that its commits are of its branches",
                path.display()
            ));
        }
        for commit in text.split_whitespace().filter(|word| kas::is_commit(word)) {
            if let Some(other) = places.insert(commit.to_owned(), path.clone()) {
                let (one, other) = (path.display(), other.display());
                problems.push(format!(
                    "{commit} is in {other} and in {one}, which are for different branches"
                ));
            }
        }
    }
    Ok((!problems.is_empty()).then(|| problems.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_what_is_indented() {
        let page = "# A\n\n    no\n\n## B\n\ntext\n\n    a:\n      b\n\n    c\ntext\n    no\n## C\n    no\n";
        assert_eq!(example(page, "## B").as_deref(), Some("a:\n  b\n\nc"));
        assert_eq!(example("## B\ntext\n## C\n    no\n", "## B"), None);
    }

    #[test]
    fn a_lock_file_that_kas_has_written_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, comment: &str, digit: &str| {
            let text = format!("{comment}repos:\n  a:\n    commit: {}\n", digit.repeat(40));
            fs::write(dir.path().join(name), text).unwrap();
        };
        let told = || rewritten(dir.path()).unwrap().unwrap_or_default();
        let licence = "# SPDX-License-Identifier: MIT\n";
        write("a.lock.yml", licence, "0");
        write("b.lock.yml", licence, "1");
        write("b.yml", "", "1");
        assert_eq!(told(), "");
        write("b.lock.yml", "", "1");
        assert!(
            told().contains("b.lock.yml does not begin with"),
            "{}",
            told()
        );
        write("b.lock.yml", licence, "0");
        assert!(told().contains("a.lock.yml and in "), "{}", told());
    }

    #[test]
    fn a_pin_in_a_wrong_place_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let pins = format!("repos:\n  a:\n    commit: {commit}\n");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let complaint = || pins_elsewhere(dir.path()).unwrap();
        write("a.lock.yml", &pins);
        write("a.yml", "# at commit X\nrepos:\n  a:\n    url: u\n");
        assert_eq!(complaint(), None);
        write("a.lock.yml", &format!("{pins}  b:\n  a:\n"));
        assert!(complaint().unwrap().ends_with("a.lock.yml:5"));
        write("a.lock.yml", &pins);
        for bad in [
            "    commit: x",
            "    \"tag\": v1",
            &format!("  a: {{x: {commit}}}"),
        ] {
            write("a.yml", &format!("repos:\n{bad}\n"));
            assert!(complaint().unwrap().ends_with("a.yml:2"), "{bad}");
        }
    }
}
