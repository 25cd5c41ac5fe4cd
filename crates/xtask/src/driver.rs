// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the kernel module through its own Makefile.

use std::fs;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::{AtPath as _, Error, Result};
use crate::exec::Cmd;
use crate::kernel::{Extent, Kernel, Version};
use crate::lock::{self, with_lock};
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;

/// Where the module for `kernel` is built.
fn directory(context: &Context, kernel: &Kernel) -> PathBuf {
    context.paths.work().join("module").join(&kernel.name)
}

fn make(context: &Context, sandbox: &Sandbox, kernel: &Kernel, target: &str) -> Result<Cmd> {
    let driver = context.paths.driver();
    let makefile = driver.join("Makefile");
    if !makefile.is_file() {
        return Err(Error::Missing {
            what: format!("{}", makefile.display()),
            how: "the checkout isn't complete".into(),
        });
    }
    let out = directory(context, kernel);
    fs::create_dir_all(&out).at(&out)?;
    let sandbox = match &kernel.spec.version {
        Version::Tree(dir) => sandbox.seeing(dir),
        Version::Debian(_) => sandbox.seeing(&kernel.dir),
    };
    let what = format!("the driver's `make {target}` for {}", kernel.spec);
    let mut cmd = sandbox.command::<&str, &str>(what, &driver, &[], "make")?;
    cmd.arg(format!("KDIR={}", kernel.dir.display()))
        .arg(format!("MO={}", out.display()))
        .args(kernel.spec.make_arguments())
        .arg(target);
    if kernel.spec.extent == Extent::Prepared {
        // There is no Module.symvers to check the symbols against.
        cmd.arg("KBUILD_MODPOST_WARN=1");
    }
    Ok(cmd)
}

/// The module for `kernel`, once it is built.
pub(crate) fn module(context: &Context, kernel: &Kernel) -> PathBuf {
    directory(context, kernel).join("snd-rloop.ko")
}

fn log(context: &Context, kernel: &Kernel, target: &str) -> PathBuf {
    context.paths.log(&format!("{target}-{}", kernel.name))
}

/// Runs `work` while nobody else builds the module for `kernel`; in an empty directory where it is to be made
/// `anew`, and where a build was killed: `make` takes a file that is half written for a new one.
fn alone<T>(
    context: &Context,
    kernel: &Kernel,
    anew: bool,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let dir = directory(context, kernel);
    with_lock(&lock::beside(&dir), |lock| {
        if anew || lock.after_kill() {
            sandbox::remove(&dir)?;
        }
        work()
    })
}

/// The module for `kernel`; unless it is to be made `anew`, `make` decides what there is to compile.
pub(crate) fn build(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    anew: bool,
    step: &Step,
) -> Result<PathBuf> {
    alone(context, kernel, anew, || {
        make(context, sandbox, kernel, "modules")?.run(step, &log(context, kernel, "module"))?;
        let module = module(context, kernel);
        if module.is_file() {
            Ok(module)
        } else {
            Err(Error::BadFile {
                path: module,
                problem: "isn't there, although the driver's build went well".into(),
            })
        }
    })
}

/// Another target of the driver's Makefile: `clippy`, `rustfmtcheck`, `rust-analyzer`.
pub(crate) fn check(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    target: &str,
    step: &Step,
) -> Result<()> {
    alone(context, kernel, false, || {
        make(context, sandbox, kernel, target)?.run(step, &log(context, kernel, target))
    })
}

/// Lines of the module's build log that are warnings.
pub(crate) fn warnings(context: &Context, kernel: &Kernel) -> Result<Vec<String>> {
    let path = log(context, kernel, "module");
    Ok(warning_lines(
        &fs::read_to_string(&path).at(&path)?,
        kernel.spec.extent,
    ))
}

/// A prepared kernel knows no symbols, so modpost's words on them say nothing.
fn warning_lines(text: &str, extent: Extent) -> Vec<String> {
    text.lines()
        .filter(|line| line.contains("warning:") || line.contains("WARNING:"))
        .filter(|line| !(extent == Extent::Prepared && is_modpost(line)))
        .map(str::to_owned)
        .collect()
}

fn is_modpost(line: &str) -> bool {
    line.contains("modpost:") || line.contains("Module.symvers")
}

/// The path of a checkout's file that the kernel's Rust tools find the sources by.
pub(crate) fn rust_project(context: &Context, kernel: &Kernel) -> PathBuf {
    let made: &Path = &directory(context, kernel);
    made.join("rust-project.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modpost_may_not_know_symbols_of_a_prepared_kernel() {
        let text = "WARNING: modpost: \"snd_card_new\" [snd-rloop.ko] undefined!\nwarning: unused import\n";
        assert_eq!(
            warning_lines(text, Extent::Prepared),
            ["warning: unused import"]
        );
        assert_eq!(warning_lines(text, Extent::Bootable).len(), 2);
    }
}
