// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask clean`: removes what the devkit has made, and nothing else.

use std::fs;

use crate::context::Context;
use crate::error::{AtPath as _, Result};
use crate::sandbox;
use crate::ui::Step;

/// The first part of the names of all that the devkit puts into its cache.
const OURS: &[&str] = &[
    "toolchain-",
    "linux-",
    "kernel-",
    "rootfs-",
    "kvm-",
    "locks",
];

/// Removes this checkout's outputs and, with `cache`, what all checkouts share.
pub(crate) fn run(context: &Context, cache: bool) -> Result<()> {
    for dir in [
        context.paths.work(),
        context.paths.demo(),
        context.paths.test(),
    ] {
        if dir.exists() {
            let step = Step::new(format!("removing {}", dir.display()));
            sandbox::remove(&dir)?;
            step.ok();
        }
    }
    let dir = context.cache.dir();
    if !cache || !dir.is_dir() {
        return Ok(());
    }
    // RLOOP_CACHE may be a directory with other things in it.
    for entry in fs::read_dir(dir).at(dir)? {
        let entry = entry.at(dir)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if OURS.iter().any(|start| name.starts_with(start)) {
            let step = Step::new(format!("removing {}", entry.path().display()));
            sandbox::remove(&entry.path())?;
            step.ok();
        }
    }
    Ok(())
}
