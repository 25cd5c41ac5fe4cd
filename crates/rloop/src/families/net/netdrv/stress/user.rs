// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who sends and receives, and makes pairs.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rig::random::Random;
use rig::watchdog::Watchdog;
use rustix::thread::gettid;

use super::{ADDRESSES, ELSEWHERE};
use crate::families::net::netdrv::netlink::Netlink;
use crate::families::net::netdrv::packet::{
    Packets, enter_name_space, leave_name_space, own_name_space,
};
use crate::families::net::netdrv::world::{FAR, NEAR, frame, index, number};
use crate::families::net::netdrv::{DRIVER, ethtool};
use crate::families::stress::Worker;

/// Whoever is elsewhere listens there.
const PORT: u16 = 5000;
/// The network is away for longer than that, or nobody cares.
const MOMENT: Duration = Duration::from_millis(300);
/// The most bytes that one connection brings.
const MOST: u64 = 1 << 20;

/// How many bytes have come by TCP.
pub static HEARD: AtomicU64 = AtomicU64::new(0);

/// What a call may give besides what it should.
const ALLOWED: [i32; 11] = [
    // The device is down, or has gone; so has the module.
    libc::ENETDOWN,
    libc::ENXIO,
    libc::ENODEV,
    libc::EOPNOTSUPP,
    // A queue is full, or empty.
    libc::ENOBUFS,
    libc::EAGAIN,
    // The device takes frames of another length.
    libc::EMSGSIZE,
    // Allocations fail; or there are too many name spaces that are about to end.
    libc::ENOMEM,
    libc::ENOSPC,
    // A device of this name has been given to the same name space.
    libc::EEXIST,
    libc::EINTR,
];

/// What a call gives, if it gives something.
fn allowed<T>(what: &str, result: io::Result<T>) -> Result<Option<T>, String> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e)
            if e.raw_os_error()
                .is_some_and(|errno| ALLOWED.contains(&errno)) =>
        {
            Ok(None)
        }
        Err(e) => Err(format!("{what}: {e}")),
    }
}

/// Makes a pair.
///
/// # Errors
/// What the kernel says: `ENOMEM` is what it means by `EINVAL` where it has no memory for a device's name
/// (`netdev_register_kobject()` in `net/core/net-sysfs.c`).
pub fn add(netlink: &Netlink, name: &str) -> io::Result<()> {
    let added = netlink.add(name, DRIVER);
    added.map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => io::Error::from_raw_os_error(libc::ENOMEM),
        _ => error,
    })
}

/// The byte of this number of a connection.
fn byte(number: u64) -> u8 {
    (number % 251) as u8
}

/// Whether somebody has sent such a frame, the lowest bit of whose last byte may be inverted.
fn is_whole(came: &[u8]) -> bool {
    let due = number(came).map(|number| frame(number, came.len()));
    let Some((last, rest)) = due.as_deref().and_then(<[u8]>::split_last) else {
        return false;
    };
    came.starts_with(rest) && [*last, *last ^ 1].contains(&came[rest.len()])
}

/// A thread that does random things.
pub struct User {
    random: Random,
    watchdog: Arc<Watchdog>,
    /// One is elsewhere, and listens.
    listener: Option<TcpListener>,
}

impl Worker for User {
    const THREADS: u64 = 2;

    fn new(number: u64, random: Random, watchdog: Arc<Watchdog>) -> Result<Self, String> {
        let listener = match ELSEWHERE.get().filter(|_| number == 0) {
            Some(space) => Some(listen(space).map_err(|e| format!("elsewhere: {e}"))?),
            None => None,
        };
        Ok(Self {
            random,
            watchdog,
            listener,
        })
    }

    fn session(&mut self) -> Result<u64, String> {
        if let Some(listener) = &self.listener {
            return match listener.accept() {
                Ok((stream, _)) => self.hear(stream),
                Err(_) => self.frames(FAR),
            };
        }
        // Whatever takes the kernel's one lock of all networks is rare, so that each has its turn.
        match self.random.between(0, 39) {
            0 => self.pass(),
            1..8 => {
                self.tell();
                Ok(1)
            }
            8..24 => self.frames(NEAR),
            _ => self.frames(FAR),
        }
    }
}

