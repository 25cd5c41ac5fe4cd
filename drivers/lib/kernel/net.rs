// SPDX-License-Identifier: GPL-2.0-only

//! Network devices that come in pairs.
//!
//! The kernel crate has nothing of `struct net_device`. Here a driver is a type that implements [`Interface`]: a value of
//! it belongs to each device, and the kernel's operations are its methods. [`Pair`] makes two devices that know each
//! other, [`LinkKind`] lets programs make more (`ip link add … type KIND`).
//!
//! What keeps what alive:
//!
//! - The value of a device lives as long as the device, which the kernel frees when nobody uses it any more.
//! - A device finds the other end by [`Ends::get`], for as long as a [`ReadSide`] lasts, which is RCU's: an end is
//!   forgotten before it is unregistered, and the kernel waits for readers before it frees one.
//! - A frame is a [`Packet`], which has one owner.
//! - A device is polled only between [`Interface::open`] and [`Interface::closed`]: nobody else schedules it, for that
//!   takes a [`ReadSide`], too, and closing waits for those.
//!
//! C headers: `include/linux/netdevice.h`, `include/linux/skbuff.h`, `include/linux/ethtool.h`, `include/net/rtnetlink.h`

mod device;
mod ethtool;
mod link_kind;
mod operations;
mod packet;
mod pair;

pub(crate) use device::{Device, ReadSide};
pub(crate) use link_kind::LinkKind;
pub(crate) use packet::{Forwarded, Packet};
pub(crate) use pair::{Ends, Pair, PairMaker};

use kernel::prelude::*;
use kernel::str::CStr;

/// What a poll has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Polled {
    /// How many frames it has received: as many as it was allowed if there may be more.
    pub(crate) frames: usize,
    /// When the device is to be polled again, in nanoseconds of `CLOCK_MONOTONIC`, unless it is scheduled before.
    pub(crate) again: Option<u64>,
}

/// What a device has counted, for `struct rtnl_link_stats64`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) tx_packets: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) tx_dropped: u64,
    pub(crate) rx_packets: u64,
    pub(crate) rx_bytes: u64,
    /// Without those of [`Forwarded::TooLong`], which the kernel counts itself.
    pub(crate) rx_dropped: u64,
    /// Those of [`Forwarded::TooLong`].
    pub(crate) rx_length_errors: u64,
}

/// A device of a pair.
pub(crate) trait Interface: Send + Sync + Sized + 'static {
    /// The driver's name and version, as `ethtool -i` says it.
    const DRIVER: &'static CStr;
    /// See [`Interface::DRIVER`].
    const VERSION: &'static CStr;
    /// The speed of the link in Mbit/s, as `ethtool` says it.
    const SPEED: u32;
    /// For how many frames there can be room in the ring.
    const RING_MAX: u32;
    /// The names of [`Interface::statistics`], of up to 31 bytes.
    const STATISTICS: &'static [&'static str];

    /// The devices of its pair.
    fn ends(&self) -> &Ends<Self>;

    /// Which of them it is: 0 or 1.
    fn side(&self) -> usize;

    /// What `ethtool -i` says that it is connected to.
    fn bus(&self) -> &CStr;

    /// The device goes up: from now on it is polled, and may transmit. Must let its queue run, or leave it stopped until
    /// there is room, and say whether there is a link ([`Device::set_link`]). Under rtnl; may sleep.
    fn open(&self, device: &Device<Self>);

    /// The device goes down: from now on [`Interface::transmit`] of the other end must not give it frames. Under rtnl; may
    /// sleep.
    fn closing(&self, device: &Device<Self>);

    /// It is down: nobody polls it any more, and whoever transmits to it knows. Under rtnl; may sleep.
    fn closed(&self, device: &Device<Self>);

    /// Transmits a frame. Bottom halves are off, and no other frame of this device is transmitted meanwhile.
    fn transmit(&self, device: &Device<Self>, packet: Packet, read: &ReadSide);

    /// Receives up to `budget` frames, not 0. Bottom halves are off, and the device is not polled twice at once.
    fn poll(&self, device: &Device<Self>, budget: usize, read: &ReadSide) -> Polled;

    /// What it has counted. Any context but an interrupt.
    fn counters(&self) -> Counters;

    /// Fills in as many values as there are [`Interface::STATISTICS`]. Under rtnl; may sleep.
    fn statistics(&self, values: &mut [u64]);

    /// For how many frames there is room in the ring out of which it receives. Under rtnl; may sleep.
    fn ring_size(&self) -> u32;

    /// Changes that.
    ///
    /// # Errors
    ///
    /// `EINVAL`.
    fn set_ring_size(&self, frames: u32) -> Result;
}
