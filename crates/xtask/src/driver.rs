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

/// What is built for guests, and what is built anew each time; and the names of their directories. As each of
/// the Makefile's other targets has its own as well, nobody writes to a module that a guest is being given.
const MODULE: &str = "module";
const ANEW: &str = "module-anew";

/// Where `what` is made for `kernel`.
fn directory(context: &Context, kernel: &Kernel, what: &str) -> PathBuf {
    context.paths.work().join(what).join(&kernel.name)
}

fn make(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    out: &Path,
    target: &str,
) -> Result<Cmd> {
    let driver = context.paths.driver();
    let makefile = driver.join("Makefile");
    if !makefile.is_file() {
        return Err(Error::Missing {
            what: format!("{}", makefile.display()),
            how: "the checkout isn't complete".into(),
        });
    }
    fs::create_dir_all(out).at(out)?;
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

fn log(context: &Context, kernel: &Kernel, what: &str) -> PathBuf {
    context.paths.log(&format!("{what}-{}", kernel.name))
}

/// Makes `target` for `kernel` in the directory of `what`, where nobody else works meanwhile. That is empty where
/// it is to be made `anew`, and where a build was killed: `make` takes a file that is half written for a new one.
fn in_directory(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    (what, target): (&str, &str),
    anew: bool,
    step: &Step,
) -> Result<PathBuf> {
    let dir = directory(context, kernel, what);
    with_lock(&lock::beside(&dir), |lock| {
        if anew || lock.after_kill() {
            sandbox::remove(&dir)?;
        }
        make(context, sandbox, kernel, &dir, target)?.run(step, &log(context, kernel, what))
    })?;
    Ok(dir)
}

fn module_in(dir: &Path) -> Result<PathBuf> {
    let module = dir.join("snd-rloop.ko");
    if module.is_file() {
        Ok(module)
    } else {
        Err(Error::BadFile {
            path: module,
            problem: "isn't there, although the driver's build went well".into(),
        })
    }
}

/// The module for `kernel`, for guests; `make` decides what there is to compile.
pub(crate) fn build(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    step: &Step,
) -> Result<PathBuf> {
    let job = (MODULE, "modules");
    module_in(&in_directory(context, sandbox, kernel, job, false, step)?)
}

/// The module for `kernel`, all of it compiled: what is not compiled gives no warnings.
pub(crate) fn build_anew(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    step: &Step,
) -> Result<PathBuf> {
    let job = (ANEW, "modules");
    module_in(&in_directory(context, sandbox, kernel, job, true, step)?)
}

/// Another target of the driver's Makefile: `clippy`, `rustfmtcheck`, `rust-analyzer`.
pub(crate) fn check(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    target: &str,
    step: &Step,
) -> Result<()> {
    in_directory(context, sandbox, kernel, (target, target), false, step).map(drop)
}

/// Lines of the log of [`build_anew`] that are warnings.
pub(crate) fn warnings(context: &Context, kernel: &Kernel) -> Result<Vec<String>> {
    let path = log(context, kernel, ANEW);
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
    directory(context, kernel, "rust-analyzer").join("rust-project.json")
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
