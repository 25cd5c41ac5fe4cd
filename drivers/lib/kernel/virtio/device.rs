// SPDX-License-Identifier: GPL-2.0-only

//! A virtio device, and what a module does for it.

use core::ptr::{addr_of_mut, NonNull};

use kernel::container_of;
use kernel::error::to_result;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex, MutexGuard};
use kernel::types::Opaque;

use super::pool::Pool;
use crate::lib::bindings;
use crate::lib::kernel::parent::Parent;

/// What a module does for virtio core, and so for drivers.
///
/// All methods may sleep, but for [`Transport::notify`]. While a driver is bound or unbound the device's lock is held,
/// by core.
pub(crate) trait Transport: Send + Sync + 'static {
    /// What is kept under the pool's lock.
    type Locked: Send + 'static;

    /// The device's memory.
    fn pool(&self) -> &Pool<Self::Locked>;

    /// The features that a driver may take.
    fn features(&self) -> u64;

    /// A driver has taken these features.
    ///
    /// # Errors
    ///
    /// Ends the driver's probe.
    fn take_features(&self, features: u64) -> Result;

    /// What a driver has last written as its status, 0 after a reset.
    fn status(&self) -> u8;

    /// A driver writes its status.
    fn set_status(&self, status: u8);

    /// A driver resets the device: from now on no used buffer may be taken in. Whoever calls drivers does so under
    /// [`Device::callers`], and looks there whether it still may.
    fn reset(&self);

    /// A number that changes with the configuration.
    fn config_generation(&self) -> u32;

    /// Reads the configuration from `offset`.
    fn read_config(&self, offset: usize, to: &mut [u8]);

    /// Writes to the configuration from `offset`.
    fn write_config(&self, offset: usize, from: &[u8]);

    /// A driver is about to ask for queues, as many as this.
    ///
    /// # Errors
    ///
    /// Ends the driver's probe.
    fn begin_queues(&self, count: usize) -> Result;

    /// How many entries a queue has.
    ///
    /// # Errors
    ///
    /// Ends the driver's probe.
    fn queue_size(&self, index: u32) -> Result<u32>;

    /// A driver has a queue, whose rings are these.
    ///
    /// # Errors
    ///
    /// Ends the driver's probe.
    fn queue_made(&self, index: u32, rings: Rings) -> Result;

    /// A driver is about to give its queues back. From now on nothing of them may be looked at.
    fn queues_gone(&self);

    /// A driver has made buffers of a queue available. Whether that is of use: if not, the queue is broken. Any context;
    /// any of the driver's locks may be held.
    fn notify(&self, index: u32) -> bool;
}

/// Where the rings of a queue are, as addresses of the device's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rings {
    /// How many entries they have.
    pub(crate) size: u32,
    /// The descriptors, where the ring begins.
    pub(crate) descriptors: u64,
    /// What the driver makes available.
    pub(crate) available: u64,
    /// What the device has used.
    pub(crate) used: u64,
}

/// A queue that a driver has.
///
/// # Invariants
///
/// It is a virtqueue of the device in whose [`Device::queues`] it is, and there until it is taken out.
pub(super) struct Queue(pub(super) NonNull<bindings::virtqueue>);

// SAFETY: A virtqueue is not bound to a thread; who may do what with it is argued where it is done.
unsafe impl Send for Queue {}

/// Whether virtio core knows a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Not yet.
    New,
    /// It does.
    Registered,
    /// Not any more, and it never will.
    Gone,
}

/// A device, which keeps the module. Virtio core keeps one that is registered until the last of its references has gone.
#[pin_data]
pub(crate) struct Device<T: Transport> {
    #[pin]
    pub(super) raw: Opaque<bindings::virtio_device>,
    /// Held while a driver is called. Empty before the device is registered, and from its removal on.
    #[pin]
    pub(super) queues: Mutex<KVec<Queue>>,
    /// Held while it is registered and unregistered, drivers' probe and removal included.
    #[pin]
    life: Mutex<Life>,
    #[pin]
    pub(super) transport: T,
    // Last, as the module has the rest.
    _module: Kept,
}

/// A module that is kept.
struct Kept(&'static ThisModule);

impl Kept {
    /// Keeps a module, which the caller does as well for now.
    fn new(module: &'static ThisModule) -> Self {
        // SAFETY: It is there, as the caller says.
        unsafe { bindings::rloop_module_get(module.as_ptr().cast()) };
        Self(module)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: Kept by `new`.
        unsafe { bindings::rloop_module_put(self.0.as_ptr().cast()) };
    }
}

// SAFETY: A device is not bound to a thread, and nor is `T`.
unsafe impl<T: Transport> Send for Device<T> {}

// SAFETY: `raw` is only handed to virtio core, which locks what there is to lock.
unsafe impl<T: Transport> Sync for Device<T> {}

/// Whoever may call the driver. As long as this value is there, nobody else does, and the driver has its queues.
pub(crate) struct Callers<'a>(MutexGuard<'a, KVec<Queue>>);

