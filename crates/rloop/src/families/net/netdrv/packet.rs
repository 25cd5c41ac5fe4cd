// SPDX-License-Identifier: MIT OR Apache-2.0

//! Frames as they are, and name spaces of one's own.

#![expect(
    unsafe_code,
    reason = "system calls that no crate at hand has in a safe shape"
)]

use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::time::Duration;

use rig::verdict::Problem;
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size_force, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The kind of frames that are sent: one for experiments, so that nobody else looks at them.
pub const KIND: u16 = 0x88b5;
/// The bytes of a frame's header.
pub const HEADER: usize = 14;
/// How long a frame may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

fn result(value: libc::c_int) -> io::Result<libc::c_int> {
    match value {
        0.. => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A system call's error as a failure.
pub fn failed(call: &str, error: io::Error) -> Problem {
    Problem::Failed(format!("{call}: {error}"))
}

/// Gives this thread, and those that it starts, a name space without any device but `lo`.
///
/// # Errors
/// `EPERM` for whoever is not root.
pub fn leave_name_space() -> io::Result<()> {
    // SAFETY: It changes what this thread sees, and nothing of its memory.
    result(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map(drop)
}

/// This thread's name space.
///
/// # Errors
/// What `open` says.
pub fn own_name_space() -> io::Result<File> {
    File::open("/proc/thread-self/ns/net")
}

/// Gives this thread, and those that it starts, the name space that `space` is open on.
///
/// # Errors
/// `EPERM` for whoever is not root.
pub fn enter_name_space(space: &File) -> io::Result<()> {
    let network = Some(LinkNameSpaceType::Network);
    Ok(move_into_link_name_space(space.as_fd(), network)?)
}

/// What sends and receives the frames of a device.
#[derive(Debug)]
pub struct Packets(OwnedFd);

impl Packets {
    /// Those of the device of this number.
    ///
    /// # Errors
    /// What the calls say.
    pub fn of(index: u32) -> io::Result<Self> {
        let protocol = KIND.to_be();
        // SAFETY: A call without memory of ours.
        let socket = unsafe {
            libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                protocol.into(),
            )
        };
        let socket = result(socket)?;
        // SAFETY: It was made just now, and nobody else has it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        // SAFETY: All zeroes is a value of this C type.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as _;
        address.sll_protocol = protocol;
        address.sll_ifindex = index as _;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: The address is as long as it is said to be, and is read only.
        result(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
        set_socket_recv_buffer_size_force(&socket, 64 << 20)?;
        for which in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&socket, which, Some(PATIENCE))?;
        }
        Ok(Self(socket))
    }

    /// Marks what it sends, as `SO_MARK`.
    ///
    /// # Errors
    /// What the call says.
    pub fn mark(&self, mark: u32) -> io::Result<()> {
        self.option(libc::SO_MARK, mark)
    }

    /// Says what mark a frame had that is received by [`Packets::receive_mark`].
    ///
    /// # Errors
    /// What the call says.
    pub fn want_marks(&self) -> io::Result<()> {
        // SO_RCVMARK
        self.option(75, 1)
    }

    fn option(&self, option: libc::c_int, value: u32) -> io::Result<()> {
        let length = size_of::<u32>() as libc::socklen_t;
        // SAFETY: The value is as long as it is said to be, and is read only.
        let done = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const value).cast(),
                length,
            )
        };
        result(done).map(drop)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// What `send` says.
    pub fn send(&self, frame: &[u8]) -> io::Result<usize> {
        Ok(send(&self.0, frame, SendFlags::empty())?)
    }

    /// Waits for a frame.
    ///
    /// # Errors
    /// What `recv` says; `EAGAIN` if none comes.
    pub fn receive(&self) -> io::Result<Vec<u8>> {
        self.take(RecvFlags::empty())
    }

    /// A frame that is there already.
    ///
    /// # Errors
    /// As [`Packets::receive`].
    pub fn receive_now(&self) -> io::Result<Vec<u8>> {
        self.take(RecvFlags::DONTWAIT)
    }

    fn take(&self, flags: RecvFlags) -> io::Result<Vec<u8>> {
        let mut frame = vec![0; 70_000];
        let (bytes, _) = recv(&self.0, &mut frame[..], flags)?;
        frame.truncate(bytes);
        Ok(frame)
    }

    /// Waits for a frame, and gives its mark.
    ///
    /// # Errors
    /// As [`Packets::receive`].
    pub fn receive_mark(&self) -> io::Result<Option<u32>> {
        let (mut bytes, mut control) = ([0_u8; 2_000], [0_u64; 32]);
        let mut part = libc::iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        };
        // SAFETY: All zeroes is a value of this C type. What it points to lives longer than the call, and is as long as
        // it says; the kernel fills in whole messages, each of which says how long it is.
        unsafe {
            let mut message: libc::msghdr = zeroed();
            message.msg_iov = &raw mut part;
            message.msg_iovlen = 1;
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = size_of_val(&control) as _;
            if libc::recvmsg(self.0.as_raw_fd(), &raw mut message, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            let mut one = libc::CMSG_FIRSTHDR(&raw const message);
            while !one.is_null() {
                if ((*one).cmsg_level, (*one).cmsg_type) == (libc::SOL_SOCKET, libc::SO_MARK) {
                    return Ok(Some(libc::CMSG_DATA(one).cast::<u32>().read_unaligned()));
                }
                one = libc::CMSG_NXTHDR(&raw const message, one);
            }
        }
        Ok(None)
    }
}
