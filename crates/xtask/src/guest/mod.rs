// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest: what goes into it, and jobs that run in it.

mod init_archive;
mod qemu;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::error::{AtPath as _, Error, Result};
use crate::exec;
use crate::kernel::Kernel;
use crate::lock::{self, Lock};
use crate::rootfs::PLAIN;
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;
use crate::{cargo, driver, paths, rootfs};

pub(crate) use qemu::{Accel, Machine, probe_kvm};

/// Everything that a guest needs, built.
pub(crate) struct Guest<'a> {
    context: &'a Context,
    sandbox: &'a Sandbox,
    /// The kernel that it boots.
    pub(crate) kernel: &'a Kernel,
    /// The module in it, if it has one.
    pub(crate) module: Option<PathBuf>,
    rootfs: PathBuf,
    /// The memory that it needs for that, in MiB.
    pub(crate) memory: u32,
    tool: Option<PathBuf>,
    files: Option<PathBuf>,
}

impl<'a> Guest<'a> {
    /// Builds the module and the tool for `kernel`, and the root file system.
    pub(crate) fn build(
        context: &'a Context,
        sandbox: &'a Sandbox,
        kernel: &'a Kernel,
    ) -> Result<Self> {
        let arch = kernel.spec.arch;
        let rootfs = rootfs::get(context, arch, &PLAIN)?;
        let step = Step::new(format!("rloop for {arch}"));
        let tool = cargo::tool(context, sandbox, arch, &step)?;
        step.ok();
        let step = Step::new(format!("snd-rloop.ko for {}", kernel.spec));
        let module = driver::build(context, sandbox, kernel, &step)?;
        step.ok();
        Ok(Self {
            context,
            sandbox,
            kernel,
            module: Some(module),
            rootfs,
            memory: PLAIN.memory,
            tool: Some(tool),
            files: None,
        })
    }

    /// A guest with nothing of ours in it: to see whether a kernel boots.
    pub(crate) fn bare(
        context: &'a Context,
        sandbox: &'a Sandbox,
        kernel: &'a Kernel,
    ) -> Result<Self> {
        Ok(Self {
            context,
            sandbox,
            kernel,
            module: None,
            rootfs: rootfs::get(context, kernel.spec.arch, &PLAIN)?,
            memory: PLAIN.memory,
            tool: None,
            files: None,
        })
    }

    /// The same guest with another root file system.
    pub(crate) fn with_root(self, contents: &rootfs::Contents) -> Result<Self> {
        Ok(Self {
            rootfs: rootfs::get(self.context, self.kernel.spec.arch, contents)?,
            memory: contents.memory,
            ..self
        })
    }

    /// The same guest, whose jobs find what is in the directory `files` in `/mnt/share/files`.
    pub(crate) fn with_files(self, files: PathBuf) -> Self {
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

    /// Puts the initramfs into the run's directory.
    fn initrd(&self, dir: &Path, job: Option<&str>) -> Result<PathBuf> {
        let initrd = dir.join("initrd.cpio");
        init_archive::write(
            self.sandbox,
            self.kernel,
            &init_archive::Parts {
                rootfs: &self.rootfs,
                module: self.module.as_deref(),
                tool: self.tool.as_deref(),
                job,
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
    pub(crate) fn run(&self, machine: &Machine, job: &Job<'_>, step: &Step) -> Result<Outcome> {
        let start = Instant::now();
        let (dir, lock) = self.run_directory(job.name)?;
        let share = dir.join("share");
        let initrd = if job.sealed {
            self.initrd(&dir, Some(job.script))?
        } else {
            let script = share.join("job.sh");
            fs::write(&script, job.script).at(&script)?;
            if let Some(files) = &self.files {
                paths::copy(files, &share.join("files"))?;
            }
            self.initrd(&dir, None)?
        };
        let serial = dir.join("serial.log");
        let mut cmd = machine.command(
            self.sandbox,
            self.kernel,
            &initrd,
            &share,
            &job.append,
            &dir,
        )?;
        qemu::batch(&mut cmd);
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
    pub(crate) fn shell(&self, machine: &Machine, setup: &str, append: &str) -> Result<ExitStatus> {
        let (dir, _lock) = self.run_directory("shell")?;
        let share = dir.join("share");
        let script = share.join("shell.sh");
        fs::write(&script, setup).at(&script)?;
        let initrd = self.initrd(&dir, None)?;
        let mut cmd = machine.command(self.sandbox, self.kernel, &initrd, &share, append, &dir)?;
        qemu::interactive(&mut cmd);
        cmd.interactive()
    }
}

/// Something for the guest to do.
pub(crate) struct Job<'a> {
    /// Names its directory below `target/xtask/run`.
    pub(crate) name: &'a str,
    /// For the guest's shell, as root.
    pub(crate) script: &'a str,
    /// When to give up, in real time.
    pub(crate) timeout: Duration,
    /// Arguments for the kernel.
    pub(crate) append: String,
    /// Whether the user sees the console.
    pub(crate) follow: bool,
    /// Whether it is to hear nothing of the host before it has ended: it finds no share, and leaves
    /// files in /tmp/left instead. When the host answers is beyond a guest's counted time.
    pub(crate) sealed: bool,
}

/// How a job went.
pub(crate) struct Outcome {
    /// The script's exit status.
    pub(crate) status: i32,
    /// What it wrote to stdout and stderr.
    pub(crate) output: String,
    /// The kernel's log.
    pub(crate) dmesg: String,
    /// /proc/sys/kernel/tainted at its end.
    pub(crate) tainted: u64,
    /// What it left in the share.
    pub(crate) share: PathBuf,
    /// The console's log.
    pub(crate) serial: PathBuf,
    /// On the directory that it all lies in.
    _lock: Lock,
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
