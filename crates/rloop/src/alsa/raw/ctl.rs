// SPDX-License-Identifier: MIT OR Apache-2.0

//! The control device of a card, as many threads as like may use at a time.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::ioctl::Opcode;
use rustix::ioctl::opcode::{read, read_write, write};

use super::element::{Event, Id, Info, Value};

/// `struct snd_ctl_elem_list`.
#[repr(C)]
struct List {
    offset: u32,
    space: u32,
    used: u32,
    count: u32,
    ids: *mut Id,
    reserved: [u8; 50],
}

/// The head of a `struct snd_ctl_tlv`, which requests go by.
#[repr(C)]
struct Tlv {
    numid: u32,
    length: u32,
}

/// Of the requests.
const GROUP: u8 = b'U';

/// Requests that change a structure of the caller's.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($type:ty) = $code:expr;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// What ALSA says.
        pub fn $name(&self, argument: &mut $type) -> io::Result<()> {
            self.request($code, argument)
        })*
    };
}

/// An open control device.
pub struct Control(File);

impl Control {
    /// Opens that of the card with this number.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(card: u32) -> io::Result<Self> {
        super::open(&PathBuf::from(format!("/dev/snd/controlC{card}"))).map(Self)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// `T` must be the structure that the request goes by, without pointers.
    fn request<T>(&self, code: Opcode, argument: &mut T) -> io::Result<()> {
        // SAFETY: The requests of this file each go by the structure that their code is made of. The one
        // pointer is that of `Info` to its words, which are a constant.
        unsafe { super::ioctl(self.fd(), code, argument) }
    }

    requests! {
        /// Reads what an element is.
        info(Info) = read_write::<Info>(GROUP, 0x11);
        /// Reads an element's value.
        read(Value) = read_write::<Value>(GROUP, 0x12);
        /// Writes an element's value.
        write(Value) = read_write::<Value>(GROUP, 0x13);
        /// Keeps others from writing to an element.
        lock(Id) = write::<Id>(GROUP, 0x14);
        /// Lets others write to it again.
        unlock(Id) = write::<Id>(GROUP, 0x15);
        /// Makes an element, which is locked.
        add(Info) = read_write::<Info>(GROUP, 0x17);
        /// Removes an element and makes another one of the same name.
        replace(Info) = read_write::<Info>(GROUP, 0x18);
        /// Removes an element that a program has made.
        remove(Id) = read_write::<Id>(GROUP, 0x19);
        /// Reads the version of the protocol.
        version(u32) = read::<u32>(GROUP, 0);
    }

    /// Asks for events, or for no more.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn subscribe(&self, on: bool) -> io::Result<()> {
        self.request(read_write::<i32>(GROUP, 0x16), &mut i32::from(on))
    }

    /// The ids of all elements of the card.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn list(&self) -> io::Result<Vec<Id>> {
        let mut ids = Vec::new();
        loop {
            let mut list = List {
                offset: 0,
                space: ids.len() as u32,
                used: 0,
                count: 0,
                ids: ids.as_mut_ptr(),
                reserved: [0; 50],
            };
            // SAFETY: `list` is what the request goes by, and `ids` has room for `space` of them.
            unsafe { super::ioctl(self.fd(), read_write::<List>(GROUP, 0x10), &raw mut list)? };
            // There may have been more meanwhile.
            if list.count as usize <= ids.len() {
                ids.truncate(list.used as usize);
                return Ok(ids);
            }
            ids.resize(list.count as usize + 16, Id::default());
        }
    }

    /// Writes `words` as the TLV data of the element `numid`.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn write_tlv(&self, numid: u32, words: usize) -> io::Result<()> {
        let mut tlv: Vec<u32> = (0..words as u32).collect();
        self.tlv(0x1b, numid, &mut tlv)
    }

    /// Reads the TLV data of the element `numid`, with room for so many words.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn read_tlv(&self, numid: u32, words: usize) -> io::Result<()> {
        self.tlv(0x1a, numid, &mut vec![0; words])
    }

    fn tlv(&self, number: u8, numid: u32, words: &mut Vec<u32>) -> io::Result<()> {
        let length = 4 * words.len() as u32;
        words.splice(0..0, [numid, length]);
        // SAFETY: `words` begins with the head that the request goes by, and has `length` bytes after it.
        unsafe {
            super::ioctl(
                self.fd(),
                read_write::<Tlv>(GROUP, number),
                words.as_mut_ptr(),
            )
        }
    }

    /// The next event, if there is one.
    ///
    /// # Errors
    /// What ALSA says; `EBADFD` without a subscription.
    pub fn event(&self) -> io::Result<Option<Event>> {
        let mut bytes = [0; size_of::<Event>()];
        match (&self.0).read(&mut bytes) {
            Ok(n) if n == bytes.len() => {
                // SAFETY: `Event` is made of numbers, for which any bytes will do.
                Ok(Some(unsafe {
                    bytes.as_ptr().cast::<Event>().read_unaligned()
                }))
            }
            Ok(_) => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Waits until there is an event at one of `devices`, but no longer than `ms`.
    ///
    /// # Errors
    /// What poll says.
    pub fn wait(devices: &[Self], ms: u16) -> io::Result<()> {
        let mut fds: Vec<PollFd<'_>> = devices
            .iter()
            .map(|device| PollFd::new(&device.0, PollFlags::IN))
            .collect();
        let timeout = rustix::time::Timespec {
            tv_sec: i64::from(ms / 1_000),
            tv_nsec: i64::from(ms % 1_000) * 1_000_000,
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}
