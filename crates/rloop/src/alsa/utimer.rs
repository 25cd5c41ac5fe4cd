// SPDX-License-Identifier: MIT OR Apache-2.0

//! User-driven sound timers (`Documentation/sound/utimers.rst` in the kernel's source), which neither
//! alsa-lib nor the crate `alsa` knows.

#![expect(
    unsafe_code,
    reason = "two ioctls, and a file descriptor that one returns"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

/// `struct snd_timer_uinfo` of `include/uapi/sound/asound.h`.
#[repr(C)]
struct Info {
    resolution: u64,
    fd: libc::c_int,
    id: libc::c_uint,
    reserved: [u8; 16],
}

/// `_IOWR('T', 0xa5, struct snd_timer_uinfo)`, the same on all machines that snd-rloop runs on.
const CREATE: u32 = 0xc000_0000 | ((size_of::<Info>() as u32) << 16) | 0x54a5;
/// `_IO('T', 0xa6)`.
const TRIGGER: u32 = 0x54a6;

/// A timer that ticks when it is told to. Dropping this removes it.
pub struct UserTimer {
    fd: OwnedFd,
    id: u32,
}

impl UserTimer {
    /// Makes a timer that says it ticks every `resolution`.
    ///
    /// # Errors
    /// `ENOTTY` on a kernel without `CONFIG_SND_UTIMER`, and of one with 64 bits to a program with 32; what opening
    /// `/dev/snd/timer` gives.
    pub fn new(resolution: Duration) -> io::Result<Self> {
        let device = File::options()
            .read(true)
            .write(true)
            .open("/dev/snd/timer")?;
        let mut info = Info {
            resolution: u64::try_from(resolution.as_nanos()).unwrap_or(u64::MAX),
            fd: -1,
            id: 0,
            reserved: [0; 16],
        };
        // SAFETY: The device is open, and `info` is what this request reads and writes.
        if unsafe { libc::ioctl(device.as_raw_fd(), CREATE as _, &raw mut info) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: The request has succeeded, so this is a new descriptor that nobody else has.
        let fd = unsafe { OwnedFd::from_raw_fd(info.fd) };
        Ok(Self { fd, id: info.id })
    }

    /// Its address as a `timer_source`.
    pub fn address(&self) -> String {
        format!("-1.4.{}", self.id)
    }

    /// Lets it tick once.
    ///
    /// # Errors
    /// None is known.
    pub fn tick(&self) -> io::Result<()> {
        // SAFETY: The descriptor is a timer's; the request takes no argument.
        match unsafe { libc::ioctl(self.fd.as_raw_fd(), TRIGGER as _) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
