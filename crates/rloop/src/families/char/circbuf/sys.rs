// SPDX-License-Identifier: MIT OR Apache-2.0

//! System calls that no crate has in a safe shape: `ioctl`, memory that is not there.

#![expect(
    unsafe_code,
    reason = "what is tried here is what a program does wrong"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr::{self, NonNull};

/// `CIRCBUF_GET_STATS`: capacity, used, available, each a `size_t`, reads, writes, each an `unsigned long`.
pub type Stats = [usize; 5];

/// The number of `CIRCBUF_GET_STATS` for a structure of so many bytes: `_IOR(0xC1, 1, …)`.
pub const fn get_stats(bytes: usize) -> u32 {
    (2 << 30) | ((bytes as u32) << 16) | (0xc1 << 8) | 1
}

/// A call's result, or its errno.
fn result(value: isize) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| io::Error::last_os_error())
}

/// `ioctl(CIRCBUF_GET_STATS)`.
///
/// # Errors
/// What the call says.
pub fn stats(file: &File) -> io::Result<Stats> {
    let mut stats = Stats::default();
    let request = get_stats(size_of::<Stats>());
    // SAFETY: The number has the size of what is written, which is that of `stats`.
    let value = unsafe { libc::ioctl(file.as_raw_fd(), request as _, &raw mut stats) };
    result(value as isize).map(|_| stats)
}

/// `ioctl` of any number, whose argument is no memory.
///
/// # Errors
/// What the call says.
pub fn ioctl_nowhere(file: &File, request: u32) -> io::Result<usize> {
    // SAFETY: There is no memory at 0 to be written to.
    let value = unsafe { libc::ioctl(file.as_raw_fd(), request as _, ptr::null_mut::<u8>()) };
    result(value as isize)
}

/// A page of memory, and one after it that is not there.
pub struct Pages {
    start: NonNull<u8>,
    page: usize,
}

// SAFETY: Memory is not bound to a thread.
unsafe impl Send for Pages {}

// SAFETY: Only the kernel uses it, at the address that it is given.
unsafe impl Sync for Pages {}

impl Pages {
    /// Maps them.
    ///
    /// # Errors
    /// What `mmap` says.
    pub fn new() -> io::Result<Self> {
        let page = rustix::param::page_size();
        let (protection, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        // SAFETY: New memory is asked for; the second page of it is made inaccessible.
        let start = unsafe {
            let start = libc::mmap(ptr::null_mut(), 2 * page, protection, flags, -1, 0);
            if start == libc::MAP_FAILED
                || libc::mprotect(start.byte_add(page), page, libc::PROT_NONE) != 0
            {
                return Err(io::Error::last_os_error());
            }
            start
        };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, page })
    }

    /// Where there are `bytes` bytes before the end of the first page.
    fn before_end(&self, bytes: usize) -> *mut u8 {
        self.start
            .as_ptr()
            .wrapping_add(self.page - bytes.min(self.page))
    }

    /// Reads `asked` bytes to where there is memory for `there` only.
    ///
    /// # Errors
    /// What `read` says.
    pub fn read(&self, file: &File, asked: usize, there: usize) -> io::Result<usize> {
        let to = self.before_end(there);
        let asked = asked.min(there + self.page);
        // SAFETY: What is beyond the page is this value's as well, and can't be accessed.
        result(unsafe { libc::read(file.as_raw_fd(), to.cast(), asked) })
    }

    /// Writes `given` bytes from where there are `there` only.
    ///
    /// # Errors
    /// What `write` says.
    pub fn write(&self, file: &File, given: usize, there: usize) -> io::Result<usize> {
        let from = self.before_end(there);
        let given = given.min(there + self.page);
        // SAFETY: As in `read`.
        result(unsafe { libc::write(file.as_raw_fd(), from.cast(), given) })
    }
}

impl Pages {
    /// Lets the first page be there, or not.
    ///
    /// # Errors
    /// What `mprotect` says.
    pub fn be_there(&self, there: bool) -> io::Result<()> {
        let protection = match there {
            true => libc::PROT_READ | libc::PROT_WRITE,
            false => libc::PROT_NONE,
        };
        // SAFETY: The page is this value's, and no reference to it is ever made.
        let value = unsafe { libc::mprotect(self.start.as_ptr().cast(), self.page, protection) };
        result(value as isize).map(|_| ())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: They were mapped by `new`, and nobody uses them any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), 2 * self.page) };
    }
}

