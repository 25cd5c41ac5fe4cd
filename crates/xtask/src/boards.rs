// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest that labgrid runs, as it does boards.

use std::fs;
use std::path::{Path, PathBuf};

use lab::context::Context;
use lab::error::{AtPath as _, Result};
use lab::exec::shell_words;
use lab::guest::board::{self, Board};
use lab::guest::{Guest, Machine};
use lab::kernel::Kernel;
use lab::sandbox::Sandbox;

/// The environment in the directory of a guest.
pub(crate) const ENVIRONMENT: &str = "board.yaml";
/// A device of QEMU's that one of the drivers is for.
const DEVICE: &str = "edu";

/// Writes a guest with `kernel` to `dir`; returns the path of labgrid's environment for it.
pub(crate) fn export(
    context: &Context,
    sandbox: &Sandbox,
    kernel: &Kernel,
    mut machine: Machine,
    dir: &Path,
) -> Result<PathBuf> {
    let guest = Guest::build(context, sandbox, kernel)?;
    machine.memory = machine.memory.max(guest.memory);
    if machine.extras.devices.is_empty() {
        machine.extras.devices.push(DEVICE.to_owned());
    }
    fs::create_dir_all(dir).at(dir)?;
    let dir = dir.canonicalize().at(dir)?;
    let board = guest.export(&machine, &dir)?;
    let path = dir.join(ENVIRONMENT);
    fs::write(&path, environment(&board)).at(&path)?;
    Ok(path)
}

/// labgrid's environment for a guest, beside its files.
fn environment(board: &Board) -> String {
    // What is a string in JSON is one in YAML.
    let text = |value: &str| serde_json::Value::from(value).to_string();
    format!(
        "# A guest of the devkit; `cargo xtask vm --export` has written this.
targets:
  main:
    drivers:
      QEMUDriver:
        qemu_bin: qemu
        kernel: kernel
        machine: {machine}
        cpu: {cpu}
        memory: {memory}M
        display: qemu-default
        extra_args: {arguments}
        boot_args: {append}
      ShellDriver:
        # Where the shell asks the terminal to mark what is pasted, its prompt begins with that.
        prompt: '(\\x1b\\[\\?2004h)?[\\w@]*guest:[^ ]+# '
        login_prompt: ' login: '
        username: root
        login_timeout: 120
      BoardStrategy:
        reboot_command: reboot -f
images:
  kernel: {kernel}
tools:
  qemu: {qemu}
",
        machine = text(&board.machine),
        cpu = text(&board.cpu),
        memory = board.memory,
        arguments = text(&shell_words(&board.arguments)),
        append = text(&board.append),
        kernel = board::KERNEL,
        qemu = board::QEMU,
    )
}
