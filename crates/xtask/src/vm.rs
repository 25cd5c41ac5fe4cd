// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask vm`: a guest for people.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::{boards, gdb};
use lab::context::Context;
use lab::driver::Driver;
use lab::error::{Error, Result};
use lab::exec;
use lab::guest::{Accel, Guest, Job, Machine, probe_kvm};
use lab::kernel::{self, Flavour, Spec};
use lab::rootfs;
use lab::toolchain;
use lab::ui::Step;

/// What the user wants of the guest.
pub(crate) struct Options<'a> {
    /// A command with its arguments; a shell if there is none.
    pub(crate) command: Vec<String>,
    /// With sound servers.
    pub(crate) servers: bool,
    /// Whose module is loaded.
    pub(crate) driver: &'a Driver,
    /// Parameters of the module.
    pub(crate) parameters: String,
    /// Don't load the module.
    pub(crate) no_module: bool,
    /// Wait for gdb.
    pub(crate) gdb: bool,
    /// Processors, in real time; none for counted time.
    pub(crate) processors: Option<u32>,
    /// When to end a command, in seconds.
    pub(crate) timeout: u64,
    /// Arguments for the kernel.
    pub(crate) append: String,
    /// Devices of the machine.
    pub(crate) devices: Vec<String>,
    /// Where it is written to instead of being booted.
    pub(crate) export: Option<PathBuf>,
}

/// In MiB; a kernel with KASAN takes an eighth for itself.
fn memory(flavour: Flavour) -> u32 {
    match flavour {
        Flavour::Debug => 3072,
        _ => 1024,
    }
}

/// Runs the guest; the exit status of the command, 0 after a shell.
pub(crate) fn run(context: &Context, spec: &Spec, options: &Options<'_>) -> Result<u8> {
    let shell = options.command.is_empty() && options.export.is_none();
    if shell && !std::io::stdin().is_terminal() {
        return Err(Error::Missing {
            what: "a terminal for the guest's shell".into(),
            how: "run a command instead: cargo xtask vm -- COMMAND".into(),
        });
    }
    let driver = options.driver;
    let sandbox = toolchain::get(context)?;
    let kernel = kernel::get(context, &sandbox, spec)?;
    let mut guest = Guest::build(context, &sandbox, &kernel)?;
    if options.no_module {
        guest.modules.clear();
    }
    let mut append = options.append.clone();
    let mut load = String::new();
    if !options.no_module {
        load = format!(
            "modprobe {} {} || echo 'the module did not load' >&2\n",
            driver.module, options.parameters
        );
    }
    if options.gdb {
        let script = gdb::write(context, &guest, driver)?;
        eprintln!("QEMU waits for gdb. In another terminal:");
        eprintln!("  cargo xtask gdb");
        eprintln!(
            "(or any gdb that knows {}: gdb -x {})",
            spec.arch,
            script.display()
        );
        // The addresses of the symbols are those of vmlinux only without KASLR.
        append.push_str(" nokaslr");
        load.push_str(&gdb::job(driver));
    }
    if options.servers {
        guest = guest.with_root(&rootfs::SERVERS)?;
    }
    let memory = memory(spec.flavour).max(guest.memory);
    let mut machine = match options.processors {
        None => Machine {
            memory,
            ..Machine::counted()
        },
        Some(processors) if options.gdb => Machine::smp(Accel::Tcg, processors, memory),
        Some(processors) => {
            Machine::smp(probe_kvm(context, &sandbox, &kernel)?, processors, memory)
        }
    };
    machine.extras.devices = options.devices.clone();
    machine.gdb = options.gdb.then_some(gdb::PORT);
    if let Some(dir) = &options.export {
        let environment = boards::export(&guest, &machine, &append, dir)?;
        println!("labgrid  {}", environment.display());
        return Ok(0);
    }
    if shell {
        eprintln!("Ctrl-D ends the shell and the guest, Ctrl-A X ends QEMU at once");
        let size = terminal_size();
        let setup = format!("{size}{load}aplay -l 2>/dev/null | grep ^card\n");
        let status = guest.shell(&machine, &setup, &append)?;
        return Ok(u8::from(!status.success()));
    }
    let script = format!("{load}{}\n", shell_words(&options.command));
    let job = Job {
        name: "command",
        script: &script,
        timeout: Duration::from_secs(options.timeout),
        append,
        follow: true,
        sealed: false,
    };
    let step = Step::new(format!("boot of {spec}"));
    let outcome = guest.run(&machine, &job, &step)?;
    step.ok();
    Ok(u8::try_from(outcome.status).unwrap_or(1))
}

/// What tells the guest the size of this terminal: a serial line has none.
fn terminal_size() -> String {
    match rustix::termios::tcgetwinsize(std::io::stdin()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            format!("stty cols {} rows {}\n", size.ws_col, size.ws_row)
        }
        _ => String::new(),
    }
}

/// One argument is for the shell as it is; several are the words of a command.
fn shell_words(words: &[String]) -> String {
    match words {
        [one] => one.clone(),
        many => exec::shell_words(many),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        let words = ["echo".to_owned(), "it's".to_owned()];
        assert_eq!(shell_words(&words), r"'echo' 'it'\''s'");
        assert_eq!(
            shell_words(&["aplay -l | head".to_owned()]),
            "aplay -l | head"
        );
    }
}
