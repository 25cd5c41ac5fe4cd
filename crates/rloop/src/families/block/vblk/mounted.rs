// SPDX-License-Identifier: MIT OR Apache-2.0

//! File systems on a disk.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rig::verdict::{Problem, Verdict, fail, skip};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::device::{Device, failed};

/// Makes ext4 on a disk.
///
/// # Errors
/// If that fails; a reason to skip where there is no `mkfs.ext4`, or no ext4 in the kernel.
pub fn make_ext4(device: &Device) -> Verdict {
    let _ = Command::new("modprobe").args(["-q", "ext4"]).status();
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !known.lines().any(|line| line.trim_start() == "ext4") {
        return skip("this kernel has no ext4");
    }
    run("mkfs.ext4", &["-q", "-F", "-E", "nodiscard"], device)
}

/// Looks whether a file system that is not mounted is whole, as it is.
///
/// # Errors
/// What is wrong; a reason to skip where there is no `e2fsck`.
pub fn check_ext4(device: &Device) -> Verdict {
    run("e2fsck", &["-f", "-n"], device)
}

fn run(program: &str, arguments: &[&str], device: &Device) -> Verdict {
    let node = device.node();
    match Command::new(program).args(arguments).arg(&node).output() {
        Err(error) => skip(format!("{program}: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
            fail(format!(
                "{program} {}: {}: {said}",
                node.display(),
                output.status
            ))
        }
    }
}

/// A file system that is mounted, until this value goes.
pub struct Mounted(Option<PathBuf>);

impl Mounted {
    /// Mounts the ext4 on a disk, with these options.
    ///
    /// # Errors
    /// What `mount` says.
    pub fn ext4(device: &Device, options: &str) -> Verdict<Self> {
        let place = std::env::temp_dir().join(format!("rloop-{}", device.name));
        let there = fs::create_dir_all(&place);
        there.map_err(|e| failed("mkdir", &place, &e))?;
        let node = device.node();
        let options = CString::new(options).unwrap_or_default();
        mount(&node, &place, "ext4", MountFlags::empty(), &*options)
            .map_err(|e| failed("mount", &node, &e.into()))?;
        Ok(Self(Some(place)))
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        let place = self.0.as_deref();
        place.unwrap_or(Path::new("/nowhere")).join(name)
    }

    /// Unmounts it, which must succeed.
    ///
    /// # Errors
    /// What `umount` says.
    pub fn unmount(mut self) -> Verdict {
        let Some(place) = self.0.take() else {
            return Ok(());
        };
        let done = unmount(&place, UnmountFlags::empty());
        done.map_err(|e| Problem::Failed(format!("umount {}: {e}", place.display())))?;
        let _ = fs::remove_dir(place);
        Ok(())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(place) = self.0.take() {
            let _ = unmount(&place, UnmountFlags::DETACH);
            let _ = fs::remove_dir(place);
        }
    }
}
