// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bitbake builds programs from: the crates that it fetches, against the lock files, and the directories of the
//! repository, against the workspace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::crate_list::{self, Lock};
use super::layer::{extension, files};
use super::{Suite, licences};
use crate::report::Check;
use lab::error::{AtPath as _, Error, Result};
use lab::exec::Cmd;
use lab::paths;
use lab::sandbox;
use lab::ui::Step;

/// A recipe with a list of crates.
struct Recipe {
    /// Its name.
    name: &'static str,
    /// What it is, in the layer.
    file: &'static str,
    source: Source,
}

/// Where the program is whose recipe it is.
enum Source {
    /// The crate `crates/NAME` of the workspace.
    Workspace(&'static str),
    /// A folder with a lock file of its own, and patches; `package` is what lies there.
    Folder {
        dir: &'static str,
        package: &'static str,
    },
    /// A crate of the registry, with the lock file that it has there.
    Registry,
}

const RECIPES: &[Recipe] = &[
    Recipe {
        name: "rloop",
        file: concat!(
            "recipes-test/rloop/rloop_",
            env!("CARGO_PKG_VERSION"),
            ".bb"
        ),
        source: Source::Workspace("rloop"),
    },
    Recipe {
        name: "virtio-loopback-adapter-rs",
        file: concat!(
            "recipes-virtio/virtio-loopback-adapter-rs/virtio-loopback-adapter-rs_",
            env!("CARGO_PKG_VERSION"),
            ".bb"
        ),
        source: Source::Workspace("virtio-loopback-adapter"),
    },
    Recipe {
        name: "vhost-device-sound-alsa",
        file: "recipes-virtio/vhost-device-sound-alsa/vhost-device-sound-alsa_0.3.0.bb",
        source: Source::Folder {
            dir: "drivers/virtio-loopback/backends/vhost-device-sound",
            package: "vhost-device-sound-alsa",
        },
    },
    Recipe {
        name: "vhost-device-rng",
        file: "recipes-virtio/vhost-device-rng/vhost-device-rng_0.1.0.bb",
        source: Source::Registry,
    },
];

/// How the names of lists end, after the recipe's.
const LIST: &str = "-crates.inc";
/// The class of the workspace's recipes, which names the directories that all of them are built from.
const CLASS: &str = "classes-recipe/rloop_crate.bbclass";

/// The crate that compiles drivers' models, each from its own folder.
const MODELS: &str = "crates/models/src/lib.rs";

/// The folders, below the repository's root, that the file [`MODELS`] compiles.
fn models(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let path = line.strip_prefix("#[path = \"../../../")?;
        path.strip_suffix("/mod.rs\"]")
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

/// The words of `NAME = "…"` in `text`.
fn words<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let line = text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix(" = \"")?
            .strip_suffix('"')
    });
    line.unwrap_or_default().split_whitespace()
}

/// The directories that are built and that neither a recipe nor the class names: `directories` of `repo`, which are those of
/// `crates/NAME`.
fn unnamed(
    directories: &BTreeSet<PathBuf>,
    repo: &Path,
    name: &str,
    recipe: &str,
    class: &str,
) -> Option<String> {
    let own = format!("crates/{name}");
    let mut crates: Vec<&str> = words(recipe, "RLOOP_CRATES").collect();
    if crates.is_empty() {
        crates.push(&own);
    }
    crates.extend(words(class, "RLOOP_MODELS"));
    let named: Vec<PathBuf> = crates.iter().map(|crate_| repo.join(crate_)).collect();
    let unnamed: Vec<String> = directories
        .iter()
        .filter(|directory| !named.iter().any(|name| directory.starts_with(name)))
        .map(|directory| directory.strip_prefix(repo).unwrap_or(directory))
        .map(|directory| directory.display().to_string())
        .collect();
    (!unnamed.is_empty()).then(|| {
        format!(
            "not in RLOOP_CRATES of the recipe, nor in RLOOP_MODELS of {CLASS}: {}",
            unnamed.join(", ")
        )
    })
}

/// The patches among `names` that the recipe `recipe` of the version `version` does not name.
fn unpatched(names: &[String], version: &str, recipe: &str) -> Option<String> {
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !recipe.contains(&name.replace(version, "${PV}")))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| format!("not in SRC_URI: {}", missing.join(", ")))
}

/// What cargo says to `arguments` in `dir`.
fn cargo(dir: &Path, arguments: &[&str]) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Cmd::new(format!("cargo {}", arguments[0]), cargo)
        .args(arguments)
        .dir(dir)
        .read()
}

/// Cargo.lock as the recipe of `crates/NAME` leaves it when it has taken all of the workspace out of it but `directories`,
/// which the crate is built from: what other members want of a crate may bring more crates.
fn pruned(suite: &Suite<'_>, name: &str, directories: &BTreeSet<PathBuf>) -> Result<String> {
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
                format!("{key} = [\"crates/{name}\"]")
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

/// A lock file.
fn lock(text: &str) -> Result<Lock> {
    toml::from_str(text).map_err(|e| Error::BadInput {
        what: "Cargo.lock",
        given: e.to_string(),
        allowed: "what cargo writes".into(),
    })
}

/// Holds the lists against the lock files, and the recipes against the workspace.
pub(super) fn in_step(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let repo = &suite.context.paths.repo;
    let layer = suite.context.paths.layer();
    let metadata = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let metadata = cargo(repo, &metadata)?;
    let workspace: Workspace = serde_json::from_str(&metadata).map_err(|e| Error::BadInput {
        what: "the output of cargo metadata",
        given: e.to_string(),
        allowed: "what cargo writes".into(),
    })?;
    let mut checks = Vec::new();
    for recipe in RECIPES {
        step.message(recipe.name);
        checks.extend(recipe.checks(suite, &workspace)?);
    }
    let known: BTreeSet<String> = RECIPES
        .iter()
        .map(|r| format!("{}{LIST}", r.name))
        .collect();
    let lists = files(&layer, |path| path.to_string_lossy().ends_with(LIST))?;
    let found = lists.iter().filter_map(|path| path.file_name());
    let unknown: Vec<String> = found
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| !known.contains(name))
        .collect();
    checks.push(Check::that(
        "every list of crates is looked at",
        (!unknown.is_empty()).then(|| format!("not in RECIPES: {}", unknown.join(", "))),
    ));
    Ok(checks)
}

