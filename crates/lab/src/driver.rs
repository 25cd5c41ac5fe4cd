// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a driver is.

use std::path::PathBuf;

use crate::arch::Arch;

/// A driver: a folder whose Makefile builds one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// Its folder, by whose name it is called.
    pub dir: PathBuf,
    /// The module's file name without `.ko`.
    pub module: String,
    /// Debian packages that its guests need beside the usual ones.
    pub packages: Vec<String>,
    /// Crates of the workspace whose programs its guests need, beside the tool. Each has one, of its name.
    pub programs: Vec<String>,
    /// The architectures that it is for, module and programs; none is all.
    pub arches: Vec<Arch>,
}

impl Driver {
    /// What it is called: its folder's name.
    pub fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Whether it is for `arch`.
    pub fn is_for(&self, arch: Arch) -> bool {
        self.arches.is_empty() || self.arches.contains(&arch)
    }

    /// The module's name in the kernel.
    pub fn kernel_name(&self) -> String {
        self.module.replace('-', "_")
    }
}
