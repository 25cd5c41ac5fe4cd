// SPDX-License-Identifier: GPL-2.0-only

//! The queues of a device, and what goes through their gates. Any context.

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::lib::kernel::virtio::barrier;
use crate::lib::kernel::virtio::eventfd::EventFd;
use crate::lib::kernel::virtio::memory::Part;
use crate::lib::kernel::virtio::pool::{Locked, Mapped, Pool};
use crate::lib::kernel::virtio::Rings;
use crate::model::abi::QueueState;
use crate::model::gate::{writable, Broken, Collected, Gate, Head, Layout, Words};

impl Words for Part<'_> {
    fn load16(&self, at: usize) -> u16 {
        Part::load16(self, at)
    }

    fn load32(&self, at: usize) -> u32 {
        Part::load32(self, at)
    }

    fn load64(&self, at: usize) -> u64 {
        Part::load64(self, at)
    }

    fn store16(&self, at: usize, value: u16) {
        Part::store16(self, at, value);
    }

    fn store32(&self, at: usize, value: u32) {
        Part::store32(self, at, value);
    }

    fn store64(&self, at: usize, value: u64) {
        Part::store64(self, at, value);
    }

    fn load_barrier() {
        barrier::loads();
    }

    fn store_barrier() {
        barrier::stores();
    }

    fn full_barrier() {
        barrier::all();
    }
}

/// The queues, under the pool's lock.
pub(crate) struct Queues {
    /// Whether the rings are served.
    pub(crate) open: bool,
    pub(crate) closed: bool,
    each: KVec<Queue>,
}

#[derive(Default)]
struct Queue {
    kick: Option<Arc<EventFd>>,
    gated: Option<Gated>,
    kicks: u64,
    calls: u64,
    buffers: u64,
}

/// A queue that the driver uses.
pub(crate) struct Gated {
    rings: Rings,
    layout: Layout,
    gate: Gate<KVec<Head>>,
}

impl Gated {
    /// For rings that a driver has just made. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they do not lie as they must, `ENOMEM`.
    pub(crate) fn new(rings: Rings) -> Result<Self> {
        let size = u16::try_from(rings.size)?;
        let layout = Layout::new(size).ok_or(EINVAL)?;
        let start = rings.descriptors;
        let expected = (start + layout.available as u64, start + layout.used as u64);
        if (rings.available, rings.used) != expected {
            return Err(EINVAL);
        }
        let mut heads = KVec::new();
        heads.resize(size.into(), None, GFP_KERNEL)?;
        let gate = Gate::new(layout, heads).ok_or(EINVAL)?;
        Ok(Self {
            rings,
            layout,
            gate,
        })
    }

    /// The rings of the driver, and those that the backend serves.
    fn both<'a>(&self, pool: &'a Pool<Queues>, mapped: &'a Mapped) -> Option<(Part<'a>, Part<'a>)> {
        let start = self.rings.descriptors;
        let private = pool.ring(mapped, start)?;
        Some((private, pool.public(start, self.layout.bytes)?))
    }
}

impl Queues {
    /// So many, which no driver uses. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(count: u32) -> Result<Self> {
        let mut each = KVec::new();
        for _ in 0..count {
            each.push(Queue::default(), GFP_KERNEL)?;
        }
        Ok(Self {
            open: false,
            closed: false,
            each,
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.each.len()
    }

    /// How many the driver uses, and how many lengths were cut that a backend has said.
    pub(crate) fn used(&self) -> (usize, u64) {
        let gated = || self.each.iter().filter_map(|queue| queue.gated.as_ref());
        let clamped = gated().map(|gated| gated.gate.clamped()).sum();
        (gated().count(), clamped)
    }

    /// What its owner sees of one that is there.
    pub(crate) fn state(&self, place: usize) -> QueueState {
        let queue = &self.each[place];
        let gated = queue.gated.as_ref();
        let rings = gated.map(|gated| gated.rings);
        QueueState {
            index: place as u32,
            size: rings.map_or(0, |rings| rings.size),
            descriptors: rings.map_or(0, |rings| rings.descriptors),
            available: rings.map_or(0, |rings| rings.available),
            used: rings.map_or(0, |rings| rings.used),
            open: (self.open && gated.is_some()).into(),
            outstanding: gated.map_or(0, |gated| gated.gate.outstanding().into()),
            kicks: queue.kicks,
            calls: queue.calls,
            buffers: queue.buffers,
        }
    }

    /// Sets what is written to when there is something to do in one that is there. What it was is to be dropped without
    /// the lock.
    pub(crate) fn set_kick(
        &mut self,
        place: usize,
        kick: Option<Arc<EventFd>>,
    ) -> Option<Arc<EventFd>> {
        core::mem::replace(&mut self.each[place].kick, kick)
    }

    /// Sets what the driver uses of one that is there. What it was is to be dropped without the lock.
    pub(crate) fn set_gated(&mut self, place: usize, gated: Option<Gated>) -> Option<Gated> {
        core::mem::replace(&mut self.each[place].gated, gated)
    }
}

/// Takes in what a backend has used. Whether the driver is to be called.
///
/// # Errors
///
/// What is wrong with a ring, none of which is served from now on.
pub(crate) fn collect(
    pool: &Pool<Queues>,
    locked: &mut Locked<Queues>,
    place: usize,
) -> Result<bool, Broken> {
    let Locked { mapped, other } = locked;
    let Some(queue) = other.each.get_mut(place).filter(|_| other.open) else {
        return Ok(false);
    };
    let Some(gated) = &mut queue.gated else {
        return Ok(false);
    };
    let Some((private, public)) = gated.both(pool, mapped) else {
        return Ok(false);
    };
    match gated.gate.collect(&private, &public) {
        Ok(Collected { buffers, call }) => {
            queue.buffers += u64::from(buffers);
            queue.calls += u64::from(call);
            Ok(call)
        }
        Err(why) => {
            other.open = false;
            Err(why)
        }
    }
}

/// Hands out what the driver has made available, and returns who is to be kicked, without the lock: `always`, or if the
/// backend wants that.
///
/// # Errors
///
/// What is wrong with a ring, none of which is served from now on.
pub(crate) fn publish(
    pool: &Pool<Queues>,
    locked: &mut Locked<Queues>,
    place: usize,
    always: bool,
) -> Result<Option<Arc<EventFd>>, Broken> {
    let Locked { mapped, other } = locked;
    let Some(queue) = other.each.get_mut(place).filter(|_| other.open) else {
        return Ok(None);
    };
    let Some(gated) = &mut queue.gated else {
        return Ok(None);
    };
    let Some((private, public)) = gated.both(pool, mapped) else {
        return Ok(None);
    };
    let published = gated.gate.publish(&private, &public, |address, bytes| {
        let table = pool.original(mapped, address, bytes as usize)?;
        Some(writable(&table, bytes as usize))
    });
    match published {
        Ok(published) if published.kick || always => {
            queue.kicks += u64::from(queue.kick.is_some());
            Ok(queue.kick.clone())
        }
        Ok(_) => Ok(None),
        Err(why) => {
            other.open = false;
            Err(why)
        }
    }
}
