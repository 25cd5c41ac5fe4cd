// SPDX-License-Identifier: MIT OR Apache-2.0
//! Python programs, fetched by the host's own pip into a directory of ours.

use std::path::{Path, PathBuf};

use crate::cache::{Key, Making};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exec::Cmd;
use crate::sandbox;
use crate::ui::Step;

/// Programs from a requirements file, each with its version.
pub struct Python {
    packages: PathBuf,
}

impl Python {
    /// The programs of `requirements`, a file's path below the repository; fetched on first use, for
    /// the host's Python or the one of another `version`.
    pub fn get(context: &Context, requirements: &str, version: Option<&str>) -> Result<Self> {
        let hosts = self::version()?;
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
                sandbox::command("fetching Python programs")
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
        Ok(Self { packages })
    }

    /// A command that runs Python; `what` says, in an error message, what for.
    pub fn python(&self, what: &str) -> Cmd {
        let mut cmd = Cmd::new(what, "python3");
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
        Cmd::new(name, self.packages.join("bin").join(name))
    }
}

/// Python's version, once it is known that it has pip.
pub fn version() -> Result<String> {
    Cmd::new("python3 with pip", "python3")
        .args(["-m", "pip", "--version"])
        .read()
        .map_err(|_| Error::Missing {
            what: "Python with pip".into(),
            how: "as root: apt-get install python3-pip".into(),
        })?;
    Cmd::new("python3", "python3").arg("--version").read()
}
