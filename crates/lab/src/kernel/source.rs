// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian's kernel sources.

use std::path::{Path, PathBuf};

use crate::cache::{Key, Making};
use crate::context::Context;
use crate::debian::RELEASE;
use crate::debootstrap::Debootstrap;
use crate::error::{AtPath as _, Error, Result};
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;

/// The sources of `version`, fetched and unpacked on first use.
pub fn get(context: &Context, sandbox: &Sandbox, version: &str) -> Result<PathBuf> {
    let package = format!("linux-source-{version}");
    let key = Key::default().with(RELEASE).with(&package).hex();
    context
        .cache
        .entry(&format!("linux-{version}-{key}"), Making::Anew, |at| {
            let step = Step::new(format!("sources of Linux {version}"));
            // Next to the entry, so that the entry holds nothing but the sources.
            let packages = at.with_extension("packages");
            sandbox::remove(&packages)?;
            let result = fetch(context, sandbox, &step, &package, &packages, at);
            sandbox::remove(&packages)?;
            result?;
            step.ok();
            Ok(())
        })
}

fn fetch(
    context: &Context,
    sandbox: &Sandbox,
    step: &Step,
    package: &str,
    packages: &Path,
    at: &Path,
) -> Result<()> {
    Debootstrap {
        what: &format!("fetching {package}"),
        variant: "extract",
        architectures: "amd64",
        packages: &[&format!("{package}/{RELEASE}-backports")],
        backports: true,
    }
    .command(packages, context)?
    .run(step, &context.paths.log(package))?;
    let archive = packages.join(format!("usr/src/{package}.tar.xz"));
    if !archive.is_file() {
        return Err(Error::BadFile {
            path: archive,
            problem: format!("isn't in Debian's package {package}"),
        });
    }
    std::fs::create_dir_all(at).at(at)?;
    sandbox
        .command::<&str, &str>(format!("unpacking {package}"), at, &[], "tar")?
        .args(["--strip-components=1", "--no-same-owner", "-xf"])
        .arg(&archive)
        .run(step, &context.paths.log(&format!("{package}-unpack")))
}
