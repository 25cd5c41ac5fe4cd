// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel tree's own tests of ALSA, `tools/testing/selftests/alsa`.

use std::fs;
use std::path::PathBuf;

use super::Kernel;
use crate::context::Context;
use crate::error::{AtPath as _, Result};
use crate::lock::{self, with_lock};
use crate::paths;
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;

/// The programs, which come with a library of their own that they look for in the working directory.
const PROGRAMS: &[&str] = &["mixer-test", "pcm-test"];
/// What they read there.
const FILES: &[&str] = &["pcm-test.conf", "conf.d"];

/// A directory with the programs of `kernel`'s sources, and all that they need where they run;
/// `make` decides what there is to compile.
pub fn build(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    step: &Step,
) -> Result<PathBuf> {
    let arch = kernel.spec.arch;
    let source = kernel.source.join("tools/testing/selftests/alsa");
    let out = context.paths.work().join("selftests").join(&kernel.name);
    with_lock(&lock::beside(&out), |lock| {
        if lock.after_kill() {
            sandbox::remove(&out)?;
        }
        fs::create_dir_all(&out).at(&out)?;
        let env = [("PKG_CONFIG_LIBDIR", arch.pkg_config())];
        sandbox
            .seeing(&kernel.source)
            .command("building the kernel's tests of ALSA", &out, &env, "make")?
            .arg("-C")
            .arg(&source)
            .arg(format!("OUTPUT={}", out.display()))
            .arg(format!("CROSS_COMPILE={}", arch.cross()))
            .args(PROGRAMS.iter().map(|program| out.join(program)))
            .run(
                step,
                &context.paths.log(&format!("selftests-{}", kernel.name)),
            )?;
        for file in FILES {
            paths::copy(&source.join(file), &out.join(file))?;
        }
        Ok(out.clone())
    })
}
