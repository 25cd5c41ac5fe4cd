// SPDX-License-Identifier: MIT OR Apache-2.0

//! System calls as programs with 32 bits make them.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the call, and memory where it finds it")
)]

use std::fs::File;
use std::io;

/// `ioctl` as a program with 32 bits calls it, with the address of `argument`, of at most a page; none where a program
/// with 64 bits can't call it so.
#[cfg(target_arch = "x86_64")]
pub fn ioctl(file: &File, request: u32, argument: &mut [u32]) -> Option<io::Result<i32>> {
    use std::arch::asm;
    use std::os::fd::AsRawFd as _;
    use std::ptr;
    const IOCTL: i32 = 54;
    const PAGE: usize = 4096;
    assert!(size_of_val(argument) <= PAGE);
    // Only where it is known that the call is there: else it ends the program.
    let options = procfs::kernel_config().ok()?;
    if options.get("CONFIG_IA32_EMULATION") != Some(&procfs::ConfigSetting::Yes) {
        return None;
    }
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let mut value = IOCTL;
    // SAFETY: The memory is new, below 4 GiB, and by the above as large as the argument, which is elsewhere; the call
    // changes no other and no register that is not said here.
    unsafe {
        let memory = libc::mmap(ptr::null_mut(), PAGE, protection, flags, -1, 0);
        if memory == libc::MAP_FAILED {
            return Some(Err(io::Error::last_os_error()));
        }
        let words = memory.cast::<u32>();
        ptr::copy_nonoverlapping(argument.as_ptr(), words, argument.len());
        let address = memory.expose_provenance() as u32;
        asm!(
            "xchg rbx, {fd}",
            "int 0x80",
            "xchg rbx, {fd}",
            fd = inout(reg) file.as_raw_fd() as u64 => _,
            inout("eax") value,
            in("ecx") request,
            in("edx") address,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
        ptr::copy_nonoverlapping(words, argument.as_mut_ptr(), argument.len());
        libc::munmap(memory, PAGE);
    }
    Some(match value {
        0.. => Ok(value),
        errno => Err(io::Error::from_raw_os_error(-errno)),
    })
}

/// As on x86_64.
#[cfg(not(target_arch = "x86_64"))]
pub fn ioctl(_: &File, _: u32, _: &mut [u32]) -> Option<io::Result<i32>> {
    None
}
