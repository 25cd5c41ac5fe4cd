// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest: what goes into it, and jobs that run in it.

mod by_console;
mod init_archive;
mod qemu;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::arch::Arch;
use crate::context::Context;
use crate::driver::Driver;
use crate::error::{AtPath as _, Error, Result};
use crate::exec;
use crate::kernel::Kernel;
use crate::lock::{self, Lock};
use crate::rootfs::PLAIN;
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;
use crate::{cargo, klog, module, paths, rootfs};

pub use qemu::{Accel, Extras, Machine, Plugin, probe_kvm};

/// Everything that a guest needs, built.
pub struct Guest<'a> {
    context: &'a Context,
    sandbox: &'a Sandbox,
    /// The kernel that it boots.
    pub kernel: &'a Kernel,
    /// The drivers' modules in it.
    pub modules: Vec<PathBuf>,
    /// The architecture of the programs in it, and of its root file system.
    programs_of: Arch,
    rootfs: PathBuf,
    /// The memory that it needs for that, in MiB.
    pub memory: u32,
    programs: Vec<PathBuf>,
    files: Option<PathBuf>,
}

/// The tool and the drivers' other programs for `arch`.
fn programs(context: &Context, sandbox: &Sandbox, arch: Arch) -> Result<Vec<PathBuf>> {
    let step = Step::new(format!("rloop for {arch}"));
    let programs = cargo::programs(context, sandbox, arch, &step)?;
    step.ok();
    Ok(programs)
}

/// The drivers' modules for `kernel`.
fn modules(context: &Context, sandbox: &Sandbox, kernel: &Kernel) -> Result<Vec<PathBuf>> {
    let arch = kernel.spec.arch;
    let step = Step::new(format!("modules for {}", kernel.spec));
    let drivers = context.drivers.iter().filter(|driver| driver.is_for(arch));
    let modules = drivers.map(|driver| {
        let build = module::Build {
            context,
            sandbox,
            kernel,
            driver,
            step: &step,
        };
        build.module()
    });
    let modules = modules.collect::<Result<_>>()?;
    step.ok();
    Ok(modules)
}

impl<'a> Guest<'a> {
    /// Builds the drivers' modules, the tool and other programs for `kernel`, and the root file system.
    pub fn build(context: &'a Context, sandbox: &'a Sandbox, kernel: &'a Kernel) -> Result<Self> {
        Self::with_programs_of(kernel.spec.arch, context, sandbox, kernel)
    }

    /// The same with programs, and a root file system, of the architecture `arch`, which `kernel` has to be able to run.
    pub fn with_programs_of(
        arch: Arch,
        context: &'a Context,
        sandbox: &'a Sandbox,
        kernel: &'a Kernel,
    ) -> Result<Self> {
        let built = &context.built;
        Ok(Self {
            context,
            sandbox,
            kernel,
            rootfs: rootfs::get(context, arch, &PLAIN)?,
            programs: built
                .programs
                .get(arch.facts().name, || programs(context, sandbox, arch))?,
            modules: built
                .modules
                .get(&kernel.name, || modules(context, sandbox, kernel))?,
            programs_of: arch,
            memory: PLAIN.memory,
            files: None,
        })
    }

    /// A guest with nothing of ours in it: to see whether a kernel boots.
    pub fn bare(context: &'a Context, sandbox: &'a Sandbox, kernel: &'a Kernel) -> Result<Self> {
        Ok(Self {
            context,
            sandbox,
            kernel,
            modules: Vec::new(),
            programs_of: kernel.spec.arch,
            rootfs: rootfs::get(context, kernel.spec.arch, &PLAIN)?,
            memory: PLAIN.memory,
            programs: Vec::new(),
            files: None,
        })
    }

    /// The module of `driver` in it, if it has one.
    pub fn module_of(&self, driver: &Driver) -> Option<&Path> {
        let name = format!("{}.ko", driver.module);
        let mut modules = self.modules.iter();
        modules
            .find(|path| path.ends_with(&name))
            .map(PathBuf::as_path)
    }

    /// The same guest with another root file system.
    pub fn with_root(self, contents: &rootfs::Contents<'_>) -> Result<Self> {
        Ok(Self {
            rootfs: rootfs::get(self.context, self.programs_of, contents)?,
            memory: contents.memory,
            ..self
        })
    }

    /// The same guest with one more program, a file of its name.
    pub fn with_program(mut self, program: PathBuf) -> Self {
        self.programs.push(program);
        self
    }

