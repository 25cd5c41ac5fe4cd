// SPDX-License-Identifier: MIT OR Apache-2.0

//! What programs ask of the device by `ioctl`, signals that come while they wait, and the registers behind the driver's
//! back.

#![expect(
    unsafe_code,
    reason = "ioctl, a handler of a signal, a timer that sends it, and memory of the device"
)]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::ptr::null_mut;
use std::time::Duration;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::kernel::compat;

/// `PCIE_EDU_COMPUTE`, `_IOWR(0xE0, 1, __u32)`.
const COMPUTE: u32 = 0xC004_E001;
/// `PCIE_EDU_DMA_TRANSFER`, `_IOWR(0xE0, 2, struct pcie_edu_dma_xfer)`.
const TRANSFER: u32 = 0xC008_E002;

/// `struct pcie_edu_dma_xfer`.
#[repr(C)]
struct Transfer {
    len: u32,
    pattern: u8,
}

/// One call, with the address of `argument`, of memory that is as large as a command of this number wants.
fn call<T>(file: &File, command: u32, argument: &mut T) -> io::Result<()> {
    debug_assert_eq!(size_of::<T>(), ((command >> 16) & 0x3fff) as usize);
    // SAFETY: The file is open, and the driver reads and writes as many bytes as the command's number says, all of
    // which are there.
    match unsafe { libc::ioctl(file.as_raw_fd(), command as _, argument) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has the device compute the factorial of `number`, modulo 2³².
///
/// # Errors
/// What the driver says.
pub fn compute(file: &File, number: u32) -> io::Result<u32> {
    let mut value = number;
    call(file, COMPUTE, &mut value)?;
    Ok(value)
}

/// The same, with the number where no number may be in most programs.
///
/// # Errors
/// What the driver says.
pub fn compute_odd(file: &File, number: u32) -> io::Result<u32> {
    let mut room = [0_u32; 2];
    let odd = room.as_mut_ptr().wrapping_byte_add(1);
    // SAFETY: The file is open. The four bytes of the number, which the driver reads and writes, are within the room,
    // and nowhere is it asked for that they be aligned.
    unsafe {
        odd.write_unaligned(number);
        match libc::ioctl(file.as_raw_fd(), COMPUTE as _, odd) {
            0 => Ok(odd.read_unaligned()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Has the device move `len` bytes of `pattern` there and back.
///
/// # Errors
/// What the driver says.
pub fn transfer(file: &File, len: u32, pattern: u8) -> io::Result<()> {
    call(file, TRANSFER, &mut Transfer { len, pattern })
}

/// Both calls as a program with 32 bits makes them, of which the structures are the same: what is in `argument` then.
/// None where a program with 64 bits can't make them so.
///
/// # Errors
/// What the driver says.
pub fn compat<const N: usize>(
    file: &File,
    command: u32,
    mut argument: [u32; N],
) -> Option<io::Result<[u32; N]>> {
    let called = compat::ioctl(file, command, &mut argument)?;
    Some(called.map(|_| argument))
}

/// Calls `command` without memory.
///
/// # Errors
/// What the driver says.
pub fn without_memory(file: &File, command: u32) -> io::Result<()> {
    // SAFETY: At the address 0 there is nothing of this program's, so nothing of it changes.
    match unsafe { libc::ioctl(file.as_raw_fd(), command as _, null_mut::<u8>()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Both commands.
pub const COMMANDS: [u32; 2] = [COMPUTE, TRANSFER];

/// A timer that sends the thread that has made it a signal again and again, whose calls come back with `EINTR`.
pub struct Alarm(libc::timer_t);

extern "C" fn nothing(_: libc::c_int) {}

impl Alarm {
    /// Signals begin after `first`, and come each `then`; only one comes if that is nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(first: Duration, then: Duration) -> io::Result<Self> {
        // SAFETY: All zeroes are a value of these structures.
        let (mut action, mut event, mut times) = unsafe {
            (
                MaybeUninit::<libc::sigaction>::zeroed().assume_init(),
                MaybeUninit::<libc::sigevent>::zeroed().assume_init(),
                MaybeUninit::<libc::itimerspec>::zeroed().assume_init(),
            )
        };
        // Without SA_RESTART.
        let handler: extern "C" fn(libc::c_int) = nothing;
        action.sa_sigaction = handler as usize;
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGUSR1;
        times.it_value = spec(first.max(Duration::from_nanos(1)));
        times.it_interval = spec(then);
        let mut timer = null_mut();
        // SAFETY: The structures are filled in, and outlive the calls; the handler does nothing, which it may do at
        // any time. The timer is that which has just been made.
        unsafe {
            event.sigev_notify_thread_id = libc::gettid();
            if libc::sigaction(libc::SIGUSR1, &raw const action, null_mut()) != 0
                || libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) != 0
            {
                return Err(io::Error::last_os_error());
            }
            let alarm = Self(timer);
            match libc::timer_settime(timer, 0, &raw const times, null_mut()) {
                0 => Ok(alarm),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // SAFETY: It is the timer that `new` has made, and nobody else deletes it.
        unsafe { libc::timer_delete(self.0) };
    }
}

fn spec(time: Duration) -> libc::timespec {
    // SAFETY: All zeroes are a value of it.
    let mut spec: libc::timespec = unsafe { MaybeUninit::zeroed().assume_init() };
    spec.tv_sec = time.as_secs() as _;
    spec.tv_nsec = time.subsec_nanos() as _;
    spec
}

/// A register of 32 bits.
#[derive(Clone, Copy, Debug)]
pub enum Register {
    /// Computes the factorial of what is written.
    Factorial = 0x08,
    /// What the device does; [`TELL`].
    Status = 0x20,
    /// The interrupts that are raised.
    Interrupts = 0x24,
    /// Raises the interrupts that are written.
    Raise = 0x60,
    /// How many bytes a transfer moves.
    Count = 0x90,
    /// Begins a transfer; [`RUN`], [`TELL_END`].
    Command = 0x98,
}

/// In [`Register::Status`]: the device computes.
pub const COMPUTING: u32 = 0x01;
/// In [`Register::Status`]: the end of a computation is told.
pub const TELL: u32 = 0x80;
/// In [`Register::Command`]: a transfer runs.
pub const RUN: u32 = 1;
/// In [`Register::Command`]: the end of the transfer is told.
pub const TELL_END: u32 = 4;

/// How much of the registers is mapped, in bytes.
const MAPPED: usize = 4096;

/// The registers of a device, which its driver knows nothing of.
pub struct Registers(*mut u32);

impl Registers {
    /// Maps the registers of the device whose directory in sysfs this is.
    ///
    /// # Errors
    /// What the system says.
    pub fn map(sysfs: &Path) -> io::Result<Self> {
        let path = sysfs.join("resource0");
        let file = File::options().read(true).write(true).open(path)?;
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: The system chooses where, so nothing of ours is mapped over.
        let at = unsafe { mmap(null_mut(), MAPPED, rights, MapFlags::SHARED, &file, 0)? };
        Ok(Self(at.cast()))
    }

    /// Reads a register.
    pub fn read(&self, register: Register) -> u32 {
        // SAFETY: It lies in the mapping, aligned; the device may change it at any time, so it is volatile.
        unsafe { self.0.byte_add(register as usize).read_volatile() }
    }

    /// Writes a register.
    pub fn write(&self, register: Register, value: u32) {
        // SAFETY: As in `read`.
        unsafe { self.0.byte_add(register as usize).write_volatile(value) };
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: It was mapped by `map`, and is not used after this.
        let _ = unsafe { munmap(self.0.cast(), MAPPED) };
    }
}
