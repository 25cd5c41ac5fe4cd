// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bitbake builds the tool from: the crates that it fetches, against Cargo.lock, and the directories of the
//! repository, against the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Suite, licences};
use crate::report::Check;
use lab::error::{AtPath as _, Error, Result};
use lab::exec::Cmd;
use lab::paths;
use lab::sandbox;
use lab::ui::Step;

/// The list.
const CRATES: &str = "meta-rloop/recipes-test/rloop/rloop-crates.inc";
/// The recipe, which names the directories.
const RECIPE: &str = "meta-rloop/recipes-test/rloop/rloop_0.1.0.bb";

/// The crate that compiles drivers' models, each from its own folder.
const MODELS: &str = "crates/models/src/lib.rs";

/// The folders, below the repository's root, that the file [`MODELS`] compiles.
fn models(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let path = line.strip_prefix("#[path = \"../../../")?;
        path.strip_suffix("/mod.rs\"]")
    })
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

/// What `cargo metadata` says of the workspace.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    path: Option<PathBuf>,
}

impl Workspace {
    /// The directory `root` of a package, and those of the packages that it depends on by path.
    fn directories(&self, root: PathBuf) -> BTreeSet<PathBuf> {
        let mut left = vec![root];
        let mut directories = BTreeSet::new();
        while let Some(directory) = left.pop() {
            let manifest = directory.join("Cargo.toml");
            if directories.insert(directory) {
                let member = self.packages.iter().find(|p| p.manifest_path == manifest);
                let dependencies = member.map(|m| m.dependencies.as_slice());
                left.extend(
                    dependencies
                        .unwrap_or_default()
                        .iter()
                        .filter_map(|d| d.path.clone()),
                );
            }
        }
        directories
    }
}

/// The directories that are built and that `recipe` does not name.
fn unnamed(directories: &BTreeSet<PathBuf>, repo: &Path, recipe: &str) -> Option<String> {
    let named: Vec<PathBuf> = recipe
        .lines()
        .find_map(|line| line.strip_prefix("RLOOP_CRATES = \""))
        .and_then(|line| line.strip_suffix('"'))
        .unwrap_or_default()
        .split_whitespace()
        .map(|directory| repo.join(directory))
        .collect();
    let unnamed: Vec<String> = directories
        .iter()
        .filter(|directory| !named.iter().any(|name| directory.starts_with(name)))
        .map(|directory| directory.strip_prefix(repo).unwrap_or(directory))
        .map(|directory| directory.display().to_string())
        .collect();
    (!unnamed.is_empty())
        .then(|| format!("not in RLOOP_CRATES of {RECIPE}: {}", unnamed.join(", ")))
}

/// What cargo says to `arguments`.
fn cargo(repo: &Path, arguments: &[&str]) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Cmd::new(format!("cargo {}", arguments[0]), cargo)
        .args(arguments)
        .dir(repo)
        .read()
}

/// Cargo.lock as the recipe leaves it when it has taken all of the workspace out of it but `directories`, which the tool is
/// built from: what other members want of a crate may bring more crates.
fn pruned(suite: &Suite<'_>, directories: &BTreeSet<PathBuf>) -> Result<String> {
    let repo = &suite.context.paths.repo;
    let dir = suite.context.paths.work().join("pruned");
    sandbox::remove(&dir)?;
    for directory in directories {
        paths::copy(
            directory,
            &dir.join(directory.strip_prefix(repo).unwrap_or(directory)),
        )?;
    }
    paths::copy(&repo.join("Cargo.lock"), &dir.join("Cargo.lock"))?;
    let path = repo.join("Cargo.toml");
    let manifest = fs::read_to_string(&path).at(&path)?;
    let pruned: Vec<String> = manifest
        .lines()
        .map(|line| match line.split_once(" = ") {
            Some((key @ ("members" | "default-members"), _)) => {
                format!("{key} = [\"crates/rloop\"]")
            }
            _ => line.to_owned(),
        })
        .collect();
    let path = dir.join("Cargo.toml");
    fs::write(&path, pruned.join("\n")).at(&path)?;
    cargo(&dir, &["update", "--workspace", "--quiet"])?;
    let path = dir.join("Cargo.lock");
    fs::read_to_string(&path).at(&path)
}

