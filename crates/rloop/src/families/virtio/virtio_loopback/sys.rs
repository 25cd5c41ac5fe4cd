// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ioctl`, with any number and any bytes.

#![expect(
    unsafe_code,
    reason = "what is tried here is what a program does wrong"
)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use driver_models::virtio_loopback::abi::Structure;

/// Calls an ioctl with a structure, and returns what it has become.
///
/// # Errors
/// What the call says.
pub fn call<T, const N: usize>(file: &File, command: u32, value: &T) -> io::Result<T>
where
    T: Structure<Bytes = [u8; N]>,
{
    // As much as any ioctl can be about: whatever the number, the kernel writes into this.
    let mut bytes = vec![0u8; 1 << 14];
    bytes[..N].copy_from_slice(&value.write());
    // SAFETY: There is as much memory as 14 bits of an ioctl's number can say.
    let came = unsafe { libc::ioctl(file.as_raw_fd(), command as _, bytes.as_mut_ptr()) };
    if came < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut back = [0; N];
    back.copy_from_slice(&bytes[..N]);
    Ok(T::read(&back))
}

/// Calls an ioctl whose argument is no memory.
///
/// # Errors
/// What the call says.
pub fn nowhere(file: &File, command: u32) -> io::Result<()> {
    // SAFETY: There is no memory at 0 to be written to.
    let came = unsafe { libc::ioctl(file.as_raw_fd(), command as _, std::ptr::null_mut::<u8>()) };
    match came {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
