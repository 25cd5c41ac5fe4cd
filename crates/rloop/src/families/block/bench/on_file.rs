// SPDX-License-Identifier: MIT OR Apache-2.0

//! A disk whose bytes are in a file: the kernel's loop, by `loop(4)`.

#![expect(unsafe_code, reason = "there is no safe ioctl")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

/// `LOOP_CTL_GET_FREE`, `LOOP_SET_FD`, `LOOP_CLR_FD`
const GET_FREE: u32 = 0x4c82;
const SET_FD: u32 = 0x4c00;
const CLR_FD: u32 = 0x4c01;

/// `ioctl` whose argument is a number, or nothing.
fn ioctl(file: &File, request: u32, argument: i32) -> io::Result<i32> {
    // SAFETY: None of these takes memory.
    match unsafe { libc::ioctl(file.as_raw_fd(), request as _, argument) } {
        done @ 0.. => Ok(done),
        _ => Err(io::Error::last_os_error()),
    }
}

fn open(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// A disk, which lets go of its file when this value goes.
pub struct Loop {
    /// Its node.
    pub node: PathBuf,
    disk: File,
}

impl Loop {
    /// Makes one whose bytes are those of `file`, of one that nobody uses.
    ///
    /// # Errors
    /// What the calls say.
    pub fn of(file: &File) -> io::Result<Self> {
        let number = ioctl(&open("/dev/loop-control")?, GET_FREE, 0)?;
        let node = format!("/dev/loop{number}");
        let disk = open(&node)?;
        // Refused if somebody was faster.
        ioctl(&disk, SET_FD, file.as_raw_fd())?;
        Ok(Self {
            node: node.into(),
            disk,
        })
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = ioctl(&self.disk, CLR_FD, 0);
    }
}
