// SPDX-License-Identifier: MIT OR Apache-2.0
//! The initramfs of one run: the root file system, which is cached, and after
//! it an archive of what changes: the kernel's modules, ours, the tool, /init.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::cpio::Archive;
use crate::error::{AtPath as _, Result};
use crate::kernel::Kernel;
use crate::paths;
use crate::sandbox::{self, Sandbox};

const INIT: &str = include_str!("init.sh");

/// What it is put together from.
pub struct Parts<'a> {
    /// The cached archive.
    pub rootfs: &'a Path,
    /// The drivers' modules.
    pub modules: &'a [PathBuf],
    /// The tool, and other programs.
    pub programs: &'a [PathBuf],
    /// A job that is run before there is a share.
    pub job: Option<&'a str>,
    /// What lies in the share of a guest that can have none of the host's.
    pub share: Option<&'a Path>,
}

/// Writes the initramfs for `kernel` to `to`; `dir` is for what is made on the way, of which nothing stays.
pub fn write(
    sandbox: &Sandbox,
    kernel: &Kernel,
    parts: &Parts<'_>,
    dir: &Path,
    to: &Path,
) -> Result<()> {
    let staging = dir.join("staging");
    sandbox::remove(&staging)?;
    let modules = Path::new("lib/modules").join(&kernel.release);
    let from = kernel.modules().join(&modules);
    paths::copy(&from, &staging.join("usr").join(&modules))?;
    let updates = staging.join("usr").join(&modules).join("updates");
    fs::create_dir_all(&updates).at(&updates)?;
    for module in parts.modules {
        let target = updates.join(module.file_name().unwrap_or_default());
        fs::copy(module, &target).at(module)?;
    }
    if let Some(share) = parts.share {
        let target = staging.join("mnt/share");
        paths::copy(share, &target)?;
    }
    sandbox
        .command::<&str, &str>("listing the modules", dir, &[], "depmod")?
        .arg("-b")
        .arg(staging.join("usr"))
        .arg(&kernel.release)
        .read()?;

    let mut out = BufWriter::new(File::create(to).at(to)?);
    let mut rootfs = File::open(parts.rootfs).at(parts.rootfs)?;
    io::copy(&mut rootfs, &mut out).at(to)?;
    let mut archive = Archive::new(out);
    archive.file("init", 0o755, INIT.as_bytes()).at(to)?;
    archive.tree(&staging, |_| true)?;
    if let Some(job) = parts.job {
        archive.file("job.sh", 0o644, job.as_bytes()).at(to)?;
    }
    for program in parts.programs {
        let content = fs::read(program).at(program)?;
        let name = program.file_name().unwrap_or_default();
        let name = format!("usr/bin/{}", name.to_string_lossy());
        archive.file(&name, 0o755, &content).at(to)?;
    }
    archive.finish().at(to)?;
    sandbox::remove(&staging)
}
