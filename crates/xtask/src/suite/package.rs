// SPDX-License-Identifier: MIT OR Apache-2.0
//! A release: that it builds from its own archive, and that its SBOM is one.

use std::fs;

use lab::error::{AtPath as _, Result};
use lab::exec::Cmd;
use lab::python::Python;
use lab::sandbox;
use lab::ui::Step;

use super::Suite;
use super::steps::program;
use crate::package::{self, Package};
use crate::report::Check;

/// What reads SPDX, for pip.
const TOOLS: &str = "crates/xtask/package/requirements.txt";

/// Makes a release, unpacks it, and has cargo look at all of it where there is no network and no other crate.
pub(super) fn builds(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let context = suite.context;
    let python = Python::get(context, TOOLS, None)?;
    let work = context.paths.work().join("package");
    let log = |what: &str| context.paths.log(&format!("package-{what}"));
    let package = Package::make(context, step, &work.join("made"))?;
    let unpacked = work.join("unpacked");
    sandbox::remove(&unpacked)?;
    fs::create_dir_all(&unpacked).at(&unpacked)?;
    Cmd::new("unpacking the archive", "tar")
        .arg("-xf")
        .arg(&package.archive)
        .dir(&unpacked)
        .run(step, &log("unpack"))?;
    let tree = unpacked.join(package::name());
    let target = work.join("target");
    let env = ["CARGO_TARGET_DIR", "CARGO_HOME"].map(|name| (name, target.display().to_string()));
    let check = suite
        .sandbox
        .command("cargo check", &tree, &env, "cargo")?
        .args(["check", "--locked", "--workspace"])
        .run(step, &log("cargo"));
    let reads = python
        .python("spdx-tools")
        .args(["-m", "spdx_tools.spdx.clitools.pyspdxtools", "--infile"])
        .arg(&package.sbom)
        .run(step, &log("sbom"));
    sandbox::remove(&unpacked)?;
    Ok(vec![
        program("cargo check of the archive", check)?,
        program("the SBOM is SPDX", reads)?,
    ])
}
