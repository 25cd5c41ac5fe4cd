// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's command line, and whether KVM can be used.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Guest, Job};
use crate::arch::Arch;
use crate::board::Board;
use crate::cache::Making;
use crate::context::Context;
use crate::error::{AtPath as _, Error, Result};
use crate::exec::Cmd;
use crate::kernel::Kernel;
use crate::sandbox::Sandbox;
use crate::ui::Step;

/// How the guest's time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One processor; time is counted in instructions, and idle time is skipped.
    /// The same job does the same at any load of the host, and sooner.
    Counted,
    /// So many processors, in real time.
    Smp(u32),
}

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// QEMU's translator.
    Tcg,
    /// The host's processor. Knows no counted time.
    Kvm,
}

/// All that the guest does depends on its time and its random numbers: for a run to repeat, none of
/// them may come from the host.
const COUNTED: &str = " -icount shift=1,sleep=off -seed 1 -rtc base=2026-01-01T00:00:00,clock=vm";

/// What a guest's machine has besides what all have.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extras {
    /// Devices, as QEMU's `-device` takes them.
    pub devices: Vec<String>,
    /// Properties of the machine, as QEMU's `-machine` takes them.
    pub board: String,
    /// Whether the guest has QEMU's monitor, at a port of virtio of this name.
    pub monitor: bool,
}

/// A plugin of QEMU's.
pub struct Plugin {
    /// The library.
    pub file: PathBuf,
    /// What it is told, each `NAME=VALUE`.
    pub arguments: Vec<String>,
}

/// The guest's machine.
pub struct Machine {
    /// Time and processors.
    pub mode: Mode,
    /// TCG or KVM.
    pub accel: Accel,
    /// In MiB.
    pub memory: u32,
    /// The board, if it isn't the architecture's own machine.
    pub board: Option<Board>,
    /// Wait for gdb at this TCP port of the host's loopback device.
    pub gdb: Option<u16>,
    /// What looks at each instruction; with TCG alone.
    pub plugin: Option<Plugin>,
    /// What it has besides.
    pub extras: Extras,
}

impl Machine {
    /// A machine for short, deterministic jobs.
    pub fn counted() -> Self {
        Self {
            mode: Mode::Counted,
            accel: Accel::Tcg,
            memory: 1024,
            board: None,
            gdb: None,
            plugin: None,
            extras: Extras::default(),
        }
    }

    /// A machine with several processors in real time.
    pub fn smp(accel: Accel, processors: u32, memory: u32) -> Self {
        Self {
            mode: Mode::Smp(processors),
            accel,
            memory,
            board: None,
            gdb: None,
            plugin: None,
            extras: Extras::default(),
        }
    }

    /// QEMU for `kernel`, without a word on where the console goes. The guest may reboot.
    pub fn command(
        &self,
        sandbox: &Sandbox,
        kernel: &Kernel,
        initrd: &Path,
        share: &Path,
        append: &str,
        dir: &Path,
    ) -> Result<Cmd> {
        let arch = kernel.spec.arch;
        let facts = arch.facts();
        let mut cmd = sandbox.command::<&str, &str>("QEMU", dir, &[], facts.qemu)?;
        cmd.args(self.arguments(arch));
        cmd.arg("-kernel")
            .arg(kernel.image())
            .arg("-initrd")
            .arg(initrd)
            .arg("-append")
            // A panic ends the guest; warnings and worse go to the console at once.
            .arg(format!(
                "console={} panic=-1 quiet loglevel=5 log_buf_len=4M {append}",
                self.board
                    .map_or(facts.console, |board| board.facts().console)
            ));
        if let Some(plugin) = &self.plugin {
            cmd.arg("-plugin").arg(plugin.option());
        }
        if let Some(tree) = self.tree() {
            cmd.arg("-dtb").arg(kernel.tree(tree));
            return Ok(cmd);
        }
        cmd.arg("-virtfs").arg(format!(
            "local,path={},mount_tag=share,security_model=none",
            value(&share.display().to_string())
        ));
        if facts.parallel {
            // What leaves by the parallel port is found in the share.
            cmd.arg("-parallel")
                .arg(format!("file:{}", share.join("parallel").display()));
        }
        Ok(cmd)
    }

    /// The device tree of its board, if that has one. Then the guest has no share.
    pub(super) fn tree(&self) -> Option<&'static str> {
        self.board.and_then(Board::tree)
    }

    /// Its board and its processor, as QEMU's `-machine` and `-cpu` take them.
    pub fn board_and_processor(&self, arch: Arch) -> (&'static str, &'static str) {
        if let Some(board) = self.board {
            return (board.facts().machine, board.facts().processor);
        }
        let facts = arch.facts();
        let processor = match self.accel {
            Accel::Tcg => facts.processor,
            Accel::Kvm => "host",
        };
        (facts.board, processor)
    }

    fn arguments(&self, arch: Arch) -> Vec<String> {
        let (board, processor) = self.board_and_processor(arch);
        let mut text = format!("-M {board} -cpu {processor}");
        text.push_str(match (self.mode, self.accel) {
            (Mode::Counted, _) => COUNTED,
            (Mode::Smp(_), Accel::Tcg) => " -accel tcg,thread=multi",
            (Mode::Smp(_), Accel::Kvm) => " -accel kvm",
        });
        let wanted = match self.mode {
            Mode::Counted => 1,
            Mode::Smp(n) => n,
        };
        let given = self.board.map(Board::facts);
        let processors = given.and_then(|board| board.processors).unwrap_or(wanted);
        let memory = given.and_then(|board| board.memory).unwrap_or(self.memory);
        text.push_str(&format!(" -smp {processors} -m {memory}"));
        text.push_str(" -nodefaults -no-user-config -display none -nic none");
        // For sound devices, if it has any.
        text.push_str(" -audiodev none,id=none");
        text.push_str(&self.extras.arguments());
        if let Some(port) = self.gdb {
            text.push_str(&format!(" -S -gdb tcp:127.0.0.1:{port}"));
        }
        text.split_whitespace().map(str::to_owned).collect()
    }
}

