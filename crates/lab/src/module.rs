// SPDX-License-Identifier: MIT OR Apache-2.0
//! A driver's kernel module, built through its own Makefile.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::context::Context;
use crate::driver::Driver;
use crate::error::{AtPath as _, Error, Result};
use crate::exec::Cmd;
use crate::kernel::{Extent, Kernel, Version};
use crate::lock::{self, with_lock};
use crate::sandbox::{self, Sandbox};
use crate::ui::Step;

/// What is built for guests, and what is built anew each time; and the names of their directories. As each of
/// the Makefile's other targets has its own as well, nobody writes to a module that a guest is being given.
const MODULE: &str = "module";
const ANEW: &str = "module-anew";

/// What is done with a driver: for which kernel, with what, and who watches.
#[derive(Clone, Copy)]
pub struct Build<'a> {
    /// Where everything is.
    pub context: &'a Context,
    /// The compilers.
    pub sandbox: &'a Sandbox,
    /// What it is built for.
    pub kernel: &'a Kernel,
    /// The driver.
    pub driver: &'a Driver,
    /// Shows how far it is.
    pub step: &'a Step,
}

impl Build<'_> {
    /// Where `what` is made.
    fn directory(&self, what: &str) -> PathBuf {
        let work = self.context.paths.work().join(what);
        work.join(self.driver.name()).join(&self.kernel.name)
    }

    fn log(&self, what: &str) -> PathBuf {
        let name = format!("{what}-{}-{}", self.driver.name(), self.kernel.name);
        self.context.paths.log(&name)
    }

    fn make(&self, out: &Path, target: &str) -> Result<Cmd> {
        let makefile = self.driver.dir.join("Makefile");
        if !makefile.is_file() {
            return Err(Error::Missing {
                what: format!("{}", makefile.display()),
                how: "the checkout isn't complete".into(),
            });
        }
        fs::create_dir_all(out).at(out)?;
        let kernel = self.kernel;
        let sandbox = match &kernel.spec.version {
            Version::Tree(dir) => self.sandbox.seeing(dir),
            Version::Debian(_) => self.sandbox.seeing(&kernel.dir),
        };
        let what = format!(
            "{}'s `make {target}` for {}",
            self.driver.name(),
            kernel.spec
        );
        let mut cmd = sandbox.command::<&str, &str>(what, &self.driver.dir, &[], "make")?;
        cmd.arg(format!("KDIR={}", kernel.dir.display()))
            .arg(format!("MO={}", out.display()))
            .args(kernel.spec.make_arguments())
            .arg(target);
        if kernel.spec.extent == Extent::Prepared {
            // There is no Module.symvers to check the symbols against.
            cmd.arg("KBUILD_MODPOST_WARN=1");
        }
        Ok(cmd)
    }

    /// Makes `target` in the directory of `what`, where nobody else works meanwhile. That is empty where
    /// it is to be made `anew`, and where a build was killed: `make` takes a file that is half written for a new one.
    fn in_directory(&self, what: &str, target: &str, anew: bool) -> Result<PathBuf> {
        let dir = self.directory(what);
        with_lock(&lock::beside(&dir), |lock| {
            if anew || lock.after_kill() {
                sandbox::remove(&dir)?;
            }
            self.make(&dir, target)?.run(self.step, &self.log(what))
        })?;
        Ok(dir)
    }

    fn module_in(&self, dir: &Path) -> Result<PathBuf> {
        let module = dir.join(format!("{}.ko", self.driver.module));
        if module.is_file() {
            Ok(module)
        } else {
            Err(Error::BadFile {
                path: module,
                problem: "isn't there, although the driver's build went well".into(),
            })
        }
    }

    /// The module, for guests; `make` decides what there is to compile.
    pub fn module(&self) -> Result<PathBuf> {
        self.module_in(&self.in_directory(MODULE, "modules", false)?)
    }

    /// The module, all of it compiled: what is not compiled gives no warnings.
    pub fn module_anew(&self) -> Result<PathBuf> {
        self.module_in(&self.in_directory(ANEW, "modules", true)?)
    }

    /// Another target of the driver's Makefile: `clippy`, `rustfmtcheck`.
    pub fn check(&self, target: &str) -> Result<()> {
        self.in_directory(target, target, false).map(drop)
    }

    /// Lines of the log of [`Self::module_anew`] that are warnings.
    pub fn warnings(&self) -> Result<Vec<String>> {
        let path = self.log(ANEW);
        Ok(warning_lines(
            &fs::read_to_string(&path).at(&path)?,
            self.kernel.spec.extent,
        ))
    }

    /// `rust-project.json` for rust-analyzer, in which the driver is a crate and paths are those of the host.
    ///
    /// # Errors
    ///
    /// [`Error::BadFile`] where the kernel's script has not found the driver's crate.
    pub fn rust_project(&self) -> Result<PathBuf> {
        let name = "rust-analyzer";
        let path = self
            .in_directory(name, name, false)?
            .join("rust-project.json");
        let bad = |problem: String| Error::BadFile {
            path: path.clone(),
            problem,
        };
        let text = fs::read_to_string(&path).at(&path)?;
        let mut project: Value = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        let Some(ours) = crate_in(&mut project, &self.driver.dir) else {
            return Err(bad(format!(
                "no crate of it is in {}; src/Kbuild there has to name the object of its root",
                self.driver.dir.display()
            )));
        };
        // Files that are compiled into it and lie elsewhere.
        let bindings = self.directory(MODULE).join("bindings");
        ours["env"]["RLOOP_BINDINGS"] = json!(bindings.join("bindings.rs"));
        ours["source"] = json!({
            "include_dirs": [self.driver.dir, self.driver.dir.with_file_name("lib"), bindings],
            "exclude_dirs": [],
        });
        outside(&mut project, self.sandbox.root());
        fs::write(&path, format!("{project:#}\n")).at(&path)?;
        Ok(path)
    }
}