    /// The same guest, whose jobs find what is in the directory `files` in `/mnt/share/files`.
    pub fn with_files(self, files: PathBuf) -> Self {
        Self {
            files: Some(files),
            ..self
        }
    }

    /// An empty directory for the run `name`, with an empty share in it, and the lock on it. Where the one of this
    /// name is in use, it is one with a number.
    fn run_directory(&self, name: &str) -> Result<(PathBuf, Lock)> {
        let runs = self.context.paths.work().join("run");
        let mut dir = runs.join(name);
        let mut number = 1;
        let lock = loop {
            if let Some(lock) = Lock::take(&lock::beside(&dir))? {
                break lock;
            }
            number += 1;
            dir = runs.join(format!("{name}-{number}"));
        };
        sandbox::remove(&dir)?;
        let share = dir.join("share");
        fs::create_dir_all(&share).at(&share)?;
        Ok((dir, lock))
    }

    /// Puts the initramfs into the run's directory, which `sandbox` sees, with a `job` or a `share` in it.
    fn initrd(
        &self,
        sandbox: &Sandbox,
        dir: &Path,
        job: Option<&str>,
        share: Option<&Path>,
    ) -> Result<PathBuf> {
        let initrd = dir.join("initrd.cpio");
        init_archive::write(
            sandbox,
            self.kernel,
            &init_archive::Parts {
                rootfs: &self.rootfs,
                modules: &self.modules,
                programs: &self.programs,
                job,
                share,
            },
            dir,
            &initrd,
        )?;
        Ok(initrd)
    }

    /// Runs a job to its end.
    ///
    /// # Errors
    ///
    /// That the guest didn't boot, died or took too long. A job that fails is
    /// no error: see [`Outcome::status`].
    pub fn run(&self, machine: &Machine, job: &Job<'_>, step: &Step) -> Result<Outcome> {
        let start = Instant::now();
        let (dir, lock) = self.run_directory(job.name)?;
        let share = dir.join("share");
        let initrd = Passing(if job.sealed {
            self.initrd(self.sandbox, &dir, Some(job.script), None)?
        } else {
            let script = share.join("job.sh");
            fs::write(&script, job.script).at(&script)?;
            if let Some(files) = &self.files {
                paths::copy(files, &share.join("files"))?;
            }
            let inside = machine.tree().map(|_| share.as_path());
            self.initrd(self.sandbox, &dir, None, inside)?
        });
        let serial = dir.join("serial.log");
        let mut cmd = machine.command(
            self.sandbox,
            self.kernel,
            &initrd.0,
            &share,
            &job.append,
            &dir,
        )?;
        let firmware = match machine.board {
            Some(board) => board.firmware(self.context)?,
            None => None,
        };
        if let Some(firmware) = firmware {
            cmd.arg("-bios").arg(firmware);
        }
        qemu::batch(&mut cmd, machine);
        let mut running = cmd.start(&serial)?;
        let mut follow = Follow::new(serial.clone());
        loop {
            if running.poll()?.is_some() {
                break;
            }
            if start.elapsed() > job.timeout {
                running.stop();
                return Err(Error::Timeout {
                    what: format!("the guest's job `{}`", job.name),
                    limit: job.timeout,
                    log: serial.clone(),
                    tail: exec::tail(&serial),
                });
            }
            if job.follow {
                follow.print(step);
                step.tick();
            } else {
                step.message(&running.last_line());
            }
        }
        if job.follow {
            follow.print(step);
        }
        if machine.tree().is_some() {
            by_console::unpack(self.sandbox, &serial, &share)?;
        }
        let read = |name: &str| fs::read_to_string(share.join(name));
        let status = read("status")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| Error::GuestDied {
                what: format!("the job `{}`", job.name),
                log: serial.clone(),
                tail: exec::tail(&serial),
            })?;
        let lossy = |name: &str| {
            let path = share.join(name);
            fs::read(&path)
                .at(&path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Outcome {
            status,
            output: lossy("output.txt")?,
            dmesg: lossy("dmesg.txt")?,
            tainted: lossy("tainted")?.trim().parse().unwrap_or(0),
            share,
            serial,
            _lock: lock,
        })
    }

    /// A shell on the user's terminal; `setup` is run before it.
    pub fn shell(&self, machine: &Machine, setup: &str, append: &str) -> Result<ExitStatus> {
        let (dir, _lock) = self.run_directory("shell")?;
        let share = dir.join("share");
        let script = share.join("shell.sh");
        fs::write(&script, setup).at(&script)?;
        let initrd = Passing(self.initrd(self.sandbox, &dir, None, None)?);
        let mut cmd =
            machine.command(self.sandbox, self.kernel, &initrd.0, &share, append, &dir)?;
        qemu::interactive(&mut cmd);
        cmd.interactive()
    }