/// Goes there for good, and listens.
fn listen(space: &File) -> io::Result<TcpListener> {
    enter_name_space(space)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl User {
    /// Connects to whoever is elsewhere, and sends as much as comes through.
    fn tell(&mut self) {
        self.watchdog.step("a connection");
        let to = SocketAddr::from((ADDRESSES[1], PORT));
        let Ok(mut stream) = TcpStream::connect_timeout(&to, MOMENT) else {
            return;
        };
        let bytes: Vec<u8> = (0..self.random.between(1, MOST)).map(byte).collect();
        // It ends where the network is away for long.
        let _ = stream
            .set_write_timeout(Some(MOMENT))
            .and_then(|()| stream.write_all(&bytes));
    }

    /// Receives what comes, until it ends, or nothing comes for a moment.
    fn hear(&mut self, mut stream: TcpStream) -> Result<u64, String> {
        self.watchdog.step("a connection from elsewhere");
        let set = stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_read_timeout(Some(MOMENT)));
        set.map_err(|e| format!("a connection: {e}"))?;
        let (mut came, mut calls, mut buffer) = (0, 0, vec![0; 64 << 10]);
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let wrong = buffer[..read]
                .iter()
                .zip(came..)
                .find(|(b, n)| **b != byte(*n));
            if let Some((_, n)) = wrong {
                return Err(format!("byte {n} of a connection is another"));
            }
            came += read as u64;
            calls += 1;
        }
        HEARD.fetch_add(came, Ordering::Relaxed);
        Ok(calls)
    }

    /// Sends and receives frames at an end of the pair, if it is in this name space, and looks at it.
    fn frames(&mut self, name: &'static str) -> Result<u64, String> {
        self.watchdog.step(format!("frames of {name}"));
        let packets = index(name).and_then(Packets::of);
        let Some(packets) = allowed("socket(AF_PACKET)", packets)? else {
            // It is being made anew, or elsewhere.
            thread::sleep(Duration::from_millis(1));
            return Ok(1);
        };
        let calls = self.random.between(1, 40);
        for _ in 0..calls {
            self.call(name, &packets)?;
        }
        Ok(calls)
    }

    fn call(&mut self, name: &str, packets: &Packets) -> Result<(), String> {
        let random = &mut self.random;
        match random.between(0, 49) {
            0 => {
                let frames = 1 << random.between(0, 8);
                allowed("ethtool -G", ethtool::set_ring(name, frames)).map(drop)
            }
            1 => allowed("ethtool -S", ethtool::statistics(name)).map(drop),
            2..25 => {
                for _ in 0..random.between(1, 100) {
                    let Some(came) = allowed("recv", packets.receive_now())? else {
                        break;
                    };
                    if !is_whole(&came) {
                        let bytes = came.len();
                        return Err(format!("nobody sent the frame of {bytes} bytes that came"));
                    }
                }
                Ok(())
            }
            _ => {
                let size = random.pick(&[18, 60, 60, 200, 1_514, 1_514, 9_000]);
                for _ in 0..random.between(1, 50) {
                    let number = random.number() as u32;
                    self.watchdog
                        .step(format!("a frame of {size} bytes by {name}"));
                    allowed("send", packets.send(&frame(number, size)))?;
                }
                Ok(())
            }
        }
    }

    /// Makes a pair that goes again, or whose name space does.
    fn pass(&mut self) -> Result<u64, String> {
        self.watchdog.step("a name space");
        let here = own_name_space().map_err(|e| format!("/proc/thread-self/ns/net: {e}"))?;
        thread::scope(|scope| {
            let passing = scope.spawn(|| match allowed("unshare", leave_name_space())? {
                Some(()) => self.passing(&here),
                None => Ok(1),
            });
            let panicked = |_| Err("a thread has panicked".to_owned());
            passing.join().unwrap_or_else(panicked)
        })
    }

    /// The same, in the name space; `here` is another.
    fn passing(&mut self, here: &File) -> Result<u64, String> {
        // There must be none of this name where it is given to.
        let name = format!("p{}", gettid().as_raw_nonzero());
        let Some(netlink) = allowed("netlink", Netlink::new())? else {
            return Ok(1);
        };
        self.watchdog.step("ip link add type netdrv");
        if allowed("ip link add type netdrv", add(&netlink, &name))?.is_none() {
            return Ok(1);
        }
        let both = index(&name).and_then(|near| Ok((near, index(FAR)?)));
        let Some((near, far)) = allowed("a pair's devices", both)? else {
            // It has gone with the module.
            return Ok(1);
        };
        let calls = self.random.between(1, 12);
        for _ in 0..calls {
            let end = self.random.pick(&[near, far]);
            self.watchdog.step("a pair that passes");
            match self.random.between(0, 9) {
                0 => {
                    let given = netlink.give(near, here.as_raw_fd());
                    allowed("ip link set netns", given).map(drop)
                }
                1 => allowed("ip link set mtu", netlink.set_mtu(end, 9_000)).map(drop),
                2..6 => {
                    let up = !self.random.once_in(3);
                    allowed("ip link set up", netlink.set_up(end, up)).map(drop)
                }
                _ => match allowed("socket(AF_PACKET)", Packets::of(end))? {
                    Some(packets) => self.call(FAR, &packets),
                    None => Ok(()),
                },
            }?;
        }
        if self.random.once_in(2) {
            self.watchdog.step("ip link del");
            allowed("ip link del", netlink.remove(far))?;
        }
        self.watchdog.step("the end of a name space");
        Ok(calls)
    }
}
