// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: `rloop bench` in guests, snd-aloop beside the loopback card, and one page of it all.

mod instructions;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::manifest::Shown;
use lab::arch::Arch;
use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::guest::{Accel, Guest, Job, Machine};
use lab::kernel::{self, Extent, Flavour, Hz, Spec, Version};
use lab::sandbox::{self, Sandbox};
use lab::ui::{Step, seconds};
use lab::{cargo, toolchain};

/// In MiB.
const MEMORY: u32 = 1024;
/// When it begins to measure, in seconds since the boot, which has come to rest then.
const START: u32 = 10;
/// What a run takes at most beside its measurements, whose time goes into it so many times.
const OVERHEAD: Duration = Duration::from_secs(3600);
const MEASUREMENTS: u64 = 60;

/// What the user wants of it.
pub(crate) struct Options {
    /// The guest's architecture.
    pub(crate) arch: Arch,
    /// The kernel.
    pub(crate) kernel: Version,
    /// Ticks per second of its kernels.
    pub(crate) hz: Vec<Hz>,
    /// For `rloop bench`.
    pub(crate) seconds: u64,
    /// For `rloop bench`.
    pub(crate) starts: u32,
    /// How often the run with counted time is made, to see that it gives the same; 0 leaves that out.
    pub(crate) counted: u32,
    /// Processors of the run in real time; 0 leaves that out.
    pub(crate) processors: u32,
}

/// One boot.
struct Boot<'a> {
    guest: &'a Guest<'a>,
    machine: Machine,
    /// As the report calls it; the same for repeats.
    title: String,
    /// Of its files.
    name: String,
}

/// What the driver's script is told; `options` are more of them for `rloop bench`.
fn told(title: &str, seconds: u64, starts: u32, options: &str) -> String {
    format!("title='{title}' seconds={seconds} starts={starts} options='{options}' begin={START}\n")
}

/// Runs it all; true when no card did anything wrong.
pub(crate) fn run(context: &Context, shown: &Shown<'_>, options: &Options) -> Result<bool> {
    let start = Instant::now();
    let sandbox = toolchain::get(context)?;
    let dir = context.paths.bench();
    sandbox::remove(&dir)?;
    fs::create_dir_all(&dir).at(&dir)?;
    let mut kernels = Vec::new();
    for hz in &options.hz {
        let spec = Spec {
            version: options.kernel.clone(),
            arch: options.arch,
            flavour: Flavour::Bench(*hz),
            extent: Extent::Bootable,
        };
        kernels.push((*hz, kernel::get(context, &sandbox, &spec)?));
    }
    // All before the first is booted, so that each measures the same.
    let mut guests = Vec::new();
    for (hz, kernel) in &kernels {
        guests.push((*hz, Guest::build(context, &sandbox, kernel)?));
    }
    let path = &shown.script;
    let script = fs::read_to_string(path).at(path)?;
    let boots = boots(&guests, options);
    let (mut files, mut passed) = (Vec::new(), true);
    let total = boots.len();
    for (number, boot) in boots.into_iter().enumerate() {
        let step = Step::new(format!("[{}/{total}] {}", number + 1, boot.title));
        let (file, fine) = measure(&boot, &script, options, &dir, &step)?;
        step.end(if fine { "ok" } else { "FAIL" }, "");
        passed &= fine;
        files.push(file);
    }
    let heading = heading(&sandbox, options, &dir)?;
    if !files.is_empty() {
        print!("{}", report(context, &sandbox, &heading, &files, &dir)?);
        println!("page     {}", dir.join("bench.html").display());
        println!("tables   {}", dir.join("bench.md").display());
        println!("figures  {}", dir.join("*.json").display());
    }
    let instructions = instructions::measure(context, &sandbox, &guests, &script, &dir, &heading)?;
    println!("by part  {}", instructions.display());
    println!(
        "{} (all in all {})",
        if passed { "PASS" } else { "FAIL" },
        seconds(start.elapsed())
    );
    Ok(passed)
}

