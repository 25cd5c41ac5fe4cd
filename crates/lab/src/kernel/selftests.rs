// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of the kernel tree's own tests, `tools/testing/selftests`.

use std::fs;
use std::path::PathBuf;

use super::Kernel;
use crate::arch::Compiler;
use crate::context::Context;
use crate::error::{AtPath as _, Result};
use crate::lock::{self, with_lock};
use crate::paths;
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;

/// Where the tests are.
pub const FOLDER: &str = "tools/testing/selftests";

/// The programs of ALSA's, which come with a library of their own that they look for in the working directory.
const PROGRAMS: &[&str] = &["mixer-test", "pcm-test"];
/// What they read there.
const FILES: &[&str] = &["pcm-test.conf", "conf.d"];

/// A directory with ALSA's programs of `kernel`'s sources, and all that they need where they run.
pub fn alsa(context: &Context, sandbox: &Sandbox, kernel: &Kernel, step: &Step) -> Result<PathBuf> {
    let out = build(context, sandbox, kernel, step, "alsa", PROGRAMS)?;
    let source = kernel.source.join(FOLDER).join("alsa");
    for file in FILES {
        paths::copy(&source.join(file), &out.join(file))?;
    }
    Ok(out)
}

/// A directory with `programs` of a folder of the tests; `make` decides what there is to compile.
pub fn build(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    step: &Step,
    folder: &str,
    programs: &[&str],
) -> Result<PathBuf> {
    let arch = kernel.spec.arch.facts();
    let source = kernel.source.join(FOLDER).join(folder);
    let folder = folder.replace('/', "-");
    let name = format!("{}-{folder}", kernel.name);
    let out = context.paths.work().join("selftests").join(&name);
    with_lock(&lock::beside(&out), |lock| {
        if lock.after_kill() {
            sandbox::remove(&out)?;
        }
        fs::create_dir_all(&out).at(&out)?;
        let env = [("PKG_CONFIG_LIBDIR", arch.pkg_config(""))];
        sandbox
            .seeing(&kernel.source)
            .command("building the kernel's tests", &out, &env, "make")?
            .arg("-C")
            .arg(&source)
            .arg(format!("OUTPUT={}", out.display()))
            .args((arch.compiler == Compiler::Llvm).then_some("LLVM=1"))
            .arg(format!("CROSS_COMPILE={}-", arch.gnu))
            .args(programs.iter().map(|program| out.join(program)))
            .run(step, &context.paths.log(&format!("selftests-{name}")))?;
        Ok(out.clone())
    })
}
