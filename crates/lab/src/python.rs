// SPDX-License-Identifier: MIT OR Apache-2.0
//! Python programs, fetched by pip into a directory of ours. Where the host has no pip, or no Python, its package client
//! fetches them, too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cache::{Key, Making};
use crate::context::Context;
use crate::error::Result;
use crate::exec::Cmd;
use crate::fetched::Fetched;
use crate::sandbox;
use crate::ui::Step;

/// Programs from a requirements file, each with its version.
pub struct Python {
    packages: PathBuf,
    /// The variables with which a Python is found that the host lacks.
    environment: Vec<(&'static str, OsString)>,
}

impl Python {
    /// The programs of `requirements`, a file's path below the repository; fetched on first use, for
    /// the host's Python or the one of another `version`.
    pub fn get(context: &Context, requirements: &str, version: Option<&str>) -> Result<Self> {
        let lacks: &[&str] = if has_pip() { &[] } else { &["python3-pip"] };
        let environment = Fetched::packages(context, lacks)?.environment();
        let hosts = with(Cmd::new("python3", "python3"), &environment)
            .arg("--version")
            .read()?;
        let foreign: &[&str] = match version {
            Some(version) => &["--only-binary=:all:", "--python-version", version],
            None => &[],
        };
        let version = version.unwrap_or(&hosts);
        let file = context.paths.repo.join(requirements);
        let key = Key::default().with(version).with_file(&file)?.hex();
        let packages = context
            .cache
            .entry(&format!("python-{key}"), Making::Anew, |at| {
                let step = Step::new("Python programs");
                with(sandbox::command("fetching Python programs"), &environment)
                    .args([
                        "python3",
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "--no-compile",
                        "--target",
                    ])
                    .arg(at)
                    .args(foreign)
                    .arg("--requirement")
                    .arg(&file)
                    .run(&step, &context.paths.log("python"))?;
                step.ok();
                Ok(())
            })?;
        Ok(Self {
            packages,
            environment,
        })
    }

    /// A command that runs Python; `what` says, in an error message, what for.
    pub fn python(&self, what: &str) -> Cmd {
        let mut cmd = with(Cmd::new(what, "python3"), &self.environment);
        cmd.env("PYTHONPATH", &self.packages);
        cmd
    }

    /// A command that runs the module `name`, as `python3 -m` does.
    pub fn module(&self, name: &str) -> Cmd {
        let mut cmd = self.python(name);
        cmd.args(["-m", name]);
        cmd
    }

    /// Where the packages are, for `PYTHONPATH`.
    pub fn packages(&self) -> &Path {
        &self.packages
    }

    /// A command that runs the program `name`, which is none of Python's own.
    pub fn program(&self, name: &str) -> Cmd {
        with(
            Cmd::new(name, self.packages.join("bin").join(name)),
            &self.environment,
        )
    }
}

/// The command with these variables set.
fn with(mut cmd: Cmd, environment: &[(&'static str, OsString)]) -> Cmd {
    for (name, value) in environment {
        cmd.env(name, value);
    }
    cmd
}

/// Whether the host has a Python with pip.
pub fn has_pip() -> bool {
    Cmd::new("python3 with pip", "python3")
        .args(["-m", "pip", "--version"])
        .read()
        .is_ok()
}