    /// Writes a program `qemu` to `dir` that is QEMU with this guest in it, with a shell on its console, for programs that run
    /// QEMU themselves: it takes more of QEMU's arguments, such as `-serial`. It needs `dir` and the cache where they are.
    pub fn export(&self, machine: &Machine, append: &str, dir: &Path) -> Result<()> {
        let share = dir.join("share");
        fs::create_dir_all(&share).at(&share)?;
        // Who runs QEMU leaves sockets in the directory for temporary files.
        let sandbox = self.sandbox.seeing(dir).seeing(&std::env::temp_dir());
        let initrd = self.initrd(&sandbox, dir, None, None)?;
        let cmd = machine.command(&sandbox, self.kernel, &initrd, &share, append, dir)?;
        cmd.write_script(&dir.join("qemu"))
    }
}

/// A run's initramfs, some 100 MB, which goes with the guest: all tests would leave 13 GB.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // One that is still there costs nothing but room, and the next run of this name removes it.
        _ = fs::remove_file(&self.0);
    }
}

/// Something for the guest to do.
pub struct Job<'a> {
    /// Names its directory below `target/xtask/run`.
    pub name: &'a str,
    /// For the guest's shell, as root.
    pub script: &'a str,
    /// When to give up, in real time.
    pub timeout: Duration,
    /// Arguments for the kernel.
    pub append: String,
    /// Whether the user sees the console.
    pub follow: bool,
    /// Whether it is to hear nothing of the host before it has ended: it finds no share, and leaves
    /// files in /tmp/left instead. When the host answers is beyond a guest's counted time.
    pub sealed: bool,
}

/// How a job went.
pub struct Outcome {
    /// The script's exit status.
    pub status: i32,
    /// What it wrote to stdout and stderr.
    pub output: String,
    /// The kernel's log.
    pub dmesg: String,
    /// /proc/sys/kernel/tainted at its end.
    pub tainted: u64,
    /// What it left in the share.
    pub share: PathBuf,
    /// The console's log.
    pub serial: PathBuf,
    /// On the directory that it all lies in.
    _lock: Lock,
}

impl Outcome {
    /// Why the script is no success; none if it is.
    pub fn failed_status(&self) -> Option<String> {
        (self.status != 0).then(|| {
            let last = self.output.lines().last().unwrap_or("(none)");
            format!(
                "they ended with status {}; the last line of output: {last}",
                self.status
            )
        })
    }

    /// What is wrong in the kernel's log and on the console, of what `look` makes of them; none if nothing is.
    pub fn complaints(&self, look: impl Fn(&str) -> String) -> Option<String> {
        let console = fs::read_to_string(&self.serial).unwrap_or_default();
        let [dmesg, console] =
            [&self.dmesg, &console].map(|log| klog::without_group_locks(&look(log)));
        // What is on the console and in the log is the same line twice.
        let mut lines: Vec<&str> = klog::complaints(&dmesg);
        for line in klog::complaints(&console) {
            if !self.dmesg.contains(line.trim()) && !self.output.contains(line.trim()) {
                lines.push(line);
            }
        }
        let mut text = lines.iter().take(5).copied().collect::<Vec<_>>().join("; ");
        if lines.len() > 5 {
            text.push_str(&format!("; and {} more", lines.len() - 5));
        }
        let warned = klog::left_out_warnings(&self.dmesg, &dmesg);
        if let Some(taint) = klog::taint(self.tainted, warned) {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&taint);
        }
        (!text.is_empty()).then_some(text)
    }
}

/// Prints a growing log, line by line.
struct Follow {
    path: PathBuf,
    printed: usize,
}

impl Follow {
    fn new(path: PathBuf) -> Self {
        Self { path, printed: 0 }
    }

    fn print(&mut self, step: &Step) {
        let bytes = fs::read(&self.path).unwrap_or_default();
        let new = bytes.get(self.printed..).unwrap_or_default();
        let Some(end) = new.iter().rposition(|b| *b == b'\n') else {
            return;
        };
        for line in String::from_utf8_lossy(&new[..end]).lines() {
            step.print(line.trim_end_matches('\r'));
        }
        self.printed += end + 1;
    }
}
