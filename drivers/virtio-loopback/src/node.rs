// SPDX-License-Identifier: GPL-2.0-only

//! A node, and the device that it has at a time.

use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{Arc, CondVar, CondVarTimeoutResult, Mutex};
use kernel::time::msecs_to_jiffies;
use kernel::{c_str, new_condvar, new_mutex};

use crate::device::Loopback;
use crate::lib::kernel::parent::Parent;
use crate::lib::kernel::virtio::eventfd::EventFd;
use crate::lib::kernel::virtio::memory::SharedMemory;
use crate::lib::kernel::virtio::{stale, Device};
use crate::lib::kernel::worker::{Job, Prepared, Worker};
use crate::model::abi::Create;
use crate::model::policy::check;

/// How many devices there are at most, those included that are being taken away, or that applications still hold.
const ALIVE_MAX: u32 = 32;
/// For so long, in milliseconds, a new device waits for one of them to go.
const GO_MAX: u32 = 1_000;

/// What all nodes share.
pub(crate) struct Common {
    module: &'static ThisModule,
    untested: bool,
    /// How many devices have been made.
    made: Atomic<u32>,
    devices: Arc<Devices>,
    /// Where drivers are bound and unbound.
    worker: Worker,
}

impl Common {
    /// Of the loaded module. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(module: &'static ThisModule, untested: bool) -> Result<Arc<Self>> {
        let common = Self {
            module,
            untested,
            made: Atomic::new(0),
            devices: Devices::new()?,
            worker: Worker::new(c_str!("virtio-loopback"))?,
        };
        Ok(Arc::new(common, GFP_KERNEL)?)
    }
}

/// How many devices there are.
#[pin_data]
struct Devices {
    #[pin]
    alive: Mutex<u32>,
    /// Woken when there is one less.
    #[pin]
    gone: CondVar,
}

/// One of them.
struct Alive(Arc<Devices>);

impl Devices {
    fn new() -> Result<Arc<Self>> {
        let new = pin_init!(Self {
            alive <- new_mutex!(0, "Devices::alive"),
            gone <- new_condvar!("Devices::gone"),
        });
        Arc::pin_init(new, GFP_KERNEL)
    }

    /// One more, for which one of too many may have to go first. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if none does, `ERESTARTSYS` for a signal.
    fn enter(this: &Arc<Self>) -> Result<Alive> {
        let mut alive = this.alive.lock();
        let mut left = msecs_to_jiffies(GO_MAX);
        while *alive >= ALIVE_MAX {
            if left == 0 {
                return Err(EBUSY);
            }
            left = match this.gone.wait_interruptible_timeout(&mut alive, left) {
                CondVarTimeoutResult::Woken { jiffies } => jiffies,
                CondVarTimeoutResult::Signal { .. } => return Err(ERESTARTSYS),
                // One may have gone at the same moment.
                CondVarTimeoutResult::Timeout => 0,
            };
        }
        *alive += 1;
        Ok(Alive(this.clone()))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        *self.0.alive.lock() -= 1;
        // All: one that a signal ends at the same moment would keep it from the others.
        self.0.gone.notify_all();
    }
}

/// What the files of a node share.
#[pin_data]
pub(crate) struct Node {
    name: CString,
    // Before the parent, which is the devices'.
    common: Arc<Common>,
    parent: Parent,
    /// The device, until its owner closes it.
    #[pin]
    device: Mutex<Option<Arc<Device<Loopback>>>>,
}

/// A device that belongs to a file.
pub(crate) struct Owned {
    pub(crate) device: Arc<Device<Loopback>>,
    removal: Prepared<Remove>,
}

/// Lets a driver be bound.
struct Register(Arc<Device<Loopback>>);

impl Job for Register {
    fn run(&mut self) {
        let loopback = self.0.transport();
        if let Err(error) = self.0.register() {
            pr_err!("{}: error {}\n", loopback, error.to_errno());
        }
    }
}

/// Takes the device from its driver.
struct Remove {
    device: Arc<Device<Loopback>>,
    _alive: Alive,
}

impl Job for Remove {
    fn run(&mut self) {
        self.device.unregister();
        pr_info!("{}: removed\n", self.device.transport());
    }
}

impl Node {
    /// Makes the node of a number, whose devices lie below `name.number` in sysfs. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the device core returns.
    pub(crate) fn new(name: &CStr, number: u32, common: &Arc<Common>) -> Result<Arc<Self>> {
        let parent = Parent::new(name, Some(number))?;
        Arc::pin_init(
            try_pin_init!(Self {
                name: CString::try_from_fmt(fmt!("loopback-{number}"))?,
                common: common.clone(),
                parent,
                device <- new_mutex!(None, "Node::device"),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Makes a device, for which a driver is looked for meanwhile. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if there is one, or too many of all nodes together; `EINVAL` and `EBADF` for what is not allowed; `ENOMEM`;
    /// each with a line in the kernel's log. `ERESTARTSYS` for a signal.
    pub(crate) fn create(&self, create: &Create) -> Result<Owned> {
        let refused = |what: &str, error: Error| {
            pr_err!(
                "/dev/{}: {}: error {}\n",
                &*self.name,
                what,
                error.to_errno()
            );
            error
        };
        check(create, self.common.untested).map_err(|bad| {
            pr_err!("/dev/{}: {}\n", &*self.name, format_args!("{bad}"));
            EINVAL
        })?;
        let common = &*self.common;
        let alive = Devices::enter(&common.devices).inspect_err(|error| {
            if *error == EBUSY {
                refused("too many devices are held by applications", EBUSY);
            }
        })?;
        let mut place = self.device.lock();
        if place.is_some() {
            return Err(refused(
                "there is a device already, whose owner must close it first",
                EBUSY,
            ));
        }
        let bytes = usize::try_from(create.memory_size)?;
        let memory = SharedMemory::new(create.memory_fd, bytes).map_err(|error| {
            refused(
                "memory_fd must be a memfd with at least memory_size bytes",
                error,
            )
        })?;
        let event = EventFd::new(create.event_fd)
            .map_err(|error| refused("event_fd must be an eventfd", error))?;
        let number = common.made.fetch_add(1, Relaxed).wrapping_add(1);
        let loopback = Loopback::new(&self.name, number, create, memory, event)?;
        let kind = (create.device_id, create.vendor_id);
        let device = Device::new(common.module, &self.parent, kind, loopback);
        let device = Arc::pin_init(device, GFP_KERNEL)?;
        let register = Prepared::new(Register(device.clone()))?;
        let removal = Prepared::new(Remove {
            device: device.clone(),
            _alive: alive,
        })?;
        pr_info!("{}: made\n", device.transport());
        *place = Some(device.clone());
        common.worker.start(register);
        Ok(Owned { device, removal })
    }

    /// The device of this number. May sleep.
    ///
    /// # Errors
    ///
    /// `ESTALE` if it is another one, or none.
    pub(crate) fn device(&self, number: u32) -> Result<Arc<Device<Loopback>>> {
        let device = self.device.lock();
        let device = device
            .as_ref()
            .filter(|device| device.transport().number == number);
        device.cloned().ok_or_else(stale)
    }

    /// Takes a device away from everybody: there may be another one at once, while the driver of this one goes. May
    /// sleep.
    pub(crate) fn close(&self, owned: Owned) {
        let Owned { device, removal } = owned;
        device.transport().close();
        device.break_queues();
        *self.device.lock() = None;
        drop(device);
        self.common.worker.start(removal);
    }
}
