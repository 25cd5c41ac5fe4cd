// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bench;
use crate::manifest::Family;
use lab::arch::Arch;
use lab::kernel::{Extent, Flavour, Hz, Spec, Version};

/// The devkit of rloop: builds the driver, a kernel and a root file system, and boots them in QEMU.
///
/// Everything comes from the Debian mirror that this host's apt is configured for, and from the crate registry;
/// the compilers and QEMU are those of a small Debian of the devkit's own, so that the host's don't matter.
/// What is built once is kept in ~/.cache/rloop (RLOOP_CACHE names another place).
///
/// Exit status: 0 all is well, 1 a check has failed, 2 it couldn't be run.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The Debian mirror to use instead of the host's, such as http://HOST/debian.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) mirror: Option<String>,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sends recorded speech through the card in a guest and shows that it comes back bit for bit.
    Demo(Demo),
    /// Runs the tests: on the host, of the build, and in guests; with --all also those that take long.
    Test(Test),
    /// Measures the loopback card beside snd-aloop in guests, and makes a page of it.
    ///
    /// At HZ=250 and at HZ=1000: twice with the guest's time counted in instructions, where both runs should
    /// give the same figures on any host, and once in real time; then what cables cost is counted by part of the
    /// kernel. An hour or two; see --quick.
    Bench(Bench),
    /// Looks at the Yocto layer and the kas files, as far as that needs no sources of Yocto: the step `consistent` of
    /// `test`, and those whose names begin with `layer`.
    Layer,
    /// Parses everything with the real layers, resolves the task graphs and checks the layer; builds nothing.
    Yocto {
        /// A directory with the git repositories that the kas files name: NAME, NAME.git or OWNER+NAME.
        #[arg(long, value_name = "DIR")]
        mirrors: PathBuf,
        /// Only a kas file or a combination, FILE.yml or FILE.yml:FILE.yml, or all that have this in their
        /// names; may be given several times. Else every kas file, and kas/qemuarm64.yml with every option.
        #[arg(long, value_name = "PART")]
        only: Vec<String>,
        /// A line for local.conf, such as a SRCREV where a layer asks for the newest commit of something
        /// else; may be given several times.
        #[arg(long, value_name = "LINE")]
        conf: Vec<String>,
    },
    /// Boots a guest with the module loaded, for a shell or a command.
    Vm(Vm),
    /// Builds all that a guest needs, without booting it.
    Build(Build),
    /// Attaches gdb to a guest that `vm --gdb` has started.
    Gdb {
        /// Further arguments for gdb.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Writes a driver to begin with: a folder that builds, loads and passes its one check, a recipe and a page.
    NewDriver {
        /// What it is called: the folder's name and the module's.
        name: String,
        /// The kernel's subsystem that it is for.
        #[arg(long, value_enum, default_value = "char")]
        family: Family,
    },
    /// Makes a site of the documentation, with a search, and draws the pictures in it anew.
    ///
    /// Every link in it has to lead somewhere, else the exit status is 1.
    Docs,
    /// Makes a release of the last commit, an archive that builds without a network, and an SBOM of it.
    Package,
    /// Removes what was built from this checkout.
    Clean {
        /// Also what all checkouts share: toolchain, kernels, root file systems.
        #[arg(long)]
        cache: bool,
    },
    /// Says what is missing on this host and how to get it.
    Doctor,
}

/// Which kernel, for which machine.
#[derive(Args)]
pub(crate) struct Target {
    /// The guest's architecture.
    #[arg(long, value_enum, default_value = "aarch64")]
    arch: Arch,
    /// The kernel: 7.2, 7.3 or the directory of a kernel's sources.
    #[arg(long, default_value = "7.2", value_name = "VERSION|DIR")]
    kernel: Version,
    /// A kernel with KASAN, PROVE_LOCKING and more.
    #[arg(long)]
    debug_kernel: bool,
    /// A kernel for `rloop bench`, with so many ticks per second.
    #[arg(long, value_enum, value_name = "HZ", conflicts_with = "debug_kernel")]
    bench_kernel: Option<Hz>,
}

impl Target {
    /// The kernel that it names.
    pub(crate) fn spec(&self) -> Spec {
        Spec {
            version: self.kernel.clone(),
            arch: self.arch,
            flavour: match self.bench_kernel {
                Some(hz) => Flavour::Bench(hz),
                None if self.debug_kernel => Flavour::Debug,
                None => Flavour::Plain,
            },
            extent: Extent::Bootable,
        }
    }
}

/// What to test.
#[derive(Args)]
pub(crate) struct Test {
    /// Only this architecture.
    #[arg(long, value_enum)]
    pub(crate) arch: Option<Arch>,
    /// This kernel instead of 7.2, and not 7.3.
    #[arg(long, value_name = "VERSION|DIR")]
    pub(crate) kernel: Option<Version>,
    /// Only steps with this in their names; may be given several times.
    #[arg(long, value_name = "PART")]
    pub(crate) only: Vec<String>,
    /// Only the steps of this group: those that need the same kernel, or none, see `--list --groups`.
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Also the steps that take more than five minutes from nothing, such as those with a kernel of their own.
    #[arg(long)]
    pub(crate) all: bool,
    /// `rloop verify` tries the whole space of parameters.
    #[arg(long)]
    pub(crate) full: bool,
    /// How long kernels with checks are put under stress, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) stress_seconds: u64,
    /// How many steps are run at a time; by default one for each processor and each 3 GiB of memory, four at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Only names the steps, with what each needs and how long it took last.
    #[arg(long)]
    pub(crate) list: bool,
    /// The list as JSON.
    #[arg(long, requires = "list")]
    pub(crate) json: bool,
    /// The names of the groups that the steps are in, as JSON.
    #[arg(long, requires = "list", conflicts_with = "json")]
    pub(crate) groups: bool,
}

