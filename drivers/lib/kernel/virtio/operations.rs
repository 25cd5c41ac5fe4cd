// SPDX-License-Identifier: GPL-2.0-only

//! Virtio core's table of what a device can be asked, and a trampoline for each entry.

use core::ptr::{addr_of, null_mut, NonNull};

use kernel::container_of;
use kernel::error::from_result;
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;
use kernel::types::Opaque;

use super::device::{Device, Queue, Rings, Transport};
use super::map::{self, token};
use crate::lib::bindings;

/// How many bytes the used part of a ring is aligned to.
const RING_ALIGN: c_uint = 64;

impl<T: Transport> Device<T> {
    /// `struct virtio_map_ops`.
    pub(super) const MAP_OPERATIONS: &'static bindings::virtio_map_ops =
        &map::Operations::<T::Locked>::TABLE;

    /// `struct virtio_config_ops`.
    pub(super) const OPERATIONS: &'static bindings::virtio_config_ops =
        &bindings::virtio_config_ops {
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
    /// `device` must be the `raw` of a `Self` that stays until `'a` ends, as it is when core calls.
    unsafe fn of<'a>(device: *mut bindings::virtio_device) -> &'a Self {
        // SAFETY: As this function's. It is only ever borrowed.
        unsafe { &*container_of!(Opaque::cast_from(device.cast_const()), Self, raw) }
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
                        unsafe { this.find_vq(index - 1, info) }?.as_ptr()
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
    /// Core must have asked the device for queues, and `info` be what it said of one.
    unsafe fn find_vq(
        &self,
        index: u32,
        info: &bindings::virtqueue_info,
    ) -> Result<NonNull<bindings::virtqueue>> {
        let size = self.transport.queue_size(index)?;
        let map = token(self.transport.pool());
        // SAFETY: The name and the callback are the driver's, which gives the queue back before they go. The token is
        // valid as long as the device.
        let queue = unsafe {
            bindings::vring_create_virtqueue_map(
                index,
                size,
                RING_ALIGN,
                self.raw.get(),
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
        if self
            .queues
            .lock()
            .push_within_capacity(Queue(queue))
            .is_err()
        {
            // SAFETY: Just made, and nobody knows it.
            unsafe { bindings::vring_del_virtqueue(queue.as_ptr()) };
            return Err(ENOMEM);
        }
        self.transport.queue_made(index, rings)?;
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