impl Recipe {
    /// What there is to say of it.
    fn checks(&self, suite: &Suite<'_>, workspace: &Workspace) -> Result<Vec<Check>> {
        let repo = &suite.context.paths.repo;
        let layer = suite.context.paths.layer();
        let read = |path: &Path| fs::read_to_string(path).at(path);
        let path = layer.join(self.file);
        let recipe = read(&path)?;
        let list = read(&path.with_file_name(format!("{}{LIST}", self.name)))?;
        let mut checks = Vec::new();
        let mut that = |what: &str, complaint| {
            checks.push(Check::that(format!("{}: {what}", self.name), complaint));
        };
        let in_step = "the list of crates is in step with Cargo.lock";
        let (package, dir) = match self.source {
            Source::Workspace(name) => {
                let mut directories = workspace.directories(repo.join("crates").join(name));
                directories
                    .extend(models(&read(&repo.join(MODELS))?).map(|folder| repo.join(folder)));
                let lock = lock(&pruned(suite, name, &directories)?)?;
                that(
                    in_step,
                    crate_list::out_of_step(&lock, name, self.name, &list),
                );
                that(
                    "the directories that it is built from are named",
                    unnamed(
                        &directories,
                        repo,
                        name,
                        &recipe,
                        &read(&layer.join(CLASS))?,
                    ),
                );
                (name, repo.clone())
            }
            Source::Folder { dir, package } => {
                let dir = repo.join(dir);
                let lock = lock(&read(&dir.join("Cargo.lock"))?)?;
                that(
                    in_step,
                    crate_list::out_of_step(&lock, package, self.name, &list),
                );
                let patches: Vec<String> = files(&dir, |path| extension(path, &["patch"]))?
                    .iter()
                    .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                    .collect();
                let version = self.file.trim_end_matches(".bb").rsplit('_').next();
                that(
                    "the patches are named",
                    unpatched(&patches, version.unwrap_or_default(), &recipe),
                );
                (package, dir)
            }
            Source::Registry => {
                that("each crate has a checksum", crate_list::unpaired(&list));
                return Ok(checks);
            }
        };
        let tree = licences::tree(package);
        let tree: Vec<&str> = tree.iter().map(String::as_str).collect();
        that(
            "the licences of what is linked are named",
            licences::complaint(&cargo(&dir, &tree)?, &licences::named(&recipe)),
        );
        Ok(checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let complaint = |recipe, class| unnamed(&directories, Path::new("/r"), "a", recipe, class);
        let all = "RLOOP_CRATES = \"crates/a crates/b lib\"\n";
        assert_eq!(complaint(all, ""), None);
        let some = "RLOOP_CRATES = \"crates/a lib/c\"\n";
        let why = complaint(some, "").unwrap();
        assert!(why.ends_with(": crates/b"), "{why}");
        assert_eq!(complaint(some, "RLOOP_MODELS = \"crates/b\"\n"), None);
        // By default it is the crate's own.
        let why = complaint("", "").unwrap();
        assert!(why.ends_with(": crates/b, lib/c"), "{why}");
    }

    #[test]
    fn a_patch_that_the_recipe_does_not_name_is_told() {
        let patches = ["a-1.0.0.patch".to_owned(), "b-1.0.0.patch".to_owned()];
        let one = "SRC_URI = \"file://x/a-${PV}.patch;patchdir=y\"\n";
        let complaint = |version| unpatched(&patches, version, one);
        assert_eq!(complaint("1.0.0").unwrap(), "not in SRC_URI: b-1.0.0.patch");
        let why = complaint("2.0.0").unwrap();
        assert_eq!(why, "not in SRC_URI: a-1.0.0.patch, b-1.0.0.patch");
    }

    #[test]
    fn a_model_that_the_recipe_does_not_name_is_told() {
        let text = "mod lib {}\n#[path = \"../../../drivers/x/model/mod.rs\"]\npub mod x;\n";
        let directories: BTreeSet<PathBuf> =
            models(text).map(|m| Path::new("/r").join(m)).collect();
        let complaint = |class| unnamed(&directories, Path::new("/r"), "a", "", class);
        assert_eq!(complaint("RLOOP_MODELS = \"drivers/x/model\"\n"), None);
        let why = complaint("RLOOP_MODELS = \"drivers/lib/model\"\n").unwrap();
        assert!(why.ends_with(": drivers/x/model"), "{why}");
    }

    #[test]
    fn the_models_of_this_checkout_are_found() {
        let repo = lab::paths::Paths::find().unwrap().repo;
        let text = fs::read_to_string(repo.join(MODELS)).unwrap();
        let found = models(&text).inspect(|folder| assert!(repo.join(folder).is_dir()));
        assert_eq!(found.count(), text.matches("#[path").count());
    }
}
