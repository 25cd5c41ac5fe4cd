// SPDX-License-Identifier: MIT OR Apache-2.0

//! Many reads or writes of a disk at once, by `io_submit(2)`.

#![expect(
    unsafe_code,
    reason = "system calls that no crate at hand has in a safe shape"
)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr;

use serde::Serialize;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Read,
    Write,
}

/// `IOCB_CMD_PREAD`, `IOCB_CMD_PWRITE`
const READ: u16 = 0;
const WRITE: u16 = 1;

/// `struct iocb` of `linux/aio_abi.h`, for 64 bits with the lowest byte first.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Asked {
    data: u64,
    key: [u32; 2],
    operation: u16,
    priority: i16,
    file: u32,
    memory: u64,
    bytes: u64,
    position: i64,
    reserved: u64,
    flags: u32,
    event: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Ended {
    data: u64,
    asked: u64,
    result: i64,
    more: i64,
}

/// Where the kernel keeps what it has been asked for.
pub struct Queue(libc::c_ulong);

fn result(value: libc::c_long) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| io::Error::last_os_error())
}

impl Queue {
    /// Makes one for so many at once.
    ///
    /// # Errors
    /// What `io_setup` says.
    pub fn new(most: usize) -> io::Result<Self> {
        let mut queue = 0;
        // SAFETY: The kernel writes a number there.
        result(unsafe { libc::syscall(libc::SYS_io_setup, most, &raw mut queue) })?;
        Ok(Self(queue))
    }

    /// Reads or writes at each of `positions`, all at once, and waits for all. Each has a piece of `memory`, and all
    /// pieces are of one length.
    ///
    /// # Errors
    /// What the calls say, or the first that fails.
    pub fn transfer(
        &self,
        file: &File,
        way: Way,
        memory: &mut [u8],
        positions: &[u64],
    ) -> io::Result<()> {
        let size = memory.len() / positions.len().max(1);
        let asked = memory.chunks_exact_mut(size).zip(positions);
        let asked = asked.map(|(piece, position)| Asked {
            operation: match way {
                Way::Read => READ,
                Way::Write => WRITE,
            },
            file: file.as_raw_fd() as u32,
            memory: piece.as_mut_ptr() as u64,
            bytes: size as u64,
            position: *position as i64,
            ..Asked::default()
        });
        let asked: Vec<Asked> = asked.collect();
        let pointers: Vec<*const Asked> = asked.iter().map(ptr::from_ref).collect();
        let mut ended = vec![Ended::default(); asked.len()];
        // SAFETY: What is asked for is as the kernel has it, of memory that is borrowed until all have ended, which is
        // waited for below.
        let begun = unsafe {
            libc::syscall(
                libc::SYS_io_submit,
                self.0,
                pointers.len(),
                pointers.as_ptr(),
            )
        };
        let begun = result(begun)?;
        let mut waited = 0;
        while waited < begun {
            let no_time = ptr::null::<libc::timespec>();
            let room = &mut ended[waited..];
            // SAFETY: There is room for so many.
            let came = unsafe {
                libc::syscall(
                    libc::SYS_io_getevents,
                    self.0,
                    begun - waited,
                    begun - waited,
                    room.as_mut_ptr(),
                    no_time,
                )
            };
            match result(came) {
                Ok(came) => waited += came,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The kernel still writes to the memory, which nobody may have back.
                Err(_) => std::process::abort(),
            }
        }
        let whole = |ended: &Ended| usize::try_from(ended.result) == Ok(size);
        match ended.iter().find(|ended| !whole(ended)) {
            None => Ok(()),
            Some(Ended { result: 0.., .. }) => Err(io::Error::other("a part was transferred")),
            Some(ended) => Err(io::Error::from_raw_os_error(-ended.result as i32)),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: It was made, and is given back once; nothing is under way.
        unsafe { libc::syscall(libc::SYS_io_destroy, self.0) };
    }
}