impl Callers<'_> {
    /// Calls the driver of a queue, which looks at what has been used. May sleep, though the driver does not: it is
    /// called with bottom halves off.
    pub(crate) fn call(&self, index: u32) {
        for queue in self.0.iter() {
            // SAFETY: By the invariant of `Queue`, as the lock is held. The index does not change.
            unsafe {
                if (*queue.0.as_ptr()).index == index {
                    bindings::rloop_virtio_interrupt(queue.0.as_ptr());
                }
            }
        }
    }
}

impl<T: Transport> Device<T> {
    /// Makes a device that virtio core does not know, of a kind and by a vendor, below `parent`, which must go later. The
    /// caller must keep the module meanwhile.
    pub(crate) fn new<E>(
        module: &'static ThisModule,
        parent: &Parent,
        (kind, vendor): (u32, u32),
        transport: impl PinInit<T, E>,
    ) -> impl PinInit<Self, Error>
    where
        Error: From<E>,
    {
        let parent = parent.as_raw();
        try_pin_init!(Self {
            raw <- Opaque::ffi_init(move |slot: *mut bindings::virtio_device| {
                // SAFETY: The slot is valid memory for a device, of which all zeroes is the beginning; and so is the
                // parent. The tables are constants.
                unsafe {
                    slot.write_bytes(0, 1);
                    (*slot).id.device = kind;
                    (*slot).id.vendor = vendor;
                    (*slot).config = Self::OPERATIONS;
                    (*slot).map = Self::MAP_OPERATIONS;
                    bindings::rloop_virtio_device_init(slot, parent, Some(Self::release));
                }
            }),
            queues <- new_mutex!(KVec::new(), "Device::queues"),
            life <- new_mutex!(Life::New, "Device::life"),
            transport <- transport,
            _module: Kept::new(module),
        }? Error)
    }

    /// What the module does for it. Any context.
    pub(crate) fn transport(&self) -> &T {
        &self.transport
    }

    /// Lets virtio core find a driver, whose probe may take long. Does nothing once the device has been unregistered.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the kernel returns.
    pub(crate) fn register(self: &Arc<Self>) -> Result {
        let mut life = self.life.lock();
        if *life != Life::New {
            return Ok(());
        }
        // Until `release`.
        let raw = Arc::into_raw(self.clone());
        // SAFETY: It has been set up by `new`, is registered once, and stays until `release`.
        let result = to_result(unsafe { bindings::register_virtio_device((*raw).raw.get()) });
        *life = match result {
            Ok(()) => Life::Registered,
            Err(_) => Life::Gone,
        };
        if result.is_err() {
            // SAFETY: `register_virtio_device` has initialised it, and does not give its reference back.
            unsafe { bindings::put_device(addr_of_mut!((*(*raw).raw.get()).dev)) };
        }
        result
    }

    /// Takes the device from its driver, and from virtio core. Waits for whoever the driver waits for. Done again it
    /// does nothing. May sleep, for long.
    pub(crate) fn unregister(&self) {
        let mut life = self.life.lock();
        if *life == Life::Registered {
            // SAFETY: It is registered, and is unregistered once.
            unsafe { bindings::unregister_virtio_device(self.raw.get()) };
        }
        *life = Life::Gone;
    }

    /// Whoever calls the driver of a queue takes this first. May sleep; not from inside of a call.
    pub(crate) fn callers(&self) -> Callers<'_> {
        Callers(self.queues.lock())
    }

    /// Nothing will come back any more: what the driver does with its queues from now on fails. May sleep.
    pub(crate) fn break_queues(&self) {
        let queues = self.queues.lock();
        if !queues.is_empty() {
            // SAFETY: A driver has asked it for queues and not given them back, so it is registered.
            unsafe { bindings::virtio_break_device(self.raw.get()) };
        }
    }

    /// The configuration has changed. May sleep.
    pub(crate) fn config_changed(&self) {
        let queues = self.queues.lock();
        if !queues.is_empty() {
            // SAFETY: As in `break_queues`.
            unsafe { bindings::virtio_config_changed(self.raw.get()) };
        }
    }

    /// `device.release`: the last reference has gone.
    ///
    /// # Safety
    ///
    /// `device` must be in the `raw` of a `Self` that has been registered. May sleep.
    unsafe extern "C" fn release(device: *mut bindings::device) {
        // SAFETY: By the precondition; `register` has given the reference up, and this is called once.
        drop(unsafe {
            let raw = container_of!(device, bindings::virtio_device, dev);
            Arc::from_raw(container_of!(Opaque::cast_from(raw), Self, raw))
        });
    }
}
