// SPDX-License-Identifier: GPL-2.0-only

//! One of the two devices of a pair, and how pairs are made.

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

use crate::faults::Files;
use crate::lib::kernel::net::{
    Counters, Device, Ends, Forwarded, Interface, Packet, PairMaker, Polled, ReadSide,
};
use crate::lib::kernel::time::now;
use crate::model::account::{statistics, Account, STATISTICS};
use crate::model::params::{is_ring_size, RING_MAX};
use crate::model::wire::{Received, Sent};
use crate::shared::{apply, Shared};

/// An end of a pair.
pub(crate) struct End {
    // Before the rest: they refer to it. The first end has those of both.
    _files: Option<Files<Self>>,
    shared: Arc<Shared<Self>>,
    side: usize,
    bus: CString,
}

impl End {
    /// What was counted of what it sends.
    fn sent(&self) -> Account {
        self.shared.wire(self.side).lock().account()
    }

    /// What was counted of what it receives.
    fn received(&self) -> Account {
        self.shared.wire(1 - self.side).lock().account()
    }

    /// Gives a frame to the network, wrong if it is to be.
    fn deliver(
        &self,
        device: &Device<Self>,
        packet: Packet,
        (bytes, double, flip): (u32, bool, bool),
        read: &ReadSide,
    ) {
        let wire = self.shared.wire(1 - self.side);
        let packet = match flip {
            true => {
                let (packet, flipped) = packet.flip();
                if flipped {
                    wire.lock().flipped();
                }
                packet
            }
            false => packet,
        };
        let second = double.then(|| packet.double()).flatten();
        device.receive(packet, read);
        if let Some(second) = second {
            wire.lock().doubled(bytes);
            device.receive(second, read);
        }
    }
}

impl Interface for End {
    const DRIVER: &'static CStr = c_str!("netdrv");
    // That of the model in C, whose interface this is.
    const VERSION: &'static CStr = c_str!("0.3");
    const SPEED: u32 = 10_000;
    const RING_MAX: u32 = RING_MAX;
    const STATISTICS: &'static [&'static str] = STATISTICS;

    fn ends(&self) -> &Ends<Self> {
        &self.shared.ends
    }

    fn side(&self) -> usize {
        self.side
    }

    fn bus(&self) -> &CStr {
        &self.bus
    }

    fn open(&self, device: &Device<Self>) {
        let _link = self.shared.link.lock();
        self.shared.wire(1 - self.side).lock().open();
        let mut wire = self.shared.wire(self.side).lock();
        apply(wire.start(), device);
        let cut = wire.is_cut();
        drop(wire);
        device.set_link(!cut);
    }

    fn closing(&self, _: &Device<Self>) {
        self.shared.wire(1 - self.side).lock().close();
    }

    fn closed(&self, _: &Device<Self>) {
        let wire = self.shared.wire(1 - self.side);
        loop {
            // The frame is freed when the lock is not held.
            let lost = wire.lock().drain();
            if lost.is_none() {
                break;
            }
        }
        // Who waits for room does so in vain from now on.
        ReadSide::with(|read| self.shared.change(1 - self.side, read, |wire| wire.wake()));
    }

    fn transmit(&self, device: &Device<Self>, packet: Packet, read: &ReadSide) {
        let bytes = packet.len();
        let wire = self.shared.wire(self.side);
        let Some(receiver) = self.shared.ends.get(1 - self.side, read) else {
            wire.lock().refused();
            return;
        };
        let packet = match receiver.forward(packet, read) {
            Forwarded::Yes(packet) => packet,
            Forwarded::Down(_packet) => {
                wire.lock().refused();
                return;
            }
            Forwarded::TooLong => {
                wire.lock().too_long(bytes);
                return;
            }
        };
        let mut wire = wire.lock();
        let sent = wire.send(packet, bytes, now);
        if let Sent::Taken(queue) = sent {
            apply(queue, device);
        }
        drop(wire);
        if let Sent::Taken(_) = sent {
            receiver.schedule(read);
        }
    }

    fn poll(&self, device: &Device<Self>, budget: usize, read: &ReadSide) -> Polled {
        let from = 1 - self.side;
        let (mut frames, mut again) = (0, None);
        while frames < budget {
            let received = self.shared.wire(from).lock().receive(now);
            match received {
                Received::Frame {
                    frame,
                    bytes,
                    double,
                    flip,
                } => {
                    frames += 1;
                    self.deliver(device, frame, (bytes, double, flip), read);
                }
                Received::Later(at) => {
                    again = Some(at);
                    break;
                }
                Received::Nothing => break,
            }
        }
        self.shared.change(from, read, |wire| {
            wire.polled();
            if frames < budget {
                wire.completed();
            }
            wire.wake()
        });
        Polled { frames, again }
    }

    fn counters(&self) -> Counters {
        let (sent, received) = (self.sent(), self.received());
        Counters {
            tx_packets: sent.tx_packets,
            tx_bytes: sent.tx_bytes,
            tx_dropped: sent.tx_dropped,
            rx_packets: received.rx_packets,
            rx_bytes: received.rx_bytes,
            rx_dropped: received.rx_dropped - received.too_long,
            rx_length_errors: received.too_long,
        }
    }

    fn statistics(&self, values: &mut [u64]) {
        let all = statistics(&self.sent(), &self.received());
        for (place, value) in values.iter_mut().zip(all) {
            *place = value;
        }
    }

    fn ring_size(&self) -> u32 {
        self.shared.wire(1 - self.side).lock().capacity()
    }

    fn set_ring_size(&self, frames: u32) -> Result {
        if !is_ring_size(frames) {
            pr_err!(
                "{}: a ring for {} frames is not allowed: must be a power of two from 1 to {}\n",
                &*self.bus,
                frames,
                RING_MAX
            );
            return Err(EINVAL);
        }
        let from = 1 - self.side;
        ReadSide::with(|read| self.shared.change(from, read, |wire| wire.resize(frames)));
        Ok(())
    }
}

/// What makes pairs.
pub(crate) struct Pairs {
    /// For how many frames their rings have room.
    ring_size: u32,
    /// How many there have been.
    number: Atomic<u32>,
    /// `/sys/kernel/debug/netdrv`.
    faults: Dir,
}

impl Pairs {
    /// Makes `/sys/kernel/debug/netdrv`, and no pair yet. May sleep.
    pub(crate) fn new(ring_size: u32) -> Self {
        Self {
            ring_size,
            number: Atomic::new(0),
            faults: Dir::new(c_str!("netdrv")),
        }
    }
}

impl PairMaker for Pairs {
    type Interface = End;

    const NAMES: &'static CStr = c_str!("vnet%d");

    fn make(&self) -> Result<[End; 2]> {
        let number = self.number.fetch_add(1, Relaxed);
        let shared = Arc::pin_init(Shared::<End>::new(self.ring_size)?, GFP_KERNEL)?;
        let name = CString::try_from_fmt(fmt!("pair{number}"))?;
        let mut files = Some(Files::new(self.faults.subdir(&name), &shared)?);
        let mut end = |side: usize| -> Result<End> {
            Ok(End {
                _files: files.take(),
                shared: shared.clone(),
                side,
                bus: CString::try_from_fmt(fmt!("pair{number}/{side}"))?,
            })
        };
        Ok([end(0)?, end(1)?])
    }
}
