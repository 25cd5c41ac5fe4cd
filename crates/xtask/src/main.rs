// SPDX-License-Identifier: MIT OR Apache-2.0
//! The devkit of rloop; see `cargo xtask --help`.

mod arch;
mod audio;
mod bench;
mod cache;
mod cargo;
mod cause;
mod clean;
mod cli;
mod context;
mod cpio;
mod debian;
mod demo;
mod doctor;
mod driver;
mod error;
mod exec;
mod fetched;
mod gdb;
mod guest;
mod host;
mod kas;
mod kernel;
mod klog;
mod lock;
mod paths;
mod picture;
mod python;
mod report;
mod rootfs;
mod sandbox;
mod suite;
mod tap;
mod toolchain;
mod ui;
mod vm;
mod yocto;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Build, Cli, Command, Vm};
use crate::context::Context;
use crate::error::Result;
use crate::kernel::Flavour;
use crate::ui::Step;

/// The exit status when something couldn't be run at all.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn run(cli: Cli) -> Result<u8> {
    exec::catch_signals()?;
    let context = Context::new(cli.mirror)?;
    let status = |passed: bool| u8::from(!passed);
    Ok(match cli.command {
        Command::Demo(target) => status(demo::run(&context, &target.spec())?),
        Command::Test(test) => status(suite::run(
            &context,
            &suite::Options {
                arch: test.arch,
                kernel: test.kernel,
                only: test.only,
                all: test.all,
                full: test.full,
                stress_seconds: test.stress_seconds,
                list: test.list,
            },
        )?),
        Command::Bench(options) => status(bench::run(&context, &options.options())?),
        Command::Layer => status(suite::run(&context, &suite::Options::layer())?),
        Command::Yocto {
            mirrors,
            only,
            conf,
        } => status(yocto::run(
            &context,
            &yocto::Options {
                mirrors,
                only,
                conf,
            },
        )?),
        Command::Vm(options) => boot(&context, options)?,
        Command::Build(options) => {
            build(&context, &options)?;
            0
        }
        Command::Gdb { arguments } => gdb::run(&context, &arguments)?,
        Command::Clean { cache } => {
            clean::run(&context, cache)?;
            0
        }
        Command::Doctor => status(doctor::run(&context)?),
    })
}

fn boot(context: &Context, vm: Vm) -> Result<u8> {
    let mut spec = vm.target.spec();
    if vm.gdb {
        spec.flavour = Flavour::Gdb;
    }
    let options = vm::Options {
        command: vm.run.map_or(vm.command, |command| vec![command]),
        parameters: vm.parameters,
        servers: vm.servers,
        no_module: vm.no_module,
        gdb: vm.gdb,
        processors: (!vm.counted).then_some(vm.smp),
        timeout: vm.timeout,
        append: vm.append,
    };
    vm::run(context, &spec, &options)
}

fn build(context: &Context, options: &Build) -> Result<()> {
    let sandbox = toolchain::get(context)?;
    let kernel = kernel::get(context, &sandbox, &options.target.spec())?;
    let guest = guest::Guest::build(context, &sandbox, &kernel)?;
    if options.rust_analyzer {
        let step = Step::new("rust-project.json");
        driver::check(context, &sandbox, &kernel, "rust-analyzer", &step)?;
        step.ok();
        println!("{}", driver::rust_project(context, &kernel).display());
    }
    println!("kernel  {}", kernel.image().display());
    println!("build   {}", kernel.dir.display());
    if let Some(module) = &guest.module {
        println!("module  {}", module.display());
    }
    Ok(())
}
