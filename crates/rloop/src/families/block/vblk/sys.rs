// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ioctl`, which no crate has in a safe shape for these numbers.

#![expect(unsafe_code, reason = "there is no safe ioctl")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr;

/// `VBLK_GET_STATS`: `capacity_bytes`, `sectors`, `reads`, `writes`, `read_sectors`, `write_sectors`.
pub type Stats = [u64; 6];

/// `_IOR(0xB1, 1, struct vblk_stats)`.
pub const GET_STATS: u32 = 0x8030_b101;
/// `BLKDISCARD` and `BLKZEROOUT`, as `linux/fs.h` has them.
const DISCARD: u32 = 0x1277;
const ZERO_OUT: u32 = 0x127f;

/// How bytes are made zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// `BLKDISCARD`
    Discard,
    /// `BLKZEROOUT`
    ZeroOut,
}

fn result(value: i32) -> io::Result<()> {
    match value {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `ioctl(VBLK_GET_STATS)`.
///
/// # Errors
/// What the call says.
pub fn stats(file: &File) -> io::Result<Stats> {
    let mut stats = Stats::default();
    // SAFETY: The number has the size of what is written, which is that of `stats`.
    result(unsafe { libc::ioctl(file.as_raw_fd(), GET_STATS as _, &raw mut stats) })?;
    Ok(stats)
}

/// `ioctl` of any number, whose argument is no memory.
///
/// # Errors
/// What the call says.
pub fn ioctl_nowhere(file: &File, request: u32) -> io::Result<()> {
    // SAFETY: There is no memory at 0 to be written to.
    result(unsafe { libc::ioctl(file.as_raw_fd(), request as _, ptr::null_mut::<u8>()) })
}

/// Makes `bytes` bytes from `position` on zero.
///
/// # Errors
/// What the call says.
pub fn erase(file: &File, how: Erase, position: u64, bytes: u64) -> io::Result<()> {
    let range = [position, bytes];
    let request = match how {
        Erase::Discard => DISCARD,
        Erase::ZeroOut => ZERO_OUT,
    };
    // SAFETY: Both calls read two numbers of 64 bits.
    result(unsafe { libc::ioctl(file.as_raw_fd(), request as _, &raw const range) })
}
