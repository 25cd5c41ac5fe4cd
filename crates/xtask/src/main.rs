// SPDX-License-Identifier: MIT OR Apache-2.0
//! The devkit of rloop; see `cargo xtask --help`.

mod audio;
mod bench;
mod boards;
mod clean;
mod cli;
mod demo;
mod docs;
mod doctor;
mod gdb;
mod kas;
mod manifest;
mod new_driver;
mod package;
mod picture;
mod report;
mod suite;
mod tap;
mod verify;
mod vm;
mod yocto;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Build, Cli, Command, Vm};
use crate::manifest::Manifest;
use lab::context::Context;
use lab::error::Result;
use lab::kernel::Flavour;
use lab::paths::Paths;
use lab::ui::Step;
use lab::{guest, kernel, module, toolchain};

/// kas, and what looks at the layer, for pip.
const TOOLS: &str = "crates/xtask/layer/requirements.txt";

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
    lab::exec::catch_signals()?;
    let paths = Paths::find()?;
    let manifests = manifest::all(&paths)?;
    let drivers = manifests.iter().map(|m| m.driver.clone()).collect();
    let context = Context::new(paths, cli.mirror, drivers)?;
    let status = |passed: bool| u8::from(!passed);
    let result = match cli.command {
        Command::Demo(demo) => status(demo::run(
            &context,
            &manifest::demo(&manifests, demo.virtio)?,
            &demo.target.spec(),
        )?),
        Command::Test(test) => status(suite::run(
            &context,
            &suite::Options {
                arch: test.arch,
                kernel: test.kernel,
                only: test.only,
                group: test.group,
                all: test.all,
                full: test.full,
                stress_seconds: test.stress_seconds,
                jobs: test.jobs.map(usize::from),
                list: test.list.then_some(match (test.json, test.groups) {
                    (true, _) => suite::List::Json,
                    (_, true) => suite::List::Groups,
                    _ => suite::List::Table,
                }),
            },
        )?),
        Command::Bench(options) => status(bench::run(
            &context,
            &manifest::bench(&manifests)?,
            &options.options(),
        )?),
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
        Command::Vm(options) => boot(&context, &manifests, options)?,
        Command::Build(options) => {
            build(&context, &options)?;
            0
        }
        Command::Gdb { arguments } => gdb::run(&context, &arguments)?,
        Command::NewDriver { name, family } => {
            new_driver::run(&context, &name, family)?;
            0
        }
        Command::Docs => status(docs::run(&context)?),
        Command::Package => {
            package::run(&context)?;
            0
        }
        Command::Clean { cache } => {
            clean::run(&context, cache)?;
            0
        }
        Command::Doctor => status(doctor::run(&context)?),
    };
    // What this run has used, it has touched.
    context.cache.drop_unused()?;
    Ok(result)
}

fn boot(context: &Context, manifests: &[Manifest], vm: Vm) -> Result<u8> {
    let mut spec = vm.target.spec();
    if vm.gdb {
        spec.flavour = Flavour::Gdb;
    }
    let driver = match &vm.driver {
        Some(name) => context.driver("--driver", name)?,
        None => manifest::demo(manifests, false)?.driver,
    };
    let options = vm::Options {
        command: vm.run.map_or(vm.command, |command| vec![command]),
        driver,
        parameters: vm.parameters,
        servers: vm.servers,
        no_module: vm.no_module,
        gdb: vm.gdb,
        processors: (!vm.counted).then_some(vm.smp),
        timeout: vm.timeout,
        append: vm.append,
        devices: vm.device,
        export: vm.export,
    };
    vm::run(context, &spec, &options)
}

fn build(context: &Context, options: &Build) -> Result<()> {
    let sandbox = toolchain::get(context)?;
    let kernel = kernel::get(context, &sandbox, &options.target.spec())?;
    let guest = guest::Guest::build(context, &sandbox, &kernel)?;
    if options.rust_analyzer {
        let step = Step::new("rust-project.json");
        let mut files = Vec::new();
        for driver in &context.drivers {
            let build = module::Build {
                context,
                sandbox: &sandbox,
                kernel: &kernel,
                driver,
                step: &step,
            };
            files.push(build.rust_project()?);
        }
        step.ok();
        for file in files {
            println!("{}", file.display());
        }
    }
    println!("kernel  {}", kernel.image().display());
    println!("build   {}", kernel.dir.display());
    for module in &guest.modules {
        println!("module  {}", module.display());
    }
    Ok(())
}
