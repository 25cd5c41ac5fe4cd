// SPDX-License-Identifier: MIT OR Apache-2.0

//! A pair of one's own, in a name space where nobody else is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rig::verdict::{Problem, Verdict, ensure, fail, skip};
use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, SocketType, socket};

use super::netlink::{Link, Netlink};
use super::packet::{HEADER, KIND, PATIENCE, Packets, failed, leave_name_space};
use super::{DRIVER, ethtool};
use crate::kernel::faults::Faults;

/// What the end is called that is asked for.
pub const NEAR: &str = "near";
/// What the other one is called where there is none else of the kind.
pub const FAR: &str = "vnet0";

/// One device of a pair.
pub struct End {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub index: u32,
    /// Its frames.
    pub packets: Packets,
}

/// What a device has counted.
pub struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// Those of the device `name` of this name space.
    ///
    /// # Errors
    /// If they can't be read.
    pub fn of(name: &str) -> Verdict<Self> {
        let all = ethtool::statistics(name).map_err(|e| failed("ethtool -S", e))?;
        Ok(Self(all.into_iter().collect()))
    }

    /// The counter of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: &str) -> Verdict<u64> {
        match self.0.get(name) {
            Some(value) => Ok(*value),
            None => fail(format!("ethtool -S has no {name}")),
        }
    }
}

impl End {
    /// That of this name in this name space.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(name: &'static str) -> Verdict<Self> {
        let index = index(name).map_err(|e| failed(name, e))?;
        let packets = Packets::of(index).map_err(|e| failed("socket(AF_PACKET)", e))?;
        Ok(Self {
            name,
            index,
            packets,
        })
    }

    /// What it has counted.
    ///
    /// # Errors
    /// If that can't be read.
    pub fn counters(&self) -> Verdict<Counters> {
        Counters::of(self.name)
    }

    /// Changes for how many frames there is room in its ring.
    ///
    /// # Errors
    /// If it can't be changed.
    pub fn set_ring(&self, frames: u32) -> Verdict {
        ethtool::set_ring(self.name, frames).map_err(|e| failed("ethtool -G", e))
    }

    /// Sends frames of these numbers and sizes.
    ///
    /// # Errors
    /// What `send` says.
    pub fn send(&self, numbers: impl IntoIterator<Item = u32>, size: usize) -> Verdict {
        for number in numbers {
            let sent = self.packets.send(&frame(number, size));
            sent.map_err(|e| failed("send", e))?;
        }
        Ok(())
    }

    /// Receives frames until one of these numbers has come as often as it is named, in this order, and no other.
    ///
    /// # Errors
    /// The first that is another, or has other bytes.
    pub fn expect(&self, numbers: impl IntoIterator<Item = u32>, size: usize) -> Verdict {
        for due in numbers {
            let came = self.packets.receive();
            let came = came.map_err(|e| failed(&format!("frame {due}"), e))?;
            ensure(came == frame(due, size), || {
                format!("frame {due} was due, came {}", said(&came))
            })?;
        }
        Ok(())
    }

    /// Forgets what has come, and that the device was down.
    pub fn drain(&self) {
        let nothing = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        while !self.packets.receive_now().is_err_and(nothing) {}
    }

    /// Nothing more is there.
    ///
    /// # Errors
    /// If there is.
    pub fn expect_nothing(&self) -> Verdict {
        match self.packets.receive_now() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Ok(came) => fail(format!("nothing was due, came {}", said(&came))),
            Err(error) => Err(failed("recv", error)),
        }
    }
}

/// The number of a device of this name space.
///
/// # Errors
/// `ENODEV` if there is none of this name.
pub fn index(name: &str) -> io::Result<u32> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    Ok(name_to_index(&socket, name)?)
}

/// A frame that says its number in each part of it; `size` is at least 18.
pub fn frame(number: u32, size: usize) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    // An address that is nobody's.
    frame.extend([2, 0, 0, 0, 0, 1]);
    frame.extend(KIND.to_be_bytes());
    frame.extend(number.to_be_bytes());
    frame.extend((0..size - frame.len()).map(|n| (n as u32 ^ number) as u8));
    frame
}

/// The number that a frame says it has.
pub fn number(frame: &[u8]) -> Option<u32> {
    let four = frame.get(HEADER..HEADER + 4)?;
    four.try_into().ok().map(u32::from_be_bytes)
}

/// What a frame is, in a few words.
fn said(frame: &[u8]) -> String {
    match number(frame) {
        Some(number) => format!("{} bytes that say they are frame {number}", frame.len()),
        None => format!("{} bytes", frame.len()),
    }
}

/// Which pair a device of this name space is of, and which end of it.
///
/// # Errors
/// If it is none of this driver's.
pub fn place(name: &str) -> Verdict<(String, String)> {
    let (driver, bus) = ethtool::driver(name).map_err(|e| failed("ethtool -i", e))?;
    ensure(driver == DRIVER, || format!("the driver is {driver}"))?;
    match bus.split_once('/') {
        Some((pair, side)) => Ok((pair.to_owned(), side.to_owned())),
        None => fail(format!("bus-info is {bus}")),
    }
}