/// Holds the list against Cargo.lock, and the recipe against the workspace.
pub(super) fn in_step(suite: &Suite<'_>, _: &Step) -> Result<Vec<Check>> {
    let read = |name: &str| {
        let path = suite.context.paths.repo.join(name);
        fs::read_to_string(&path).at(&path)
    };
    let repo = &suite.context.paths.repo;
    let metadata = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let metadata = cargo(repo, &metadata)?;
    let workspace: Workspace = serde_json::from_str(&metadata).map_err(|e| Error::BadInput {
        what: "the output of cargo metadata",
        given: e.to_string(),
        allowed: "what cargo writes".into(),
    })?;
    let mut directories = workspace.directories(repo.join("crates/rloop"));
    directories.extend(models(&read(MODELS)?).map(|folder| repo.join(folder)));
    let recipe = read(RECIPE)?;
    let lock = pruned(suite, &directories)?;
    let lock: Lock = toml::from_str(&lock).map_err(|e| Error::BadInput {
        what: "Cargo.lock",
        given: e.to_string(),
        allowed: "what cargo writes".into(),
    })?;
    Ok(vec![
        Check::that(
            "the list of crates is in step with Cargo.lock",
            out_of_step(&lock, &read(CRATES)?),
        ),
        Check::that(
            "the recipe names the directories that the tool is built from",
            unnamed(&directories, repo, &recipe),
        ),
        Check::that(
            "the recipe names the licences of what is linked",
            licences::complaint(&cargo(repo, licences::TREE)?, &licences::named(&recipe)),
        ),
    ])
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

    #[test]
    fn a_directory_that_the_recipe_does_not_name_is_told() {
        let workspace: Workspace = serde_json::from_str(
            r#"{"packages": [
                {"manifest_path": "/r/crates/a/Cargo.toml", "dependencies": [{"path": "/r/crates/b"}, {}]},
                {"manifest_path": "/r/crates/b/Cargo.toml", "dependencies": [{"path": "/r/lib/c"}]},
                {"manifest_path": "/r/lib/c/Cargo.toml", "dependencies": []},
                {"manifest_path": "/r/crates/d/Cargo.toml", "dependencies": []}
            ]}"#,
        )
        .unwrap();
        let directories = workspace.directories("/r/crates/a".into());
        let complaint = |recipe| unnamed(&directories, Path::new("/r"), recipe);
        assert_eq!(
            complaint("RLOOP_CRATES = \"crates/a crates/b lib\"\n"),
            None
        );
        let why = complaint("RLOOP_CRATES = \"crates/a lib/c\"\n").unwrap();
        assert!(why.ends_with(": crates/b"), "{why}");
        assert!(complaint("").unwrap().contains(": crates/a, "));
    }

    #[test]
    fn a_model_that_the_recipe_does_not_name_is_told() {
        let text = "mod lib {}\n#[path = \"../../../drivers/x/model/mod.rs\"]\npub mod x;\n";
        let directories: BTreeSet<PathBuf> =
            models(text).map(|m| Path::new("/r").join(m)).collect();
        let complaint = |recipe| unnamed(&directories, Path::new("/r"), recipe);
        assert_eq!(complaint("RLOOP_CRATES = \"drivers/x/model\"\n"), None);
        let why = complaint("RLOOP_CRATES = \"drivers/lib/model\"\n").unwrap();
        assert!(why.ends_with(": drivers/x/model"), "{why}");
    }

    #[test]
    fn the_models_of_this_checkout_are_found() {
        let repo = lab::paths::Paths::find().unwrap().repo;
        let text = fs::read_to_string(repo.join(MODELS)).unwrap();
        let found = models(&text).inspect(|folder| assert!(repo.join(folder).is_dir()));
        assert_eq!(found.count(), text.matches("#[path").count());
    }

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
