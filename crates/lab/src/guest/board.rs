// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest as a directory, for programs that run QEMU themselves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Guest, Machine};
use crate::error::{AtPath as _, Result};
use crate::exec::shell_words;
use crate::paths;

/// The kernel's file in the directory.
pub const KERNEL: &str = "kernel";
/// A program there that is QEMU, wherever it is started.
pub const QEMU: &str = "qemu";
/// What the guest sees as its share.
const SHARE: &str = "share";

/// What QEMU is told of the guest.
pub struct Board {
    /// As `-machine` takes it.
    pub machine: String,
    /// As `-cpu` takes it.
    pub cpu: String,
    /// In MiB.
    pub memory: u32,
    /// All other arguments, without the kernel, its arguments and the console.
    pub arguments: Vec<String>,
    /// The kernel's arguments.
    pub append: String,
}

impl Guest<'_> {
    /// Writes the guest to `dir`, with a shell on its console. Unlike others, it may reboot.
    pub fn export(&self, machine: &Machine, dir: &Path) -> Result<Board> {
        let share = dir.join(SHARE);
        fs::create_dir_all(&share).at(&share)?;
        paths::copy(&self.kernel.image(), &dir.join(KERNEL))?;
        let initrd = self.initrd(dir, None)?;
        let arch = self.kernel.spec.arch;
        // Programs leave their sockets in the directory for temporary files.
        let sandbox = self.sandbox.seeing(dir).seeing(&std::env::temp_dir());
        let program = format!("qemu-system-{arch}");
        let words = sandbox.command::<&str, &str>("QEMU", dir, &[], program)?;
        let script = format!("#!/bin/sh\nexec {} \"$@\"\n", shell_words(words.words()));
        let qemu = dir.join(QEMU);
        fs::write(&qemu, script).at(&qemu)?;
        fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).at(&qemu)?;
        Ok(machine.board(arch, &share, &initrd))
    }
}
