// SPDX-License-Identifier: MIT OR Apache-2.0
//! A release: that it builds from its own archive, that its SBOM is one, and what is in Debian's packages of it.

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
    let mut checks = vec![
        program("cargo check of the archive", check)?,
        program("the SBOM is SPDX", reads)?,
    ];
    checks.extend(debian(suite, step, &package)?);
    Ok(checks)
}

/// What users look for in Debian's packages: the package, and a path in it.
const INSTALLED: &[(&str, &str)] = &[
    ("rloop", "usr/bin/rloop"),
    ("rloop", "usr/share/man/man1/rloop-verify.1.gz"),
    ("rloop", "usr/share/bash-completion/completions/rloop"),
    ("rloop", "usr/share/doc/rloop/copyright"),
    ("rloop-dkms", "usr/src/rloop-VERSION/dkms.conf"),
    ("rloop-dkms", "usr/src/rloop-VERSION/lib/module.kbuild"),
    ("rloop-dkms", "usr/src/rloop-VERSION/snd-rloop/src/rloop.rs"),
];

/// Builds Debian's packages from the source package, as whoever fetches it does.
fn debian(suite: &Suite<'_>, step: &Step, package: &Package) -> Result<Vec<Check>> {
    let work = suite.context.paths.work().join("package/debian");
    sandbox::remove(&work)?;
    fs::create_dir_all(&work).at(&work)?;
    let inside = |what: &str, script: &str| {
        suite
            .sandbox
            .command::<&str, &str>(what, &work, &[], "sh")?
            .args(["-euc", script, "sh"])
            .arg(&package.debian)
            .run(step, &suite.context.paths.log(&format!("package-{what}")))
    };
    let built = inside(
        "dpkg-buildpackage",
        "dpkg-source --extract \"$1\" tree
         cd tree
         dpkg-buildpackage --build=binary --no-sign",
    );
    let mut checks = vec![program("dpkg-buildpackage", built)?];
    let unpacked = inside(
        "unpacking",
        "for file in *.deb; do dpkg-deb --raw-extract \"$file\" \"${file%%_*}\"; done",
    );
    checks.push(program("the packages can be unpacked", unpacked)?);
    for (name, path) in INSTALLED {
        let path = path.replace("VERSION", env!("CARGO_PKG_VERSION"));
        let missing = !work.join(name).join(&path).exists();
        checks.push(Check::that(
            format!("{name} has {path}"),
            missing.then(|| "it is not there".to_owned()),
        ));
    }
    // What adds it to DKMS, builds it for the kernels that there are, and takes it away.
    for script in ["postinst", "prerm"] {
        let path = work.join("rloop-dkms/DEBIAN").join(script);
        let calls = fs::read_to_string(path).is_ok_and(|text| text.contains("dkms"));
        checks.push(Check::that(
            format!("{script} of rloop-dkms calls DKMS"),
            (!calls).then(|| "it does not".to_owned()),
        ));
    }
    sandbox::remove(&work)?;
    Ok(checks)
}
