// SPDX-License-Identifier: GPL-2.0-only

//! One device, and what the programs that serve it do. What its driver asks of it is in `transport`.
//!
//! Lock order: the node's device, [`Loopback::shown`], the device's callers, a driver's own locks, the pool's. The
//! driver is called with the callers' lock held and no other; `notify` comes with a driver's locks, and takes the
//! pool's alone.

use kernel::fmt;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::{Arc, CondVar, Mutex};
use kernel::{new_condvar, new_mutex};

use crate::lib::kernel::virtio::eventfd::EventFd;
use crate::lib::kernel::virtio::memory::SharedMemory;
use crate::lib::kernel::virtio::pool::{Locked, Pool};
use crate::lib::kernel::virtio::{stale, Device};
use crate::model::abi::{Create, DeviceState, QueueState, SetConfig, CONFIG_MAX};
use crate::model::gate::Broken;
use crate::model::policy::{self, BASE};
use crate::model::state::State;
use crate::queues::{collect, publish, Queues};

mod transport;

/// What is shown where no queue broke.
const NONE_BROKE: u8 = u8::MAX;

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
        let queues = Queues::new(create.queues)?;
        let pool = Pool::new(memory, BASE, queues.len(), queues)?;
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
        let (queues, clamped) = locked.other.used();
        DeviceState {
            device: self.number,
            generation: shown.state.generation(),
            phase: shown.state.phase().number(),
            status: shown.state.status(),
            broken_queue: shown.broken_queue,
            queues: queues as u8,
            config_writes: shown.config_writes,
            features: policy::taken(shown.taken),
            in_use: locked.mapped.in_use(),
            no_room: locked.mapped.no_room,
            clamped,
        }
    }

    /// `GET_QUEUE`. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such queue.
    pub(crate) fn queue(&self, index: u32) -> Result<QueueState> {
        let place = self.has(index)?;
        Ok(self.pool.lock().other.state(place))
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
        let old = self.pool.lock().other.set_kick(place, kick);
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
            if let Err(why) = this.publish(index, true)? {
                broken = Some((index, why));
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
        match this.unless_closed(|locked| collect(&this.pool, locked, queue as usize))? {
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

    /// Hands out what the driver has made available, and kicks the backend: `always`, or if it wants that. Any context.
    ///
    /// # Errors
    ///
    /// `ENODEV` once the device has been closed.
    fn publish(&self, queue: u32, always: bool) -> Result<Result<(), Broken>> {
        let published =
            self.unless_closed(|locked| publish(&self.pool, locked, queue as usize, always))?;
        // Not under the lock.
        Ok(published.map(|kick| {
            if let Some(kick) = kick {
                kick.signal();
            }
        }))
    }

    /// Does something under the pool's lock. Any context.
    ///
    /// # Errors
    ///
    /// `ENODEV` once the device has been closed.
    fn unless_closed<R>(&self, act: impl FnOnce(&mut Locked<Queues>) -> R) -> Result<R> {
        let mut locked = self.pool.lock();
        match locked.other.closed {
            true => Err(ENODEV),
            false => Ok(act(&mut locked)),
        }
    }

    /// Says why nothing more comes through the gate of a queue. Any context.
    fn log_broken(&self, queue: u32, why: Broken) {
        pr_err!(
            "{}: queue {} is broken: {}\n",
            self,
            queue,
            format_args!("{why}")
        );
    }

    /// Nothing more comes through the gate, and why. May sleep.
    fn broke(&self, queue: u32, why: Broken) {
        self.log_broken(queue, why);
        {
            let mut shown = self.shown.lock();
            shown.broken_queue = queue as u8;
            shown.state.broke();
        }
        self.event.signal();
    }
}