/// A pair in a name space of its own.
pub struct World {
    /// Requests to the kernel.
    pub netlink: Netlink,
    /// The end that was asked for.
    pub near: End,
    /// The other one.
    pub far: End,
}

impl World {
    /// Makes a pair in this thread's name space.
    fn new() -> Verdict<Self> {
        let netlink = Netlink::new().map_err(|e| failed("netlink", e))?;
        // Else the kernel has something to say by itself.
        let quiet = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        let _ = fs::write(quiet, "1");
        netlink
            .add(NEAR, DRIVER)
            .map_err(|error| match error.raw_os_error() {
                Some(libc::EPERM) => Problem::Skipped("only root makes devices".to_owned()),
                _ => failed("ip link add type netdrv", error),
            })?;
        Ok(Self {
            netlink,
            near: End::of(NEAR)?,
            far: End::of(FAR)?,
        })
    }

    /// Lets an end be up or down. What it has received before is forgotten.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn set_up(&self, end: &End, up: bool) -> Verdict {
        let done = self.netlink.set_up(end.index, up);
        done.map_err(|e| failed("ip link set up", e))?;
        end.drain();
        Ok(())
    }

    /// What the kernel says of an end.
    ///
    /// # Errors
    /// If it says nothing.
    pub fn link(&self, end: &End) -> Verdict<Link> {
        self.netlink
            .link(end.index)
            .map_err(|e| failed("ip link show", e))
    }

    /// What goes wrong on demand with what both ends send.
    ///
    /// # Errors
    /// A reason to skip where there is no debugfs.
    pub fn faults(&self) -> Verdict<Faults> {
        Faults::of(DRIVER, place(self.near.name)?.0.as_str())
    }

    /// What goes wrong on demand with what the near end sends.
    ///
    /// # Errors
    /// A reason to skip where there is no debugfs.
    pub fn near_faults(&self) -> Verdict<Faults> {
        let (pair, side) = place(self.near.name)?;
        Faults::of(DRIVER, &format!("{pair}/{side}"))
    }

    /// Waits until nothing is on its way; then what was sent was received or counted, in both directions.
    ///
    /// # Errors
    /// The account that is not closed.
    pub fn settle(&self) -> Verdict {
        for (sender, receiver) in [(&self.near, &self.far), (&self.far, &self.near)] {
            let end = Instant::now() + PATIENCE;
            while receiver.counters()?.get("rx_pending")? > 0 {
                ensure(Instant::now() < end, || {
                    format!("frames stay on their way to {}", receiver.name)
                })?;
                thread::sleep(Duration::from_millis(5));
            }
            account(&sender.counters()?, &receiver.counters()?)?;
        }
        Ok(())
    }
}

/// What one has sent the other has received, or it was counted.
///
/// # Errors
/// The numbers, where that is not so.
pub fn account(sender: &Counters, receiver: &Counters) -> Verdict {
    let sent = sender.get("tx_packets")? + sender.get("tx_fault_doubled")?;
    let received = receiver.get("rx_packets")?;
    let counted = receiver.get("rx_dropped")? + sender.get("tx_fault_dropped")?;
    let pending = receiver.get("rx_pending")?;
    ensure(sent == received + counted + pending, || {
        format!(
            "{sent} frames were sent or doubled, but {received} received, {counted} counted as lost, {pending} are on their way"
        )
    })
}

/// Does something in a thread that has a name space of its own, without any device.
///
/// # Errors
/// As `work`; a reason to skip for whoever is not root.
pub fn in_name_space<T: Send>(work: impl FnOnce() -> Verdict<T> + Send) -> Verdict<T> {
    let inside = || match leave_name_space() {
        Ok(()) => work(),
        Err(error) => skip(format!("a name space of its own: {error}")),
    };
    thread::scope(|scope| match scope.spawn(inside).join() {
        Ok(verdict) => verdict,
        Err(_) => fail("a thread has panicked"),
    })
}

/// Does something with a pair that nobody else uses, both of whose ends are up; afterwards there is none.
///
/// # Errors
/// As `work`.
pub fn with_pair(work: impl FnOnce(&World) -> Verdict + Send) -> Verdict {
    with_new_pair(|world| {
        world.set_up(&world.near, true)?;
        world.set_up(&world.far, true)?;
        work(world)
    })
}

/// As [`with_pair`], with both ends down.
///
/// # Errors
/// As `work`.
pub fn with_new_pair(work: impl FnOnce(&World) -> Verdict + Send) -> Verdict {
    in_name_space(|| {
        let world = World::new()?;
        let verdict = work(&world);
        // The name space takes it along, but not at once.
        let _ = world.netlink.remove(world.near.index);
        verdict
    })
}
