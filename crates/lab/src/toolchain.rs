// SPDX-License-Identifier: MIT OR Apache-2.0
//! The toolchain root: a small Debian with all compilers and QEMU, so that the
//! host's own versions of them don't matter.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::arch::Facts;
use crate::cache::{Key, Making};
use crate::context::Context;
use crate::debian::RELEASE;
use crate::debootstrap::Debootstrap;
use crate::error::{AtPath as _, Result};
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;

/// To be raised when the way of making the root changes.
const REVISION: &str = "1";

const PACKAGES: &[&str] = &[
    // The kernel's build.
    "build-essential",
    "bc",
    "bison",
    "flex",
    "libssl-dev",
    "libelf-dev",
    "libdw-dev",
    "cpio",
    "kmod",
    "rsync",
    "pahole",
    "python3",
    "xz-utils",
    "zstd",
    "gcc-aarch64-linux-gnu",
    "lld",
    "llvm",
    // Rust, for the kernel and for the tool.
    "rustc",
    "cargo",
    "rust-src",
    "rustfmt",
    "rust-clippy",
    "bindgen",
    "clang",
    "libclang-dev",
    "libstd-rust-dev:arm64",
    "libc6-dev:arm64",
    // What the tool links to.
    "pkg-config",
    "libasound2-dev",
    "libasound2-dev:arm64",
    // Where it all runs.
    "qemu-system-arm",
    "qemu-system-riscv",
    "opensbi",
    "qemu-system-x86",
    "seabios",
    "gdb-multiarch",
    // Small help.
    "ca-certificates",
    "git",
    "shellcheck",
    // What users build modules and packages with.
    "debhelper",
    "dh-dkms",
    "dkms",
];

/// What programs for one more architecture are linked to: a sysroot of its own, so that what its part of the mirror lacks
/// stops no other.
const LIBRARIES: &[&str] = &[
    "libstd-rust-dev",
    "libc6-dev",
    "libgcc-14-dev",
    "libasound2-dev",
];

/// How the names of packages start whose versions matter to what is compiled.
const COMPILERS: &[&str] = &[
    "bindgen", "binutils", "clang-", "gcc-", "lld-", "llvm-", "pahole", "rust-src", "rustc",
];

/// The name of the entry in the cache.
fn name() -> String {
    let mut key = Key::default().with(REVISION).with(RELEASE);
    for package in PACKAGES {
        key = key.with(package);
    }
    format!("toolchain-{}", key.hex())
}

/// The toolchain root, made on first use.
pub fn get(context: &Context) -> Result<Sandbox> {
    sandbox::check()?;
    let root = context.cache.entry(&name(), Making::Anew, |at| {
        let step = Step::new("toolchain root (Debian packages)");
        Debootstrap {
            what: "making the toolchain root",
            variant: "apt",
            architectures: "amd64,arm64",
            packages: PACKAGES,
            backports: false,
        }
        .command(at, context)?
        .run(&step, &context.paths.log("toolchain"))?;
        step.ok();
        Ok(())
    })?;
    let binds = vec![
        context.paths.repo.clone(),
        context.cache.dir().to_path_buf(),
    ];
    Ok(Sandbox::new(root, binds))
}

/// The libraries for an architecture whose own the toolchain root does not have, made on first use.
pub(crate) fn sysroot(context: &Context, sandbox: &Sandbox, arch: &Facts) -> Result<PathBuf> {
    let mut key = Key::default().with(REVISION).with(RELEASE);
    for text in LIBRARIES {
        key = key.with(text);
    }
    // Rust's library is of no use to another version of the compiler.
    let key = key.with(compilers(sandbox.root())?);
    let name = format!("sysroot-{}-{}", arch.name, key.hex());
    context.cache.entry(&name, Making::Anew, |at| {
        let step = Step::new(format!("libraries for {} (Debian packages)", arch.name));
        Debootstrap {
            what: "fetching the libraries",
            variant: "extract",
            architectures: arch.debian,
            packages: LIBRARIES,
            backports: false,
        }
        .command(at, context)?
        .run(&step, &context.paths.log(&format!("sysroot-{}", arch.name)))?;
        // Where libc.so, a linker's script, has the libraries.
        let lib = at.join("lib");
        if lib.symlink_metadata().is_err() {
            symlink("usr/lib", &lib).at(&lib)?;
        }
        step.ok();
        Ok(())
    })
}

/// What decides whether two toolchain roots compile alike: the versions of the
/// compilers in `root`. A kernel and its modules need the very same ones.
pub fn compilers(root: &Path) -> Result<String> {
    let path = root.join("var/lib/dpkg/status");
    Ok(versions(&fs::read_to_string(&path).at(&path)?))
}

fn versions(status: &str) -> String {
    let mut lines: Vec<String> = status
        .split("\n\n")
        .filter_map(|paragraph| {
            let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name));
            let package = field("Package: ")?;
            let compiles = COMPILERS.iter().any(|start| package.starts_with(start));
            compiles.then_some(())?;
            Some(format!("{package} {}", field("Version: ")?))
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_compilers_count() {
        let status = "Package: rustc\nStatus: install ok installed\nVersion: 1.85.0\n\n\
                      Package: bash\nVersion: 5\n\nPackage: gcc-14\nVersion: 14.2\n";
        assert_eq!(versions(status), "gcc-14 14.2\nrustc 1.85.0");
    }
}
