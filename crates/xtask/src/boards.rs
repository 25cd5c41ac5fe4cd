// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest as a board of labgrid's.

use std::fs;
use std::path::{Path, PathBuf};

use lab::arch::Arch;
use lab::error::{AtPath as _, Result};
use lab::guest::{Guest, Machine};

/// labgrid's environments, beside the guest's files: of the guest in QEMU, and of one that is a place of a coordinator.
const BOARD: &str = "board.yaml";
const PLACE: &str = "place.yaml";

/// The shell of a guest. Where it asks the terminal to mark what is pasted, its prompt begins with that.
const SHELL: &str = r"
      ShellDriver:
        prompt: '(\x1b\[\?2004h)?guest:[^ ]+# '
        login_prompt: ' login: '
        username: root
        login_timeout: 120
      BoardStrategy:
        reboot_command: reboot -f
";

/// Writes `guest` to `dir`, which is made if need be, with environments for labgrid; gives the path of the first.
pub(crate) fn export(
    guest: &Guest<'_>,
    machine: &Machine,
    append: &str,
    dir: &Path,
) -> Result<PathBuf> {
    fs::create_dir_all(dir).at(dir)?;
    let dir = fs::canonicalize(dir).at(dir)?;
    guest.export(machine, append, &dir)?;
    for (name, text) in [
        (BOARD, board(machine, guest.kernel.spec.arch)),
        (PLACE, place()),
    ] {
        let path = dir.join(name);
        fs::write(&path, text).at(&path)?;
    }
    Ok(dir.join(BOARD))
}

/// The guest in QEMU. QEMUDriver wants to be told some of what the program `qemu` says anyway.
fn board(machine: &Machine, arch: Arch) -> String {
    let (board, processor) = machine.board_and_processor(arch);
    format!(
        "# A guest of the devkit, written by `cargo xtask vm --export`.
targets:
  main:
    drivers:
      QEMUDriver:
        qemu_bin: qemu
        machine: '{board}'
        cpu: '{processor}'
        memory: {memory}M
        display: qemu-default{SHELL}tools:
  qemu: qemu
",
        memory = machine.memory,
    )
}

/// The guest as a place, with a serial line and a power socket.
fn place() -> String {
    format!(
        "# A guest of boards/guests.py, written by `cargo xtask vm --export`.
targets:
  main:
    resources:
      RemotePlace:
        name: !template '$LG_PLACE'
    drivers:
      SerialDriver: {{}}
      NetworkPowerDriver:
        delay: 1.0{SHELL}"
    )
}
