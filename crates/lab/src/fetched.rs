// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that the host lacks, fetched by its own package client and unpacked into the cache, as any user.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{Key, Making};
use crate::context::Context;
use crate::error::{AtPath as _, Result};
use crate::exec::Cmd;
use crate::ui::Step;

/// What is needed of the host, and can be had so: a file that is there if it is, and the package that has it.
const NEEDED: &[(&str, &str)] = &[
    ("bin/mmdebstrap", "mmdebstrap"),
    (
        "share/keyrings/debian-archive-keyring.gpg",
        "debian-archive-keyring",
    ),
];

/// Where programs look for what is not in their own directory, below a root; those that are there are used.
const PERL: &[&str] = &["usr/share/perl5", "usr/share/perl/*", "usr/lib/*/perl/*"];
const PYTHON: &[&str] = &["usr/lib/python3/dist-packages"];
const LIBRARIES: &[&str] = &["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];

/// The packages that are needed and not there.
pub fn missing() -> Vec<&'static str> {
    let there = |file: &str| {
        ["/usr", "/usr/local"]
            .iter()
            .any(|top| Path::new(top).join(file).exists())
    };
    NEEDED
        .iter()
        .filter(|(file, _)| !there(file))
        .map(|(_, package)| *package)
        .collect()
}

/// What was fetched.
pub struct Fetched(Option<PathBuf>);

impl Fetched {
    /// What the host lacks to make root file systems, fetched on first use.
    ///
    /// # Errors
    ///
    /// The package client has none of it, or can't be reached.
    pub fn get(context: &Context) -> Result<Self> {
        Self::packages(context, &missing())
    }

    /// As [`Fetched::get`], these packages, with what they need and the host lacks.
    pub fn packages(context: &Context, packages: &[&str]) -> Result<Self> {
        if packages.is_empty() {
            return Ok(Self(None));
        }
        let release = Path::new("/etc/os-release");
        let key = Key::default().with(packages.join(" ")).with_file(release)?;
        let name = format!("host-{}", key.hex());
        let root = context.cache.entry(&name, Making::Anew, |at| {
            let step = Step::new(format!("{}, which this host lacks", packages.join(", ")));
            fetch(packages, at, &step, &context.paths.log("host"))?;
            step.ok();
            Ok(())
        })?;
        Ok(Self(Some(root)))
    }

    /// The key ring of Debian's archive, if the host has none.
    pub fn keyring(&self) -> Option<PathBuf> {
        let ring = self.0.as_ref()?.join("usr").join(NEEDED.last()?.0);
        ring.exists().then_some(ring)
    }

    /// The variables with which programs find it.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let Some(root) = &self.0 else {
            return Vec::new();
        };
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(":");
        path.push(root.join("usr/bin"));
        vec![
            ("PATH", path),
            ("PERL5LIB", there(root, PERL)),
            ("PYTHONPATH", there(root, PYTHON)),
            ("LD_LIBRARY_PATH", there(root, LIBRARIES)),
        ]
    }
}

/// Those directories below `root` that are there, with `:` between; `*` stands for any name.
fn there(root: &Path, directories: &[&str]) -> OsString {
    let mut all = OsString::new();
    for directory in directories {
        let mut found = vec![root.to_path_buf()];
        for part in directory.split('/') {
            found = found
                .iter()
                .flat_map(|dir| match part {
                    "*" => fs::read_dir(dir)
                        .map(|list| list.flatten().map(|entry| entry.path()).collect())
                        .unwrap_or_default(),
                    part => vec![dir.join(part)],
                })
                .filter(|dir| dir.is_dir())
                .collect();
        }
        for dir in found {
            if !all.is_empty() {
                all.push(":");
            }
            all.push(dir);
        }
    }
    all
}

/// Fetches packages, with what they need and the host has not, and unpacks them into `at`.
fn fetch(packages: &[&str], at: &Path, step: &Step, log: &Path) -> Result<()> {
    let state = at.join("apt");
    for dir in ["lists/partial", "cache/archives/partial"] {
        let dir = state.join(dir);
        fs::create_dir_all(&dir).at(&dir)?;
    }
    let apt = |what: &str| {
        let mut cmd = Cmd::new(what, "apt-get");
        for (setting, value) in [
            ("Dir::State::Lists", state.join("lists").into_os_string()),
            ("Dir::Cache", state.join("cache").into_os_string()),
            ("Debug::NoLocking", "true".into()),
            ("APT::Sandbox::User", "root".into()),
        ] {
            let mut setting = OsString::from(format!("{setting}="));
            setting.push(value);
            cmd.arg("-o").arg(setting);
        }
        cmd
    };
    apt("reading what the host's mirror has")
        .arg("update")
        .run(step, log)?;
    apt("fetching what the host lacks")
        .args([
            "--yes",
            "--download-only",
            "--no-install-recommends",
            "install",
        ])
        .args(packages)
        .advise(
            &["Unable to locate", "no installation candidate"],
            format!("as root: apt-get install {}", packages.join(" ")),
        )
        .run(step, log)?;
    let archives = state.join("cache/archives");
    for entry in fs::read_dir(&archives).at(&archives)? {
        let package = entry.at(&archives)?.path();
        if package.extension().is_some_and(|it| it == "deb") {
            Cmd::new("unpacking what the host lacks", "dpkg-deb")
                .arg("--extract")
                .arg(&package)
                .arg(at)
                .run(step, log)?;
        }
    }
    fs::remove_dir_all(&state).at(&state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_are_there_are_found() {
        let root = tempfile::tempdir().unwrap();
        for dir in ["usr/share/perl5", "usr/share/perl/5.36", "usr/lib/x/perl/y"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let found = there(root.path(), PERL).into_string().unwrap();
        let found: Vec<&str> = found
            .split(':')
            .filter_map(|dir| dir.strip_prefix(root.path().to_str()?))
            .collect();
        assert_eq!(
            found,
            [
                "/usr/share/perl5",
                "/usr/share/perl/5.36",
                "/usr/lib/x/perl/y"
            ]
        );
        assert_eq!(there(root.path(), LIBRARIES), "");
    }
}
