// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be said of the Yocto layer and the kas files without Yocto's sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use walkdir::WalkDir;

use super::Suite;
use super::steps::{in_guest, program};
use crate::error::{AtPath as _, Error, Result};
use crate::guest::Machine;
use crate::kas::{self, Dump};
use crate::kernel::Spec;
use crate::python::{Python, TOOLS};
use crate::report::{self, Check};
use crate::ui::Step;

/// Where each commit is pinned.
const PINS: &str = "include/pins.yml";
/// Another release of everything: its pins are its own.
const OTHER_RELEASE: &str = "opt/blacksail.yml";
/// The list of crates that bitbake fetches.
const CRATES: &str = "meta-rloop/recipes-test/rloop/rloop-crates.inc";
/// What the package `rloop-ptest` runs.
const RUN_PTEST: &str = "meta-rloop/recipes-test/rloop/rloop/run-ptest";
/// ptest-runner ends a test that has written nothing for so long, in seconds.
const PTEST_SILENCE: u32 = 300;

/// The files below `dir` that `wanted` takes, without what is built or git's own.
fn files(dir: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let hidden = |name: &str| name == "target" || name == ".git";
    let walk = WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|e| !hidden(&e.file_name().to_string_lossy()));
    for entry in walk {
        let entry = entry.map_err(std::io::Error::from).at(dir)?;
        if entry.file_type().is_file() && wanted(entry.path()) {
            found.push(entry.into_path());
        }
    }
    Ok(found)
}

fn extension(path: &Path, any: &[&str]) -> bool {
    path.extension()
        .is_some_and(|e| any.iter().any(|one| e == *one))
}

/// Every kas file and every one of them with every option: read by kas itself, which holds them
/// against its schema, and without a repository that is not pinned.
pub(super) fn configurations(suite: &Suite<'_>, _: &Spec, step: &Step) -> Result<Vec<Check>> {
    let python = Python::get(suite.context, TOOLS, None)?;
    let repo = &suite.context.paths.repo;
    let (machines, options) = (kas::files(repo, "kas")?, kas::files(repo, "kas/opt")?);
    let mut configurations = machines.clone();
    for machine in &machines {
        configurations.extend(options.iter().map(|option| format!("{machine}:{option}")));
    }
    let work = suite.context.paths.work().join("kas");
    fs::create_dir_all(&work).at(&work)?;
    let mut checks = Vec::new();
    for configuration in &configurations {
        step.message(configuration);
        let dump = python
            .module("kas")
            .env("KAS_WORK_DIR", &work)
            .args(kas::DUMP)
            .arg(configuration)
            .dir(repo)
            .read();
        let complaint = match dump {
            Ok(text) => match Dump::parse(&text) {
                Ok(dump) => dump.complaint(),
                Err(e) => Some(e.to_string()),
            },
            Err(Error::Command { tail, .. }) => Some(tail),
            Err(e) => return Err(e),
        };
        checks.push(Check::that(format!("kas dump {configuration}"), complaint));
    }
    checks.push(Check::that(
        "pins are in one place",
        pins_elsewhere(&repo.join("kas"))?,
    ));
    Ok(checks)
}

/// Lines that pin a commit where none should be pinned.
fn pins_elsewhere(kas: &Path) -> Result<Option<String>> {
    let mut found = Vec::new();
    for path in files(kas, |path| extension(path, &["yml"]))? {
        if path.ends_with(PINS) || path.ends_with(OTHER_RELEASE) {
            continue;
        }
        let text = fs::read_to_string(&path).at(&path)?;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("commit:") {
                found.push(format!("{}:{number}", path.display()));
            }
        }
    }
    Ok((!found.is_empty())
        .then(|| format!("expected in kas/{PINS} alone, came in {}", found.join(", "))))
}

