// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernels for the guest: their sources, configuration and build.

mod config;
pub mod selftests;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::arch::{Arch, Compiler};
use crate::board::Board;
use crate::cache::{Cache, Key, Making};
use crate::context::Context;
use crate::error::{AtPath as _, Result};
use crate::exec::Cmd;
use crate::lock::with_lock;
use crate::sandbox::Sandbox;
use crate::toolchain;
use crate::ui::Step;

pub use config::{Flavour, Hz};

/// Versions that Debian has the sources of.
const VERSIONS: &[&str] = &["7.2", "7.3"];

/// Which kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// One of [`VERSIONS`].
    Debian(&'static str),
    /// A source tree of the user's.
    Tree(PathBuf),
}

impl Version {
    /// The kernel that `demo` and `test` boot.
    pub const DEFAULT: Self = Self::Debian("7.2");
    /// The kernel after it, which the module is compiled for.
    pub const NEXT: Self = Self::Debian("7.3");
}

/// A text names no kernel. The command line's parser says what was given.
#[derive(Debug, thiserror::Error)]
#[error("allowed: {} or the directory of a kernel's sources (with Kconfig and rust/)", VERSIONS.join(", "))]
pub struct NoVersion;

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        if let Some(version) = VERSIONS.iter().find(|v| **v == text) {
            return Ok(Self::Debian(version));
        }
        let dir = fs::canonicalize(text).map_err(|_| NoVersion)?;
        if dir.join("Kconfig").is_file() && dir.join("rust/Makefile").is_file() {
            Ok(Self::Tree(dir))
        } else {
            Err(NoVersion)
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Debian(version) => f.write_str(version),
            Self::Tree(dir) => write!(f, "{}", dir.display()),
        }
    }
}

/// How much of a kernel is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All, to be booted.
    Bootable,
    /// Only what a module is compiled against.
    Prepared,
}

/// What identifies a kernel.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Which sources.
    pub version: Version,
    /// For which machine.
    pub arch: Arch,
    /// With what checks.
    pub flavour: Flavour,
    /// How much of it.
    pub extent: Extent,
}

impl Spec {
    /// What tells `make` the architecture and the compiler, for the kernel and
    /// for its modules alike.
    pub fn make_arguments(&self) -> Vec<String> {
        let arch = self.arch.facts();
        let compiler = match (self.flavour, arch.compiler) {
            // With KASAN, Rust's code and C's have to be instrumented alike: by LLVM.
            (Flavour::Debug, _) | (_, Compiler::Llvm) => "LLVM=1".to_owned(),
            (_, Compiler::Gcc(prefix)) => format!("CROSS_COMPILE={prefix}"),
        };
        vec![format!("ARCH={}", arch.kernel), compiler]
    }

    /// The device trees that are made with it, as `make` takes them.
    fn trees(&self) -> Vec<&'static str> {
        let boards = Board::ALL
            .into_iter()
            .filter(|board| self.flavour == Flavour::Boards && board.facts().arch == self.arch);
        boards.filter_map(Board::tree).collect()
    }
}

impl std::fmt::Display for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Linux {} for {}{}",
            self.version,
            self.arch,
            self.flavour.suffix(" ")
        )
    }
}

/// A kernel that is built.
pub struct Kernel {
    /// What it is.
    pub spec: Spec,
    /// Its sources.
    pub source: PathBuf,
    /// Its build directory, for `KDIR=`.
    pub dir: PathBuf,
    /// Its release, as in `uname -r`.
    pub release: String,
    /// The name of the entry in the cache.
    pub name: String,
}

impl Kernel {
    /// The bootable image.
    pub fn image(&self) -> PathBuf {
        self.dir.join(self.spec.arch.facts().image)
    }

    /// A device tree, by its name for `make`.
    pub fn tree(&self, name: &str) -> PathBuf {
        let arch = self.spec.arch.facts().kernel;
        self.dir.join(format!("arch/{arch}/boot/dts")).join(name)
    }

    /// The installed modules; holds `lib/modules`.
    pub fn modules(&self) -> PathBuf {
        self.dir.join("rloop-modules")
    }
}

