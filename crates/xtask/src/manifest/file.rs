// SPDX-License-Identifier: MIT OR Apache-2.0
//! A manifest as a file, and what can't be in it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use lab::arch::Arch;
use lab::driver::Driver;
use lab::error::{AtPath as _, Error, Result};
use lab::kernel::Flavour;

use super::{Family, Judge, Manifest, PROCESSORS_MAX, Root, Run, Time};

/// What `manifest.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    summary: String,
    module: String,
    family: Family,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    arches: Vec<Arch>,
    demo: Option<PathBuf>,
    bench: Option<PathBuf>,
    #[serde(default, rename = "run")]
    runs: Vec<Run>,
}

/// The driver of this folder.
///
/// # Errors
///
/// [`Error::BadFile`] where its manifest says what can't be; what the file system says.
pub(super) fn read(dir: &Path) -> Result<Manifest> {
    let path = dir.join("manifest.toml");
    let text = fs::read_to_string(&path).at(&path)?;
    let bad = |problem: String| Error::BadFile {
        path: path.clone(),
        problem,
    };
    let file: File = toml::from_str(&text).map_err(|e| bad(e.to_string().trim_end().to_owned()))?;
    if let Some(problem) = file.problem(dir) {
        return Err(bad(problem));
    }
    Ok(Manifest {
        summary: file.summary,
        family: file.family,
        driver: Driver {
            dir: dir.to_path_buf(),
            module: file.module,
            packages: file.packages,
            programs: file.programs,
            arches: file.arches,
        },
        demo: file.demo,
        bench: file.bench,
        runs: file.runs,
    })
}

impl File {
    /// What can't be, although each key by itself could.
    fn problem(&self, dir: &Path) -> Option<String> {
        if !dir.ends_with(&self.module) {
            return Some(format!(
                "module = \"{}\" can't be used; allowed: the folder's name",
                self.module
            ));
        }
        for (key, script) in [("demo", &self.demo), ("bench", &self.bench)] {
            if let Some(script) = script.as_ref().filter(|script| !dir.join(script).is_file()) {
                return Some(format!("{key} = \"{}\" is not there", script.display()));
            }
        }
        let runs = self.runs.iter().flat_map(|run| &run.arches);
        let mut arches = self.arches.iter().chain(runs);
        if let Some(arch) = arches.find(|arch| !Arch::ALL.contains(arch)) {
            let all = Arch::ALL.map(|arch| arch.facts().name).join(", ");
            return Some(format!("arches = \"{arch}\" can't be used; allowed: {all}"));
        }
        let run = self.runs.iter().find_map(|run| {
            let why = match (&run.verify, &run.script) {
                (None, None) | (Some(_), Some(_)) => "has either `verify` or `script`".to_owned(),
                (None, Some(script)) if !dir.join(script).is_file() => {
                    format!("script = \"{}\" is not there", script.display())
                }
                (None, Some(_)) if run.full || !run.parameters.is_empty() => {
                    "`full` and `parameters` are for `verify`".to_owned()
                }
                (Some(_), None) if run.sealed => "`verify` needs the share".to_owned(),
                _ if run.processors.is_some() && run.time == Time::Counted => {
                    "`processors` is for real time: counted time has one".to_owned()
                }
                _ if run
                    .processors
                    .is_some_and(|n| !(1..=PROCESSORS_MAX).contains(&n)) =>
                {
                    format!("`processors` is 1 to {PROCESSORS_MAX}")
                }
                _ if !run.boards.is_empty() && run.flavour() != Flavour::Plain => {
                    "`boards` have a kernel of their own".to_owned()
                }
                _ if !run.boards.is_empty() && run.sealed => {
                    "`sealed` is not for `boards`".to_owned()
                }
                _ if run.rootfs != Root::Plain && !run.packages.is_empty() => {
                    "`packages` are for the root file system `plain`".to_owned()
                }
                _ => run.no_compat().or_else(|| {
                    let mut others = run.others.iter();
                    let other = others.find(|other| !dir.join(other).join("Cargo.lock").is_file());
                    Some(format!(
                        "others = \"{}\" has no Cargo.lock",
                        other?.display()
                    ))
                })?,
            };
            Some(format!("the run {}: {why}", run.name))
        });
        let mut names: Vec<&str> = self.runs.iter().map(|run| run.name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        run.or_else(|| twice.map(|pair| format!("the run {} is there twice", pair[0])))
    }
}

impl Run {
    /// Why there is no such kernel for programs of 32 bits.
    fn no_compat(&self) -> Option<String> {
        let none = |arch: &&Arch| arch.facts().wider.is_none();
        match self.compat.iter().find(none) {
            Some(arch) => Some(format!(
                "compat = \"{arch}\" can't be used; allowed: arm, i386"
            )),
            None if self.compat.is_empty() => None,
            None if self.flavour() != Flavour::Plain => {
                Some("`compat` chooses the kernel itself".to_owned())
            }
            None if !self.selftests.is_empty()
                || matches!(self.judge, Some(Judge::Kselftest(_))) =>
            {
                Some("the kernel's tests are not built for `compat`".to_owned())
            }
            None => None,
        }
    }
}