/// A prepared kernel knows no symbols, so modpost's words on them say nothing.
fn warning_lines(text: &str, extent: Extent) -> Vec<String> {
    text.lines()
        .filter(|line| line.contains("warning:") || line.contains("WARNING:"))
        .filter(|line| !(extent == Extent::Prepared && is_modpost(line)))
        .map(str::to_owned)
        .collect()
}

fn is_modpost(line: &str) -> bool {
    line.contains("modpost:") || line.contains("Module.symvers")
}

/// The crate of `project` whose root is below `dir`.
fn crate_in<'a>(project: &'a mut Value, dir: &Path) -> Option<&'a mut Value> {
    let crates = project.get_mut("crates")?.as_array_mut()?;
    crates.iter_mut().find(|one| {
        let root = one["root_module"].as_str();
        root.is_some_and(|root| Path::new(root).starts_with(dir))
    })
}

/// Turns paths of the toolchain root, where nothing of the host is below /usr, into those that they have outside.
fn outside(value: &mut Value, root: &Path) {
    match value {
        Value::String(text) if text.starts_with("/usr/") => {
            *text = format!("{}{text}", root.display());
        }
        Value::String(text) if text == "/usr" => *text = root.join("usr").display().to_string(),
        Value::Array(values) => values.iter_mut().for_each(|value| outside(value, root)),
        Value::Object(values) => values.values_mut().for_each(|value| outside(value, root)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editor_finds_the_sources() {
        let text = r#"{"sysroot": "/usr", "crates": [{"root_module": "/usr/lib/core.rs"}, {"root_module": "/d/src/x.rs"}]}"#;
        let mut project: Value = serde_json::from_str(text).unwrap();
        let ours = crate_in(&mut project, Path::new("/d")).unwrap();
        assert_eq!(ours["root_module"], "/d/src/x.rs");
        assert!(crate_in(&mut project, Path::new("/e")).is_none());
        outside(&mut project, Path::new("/toolchain"));
        assert_eq!(project["sysroot"], "/toolchain/usr");
        assert_eq!(
            project["crates"][0]["root_module"],
            "/toolchain/usr/lib/core.rs"
        );
        assert_eq!(project["crates"][1]["root_module"], "/d/src/x.rs");
    }

    #[test]
    fn modpost_may_not_know_symbols_of_a_prepared_kernel() {
        let text =
            "WARNING: modpost: \"snd_card_new\" [drv.ko] undefined!\nwarning: unused import\n";
        assert_eq!(
            warning_lines(text, Extent::Prepared),
            ["warning: unused import"]
        );
        assert_eq!(warning_lines(text, Extent::Bootable).len(), 2);
    }
}