/// What to measure.
#[derive(Args)]
pub(crate) struct Bench {
    /// The guest's architecture.
    #[arg(long, value_enum, default_value = "aarch64")]
    arch: Arch,
    /// The kernel: 7.2, 7.3 or the directory of a kernel's sources.
    #[arg(long, default_value = "7.2", value_name = "VERSION|DIR")]
    kernel: Version,
    /// Only this tick, per second; may be given several times.
    #[arg(long, value_enum, value_name = "HZ", default_values = ["250", "1000"])]
    hz: Vec<Hz>,
    /// How long each long measurement takes.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How often a loop is started to see its delay.
    #[arg(long, default_value_t = 1000, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    starts: u32,
    /// For those who can't wait: --seconds 3 --starts 100.
    #[arg(long, conflicts_with_all = ["seconds", "starts"])]
    quick: bool,
    /// How often it runs with counted time, to see that it gives the same; 0 leaves that out.
    #[arg(long, default_value_t = 2, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(0..=10))]
    counted: u32,
    /// Processors of the run in real time; 0 leaves that out.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=8))]
    smp: u32,
    /// Only counts the instructions that running cables cost, by part of the kernel; minutes.
    #[arg(long, conflicts_with_all = ["seconds", "starts", "quick", "counted", "smp"])]
    only_instructions: bool,
}

impl Bench {
    /// What it comes to.
    pub(crate) fn options(self) -> bench::Options {
        let (seconds, starts) = if self.quick {
            (3, 100)
        } else {
            (self.seconds, self.starts)
        };
        let (counted, processors) = if self.only_instructions {
            (0, 0)
        } else {
            (self.counted, self.smp)
        };
        bench::Options {
            arch: self.arch,
            kernel: self.kernel,
            hz: self.hz,
            seconds,
            starts,
            counted,
            processors,
        }
    }
}

/// What to boot for the demo.
#[derive(Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Plays to two virtio sound cards at the same time, whose devices are programs, instead of to the card.
    #[arg(long)]
    pub(crate) virtio: bool,
}

/// What to boot, and what to do there.
#[derive(Args)]
pub(crate) struct Vm {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The driver whose module is loaded, else that of the demo; those of the others are there, too.
    #[arg(long, value_name = "NAME")]
    pub(crate) driver: Option<String>,
    /// Parameters for the module, such as `topology=crossed`.
    #[arg(
        long,
        default_value = "",
        value_name = "PARAMETERS",
        allow_hyphen_values = true
    )]
    pub(crate) parameters: String,
    /// With PulseAudio, PipeWire, WirePlumber and udev in the guest; none of them runs yet.
    #[arg(long)]
    pub(crate) servers: bool,
    /// Leave the modules out.
    #[arg(long)]
    pub(crate) no_module: bool,
    /// Wait for gdb before the first instruction; the kernel has symbols.
    #[arg(long, conflicts_with_all = ["debug_kernel", "bench_kernel"])]
    pub(crate) gdb: bool,
    /// The guest's processors.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(crate) smp: u32,
    /// Count the guest's time in instructions, with one processor, and skip idle time: however busy the
    /// host, the guest doesn't notice.
    #[arg(long, conflicts_with_all = ["smp", "gdb"])]
    pub(crate) counted: bool,
    /// When to end a command that doesn't end, in seconds.
    #[arg(long, default_value_t = 3600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// Arguments for the kernel.
    #[arg(
        long,
        default_value = "",
        value_name = "ARGUMENTS",
        allow_hyphen_values = true
    )]
    pub(crate) append: String,
    /// A device that the guest's machine has besides, as QEMU's `-device` takes it, such as `edu`; may be given
    /// repeatedly.
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Vec<String>,
    /// Boot nothing: write the guest to this directory, with an environment for labgrid; see docs/boards.md.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["driver", "parameters", "gdb", "timeout", "run", "command"])]
    pub(crate) export: Option<PathBuf>,
    /// A command for the guest's shell, instead of the words after `--`.
    #[arg(long, value_name = "COMMAND", conflicts_with = "command")]
    pub(crate) run: Option<String>,
    /// A command to run in the guest; its exit status becomes this program's.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// What to build.
#[derive(Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Also rust-project.json, for rust-analyzer.
    #[arg(long)]
    pub(crate) rust_analyzer: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_kernel_is_one_clear_error() {
        let e = Cli::try_parse_from(["x", "demo", "--kernel", "6.6"])
            .err()
            .unwrap()
            .to_string();
        assert!(
            e.contains("invalid value '6.6' for '--kernel <VERSION|DIR>': allowed: 7.2, 7.3 or"),
            "{e}"
        );
    }
}