/// oelint-adv for the layer, ruff for Python, shellcheck for the shell.
pub(super) fn lint(suite: &Suite<'_>, _: &Spec, step: &Step) -> Result<Vec<Check>> {
    let python = Python::get(suite.context, TOOLS, None)?;
    let paths = &suite.context.paths;
    let layer = paths.repo.join("meta-rloop");
    let recipes = files(&layer, |path| {
        extension(path, &["bb", "bbappend", "bbclass", "inc"]) || path.ends_with("conf/layer.conf")
    })?;
    let scripts = files(&paths.repo, |path| {
        fs::read(path).is_ok_and(|text| {
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            line.starts_with(b"#!") && line.ends_with(b"sh")
        })
    })?;
    let oelint = python
        .module("oelint_adv")
        .dir(&layer)
        .arg("--quiet")
        .args(&recipes)
        .run(step, &paths.log("oelint"));
    let ruff = |arguments: &[&str], log: &str| {
        python
            .program("ruff")
            .dir(&paths.repo)
            .args(arguments)
            .arg("meta-rloop")
            .run(step, &paths.log(log))
    };
    let shellcheck = suite
        .sandbox
        .command::<&str, &str>("shellcheck", &paths.repo, &[], "shellcheck")?
        .args(&scripts)
        .run(step, &paths.log("shellcheck"));
    Ok(vec![
        program(&format!("oelint-adv, {} files", recipes.len()), oelint)?,
        program("ruff check", ruff(&["check", "--no-cache"], "ruff-check"))?,
        program(
            "ruff format",
            ruff(&["format", "--no-cache", "--check"], "ruff-format"),
        )?,
        program(&format!("shellcheck, {} files", scripts.len()), shellcheck)?,
    ])
}

/// A package in Cargo.lock.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

impl Lock {
    /// The packages that `dependency` names: `name`, or `name version` where there are several.
    fn find(&self, dependency: &str) -> Option<&Package> {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next()?, words.next());
        self.package
            .iter()
            .find(|p| p.name == name && version.is_none_or(|version| p.version == version))
    }

    /// All crates from a registry that `root` needs, as `name-version` with their checksums.
    fn needs(&self, root: &str) -> BTreeMap<String, String> {
        let mut seen = BTreeSet::new();
        let mut left: Vec<&Package> = self.find(root).into_iter().collect();
        let mut needs = BTreeMap::new();
        while let Some(package) = left.pop() {
            let name = format!("{}-{}", package.name, package.version);
            if !seen.insert(name.clone()) {
                continue;
            }
            left.extend(package.dependencies.iter().filter_map(|d| self.find(d)));
            if let Some(checksum) = &package.checksum {
                needs.insert(name, checksum.clone());
            }
        }
        needs
    }
}

/// The crates of a generated list: the fetched ones, and the checksums.
fn listed(list: &str) -> (BTreeSet<String>, BTreeMap<String, String>) {
    let fetched = list
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("crate://"))
        .filter_map(|uri| uri.split_once('/'))
        .map(|(_, crate_)| crate_.replace('/', "-"))
        .collect();
    let checksums = list
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("SRC_URI[")?.split_once(".sha256sum]")?;
            let checksum = rest.split('"').nth(1)?;
            Some((name.to_owned(), checksum.to_owned()))
        })
        .collect();
    (fetched, checksums)
}

/// Whether the list of crates is what Cargo.lock says that the tool needs.
fn out_of_step(lock: &Lock, list: &str) -> Option<String> {
    let needs = lock.needs("rloop");
    let (fetched, checksums) = listed(list);
    let needed: BTreeSet<String> = needs.keys().cloned().collect();
    let mut complaints: Vec<String> = Vec::new();
    complaints.extend(
        needed
            .difference(&fetched)
            .map(|name| format!("{name} is missing")),
    );
    complaints.extend(
        fetched
            .difference(&needed)
            .map(|name| format!("{name} is not needed")),
    );
    for (name, checksum) in &needs {
        if fetched.contains(name) && checksums.get(name) != Some(checksum) {
            complaints.push(format!("{name} has another checksum"));
        }
    }
    (!complaints.is_empty()).then(|| {
        format!(
            "{}; make it anew: bitbake -c update_crates rloop",
            complaints.join(", ")
        )
    })
}

/// The list of crates that bitbake fetches, against Cargo.lock.
pub(super) fn crates(suite: &Suite<'_>, _: &Spec, _: &Step) -> Result<Vec<Check>> {
    let read = |name: &str| {
        let path = suite.context.paths.repo.join(name);
        fs::read_to_string(&path).at(&path)
    };
    let lock: Lock = toml::from_str(&read("Cargo.lock")?).map_err(|e| Error::BadInput {
        what: "Cargo.lock",
        given: e.to_string(),
        allowed: "what cargo writes".into(),
    })?;
    Ok(vec![Check::that(
        "the list of crates is in step with Cargo.lock",
        out_of_step(&lock, &read(CRATES)?),
    )])
}

