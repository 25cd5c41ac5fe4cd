// SPDX-License-Identifier: GPL-2.0-only

//! One device: what its driver asks of it, and what the programs that serve it do.
//!
//! Lock order: the node's device, [`Loopback::shown`], the device's callers, a driver's own locks, the pool's. The
//! driver is called with the callers' lock held and no other; `notify` comes with a driver's locks, and takes the
//! pool's alone.

use kernel::fmt;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::{Arc, CondVar, CondVarTimeoutResult, Mutex};
use kernel::time::msecs_to_jiffies;
use kernel::{new_condvar, new_mutex};

use crate::lib::kernel::lock::Guard;
use crate::lib::kernel::virtio::barrier;
use crate::lib::kernel::virtio::eventfd::EventFd;
use crate::lib::kernel::virtio::memory::{Part, SharedMemory};
use crate::lib::kernel::virtio::pool::{Locked, Pool};
use crate::lib::kernel::virtio::{stale, Device, Rings, Transport};
use crate::model::abi::{Create, DeviceState, QueueState, SetConfig, CONFIG_MAX};
use crate::model::gate::{writable, Broken, Collected, Gate, Head, Layout, Words};
use crate::model::policy::{self, ACCESS_PLATFORM, BASE, VERSION_1};
use crate::model::state::{Phase, State};

/// How long a driver waits for a backend that was serving the one before it, in milliseconds.
const LET_GO_MAX: u32 = 1000;
/// What is shown where no queue broke.
const NONE_BROKE: u8 = u8::MAX;

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

/// A device, seen from virtio core.
#[pin_data]
pub(crate) struct Loopback {
    node: CString,
    /// Which device this is, of all that there were.
    pub(crate) number: u32,
    kind: u32,
    offered: u64,
    queue_size: u32,
    queues: u32,
    #[pin]
    pool: Pool<Queues>,
    event: EventFd,
    #[pin]
    shown: Mutex<Shown>,
    /// Woken when a backend has let go, and when the device is closed.
    #[pin]
    let_go: CondVar,
}

/// What owners see of it, and what drivers read.
struct Shown {
    state: State,
    closed: bool,
    taken: u64,
    broken_queue: u8,
    config: [u8; CONFIG_MAX],
    config_size: usize,
    config_generation: u32,
    /// How many writes of the driver to the configuration were dropped.
    config_writes: u32,
}

/// The queues, under the pool's lock.
pub(crate) struct Queues {
    /// Whether the rings are served.
    open: bool,
    closed: bool,
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
struct Gated {
    rings: Rings,
    layout: Layout,
    gate: Gate<KVec<Head>>,
}

impl fmt::Display for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = policy::name(self.kind);
        write!(
            f,
            "/dev/{}: device {} ({kind})",
            self.node.to_str().unwrap_or_default(),
            self.number
        )
    }
}