/// The value of an option of QEMU's, in which commas are doubled.
fn value(text: &str) -> String {
    text.replace(',', ",,")
}

impl Plugin {
    /// As QEMU's `-plugin` takes it.
    fn option(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| value(argument));
        let file = format!("file={}", value(&self.file.display().to_string()));
        let all: Vec<String> = std::iter::once(file).chain(arguments).collect();
        all.join(",")
    }
}

/// QEMU is at both ends of a socket, in the directory that it runs in: what the guest writes to its port is read by the
/// monitor.
const MONITOR: &str = " -chardev socket,id=monitor,path=monitor,server=on,wait=off -mon monitor \
     -chardev socket,id=guest,path=monitor -device virtio-serial-pci \
     -device virtserialport,chardev=guest,name=monitor";

impl Extras {
    fn arguments(&self) -> String {
        let mut text = String::new();
        if !self.board.is_empty() {
            text.push_str(&format!(" -machine {}", self.board));
        }
        if self.monitor {
            text.push_str(MONITOR);
        }
        for device in &self.devices {
            text.push_str(&format!(" -device {device}"));
        }
        text
    }
}

/// The console of `machine` goes to stdout, and there is nothing to read; a reboot, as after a panic, ends QEMU.
pub fn batch(cmd: &mut Cmd, machine: &Machine) {
    cmd.arg("-no-reboot");
    for _ in 0..machine.board.map_or(0, |board| board.facts().ports_before) {
        cmd.args(["-serial", "null"]);
    }
    cmd.args(["-serial", "stdio"]);
}

/// The console, and QEMU's monitor behind Ctrl-A, are on the terminal; a reboot ends QEMU.
pub fn interactive(cmd: &mut Cmd) {
    cmd.args(["-no-reboot", "-serial", "mon:stdio"]);
}

/// The file in an entry of the cache that says that KVM works.
const WORKS: &str = "works";

/// KVM where it really works, which is tried once for each kernel of the host's
/// and the guest's: some hosts have a /dev/kvm under which guests hang.
pub fn probe_kvm(context: &Context, sandbox: &Sandbox, kernel: &Kernel) -> Result<Accel> {
    if !kernel.spec.arch.is_host()
        || fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_err()
    {
        return Ok(Accel::Tcg);
    }
    let host = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let name = format!("kvm-probe-{host}-{}", kernel.name);
    let entry = context.cache.entry(&name, Making::Anew, |at| {
        let step = Step::new("does KVM work here?");
        let job = Job {
            name: "kvm",
            script: "true\n",
            timeout: Duration::from_secs(20),
            append: String::new(),
            follow: false,
            sealed: false,
        };
        let machine = Machine::smp(Accel::Kvm, 2, 512);
        let works = match Guest::bare(context, sandbox, kernel)?.run(&machine, &job, &step) {
            Ok(outcome) => outcome.status == 0,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(_) => false,
        };
        if works {
            let path = at.join(WORKS);
            fs::write(&path, "").at(&path)?;
        }
        step.end("ok", if works { "yes" } else { "no, TCG is used" });
        Ok(())
    })?;
    Ok(if entry.join(WORKS).exists() {
        Accel::Kvm
    } else {
        Accel::Tcg
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_time_has_one_processor() {
        let text = Machine::counted().arguments(Arch::Aarch64).join(" ");
        assert!(text.contains("-icount shift=1,sleep=off"), "{text}");
        assert!(text.contains(" -smp 1 "), "{text}");
    }

    #[test]
    fn a_plugin_is_told_its_arguments() {
        let plugin = Plugin {
            file: "/a,b/c.so".into(),
            arguments: ["mark=0x1", "to=/a,b/d"].map(str::to_owned).to_vec(),
        };
        assert_eq!(plugin.option(), "file=/a,,b/c.so,mark=0x1,to=/a,,b/d");
    }

    #[test]
    fn a_board_has_what_is_soldered_to_it() {
        let on = |board| Machine {
            board: Some(board),
            ..Machine::counted()
        };
        let text = on(Board::Raspi4b).arguments(Arch::Aarch64).join(" ");
        assert!(text.starts_with("-M raspi4b -cpu cortex-a72 "), "{text}");
        assert!(text.contains(" -smp 4 -m 2048 "), "{text}");
        let text = on(Board::Uefi).arguments(Arch::Aarch64).join(" ");
        assert!(text.contains(" -smp 1 -m 1024 "), "{text}");
    }

    #[test]
    fn what_a_machine_has_besides_comes_after_it() {
        let mut machine = Machine::counted();
        machine.extras.devices = vec!["edu".to_owned(), "edu,addr=9".to_owned()];
        machine.extras.board = "iommu=smmuv3".to_owned();
        let text = machine.arguments(Arch::Aarch64).join(" ");
        assert!(
            text.ends_with(" -machine iommu=smmuv3 -device edu -device edu,addr=9"),
            "{text}"
        );
    }

    #[test]
    fn neither_the_hosts_time_nor_its_random_numbers_reach_a_counted_guest() {
        let counted = Machine::counted().arguments(Arch::X86_64);
        assert!(counted.iter().any(|word| word == "-seed"), "{counted:?}");
        assert!(counted.iter().any(|word| word.ends_with(",clock=vm")));
        let smp = Machine::smp(Accel::Tcg, 2, 512).arguments(Arch::X86_64);
        assert!(!smp.iter().any(|word| word == "-seed"), "{smp:?}");
    }
}