/// Runs run-ptest as ptest-runner does: in its own directory, as a program without input, and with an
/// eye on how long it says nothing.
fn ptest_script(run_ptest: &str) -> String {
    format!(
        "mkdir -p /usr/lib/rloop/ptest && cd /usr/lib/rloop/ptest || exit 2\n\
         cat >run-ptest <<'END OF RUN-PTEST'\n{run_ptest}END OF RUN-PTEST\n\
         chmod +x run-ptest\n\
         loaded() {{ cut -d ' ' -f 1 /proc/modules | sort >\"$1\"; }}\n\
         now() {{ cut -d . -f 1 /proc/uptime; }}\n\
         loaded /tmp/before\n\
         {{ ./run-ptest 2>&1 </dev/null; echo $? >/tmp/ptest-status; }} | {{\n\
         \tlast=$(now) gap=0\n\
         \twhile IFS= read -r line; do\n\
         \t\tprintf '%s\\n' \"$line\"\n\
         \t\twait=$(($(now) - last)) last=$(now)\n\
         \t\t[ $wait -le $gap ] || gap=$wait\n\
         \tdone\n\
         \techo \"  $gap s at most without a line\"\n\
         \t[ $gap -lt {PTEST_SILENCE} ] && echo 'PASS: within the limit of ptest-runner' || echo 'FAIL: within the limit of ptest-runner'\n\
         }}\n\
         status=$(cat /tmp/ptest-status)\n\
         loaded /tmp/after\n\
         cmp -s /tmp/before /tmp/after && echo 'PASS: the machine is as it was' || {{ echo \"  $(diff /tmp/before /tmp/after)\"; echo 'FAIL: the machine is as it was'; }}\n\
         exit $status\n"
    )
}

/// run-ptest in a guest, which it has to load the module in.
pub(super) fn ptest(suite: &Suite<'_>, spec: &Spec, step: &Step) -> Result<Vec<Check>> {
    let script = suite.context.paths.repo.join(RUN_PTEST);
    // The build adds the crate's own tests, which were run on the host, and this line.
    let mut text = fs::read_to_string(&script).at(&script)?;
    text.push_str("\nexit $rc\n");
    let job = ptest_script(&text);
    let job = ("layer-ptest", job.as_str(), Duration::from_secs(1200));
    let (outcome, mut checks) = in_guest(suite, spec, step, job, Machine::counted)?;
    let results = report::from_ptest(&outcome.output);
    checks.push(Check::that(
        "run-ptest has tested the card",
        (!results.iter().any(|check| check.name == "load"))
            .then(|| "expected PASS: load in its output, came none".to_owned()),
    ));
    checks.extend(results);
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        version = 4
        [[package]]
        name = "rloop"
        version = "0.1.0"
        dependencies = ["a 2.0.0", "b"]
        [[package]]
        name = "a"
        version = "1.0.0"
        checksum = "a1"
        [[package]]
        name = "a"
        version = "2.0.0"
        checksum = "a2"
        dependencies = ["b"]
        [[package]]
        name = "b"
        version = "0.3.0"
        checksum = "b"
        dependencies = ["a 2.0.0"]
    "#;

    fn list(crates: &[(&str, &str)]) -> String {
        let mut list = String::new();
        for (name, sum) in crates {
            list += &format!(
                "    crate://crates.io/{} \\\nSRC_URI[{name}.sha256sum] = \"{sum}\"\n",
                name.replacen('-', "/", 1)
            );
        }
        list
    }

    fn complaint(crates: &[(&str, &str)]) -> Option<String> {
        out_of_step(&toml::from_str(LOCK).unwrap(), &list(crates))
    }

    #[test]
    fn the_list_of_crates_is_held_against_the_lock_file() {
        assert_eq!(complaint(&[("a-2.0.0", "a2"), ("b-0.3.0", "b")]), None);
        let why = complaint(&[("a-1.0.0", "a1"), ("b-0.3.0", "x")]).unwrap();
        assert!(why.contains("a-2.0.0 is missing"), "{why}");
        assert!(why.contains("a-1.0.0 is not needed"), "{why}");
        assert!(why.contains("b-0.3.0 has another checksum"), "{why}");
    }
}