impl Loopback {
    /// Makes the device that is asked for, which has been looked at. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        node: &CStr,
        number: u32,
        create: &Create,
        memory: SharedMemory,
        event: EventFd,
    ) -> Result<impl PinInit<Self, Error>> {
        let mut each = KVec::new();
        for _ in 0..create.queues {
            each.push(Queue::default(), GFP_KERNEL)?;
        }
        let rings = each.len();
        let queues = Queues {
            open: false,
            closed: false,
            each,
        };
        let pool = Pool::new(memory, BASE, rings, queues)?;
        let shown = Shown {
            state: State::default(),
            closed: false,
            taken: 0,
            broken_queue: NONE_BROKE,
            config: create.config,
            config_size: create.config_size as usize,
            config_generation: 0,
            config_writes: 0,
        };
        let (kind, offered) = (
            create.device_id,
            policy::features(create.device_id, create.features),
        );
        let (queue_size, queues) = (create.queue_size, create.queues);
        let node = CString::try_from_fmt(fmt!("{node}"))?;
        Ok(try_pin_init!(Self {
            node,
            number,
            kind,
            offered,
            queue_size,
            queues,
            pool <- pool,
            event,
            shown <- new_mutex!(shown, "Loopback::shown"),
            let_go <- new_condvar!("Loopback::let_go"),
        }? Error))
    }

    /// Looks whether there is such a queue.
    ///
    /// # Errors
    ///
    /// `EINVAL` if not.
    pub(crate) fn has(&self, queue: u32) -> Result<usize> {
        match queue < self.queues {
            true => Ok(queue as usize),
            false => Err(EINVAL),
        }
    }

    /// `GET_STATE`. May sleep.
    pub(crate) fn state(&self) -> DeviceState {
        let shown = self.shown.lock();
        let locked = self.pool.lock();
        let gated = || {
            locked
                .other
                .each
                .iter()
                .filter_map(|queue| queue.gated.as_ref())
        };
        DeviceState {
            device: self.number,
            generation: shown.state.generation(),
            phase: shown.state.phase().number(),
            status: shown.state.status(),
            broken_queue: shown.broken_queue,
            queues: gated().count() as u8,
            config_writes: shown.config_writes,
            features: policy::taken(shown.taken),
            no_room: locked.mapped.no_room,
            clamped: gated().map(|gated| gated.gate.clamped()).sum(),
        }
    }

    /// `GET_QUEUE`. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such queue.
    pub(crate) fn queue(&self, index: u32) -> Result<QueueState> {
        let place = self.has(index)?;
        let locked = self.pool.lock();
        let queue = &locked.other.each[place];
        let gated = queue.gated.as_ref();
        let rings = gated.map(|gated| gated.rings);
        Ok(QueueState {
            index,
            size: rings.map_or(0, |rings| rings.size),
            descriptors: rings.map_or(0, |rings| rings.descriptors),
            available: rings.map_or(0, |rings| rings.available),
            used: rings.map_or(0, |rings| rings.used),
            open: (locked.other.open && gated.is_some()).into(),
            outstanding: gated.map_or(0, |gated| gated.gate.outstanding().into()),
            kicks: queue.kicks,
            calls: queue.calls,
            buffers: queue.buffers,
        })
    }

    /// `SET_KICK`: what is written to when there is something to do in a queue; none for -1. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such queue, or it is no eventfd; `EBADF`, `ENOMEM`.
    pub(crate) fn set_kick(&self, queue: u32, descriptor: i32) -> Result<isize> {
        let place = self.has(queue)?;
        let kick = match descriptor {
            -1 => None,
            descriptor => Some(Arc::new(EventFd::new(descriptor)?, GFP_KERNEL)?),
        };
        let old = core::mem::replace(&mut self.pool.lock().other.each[place].kick, kick);
        drop(old);
        Ok(0)
    }

    /// `SET_CONFIG`. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` for bytes that are not there.
    pub(crate) fn set_config(&self, config: &SetConfig) -> Result {
        let mut shown = self.shown.lock();
        let (offset, length) = (config.offset as usize, config.length as usize);
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= shown.config_size);
        let (Some(end), Some(data)) = (end, config.data.get(..length)) else {
            return Err(EINVAL);
        };
        shown.config[offset..end].copy_from_slice(data);
        shown.config_generation = shown.config_generation.wrapping_add(1);
        Ok(())
    }

    /// `START`: the backend serves the queues. All that the driver has made available is handed out, and each queue is
    /// kicked. May sleep.
    ///
    /// # Errors
    ///
    /// `ESTALE` if that was not asked for, or of an older generation.
    pub(crate) fn start(device: &Device<Self>, generation: u32) -> Result<isize> {
        let this = device.transport();
        let mut shown = this.shown.lock();
        shown.state.start(generation).map_err(|_| stale())?;
        this.pool.lock().other.open = true;
        let mut broken = None;
        for index in 0..this.queues {
            let locked = this.pool.lock();
            match this.publish(locked, index as usize, true) {
                Ok(kick) => {
                    if let Some(kick) = kick {
                        kick.signal();
                    }
                }
                Err(why) => broken = Some((index, why)),
            }
        }
        drop(shown);
        this.event.signal();
        if let Some((index, why)) = broken {
            this.broke(index, why);
            device.break_queues();
        }
        Ok(0)
    }

    /// `STOPPED`: the backend has let go of the queues. May sleep.
    ///
    /// # Errors
    ///
    /// `ESTALE` if that was not asked for, or of an older generation.
    pub(crate) fn stopped(&self, generation: u32) -> Result<isize> {
        self.shown
            .lock()
            .state
            .stopped(generation)
            .map_err(|_| stale())?;
        self.let_go.notify_all();
        self.event.signal();
        Ok(0)
    }

    /// Nothing goes in or out any more, and nobody waits. May sleep.
    pub(crate) fn close(&self) {
        self.shown.lock().closed = true;
        {
            let mut locked = self.pool.lock();
            locked.other.open = false;
            locked.other.closed = true;
        }
        self.let_go.notify_all();
    }

    /// The backend says that it has used buffers of a queue. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` once the device has been closed.
    pub(crate) fn ring(device: &Device<Self>, queue: u32) -> Result {
        let this = device.transport();
        let callers = device.callers();
        match this.collect(queue as usize)? {
            Ok(true) => callers.call(queue),
            Ok(false) => {}
            Err(why) => {
                drop(callers);
                this.broke(queue, why);
                device.break_queues();
            }
        }
        Ok(())
    }

    /// Takes in what a backend has used. Whether the driver is to be called.
    fn collect(&self, place: usize) -> Result<Result<bool, Broken>> {
        let mut locked = self.pool.lock();
        let Locked { mapped, other } = &mut *locked;
        if other.closed {
            return Err(ENODEV);
        }
        let queue = other.each.get_mut(place).filter(|_| other.open);
        let Some((queue, gated)) = queue.and_then(|queue| {
            let Queue {
                gated,
                buffers,
                calls,
                ..
            } = queue;
            Some(((buffers, calls), gated.as_mut()?))
        }) else {
            return Ok(Ok(false));
        };
        let private = self.pool.ring(mapped, gated.rings.descriptors);
        let public = self
            .pool
            .public(gated.rings.descriptors, gated.layout.bytes);
        let (Some(private), Some(public)) = (private, public) else {
            return Ok(Ok(false));
        };
        let collected = gated.gate.collect(&private, &public);
        if collected.is_err() {
            other.open = false;
        }
        Ok(collected.map(|Collected { buffers, call }| {
            *queue.0 += u64::from(buffers);
            *queue.1 += u64::from(call);
            call
        }))
    }

    /// Hands out what the driver has made available, and returns who is to be kicked: `always`, or if the backend wants
    /// that. Any context.
    fn publish(
        &self,
        mut locked: Guard<'_, Locked<Queues>>,
        place: usize,
        always: bool,
    ) -> Result<Option<Arc<EventFd>>, Broken> {
        let Locked { mapped, other } = &mut *locked;
        let Some(queue) = other.each.get_mut(place).filter(|_| other.open) else {
            return Ok(None);
        };
        let Some(gated) = &mut queue.gated else {
            return Ok(None);
        };
        let private = self.pool.ring(mapped, gated.rings.descriptors);
        let public = self
            .pool
            .public(gated.rings.descriptors, gated.layout.bytes);
        let (Some(private), Some(public)) = (private, public) else {
            return Ok(None);
        };
        let published = gated.gate.publish(&private, &public, |address, bytes| {
            let table = self.pool.original(mapped, address, bytes as usize)?;
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

    /// Nothing more comes through the gate, and why. May sleep.
    fn broke(&self, queue: u32, why: Broken) {
        pr_err!(
            "{}: queue {} is broken: {}\n",
            self,
            queue,
            format_args!("{why}")
        );
        {
            let mut shown = self.shown.lock();
            shown.broken_queue = queue as u8;
            shown.state.broke();
        }
        self.event.signal();
    }
}

impl Transport for Loopback {
    type Locked = Queues;

    fn pool(&self) -> &Pool<Queues> {
        &self.pool
    }

    fn features(&self) -> u64 {
        self.offered
    }

    fn take_features(&self, features: u64) -> Result {
        for needed in [VERSION_1, ACCESS_PLATFORM] {
            if features >> needed & 1 == 0 {
                pr_err!("{}: the driver can't do without feature {}\n", self, needed);
                return Err(EINVAL);
            }
        }
        self.shown.lock().taken = features;
        Ok(())
    }

    fn status(&self) -> u8 {
        self.shown.lock().state.status()
    }

    fn set_status(&self, status: u8) {
        self.shown.lock().state.set_status(status);
        self.event.signal();
    }

    fn reset(&self) {
        {
            let mut shown = self.shown.lock();
            self.pool.lock().other.open = false;
            shown.state.reset();
        }
        self.event.signal();
    }

    fn config_generation(&self) -> u32 {
        self.shown.lock().config_generation
    }

    fn read_config(&self, offset: usize, to: &mut [u8]) {
        let shown = self.shown.lock();
        let config = &shown.config[..shown.config_size];
        let there = config.get(offset..).unwrap_or_default();
        // What is not there is zero.
        for (to, from) in to.iter_mut().zip(there) {
            *to = *from;
        }
    }

    fn write_config(&self, _: usize, _: &[u8]) {
        self.shown.lock().config_writes += 1;
        self.event.signal();
    }

    fn begin_queues(&self, count: usize) -> Result {
        if count > self.queues as usize {
            pr_err!(
                "{}: the driver wants {} queues of {}\n",
                self,
                count,
                self.queues
            );
            return Err(ENOENT);
        }
        let mut shown = self.shown.lock();
        let mut left = msecs_to_jiffies(LET_GO_MAX);
        loop {
            match shown.state.phase() {
                _ if shown.closed => return Err(ENODEV),
                Phase::Broken => return Err(EIO),
                Phase::Stopping => {}
                Phase::Idle | Phase::Ready | Phase::Live => return Ok(()),
            }
            match self.let_go.wait_interruptible_timeout(&mut shown, left) {
                CondVarTimeoutResult::Woken { jiffies } => left = jiffies,
                CondVarTimeoutResult::Signal { .. } => return Err(ERESTARTSYS),
                CondVarTimeoutResult::Timeout => {
                    pr_err!(
                        "{}: the backend has not let go of the last driver's queues\n",
                        self
                    );
                    return Err(ETIMEDOUT);
                }
            }
        }
    }

    fn queue_size(&self, _: u32) -> Result<u32> {
        Ok(self.queue_size)
    }

    fn queue_made(&self, index: u32, rings: Rings) -> Result {
        let place = self.has(index)?;
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
        self.pool.lock().other.each[place].gated = Some(Gated {
            rings,
            layout,
            gate,
        });
        Ok(())
    }

    fn queues_gone(&self) {
        self.pool.lock().other.open = false;
        for place in 0..self.queues as usize {
            let gated = self.pool.lock().other.each[place].gated.take();
            // Not under the lock.
            drop(gated);
        }
    }

    fn notify(&self, index: u32) -> bool {
        let locked = self.pool.lock();
        if locked.other.closed {
            return false;
        }
        match self.publish(locked, index as usize, false) {
            Ok(kick) => {
                if let Some(kick) = kick {
                    kick.signal();
                }
                true
            }
            Err(why) => {
                pr_err!(
                    "{}: queue {} is broken: {}\n",
                    self,
                    index,
                    format_args!("{why}")
                );
                false
            }
        }
    }
}
