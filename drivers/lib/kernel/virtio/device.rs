// SPDX-License-Identifier: GPL-2.0-only

//! A virtio device, virtio core's table of what it can be asked, and a trampoline for each entry.

use core::marker::PhantomData;
use core::ptr::{addr_of, addr_of_mut, null_mut, NonNull};

use kernel::container_of;
use kernel::error::{from_result, to_result};
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex, MutexGuard};
use kernel::types::Opaque;

use super::map::{self, token};
use super::pool::Pool;
use crate::lib::bindings;
use crate::lib::kernel::parent::Parent;

/// How many bytes the used part of a ring is aligned to.
const RING_ALIGN: c_uint = 64;

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
struct Queue(NonNull<bindings::virtqueue>);

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
    raw: Opaque<bindings::virtio_device>,
    /// Held while a driver is called. Empty before the device is registered, and from its removal on.
    #[pin]
    queues: Mutex<KVec<Queue>>,
    /// Held while it is registered and unregistered, drivers' probe and removal included.
    #[pin]
    life: Mutex<Life>,
    #[pin]
    transport: T,
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
    /// Calls the driver of a queue, which looks at what has been used.
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
                    (*slot).config = Operations::<T>::TABLE;
                    (*slot).map = Operations::<T>::MAP;
                    bindings::rloop_virtio_device_init(slot, parent, Some(Self::release));
                }
            }),
            queues <- new_mutex!(KVec::new(), "Device::queues"),
            life <- new_mutex!(Life::New, "Device::life"),
            transport <- transport,
            _module: Kept::new(module),
        }? Error)
    }

    /// What the module does for it.
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

/// Virtio core's table for a `T`.
struct Operations<T>(PhantomData<T>);

impl<T: Transport> Operations<T> {
    const MAP: &'static bindings::virtio_map_ops = &map::Operations::<T::Locked>::TABLE;

