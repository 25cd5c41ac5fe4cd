// SPDX-License-Identifier: MIT OR Apache-2.0

//! As much of rtnetlink as the checks need: a request with attributes, and its answer (`linux/rtnetlink.h`).

use std::io;

use rustix::fd::OwnedFd;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

const NEWLINK: u16 = 16;
const DELLINK: u16 = 17;
const GETLINK: u16 = 18;
const NEWADDR: u16 = 20;
const ERROR: u16 = 2;

const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const CREATE: u16 = 0x400;
const EXCLUSIVE: u16 = 0x200;

const IFNAME: u16 = 3;
const MTU: u16 = 4;
const LINK: u16 = 5;
const LINKINFO: u16 = 18;
const INFO_KIND: u16 = 1;
const NET_NS_FD: u16 = 28;
const IFA_LOCAL: u16 = 2;

const UP: u32 = 1;
const LOWER_UP: u32 = 1 << 16;

/// What is to be known of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// It is up.
    pub up: bool,
    /// There is somebody to hear.
    pub lower_up: bool,
    /// The longest frame, less its header.
    pub mtu: u32,
    /// The number of the other end.
    pub other: u32,
}

/// A socket for requests, of the name space that it was made in.
pub struct Netlink(OwnedFd);

/// Appends an attribute, of a length that is a multiple of four.
fn attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len();
    to.extend((length as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// The number that begins at byte `at`.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
    four.map_or(0, u32::from_ne_bytes)
}

/// A `struct ifinfomsg`.
fn info(index: u32, flags: u32, change: u32) -> Vec<u8> {
    let mut info = vec![0; 4];
    for word in [index, flags, change] {
        info.extend(word.to_ne_bytes());
    }
    info
}

impl Netlink {
    /// Makes one.
    ///
    /// # Errors
    /// What `socket` says.
    pub fn new() -> io::Result<Self> {
        Ok(Self(socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // That of routes, links, addresses.
            None,
        )?))
    }

    /// Makes a request, and gives what comes after the header of the answer.
    fn ask(&self, kind: u16, flags: u16, body: &[u8]) -> io::Result<Vec<u8>> {
        let length = 16 + body.len();
        let mut message = Vec::with_capacity(length);
        message.extend((length as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend((REQUEST | flags).to_ne_bytes());
        // A number of the request, and of who makes it: there is only one.
        message.extend([0; 8]);
        message.extend(body);
        send(&self.0, &message, SendFlags::empty())?;
        let mut answer = vec![0; 32 << 10];
        let (bytes, _) = recv(&self.0, &mut answer[..], RecvFlags::empty())?;
        answer.truncate(bytes);
        let came = number(&answer, 4) as u16;
        match (came, number(&answer, 16) as i32) {
            (ERROR, 0) => Ok(Vec::new()),
            (ERROR, error) => Err(io::Error::from_raw_os_error(-error)),
            _ => Ok(answer.split_off(16.min(bytes))),
        }
    }

    /// Makes a link of the kind `kind` with this name.
    ///
    /// # Errors
    /// `EOPNOTSUPP` if there is no such kind, `EEXIST`.
    pub fn add(&self, name: &str, kind: &str) -> io::Result<()> {
        let mut body = info(0, 0, 0);
        attribute(&mut body, IFNAME, format!("{name}\0").as_bytes());
        let mut inner = Vec::new();
        attribute(&mut inner, INFO_KIND, kind.as_bytes());
        attribute(&mut body, LINKINFO, &inner);
        self.ask(NEWLINK, ACK | CREATE | EXCLUSIVE, &body).map(drop)
    }

    /// Removes a link.
    ///
    /// # Errors
    /// `EOPNOTSUPP` if it can't be removed.
    pub fn remove(&self, index: u32) -> io::Result<()> {
        self.ask(DELLINK, ACK, &info(index, 0, 0)).map(drop)
    }

    /// Lets a link be up or down.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn set_up(&self, index: u32, up: bool) -> io::Result<()> {
        let flags = if up { UP } else { 0 };
        self.ask(NEWLINK, ACK, &info(index, flags, UP)).map(drop)
    }

    /// Changes how long frames may be, less their header.
    ///
    /// # Errors
    /// `EINVAL` or `ERANGE` if they may not.
    pub fn set_mtu(&self, index: u32, mtu: u32) -> io::Result<()> {
        let mut body = info(index, 0, 0);
        attribute(&mut body, MTU, &mtu.to_ne_bytes());
        self.ask(NEWLINK, ACK, &body).map(drop)
    }

    /// Gives a link to a name space, which `space` is open on.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn give(&self, index: u32, space: i32) -> io::Result<()> {
        let mut body = info(index, 0, 0);
        attribute(&mut body, NET_NS_FD, &space.to_ne_bytes());
        self.ask(NEWLINK, ACK, &body).map(drop)
    }

    /// Gives a link an address, with 24 bits for the network.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn address(&self, index: u32, address: [u8; 4]) -> io::Result<()> {
        let mut body = vec![AddressFamily::INET.as_raw() as u8, 24, 0, 0];
        body.extend(index.to_ne_bytes());
        attribute(&mut body, IFA_LOCAL, &address);
        self.ask(NEWADDR, ACK | CREATE | EXCLUSIVE, &body).map(drop)
    }

    /// What there is to be known of a link.
    ///
    /// # Errors
    /// `ENODEV` if there is none of this number.
    pub fn link(&self, index: u32) -> io::Result<Link> {
        let answer = self.ask(GETLINK, 0, &info(index, 0, 0))?;
        let flags = number(&answer, 8);
        let mut link = Link {
            up: flags & UP != 0,
            lower_up: flags & LOWER_UP != 0,
            ..Link::default()
        };
        let mut at = 16;
        while at + 4 <= answer.len() {
            let head = number(&answer, at);
            let (length, kind) = ((head & 0xffff) as usize, (head >> 16) as u16);
            match kind {
                MTU => link.mtu = number(&answer, at + 4),
                LINK => link.other = number(&answer, at + 4),
                _ => {}
            }
            at += length.max(4).next_multiple_of(4);
        }
        Ok(link)
    }
}
