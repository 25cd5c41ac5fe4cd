// SPDX-License-Identifier: MIT OR Apache-2.0

//! ALSA's devices without alsa-lib: what it keeps from programs, or keeps one thread at a time from doing. Structures
//! and requests are those of `include/uapi/sound/asound.h`.

#![expect(unsafe_code, reason = "ioctl, mmap, and what they read and write")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::path::Path;

use rustix::ioctl::Opcode;

pub mod ctl;
pub mod element;
pub mod pcm;

/// Opens a device for both reading and writing, not to wait in any call.
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Makes the request `code` of the device `fd`.
///
/// # Safety
/// `argument` must be what the request reads and writes, and so must be what that in turn points to.
unsafe fn ioctl<T>(fd: BorrowedFd<'_>, code: Opcode, argument: *mut T) -> io::Result<()> {
    // SAFETY: The descriptor is open; the rest is this function's own contract.
    match unsafe { libc::ioctl(fd.as_raw_fd(), code as _, argument) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
