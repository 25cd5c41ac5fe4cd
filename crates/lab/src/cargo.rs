// SPDX-License-Identifier: MIT OR Apache-2.0
//! cargo inside of the toolchain root, where there is no network: the host's
//! cargo fetches the crates.

use std::fs;
use std::path::{Path, PathBuf};

use crate::arch::{Arch, Compiler};
use crate::cache::Key;
use crate::context::Context;
use crate::error::{AtPath as _, Result};
use crate::exec::Cmd;
use crate::lock::with_lock;
use crate::sandbox::{self, Sandbox};
use crate::toolchain;
use crate::ui::Step;

/// The crates of Cargo.lock, fetched when it has changed.
fn vendor(context: &Context) -> Result<PathBuf> {
    let work = context.paths.work();
    with_lock(&work.join("vendor.lock"), |_| {
        let key = Key::default()
            .with_file(&context.paths.repo.join("Cargo.lock"))?
            .hex();
        let dir = work.join("vendor");
        let stamp = dir.join(".key");
        if fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
            return Ok(dir);
        }
        let step = Step::new("crates");
        let partial = work.join("vendor.partial");
        sandbox::remove(&partial)?;
        fetch(context, &context.paths.repo, &partial, &step)?;
        let stamp = partial.join(".key");
        fs::write(&stamp, key).at(&stamp)?;
        sandbox::remove(&dir)?;
        fs::rename(&partial, &dir).at(&dir)?;
        step.ok();
        Ok(dir)
    })
}

/// Fetches the crates of the lock file in `dir` into the directory `to`, by the host's cargo.
pub fn fetch(context: &Context, dir: &Path, to: &Path, step: &Step) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    sandbox::command("fetching the crates")
        .arg(cargo)
        .args(["vendor", "--locked", "--versioned-dirs"])
        .arg(to)
        .dir(dir)
        .run(step, &context.paths.log("vendor"))
}

/// `cargo SUBCOMMAND` inside, offline, with the workspace's lock file.
pub fn command(context: &Context, sandbox: &Sandbox, what: &str, subcommand: &str) -> Result<Cmd> {
    workspace(context, sandbox, what, Vec::new(), subcommand)
}

/// The same, with more variables.
fn workspace(
    context: &Context,
    sandbox: &Sandbox,
    what: &str,
    env: Variables,
    subcommand: &str,
) -> Result<Cmd> {
    let vendor = vendor(context)?;
    let target = context.paths.work().join("cargo");
    let places = (vendor.as_path(), target.as_path());
    of(sandbox, what, &context.paths.repo, places, env, subcommand)
}

/// Variables of the environment.
type Variables = Vec<(String, String)>;

/// `cargo SUBCOMMAND` inside, offline, for the crate or workspace in `dir`; from the crates in a directory, to another.
pub(crate) fn of(
    sandbox: &Sandbox,
    what: &str,
    dir: &Path,
    (vendor, target): (&Path, &Path),
    mut env: Variables,
    subcommand: &str,
) -> Result<Cmd> {
    env.extend([
        ("CARGO_TARGET_DIR".to_owned(), target.display().to_string()),
        (
            "CARGO_HOME".to_owned(),
            target.join("home").display().to_string(),
        ),
        ("CARGO_TERM_COLOR".to_owned(), "never".to_owned()),
    ]);
    let mut cmd = sandbox.command(what, dir, &env, "cargo")?;
    cmd.arg(subcommand);
    if subcommand != "fmt" {
        cmd.args(["--offline", "--locked"])
            .args(["--config", r#"source.crates-io.replace-with="vendored""#])
            .arg("--config")
            .arg(format!(
                r#"source.vendored.directory="{}""#,
                vendor.display()
            ));
    }
    Ok(cmd)
}

/// How cargo and pkg-config are told to build for `arch`.
pub(crate) fn linking(context: &Context, sandbox: &Sandbox, arch: Arch) -> Result<Variables> {
    let arch = arch.facts();
    let triple = arch.rust.replace('-', "_");
    let cargo = format!("CARGO_TARGET_{}", triple.to_uppercase());
    Ok(match arch.compiler {
        Compiler::Gcc(prefix) => vec![
            (format!("PKG_CONFIG_ALLOW_CROSS_{triple}"), "1".to_owned()),
            (format!("PKG_CONFIG_LIBDIR_{triple}"), arch.pkg_config("")),
            (format!("{cargo}_LINKER"), format!("{prefix}gcc")),
        ],
        Compiler::Llvm => {
            let sysroot = toolchain::sysroot(context, sandbox, arch)?;
            let sysroot = sysroot.display().to_string();
            let flags = [
                format!("-L{sysroot}/usr/lib/rustlib/{}/lib", arch.rust),
                format!("-Clink-arg=--sysroot={sysroot}"),
                format!("-Clink-arg=--target={}", arch.gnu),
                "-Clink-arg=-fuse-ld=lld".to_owned(),
            ];
            vec![
                (
                    format!("PKG_CONFIG_LIBDIR_{triple}"),
                    arch.pkg_config(&sysroot),
                ),
                (format!("PKG_CONFIG_SYSROOT_DIR_{triple}"), sysroot),
                (format!("{cargo}_LINKER"), "clang".to_owned()),
                (format!("{cargo}_RUSTFLAGS"), flags.join(" ")),
            ]
        }
    })
}

/// The tool.
const TOOL: &str = "rloop";

/// The tool for the guest.
pub fn tool(context: &Context, sandbox: &Sandbox, arch: Arch, step: &Step) -> Result<PathBuf> {
    build(context, sandbox, arch, step, &[TOOL])?;
    Ok(built(context, arch, TOOL))
}

/// The tool for the guest, and what programs the drivers have besides.
pub fn programs(
    context: &Context,
    sandbox: &Sandbox,
    arch: Arch,
    step: &Step,
) -> Result<Vec<PathBuf>> {
    let drivers = context.drivers.iter().filter(|driver| driver.is_for(arch));
    let others = drivers.flat_map(|driver| driver.programs.iter().map(String::as_str));
    let names: Vec<&str> = std::iter::once(TOOL).chain(others).collect();
    build(context, sandbox, arch, step, &names)?;
    let paths = names.iter().map(|name| built(context, arch, name));
    Ok(paths.collect())
}

/// The plugin of QEMU's that counts a guest's instructions.
const COUNTER: &str = "qemu-instructions";

/// That plugin, for the QEMU of the toolchain root, which is amd64.
pub fn instruction_counter(context: &Context, sandbox: &Sandbox, step: &Step) -> Result<PathBuf> {
    let arch = Arch::X86_64;
    build(context, sandbox, arch, step, &[COUNTER])?;
    let library = format!("lib{}.so", COUNTER.replace('-', "_"));
    Ok(built(context, arch, &library))
}

/// Builds crates, each with one program or library of its name.
fn build(
    context: &Context,
    sandbox: &Sandbox,
    arch: Arch,
    step: &Step,
    names: &[&str],
) -> Result<()> {
    let what = format!("building {} for {arch}", names.join(", "));
    let env = linking(context, sandbox, arch)?;
    let mut cmd = workspace(context, sandbox, &what, env, "build")?;
    cmd.args(["--release", "--target", arch.facts().rust]);
    for name in names {
        cmd.args(["--package", name]);
    }
    cmd.run(step, &context.paths.log(&format!("tool-{arch}")))
}

fn built(context: &Context, arch: Arch, name: &str) -> PathBuf {
    let target = context.paths.work().join("cargo").join(arch.facts().rust);
    target.join("release").join(name)
}