/// The kernel that `spec` says, made on first use.
pub fn get(context: &Context, sandbox: &Sandbox, spec: &Spec) -> Result<Kernel> {
    let source = match &spec.version {
        Version::Debian(version) => source::get(context, sandbox, version)?,
        Version::Tree(dir) => dir.clone(),
    };
    let sandbox = sandbox.seeing(&source);
    let asked = config::asked(&context.paths, spec)?;
    let mut key = Key::default()
        .with(toolchain::compilers(sandbox.root())?)
        .with(source.as_os_str().as_encoded_bytes())
        .with(&asked)
        .with(spec.make_arguments().join(" "));
    for tree in spec.trees() {
        key = key.with(tree);
    }
    let key = key.hex();
    let label = match &spec.version {
        Version::Debian(version) => (*version).to_owned(),
        Version::Tree(_) => "tree".to_owned(),
    };
    let extent = match spec.extent {
        Extent::Bootable => "",
        Extent::Prepared => "-prepared",
    };
    let name = format!(
        "kernel-{label}-{}{}{extent}-{key}",
        spec.arch,
        spec.flavour.suffix("-")
    );
    let make = |dir: &Path| build(context, &sandbox, spec, &source, &asked, dir);
    let dir = match &spec.version {
        Version::Debian(_) => context.cache.entry(&name, Making::Resumed, make)?,
        // The user may have changed it since: make knows what there is to do.
        Version::Tree(_) => {
            let dir = context.cache.dir().join(&name);
            with_lock(&context.cache.lock(&name), |lock| {
                // A file that was made before, and is half written now, is newer than its sources.
                if lock.after_kill() {
                    crate::sandbox::remove(&dir)?;
                }
                fs::create_dir_all(&dir).at(&dir)?;
                make(&dir)
            })?;
            dir
        }
    };
    let path = dir.join("include/config/kernel.release");
    let release = fs::read_to_string(&path).at(&path)?.trim().to_owned();
    Ok(Kernel {
        spec: spec.clone(),
        source,
        dir,
        release,
        name,
    })
}

/// A `make` in the kernel's sources `source`, out of tree in `dir`.
fn make(sandbox: &Sandbox, spec: &Spec, part: &str, source: &Path, dir: &Path) -> Result<Cmd> {
    // The same sources give the same kernel, whoever builds it, whenever.
    let env = [
        ("KBUILD_BUILD_USER", "rloop"),
        ("KBUILD_BUILD_HOST", "rloop"),
        ("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"),
    ];
    let mut cmd = sandbox.command(format!("{part} {spec}"), dir, &env, "make")?;
    cmd.arg("-C")
        .arg(source)
        .arg(format!("O={}", dir.display()))
        .args(spec.make_arguments());
    Ok(cmd)
}

fn build(
    context: &Context,
    sandbox: &Sandbox,
    spec: &Spec,
    source: &Path,
    asked: &str,
    dir: &Path,
) -> Result<()> {
    let step = Step::new(spec.to_string());
    let entry = dir.file_name().unwrap_or_default().to_string_lossy();
    let log = |part: &str| context.paths.log(&format!("{entry}-{part}"));
    let asked_file = dir.join("rloop-asked.config");
    let configured = fs::read_to_string(&asked_file).is_ok_and(|old| old == asked)
        && dir.join(".config").is_file();
    if !configured {
        crate::sandbox::remove(&asked_file)?;
        let draft = dir.join("rloop-draft.config");
        fs::write(&draft, config::for_any_version(asked)).at(&draft)?;
        make(sandbox, spec, "configuring", source, dir)?
            .arg(format!("KCONFIG_ALLCONFIG={}", draft.display()))
            .arg("allnoconfig")
            .run(&step, &log("config"))?;
        let path = dir.join(".config");
        config::check(asked, &fs::read_to_string(&path).at(&path)?)?;
        fs::write(&asked_file, asked).at(&asked_file)?;
    }
    let jobs = format!("-j{}", Context::jobs());
    match spec.extent {
        Extent::Prepared => {
            make(sandbox, spec, "preparing", source, dir)?
                .args([&jobs, "modules_prepare"])
                .run(&step, &log("build"))?;
        }
        Extent::Bootable => {
            let mut cmd = make(sandbox, spec, "building", source, dir)?;
            cmd.args([&jobs, spec.arch.facts().image_target, "modules"]);
            cmd.args(spec.trees());
            if spec.flavour == Flavour::Gdb {
                cmd.arg("scripts_gdb");
            }
            cmd.run(&step, &log("build"))?;
            let modules = dir.join("rloop-modules");
            crate::sandbox::remove(&modules)?;
            make(sandbox, spec, "installing the modules of", source, dir)?
                .arg(format!("INSTALL_MOD_PATH={}", modules.display()))
                .args(["INSTALL_MOD_STRIP=1", "modules_install"])
                .run(&step, &log("install"))?;
        }
    }
    step.ok();
    Ok(())
}

/// The functions of all objects that `kernel` is linked from: lines of `ARCHIVE:OBJECT:ADDRESS TYPE NAME`.
pub fn functions(sandbox: &Sandbox, kernel: &Kernel) -> Result<String> {
    // LLVM's knows all architectures.
    sandbox
        .command::<&str, &str>("nm", &kernel.dir, &[], "llvm-nm")?
        .args(["--print-file-name", "--defined-only", "vmlinux.a"])
        .read()
}

/// The complete kernels in the cache, for `doctor`.
pub fn cached(cache: &Cache) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(cache.dir())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("kernel-") && cache.look(name, Making::Resumed).is_some())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_version_is_named_with_what_is_allowed() {
        let e = "6.6".parse::<Version>().unwrap_err().to_string();
        assert_eq!(
            e,
            "allowed: 7.2, 7.3 or the directory of a kernel's sources (with Kconfig and rust/)"
        );
        assert_eq!("7.3".parse::<Version>().unwrap(), Version::NEXT);
        assert!("/".parse::<Version>().is_err());
    }
}