fn boots<'a>(guests: &'a [(Hz, Guest<'a>)], options: &Options) -> Vec<Boot<'a>> {
    let mut boots = Vec::new();
    for (hz, guest) in guests {
        for repeat in 1..=options.counted {
            boots.push(Boot {
                guest,
                machine: Machine::counted(),
                title: format!("HZ={hz}, QEMU TCG, time counted in instructions"),
                name: format!("hz{hz}-counted-{repeat}"),
            });
        }
    }
    for (hz, guest) in guests {
        if options.processors > 0 {
            boots.push(Boot {
                guest,
                // With KVM the page would not say what others can get, too.
                machine: Machine::smp(Accel::Tcg, options.processors, MEMORY),
                title: format!(
                    "HZ={hz}, QEMU TCG, {} processors in real time on {}",
                    options.processors,
                    host()
                ),
                name: format!("hz{hz}-real-time"),
            });
        }
    }
    boots
}

/// The figures' file, and whether all is well.
fn measure(
    boot: &Boot<'_>,
    script: &str,
    options: &Options,
    dir: &Path,
    step: &Step,
) -> Result<(PathBuf, bool)> {
    let script = told(&boot.title, options.seconds, options.starts, "") + script;
    let job = Job {
        name: "bench",
        script: &script,
        timeout: OVERHEAD + Duration::from_secs(options.seconds * MEASUREMENTS),
        // With addresses that differ from boot to boot, so would the figures.
        append: "norandmaps".to_owned(),
        follow: false,
        sealed: true,
    };
    let outcome = boot.guest.run(&boot.machine, &job, step)?;
    let keep = |name: &str, text: &str| {
        let path = dir.join(format!("{}.{name}", boot.name));
        fs::write(&path, text).at(&path).map(|()| path)
    };
    keep("dmesg.txt", &outcome.dmesg)?;
    let figures = outcome.share.join("figures.json");
    let text = match fs::read_to_string(&figures) {
        Ok(text) if outcome.status <= 1 && !text.is_empty() => text,
        _ => {
            return Err(Error::GuestDied {
                what: format!("rloop bench (status {})", outcome.status),
                log: outcome.serial.clone(),
                tail: lab::exec::tail(&outcome.serial),
            });
        }
    };
    let complaints = outcome.complaints(str::to_owned);
    if let Some(why) = &complaints {
        step.print(&format!("the kernel's log: {why}"));
    }
    let fine = outcome.status == 0 && complaints.is_none();
    Ok((keep("json", &text)?, fine))
}

/// What the reports of this run begin with.
fn heading(sandbox: &Sandbox, options: &Options, dir: &Path) -> Result<String> {
    let emulator = sandbox
        .command::<&str, &str>(
            "asking QEMU for its version",
            dir,
            &[],
            options.arch.facts().qemu,
        )?
        .arg("--version")
        .read()?;
    Ok(format!(
        "<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\n\
         # A run of cargo xtask bench\n\n\
         What `cargo xtask {}` left in `target/bench`: by {}, on {}.\n\n",
        std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        emulator.lines().next().unwrap_or("QEMU"),
        host(),
    ))
}

/// Has the tool itself put the runs together, as a page and as Markdown; gives its tables.
fn report(
    context: &Context,
    sandbox: &Sandbox,
    heading: &str,
    files: &[PathBuf],
    dir: &Path,
) -> Result<String> {
    let step = Step::new("rloop for the page");
    // The toolchain root is amd64.
    let tool = cargo::tool(context, sandbox, Arch::X86_64, &step)?;
    step.ok();
    let rloop = |arguments: &[&OsStr]| {
        let repo = &context.paths.repo;
        let mut cmd =
            sandbox.command::<&str, &str>("making the page", repo, &[], tool.as_os_str())?;
        cmd.arg("bench").args(arguments);
        for file in files {
            cmd.arg("--from").arg(file);
        }
        // 1 if a card did something wrong: then, too, the page is wanted.
        cmd.read_of_status(&[0, 1])
    };
    let text = heading.to_owned() + &rloop(&["--format".as_ref(), "markdown".as_ref()])?;
    let markdown = dir.join("bench.md");
    fs::write(&markdown, text).at(&markdown)?;
    rloop(&["--report".as_ref(), dir.join("bench.html").as_ref()])
}

/// The host, on which real time depends.
fn host() -> String {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    format!("{count} × {}", model(&text))
}

/// The processors' model out of /proc/cpuinfo, where that has one, in words that a shell leaves alone.
fn model(cpuinfo: &str) -> String {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name")
        .map_or(std::env::consts::ARCH, |(_, model)| model.trim())
        .replace('\'', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_named() {
        let x86 = "processor\t: 0\nmodel name\t: A CPU's name @ 2 GHz\nmodel\t\t: 7\n";
        assert_eq!(model(x86), "A CPUs name @ 2 GHz");
        assert_eq!(model("processor\t: 0\n"), std::env::consts::ARCH);
    }

    #[test]
    fn the_guest_is_told_what_was_asked_for() {
        assert_eq!(
            told("a title", 7, 30, "--only load"),
            "title='a title' seconds=7 starts=30 options='--only load' begin=10\n"
        );
    }
}
