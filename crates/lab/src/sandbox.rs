// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs programs in name spaces of their own, as root or as an ordinary user.
//!
//! An ordinary user becomes root of a user name space in which their own files
//! are root's, and the other users are those of /etc/subuid.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath as _, Error, Result};
use crate::exec::Cmd;
use crate::ui::Step;

const ENTER: &str = include_str!("enter.sh");

/// Whether we are root already.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command in name spaces of its own, on the host's file system. Whatever it
/// mounts is gone when it ends, and so is whatever it starts; it ends with us, even where we are killed.
pub fn command(what: impl Into<String>) -> Cmd {
    let mut cmd = Cmd::new(what, "setpriv");
    cmd.args(["--pdeathsig", "KILL", "unshare"]);
    cmd.args(["--mount", "--pid", "--fork", "--kill-child"]);
    if !is_root() {
        cmd.args(["--user", "--map-root-user", "--map-auto"]);
    }
    cmd.arg("--");
    cmd
}

/// Tries what every step does first.
///
/// # Errors
///
/// [`Error::Without`], with what to do about it.
pub fn check() -> Result<()> {
    let tried = command("entering name spaces")
        .args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"])
        .read();
    match tried {
        Ok(_) => Ok(()),
        Err(Error::Command { said, .. }) => Err(Error::Without {
            what: "name spaces for mounts and processes".into(),
            why: advice(&said.to_string(), is_root()),
        }),
        Err(e) => Err(e),
    }
}

/// What unshare has said, and what helps.
fn advice(said: &str, root: bool) -> String {
    let help = if said.contains("newuidmap") || said.contains("newgidmap") {
        "as root: apt-get install uidmap"
    } else if said.contains("/etc/subuid") || said.contains("/etc/subgid") {
        "as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
    } else if said.contains("No space left on device") {
        "that is the limit of their number; as root: sysctl user.max_user_namespaces=10000"
    } else if root {
        "inside of a container, start it with --privileged"
    } else {
        "as root: sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0; \
         or run this as root"
    };
    format!("{}; {help}", said.trim_end_matches(": Success"))
}

/// Removes a file or a directory, also one whose files belong to the users of
/// a name space. Nothing there is no error.
pub fn remove(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let plain = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match plain {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied && !is_root() => {
            command("removing files of the name space's users")
                .args(["rm", "-rf", "--one-file-system", "--"])
                .arg(path)
                .read()
                .map(drop)
        }
        other => other.at(path),
    }
}

/// As [`remove`], and says so.
pub fn remove_told(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        let step = Step::new(format!("removing {}", path.display()));
        remove(path)?;
        step.ok();
    }
    Ok(())
}

/// The toolchain root, and what of the host can be seen from inside.
pub struct Sandbox {
    root: PathBuf,
    binds: Vec<PathBuf>,
}

impl Sandbox {
    /// A sandbox in the toolchain root `root`, in which the directories `binds`
    /// are where they are on the host.
    pub fn new(root: PathBuf, binds: Vec<PathBuf>) -> Self {
        Self { root, binds }
    }

    /// The same, with one more directory of the host.
    pub fn seeing(&self, dir: &Path) -> Self {
        let mut binds = self.binds.clone();
        if !binds.iter().any(|b| dir.starts_with(b)) {
            binds.push(dir.to_path_buf());
        }
        Self {
            root: self.root.clone(),
            binds,
        }
    }

    /// The root's directory on the host.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A command inside that runs in `cwd`, with the variables `env`.
    pub fn command<K, V>(
        &self,
        what: impl Into<String>,
        cwd: &Path,
        env: &[(K, V)],
        program: impl AsRef<OsStr>,
    ) -> Result<Cmd>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        for dir in &self.binds {
            if !dir.is_dir() {
                return Err(Error::Missing {
                    what: format!("the directory {}", dir.display()),
                    how: "programs in the toolchain root have to see it".into(),
                });
            }
        }
        let mut cmd = command(what);
        cmd.args(["sh", "-c", ENTER, "enter"])
            .arg(&self.root)
            .arg(cwd)
            .args(&self.binds)
            .arg("--");
        for (key, value) in env {
            cmd.arg(format!("{}={}", key.as_ref(), value.as_ref()));
        }
        cmd.arg(program);
        Ok(cmd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_advice() {
        let full = "unshare: unshare failed: No space left on device";
        for (said, root, help) in [
            (
                "unshare: failed to execute newuidmap: No such file or directory",
                false,
                "uidmap",
            ),
            (
                "unshare: no line matching user \"x\" in /etc/subuid: Success",
                false,
                "usermod",
            ),
            (full, false, "max_user_namespaces"),
            (
                "unshare: unshare failed: Operation not permitted",
                false,
                "userns_clone=1",
            ),
            (
                "unshare: unshare failed: Operation not permitted",
                true,
                "--privileged",
            ),
        ] {
            let text = advice(said, root);
            assert!(text.contains(help), "{text}");
            assert!(!text.contains("Success"), "{text}");
        }
    }
}