    const TABLE: &'static bindings::virtio_config_ops = &bindings::virtio_config_ops {
        get: Some(Self::get),
        set: Some(Self::set),
        generation: Some(Self::generation),
        get_status: Some(Self::get_status),
        set_status: Some(Self::set_status),
        reset: Some(Self::reset),
        find_vqs: Some(Self::find_vqs),
        del_vqs: Some(Self::del_vqs),
        synchronize_cbs: Some(Self::synchronize_cbs),
        get_features: Some(Self::get_features),
        finalize_features: Some(Self::finalize_features),
        get_extended_features: None,
        bus_name: None,
        set_vq_affinity: None,
        get_vq_affinity: None,
        get_shm_region: None,
        disable_vq_and_reset: None,
        enable_vq_after_reset: None,
    };

    /// # Safety
    ///
    /// `device` must be the `raw` of a `Device<T>` that stays until `'a` ends, as it is when core calls.
    unsafe fn of<'a>(device: *mut bindings::virtio_device) -> &'a Device<T> {
        // SAFETY: As this function's. It is only ever borrowed.
        unsafe { &*container_of!(Opaque::cast_from(device.cast_const()), Device<T>, raw) }
    }

    /// # Safety
    ///
    /// As [`Self::of`]; `bytes` bytes from `to` must be valid.
    unsafe extern "C" fn get(
        device: *mut bindings::virtio_device,
        offset: c_uint,
        to: *mut c_void,
        bytes: c_uint,
    ) {
        // SAFETY: As this function's. The bytes are core's, for the time of the call; they need not be initialised for
        // being zeroed.
        let (this, to) = unsafe {
            to.cast::<u8>().write_bytes(0, bytes as usize);
            let to = core::slice::from_raw_parts_mut(to.cast(), bytes as usize);
            (Self::of(device), to)
        };
        this.transport.read_config(offset as usize, to);
    }

    /// # Safety
    ///
    /// As [`Self::of`]; `bytes` bytes from `from` must be valid.
    unsafe extern "C" fn set(
        device: *mut bindings::virtio_device,
        offset: c_uint,
        from: *const c_void,
        bytes: c_uint,
    ) {
        // SAFETY: As this function's.
        let (this, from) = unsafe {
            let from = core::slice::from_raw_parts(from.cast(), bytes as usize);
            (Self::of(device), from)
        };
        this.transport.write_config(offset as usize, from);
    }

    /// # Safety
    ///
    /// As [`Self::of`].
    unsafe extern "C" fn generation(device: *mut bindings::virtio_device) -> u32 {
        // SAFETY: As this function's.
        unsafe { Self::of(device) }.transport.config_generation()
    }

    /// # Safety
    ///
    /// As [`Self::of`].
    unsafe extern "C" fn get_status(device: *mut bindings::virtio_device) -> u8 {
        // SAFETY: As this function's.
        unsafe { Self::of(device) }.transport.status()
    }

    /// # Safety
    ///
    /// As [`Self::of`].
    unsafe extern "C" fn set_status(device: *mut bindings::virtio_device, status: u8) {
        // SAFETY: As this function's.
        unsafe { Self::of(device) }.transport.set_status(status);
    }

    /// # Safety
    ///
    /// As [`Self::of`].
    unsafe extern "C" fn reset(device: *mut bindings::virtio_device) {
        // SAFETY: As this function's.
        let this = unsafe { Self::of(device) };
        this.transport.reset();
        // Whoever was calling the driver has done so.
        drop(this.queues.lock());
    }

    /// # Safety
    ///
    /// As [`Self::of`].
    unsafe extern "C" fn synchronize_cbs(device: *mut bindings::virtio_device) {
        // SAFETY: As this function's.
        drop(unsafe { Self::of(device) }.queues.lock());
    }

    /// # Safety
    ///
    /// As [`Self::of`].
    unsafe extern "C" fn get_features(device: *mut bindings::virtio_device) -> u64 {
        // SAFETY: As this function's.
        unsafe { Self::of(device) }.transport.features()
    }

    /// # Safety
    ///
    /// As [`Self::of`].
    unsafe extern "C" fn finalize_features(device: *mut bindings::virtio_device) -> c_int {
        from_result(|| {
            // SAFETY: As this function's.
            let (this, features) = unsafe {
                bindings::vring_transport_features(device);
                (Self::of(device), bindings::rloop_virtio_features(device))
            };
            this.transport.take_features(features)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As [`Self::of`]; `queues` and `infos` must have `count` entries.
    unsafe extern "C" fn find_vqs(
        device: *mut bindings::virtio_device,
        count: c_uint,
        queues: *mut *mut bindings::virtqueue,
        infos: *mut bindings::virtqueue_info,
        _: *mut bindings::irq_affinity,
    ) -> c_int {
        // SAFETY: As this function's.
        let this = unsafe { Self::of(device) };
        let result = (|| {
            // SAFETY: As this function's. They are only looked at.
            let infos = unsafe { core::slice::from_raw_parts(infos, count as usize) };
            let named = infos.iter().filter(|info| !info.name.is_null()).count();
            this.transport.begin_queues(named)?;
            this.queues.lock().reserve(named, GFP_KERNEL)?;
            // SAFETY: As this function's. The device is the driver's, which nobody else is bound to.
            unsafe { (*device).vmap = token(this.transport.pool()) };
            let mut index = 0;
            for (place, info) in infos.iter().enumerate() {
                let queue = match info.name.is_null() {
                    true => null_mut(),
                    false => {
                        index += 1;
                        // SAFETY: As this function's.
                        unsafe { Self::find_vq(this, device, index - 1, info) }?.as_ptr()
                    }
                };
                // SAFETY: As this function's.
                unsafe { *queues.add(place) = queue };
            }
            Ok(0)
        })();
        if result.is_err() {
            // SAFETY: As this function's.
            unsafe { Self::del_vqs(device) };
        }
        from_result(|| result)
    }

    /// Makes a queue, and puts it to the others.
    ///
    /// # Safety
    ///
    /// `device` must be that of `this`, which core has asked for queues, and `info` what it said of one.
    unsafe fn find_vq(
        this: &Device<T>,
        device: *mut bindings::virtio_device,
        index: u32,
        info: &bindings::virtqueue_info,
    ) -> Result<NonNull<bindings::virtqueue>> {
        let size = this.transport.queue_size(index)?;
        let map = token(this.transport.pool());
        // SAFETY: The name and the callback are the driver's, which gives the queue back before they go. The token is
        // valid as long as the device.
        let queue = unsafe {
            bindings::vring_create_virtqueue_map(
                index,
                size,
                RING_ALIGN,
                device,
                true,
                false,
                info.ctx,
                Some(Self::notify),
                info.callback,
                info.name,
                map,
            )
        };
        let queue = NonNull::new(queue).ok_or(ENOMEM)?;
        // SAFETY: Just made.
        let rings = unsafe {
            Rings {
                size: bindings::virtqueue_get_vring_size(queue.as_ptr()),
                descriptors: bindings::virtqueue_get_desc_addr(queue.as_ptr()),
                available: bindings::virtqueue_get_avail_addr(queue.as_ptr()),
                used: bindings::virtqueue_get_used_addr(queue.as_ptr()),
            }
        };
        // INVARIANT: Just made. There is room.
        if this
            .queues
            .lock()
            .push_within_capacity(Queue(queue))
            .is_err()
        {
            // SAFETY: Just made, and nobody knows it.
            unsafe { bindings::vring_del_virtqueue(queue.as_ptr()) };
            return Err(ENOMEM);
        }
        this.transport.queue_made(index, rings)?;
        Ok(queue)
    }

    /// # Safety
    ///
    /// As [`Self::of`]; the driver does not use its queues any more.
    unsafe extern "C" fn del_vqs(device: *mut bindings::virtio_device) {
        // SAFETY: As this function's.
        let this = unsafe { Self::of(device) };
        this.transport.queues_gone();
        let queues = core::mem::replace(&mut *this.queues.lock(), KVec::new());
        for queue in queues {
            // SAFETY: By the invariant it was there, and nobody reaches it any more.
            unsafe { bindings::vring_del_virtqueue(queue.0.as_ptr()) };
        }
        this.transport.pool().forget();
    }

    /// `virtqueue.notify`. Any context.
    ///
    /// # Safety
    ///
    /// `queue` must be one that [`Self::find_vq`] has made.
    unsafe extern "C" fn notify(queue: *mut bindings::virtqueue) -> bool {
        // SAFETY: As this function's. Both are written before the driver has the queue, and stay.
        let (this, index) = unsafe {
            let device = addr_of!((*queue).vdev).read();
            (Self::of(device), addr_of!((*queue).index).read())
        };
        this.transport.notify(index)
    }
}
