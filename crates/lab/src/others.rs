// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of others for the guest: what cargo fetches for a crate that has a lock file of its own, with patches of
//! ours to some of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::arch::Arch;
use crate::cache::{Key, Making};
use crate::cargo;
use crate::context::Context;
use crate::error::{AtPath as _, Error, Result};
use crate::sandbox::{self, Sandbox};
use crate::toolchain;
use crate::ui::Step;

/// How the names of patches end, after the crate's name and version.
const PATCH: &str = ".patch";

/// The program for `arch` of the crate in `dir`, whose name is the folder's. It is built on first use. A patch there is
/// applied to the crate that its name names: `NAME-VERSION.patch`.
///
/// # Errors
///
/// [`Error::BadFile`] for a patch of a crate that the lock file does not have; what cargo or patch can't do.
pub fn program(context: &Context, sandbox: &Sandbox, arch: Arch, dir: &Path) -> Result<PathBuf> {
    let name = dir.file_name().unwrap_or_default();
    let patches = patches(dir)?;
    let files = ["Cargo.toml", "Cargo.lock", "src/main.rs"].map(|file| dir.join(file));
    let mut key = Key::default()
        .with(arch.to_string())
        .with(toolchain::compilers(sandbox.root())?);
    for file in files.iter().chain(&patches) {
        key = key.with_file(file)?;
    }
    let entry = format!("{}-{arch}-{}", name.to_string_lossy(), key.hex());
    let made = context.cache.entry(&entry, Making::Anew, |at| {
        let step = Step::new(format!("{} for {arch}", name.to_string_lossy()));
        let (vendor, target) = (at.join("vendor"), at.join("target"));
        cargo::fetch(context, dir, &vendor, &step)?;
        for patch in &patches {
            apply(context, sandbox, patch, &vendor, &step)?;
        }
        let what = format!("building {}", name.to_string_lossy());
        let sandbox = sandbox.seeing(at);
        let env = cargo::linking(context, &sandbox, arch)?;
        cargo::of(&sandbox, &what, dir, (&vendor, &target), env, "build")?
            .args(["--release", "--target", arch.facts().rust])
            .run(&step, &context.paths.log(&entry))?;
        let program = target.join(arch.facts().rust).join("release").join(name);
        fs::copy(&program, at.join(name)).at(&program)?;
        sandbox::remove(&vendor)?;
        sandbox::remove(&target)?;
        step.ok();
        Ok(())
    })?;
    Ok(made.join(name))
}

/// The patches in a folder, in the order of their names.
fn patches(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut patches = Vec::new();
    for entry in fs::read_dir(dir).at(dir)? {
        let path = entry.at(dir)?.path();
        if path.to_string_lossy().ends_with(PATCH) {
            patches.push(path);
        }
    }
    patches.sort();
    Ok(patches)
}

/// Applies a patch to the crate in `vendor` that it is for: all of it, where the lines around are what it says.
fn apply(
    context: &Context,
    sandbox: &Sandbox,
    patch: &Path,
    vendor: &Path,
    step: &Step,
) -> Result<()> {
    let file = patch.file_name().unwrap_or_default().to_string_lossy();
    let dir = vendor.join(file.trim_end_matches(PATCH));
    let sums = dir.join(".cargo-checksum.json");
    let text = fs::read_to_string(&sums).map_err(|_| Error::BadFile {
        path: patch.to_path_buf(),
        problem: "is for no crate of Cargo.lock; allowed names: NAME-VERSION.patch".into(),
    })?;
    let sandbox = sandbox
        .seeing(vendor)
        .seeing(patch.parent().unwrap_or(patch));
    sandbox
        .command::<&str, &str>(&format!("applying {file}"), &dir, &[], "patch")?
        .args(["--force", "--fuzz=0", "-p1", "-i"])
        .arg(patch)
        .run(step, &context.paths.log(&format!("patch-{file}")))?;
    // What was fetched was what the lock file has; from here on cargo is not to look at the files' own sums.
    fs::write(&sums, without_files(&text, patch)?).at(&sums)
}

/// The sums that cargo has of a crate, without those of its files.
fn without_files(sums: &str, patch: &Path) -> Result<String> {
    let package = sums
        .split_once(r#""package":""#)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(package, _)| package)
        .ok_or_else(|| Error::BadFile {
            path: patch.to_path_buf(),
            problem: format!("is for a crate without a sum of its package: {sums}"),
        })?;
    Ok(format!(r#"{{"files":{{}},"package":"{package}"}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_the_package_stays() {
        let sums = r#"{"files":{"src/lib.rs":"0a","Cargo.toml":"1b"},"package":"2c"}"#;
        assert_eq!(
            without_files(sums, Path::new("x")).unwrap(),
            r#"{"files":{},"package":"2c"}"#
        );
        assert!(without_files(r#"{"files":{}}"#, Path::new("x")).is_err());
    }

    #[test]
    fn patches_are_applied_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b-1.0.0.patch", "Cargo.toml", "a-2.0.0.patch"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let names: Vec<_> = patches(dir.path()).unwrap();
        let names: Vec<_> = names.iter().map(|p| p.file_name().unwrap()).collect();
        assert_eq!(names, ["a-2.0.0.patch", "b-1.0.0.patch"]);
    }
}