/// Memory that the kernel may take back at any time, after which it is there again, of zeroes.
pub struct Taken {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: Memory is not bound to a thread.
unsafe impl Send for Taken {}

// SAFETY: Only the kernel uses it, at the address that it is given.
unsafe impl Sync for Taken {}

impl Taken {
    /// Maps `bytes` of it, whole pages.
    ///
    /// # Errors
    /// What `mmap` says.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let (protection, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        // SAFETY: New memory is asked for.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, bytes })
    }

    /// Lets what is from `bytes` on not be there any more.
    ///
    /// # Errors
    /// What `mprotect` says.
    pub fn end_at(&self, bytes: usize) -> io::Result<()> {
        let (from, bytes) = (self.start.as_ptr().wrapping_add(bytes), self.bytes - bytes);
        // SAFETY: It is this value's, and no reference to it is ever made.
        let value = unsafe { libc::mprotect(from.cast(), bytes, libc::PROT_NONE) };
        result(value as isize).map(|_| ())
    }

    /// Takes all of it back.
    ///
    /// # Errors
    /// What `madvise` says.
    pub fn take(&self) -> io::Result<()> {
        let start = self.start.as_ptr().cast();
        // SAFETY: It is this value's, and no reference to it is ever made.
        let value = unsafe { libc::madvise(start, self.bytes, libc::MADV_DONTNEED) };
        result(value as isize).map(|_| ())
    }

    /// Reads to all of it.
    ///
    /// # Errors
    /// What `read` says.
    pub fn read(&self, file: &File) -> io::Result<usize> {
        let to = self.start.as_ptr().cast();
        // SAFETY: It is this value's, and no reference to it is ever made.
        result(unsafe { libc::read(file.as_raw_fd(), to, self.bytes) })
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// What `write` says.
    pub fn write(&self, file: &File) -> io::Result<usize> {
        let from = self.start.as_ptr().cast();
        // SAFETY: As in `read`.
        result(unsafe { libc::write(file.as_raw_fd(), from, self.bytes) })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: It was mapped by `new`, and nobody uses it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// A page that is not there until it is served: `userfaultfd(2)`.
pub struct Unserved {
    pages: Pages,
    events: OwnedFd,
}

/// `struct uffdio_api`, `uffdio_register`, `uffdio_zeropage`: fields of 64 bits.
const UFFDIO_API: u32 = 0xc018_aa3f;
const UFFDIO_REGISTER: u32 = 0xc020_aa00;
const UFFDIO_ZEROPAGE: u32 = 0xc020_aa04;

impl Unserved {
    /// Makes one.
    ///
    /// # Errors
    /// What the kernel says: `ENOSYS` where it has no `userfaultfd`.
    pub fn new() -> io::Result<Self> {
        let pages = Pages::new()?;
        // SAFETY: It takes no pointer, and gives a new descriptor.
        let events = unsafe {
            let fd = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC);
            let fd = result(fd as isize)?;
            OwnedFd::from_raw_fd(fd as i32)
        };
        let this = Self { pages, events };
        this.call(UFFDIO_API, [0xaa, 0, 0, 0])?;
        // Mode: missing pages.
        this.call(UFFDIO_REGISTER, [this.start(), this.length(), 1, 0])?;
        Ok(this)
    }

    fn start(&self) -> u64 {
        self.pages.start.as_ptr().expose_provenance() as u64
    }

    fn length(&self) -> u64 {
        self.pages.page as u64
    }

    fn call(&self, request: u32, mut argument: [u64; 4]) -> io::Result<()> {
        let fd = self.events.as_raw_fd();
        // SAFETY: None of the structures is larger than the argument, and the pages are this value's.
        let value = unsafe { libc::ioctl(fd, request as _, &raw mut argument) };
        result(value as isize).map(|_| ())
    }

    /// Lets the page be there. Whoever waits for it goes on.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn serve(&self) -> io::Result<()> {
        self.call(UFFDIO_ZEROPAGE, [self.start(), self.length(), 0, 0])
    }

    /// Reads to the page.
    ///
    /// # Errors
    /// What `read` says.
    pub fn read(&self, file: &File, bytes: usize) -> io::Result<usize> {
        self.pages.read(file, bytes, self.pages.page)
    }

    /// Writes from the page.
    ///
    /// # Errors
    /// What `write` says.
    pub fn write(&self, file: &File, bytes: usize) -> io::Result<usize> {
        self.pages.write(file, bytes, self.pages.page)
    }
}
