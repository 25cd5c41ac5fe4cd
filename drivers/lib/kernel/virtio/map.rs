// SPDX-License-Identifier: GPL-2.0-only

//! Virtio core's table of what a device's memory is mapped by, and a trampoline for each entry: all of them come to the
//! device's [`Pool`].
//!
//! The token that core hands around is a pointer to the pool.
//!
//! C header: `include/linux/virtio_config.h`

use core::marker::PhantomData;
use core::ptr::{from_ref, null_mut, NonNull};

use kernel::ffi::{c_int, c_ulong, c_void};
use kernel::prelude::*;

use super::pool::{Pool, Use};
use crate::lib::bindings;

/// `DMA_MAPPING_ERROR`.
const NO_ADDRESS: u64 = u64::MAX;
/// `DMA_ATTR_SKIP_CPU_SYNC`: what is mapped is copied by others.
const SKIP: c_ulong = 1 << 5;

/// `enum dma_data_direction`.
impl From<u32> for Use {
    fn from(direction: u32) -> Self {
        Self {
            given: direction == bindings::dma_data_direction_DMA_TO_DEVICE
                || direction == bindings::dma_data_direction_DMA_BIDIRECTIONAL,
            returned: direction == bindings::dma_data_direction_DMA_FROM_DEVICE
                || direction == bindings::dma_data_direction_DMA_BIDIRECTIONAL,
        }
    }
}

/// The token of a pool. Any context.
pub(super) fn token<X>(pool: &Pool<X>) -> bindings::virtio_map {
    // A member that all kernels have.
    bindings::virtio_map {
        dma_dev: from_ref(pool).cast_mut().cast(),
    }
}

/// The table of a pool with `X`.
pub(super) struct Operations<X>(PhantomData<X>);

impl<X: Send + 'static> Operations<X> {
    pub(super) const TABLE: bindings::virtio_map_ops = bindings::virtio_map_ops {
        map_page: Some(Self::map_page),
        unmap_page: Some(Self::unmap_page),
        sync_single_for_cpu: Some(Self::sync_for_cpu),
        sync_single_for_device: Some(Self::sync_for_device),
        alloc: Some(Self::alloc),
        free: Some(Self::free),
        need_sync: Some(Self::need_sync),
        mapping_error: Some(Self::mapping_error),
        max_mapping_size: Some(Self::max_mapping_size),
    };

    /// # Safety
    ///
    /// `map` must be the [`token`] of a `Pool<X>` that lives until `'a` ends.
    unsafe fn pool<'a>(map: bindings::virtio_map) -> &'a Pool<X> {
        // SAFETY: As this function's; each token is made with this member, and pools are only ever borrowed.
        unsafe { &*map.dma_dev.cast::<Pool<X>>() }
    }

    /// # Safety
    ///
    /// As [`Self::pool`], during the call; and `page` must be valid, with `bytes` bytes from `offset`, until
    /// [`Self::unmap_page`].
    unsafe extern "C" fn map_page(
        map: bindings::virtio_map,
        page: *mut bindings::page,
        offset: c_ulong,
        bytes: usize,
        direction: bindings::dma_data_direction,
        attributes: c_ulong,
    ) -> bindings::dma_addr_t {
        // SAFETY: As this function's.
        let (pool, page) = unsafe { (Self::pool(map), bindings::rloop_page_address(page)) };
        let Some(original) = NonNull::new(page.cast::<u8>()) else {
            return NO_ADDRESS;
        };
        let skip = attributes & SKIP != 0;
        // SAFETY: As this function's. Machines with 64 bits have all memory mapped, and a buffer that is longer than a
        // page in a row.
        let address = unsafe {
            let original = original.add(offset);
            pool.map(original, bytes, direction.into(), skip)
        };
        address.unwrap_or(NO_ADDRESS)
    }

    /// # Safety
    ///
    /// As [`Self::pool`], during the call.
    unsafe extern "C" fn unmap_page(
        map: bindings::virtio_map,
        address: bindings::dma_addr_t,
        bytes: usize,
        direction: bindings::dma_data_direction,
        attributes: c_ulong,
    ) {
        // SAFETY: As this function's.
        let pool = unsafe { Self::pool(map) };
        pool.unmap(address, bytes, direction.into(), attributes & SKIP != 0);
    }

    /// # Safety
    ///
    /// As [`Self::pool`], during the call.
    unsafe extern "C" fn sync_for_cpu(
        map: bindings::virtio_map,
        address: bindings::dma_addr_t,
        bytes: usize,
        direction: bindings::dma_data_direction,
    ) {
        if Use::from(direction).returned {
            // SAFETY: As this function's.
            unsafe { Self::pool(map) }.sync(address, bytes, true);
        }
    }

    /// # Safety
    ///
    /// As [`Self::pool`], during the call.
    unsafe extern "C" fn sync_for_device(
        map: bindings::virtio_map,
        address: bindings::dma_addr_t,
        bytes: usize,
        direction: bindings::dma_data_direction,
    ) {
        if Use::from(direction).given {
            // SAFETY: As this function's.
            unsafe { Self::pool(map) }.sync(address, bytes, false);
        }
    }

    /// # Safety
    ///
    /// As [`Self::pool`], during the call; `address` must be valid for a write. May sleep.
    unsafe extern "C" fn alloc(
        map: bindings::virtio_map,
        bytes: usize,
        address: *mut bindings::dma_addr_t,
        _: bindings::gfp_t,
    ) -> *mut c_void {
        // SAFETY: As this function's.
        match unsafe { Self::pool(map) }.ring_new(bytes) {
            Some((start, public)) => {
                // SAFETY: As this function's.
                unsafe { *address = public };
                start.as_ptr().cast()
            }
            None => null_mut(),
        }
    }

    /// # Safety
    ///
    /// As [`Self::pool`], during the call. May sleep.
    unsafe extern "C" fn free(
        map: bindings::virtio_map,
        _: usize,
        _: *mut c_void,
        address: bindings::dma_addr_t,
        _: c_ulong,
    ) {
        // SAFETY: As this function's.
        unsafe { Self::pool(map) }.ring_free(address);
    }

    extern "C" fn need_sync(_: bindings::virtio_map, _: bindings::dma_addr_t) -> bool {
        true
    }

    extern "C" fn mapping_error(_: bindings::virtio_map, address: bindings::dma_addr_t) -> c_int {
        match address {
            NO_ADDRESS => ENOMEM.to_errno(),
            _ => 0,
        }
    }

    /// # Safety
    ///
    /// As [`Self::pool`], during the call.
    unsafe extern "C" fn max_mapping_size(map: bindings::virtio_map) -> usize {
        // SAFETY: As this function's.
        unsafe { Self::pool(map) }.mapping_max()
    }
}
