// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's tables of a disk's operations, and a trampoline for each.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;

use kernel::bindings as c;
use kernel::error::from_result;
use kernel::ffi::{c_int, c_uint, c_ulong};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kernel::types::ForeignOwnable;

use super::request::Later;
use super::{Disk, Request};

/// What a node of memory is for `init_request`.
#[cfg(kernel_7_2)]
type Node = c_int;
/// What a node of memory is for `init_request`.
#[cfg(not(kernel_7_2))]
type Node = c_uint;

/// The operations of disks of the type `D`, to be made a `static` of the module: the kernel still looks at them when the
/// last program has closed a disk that has gone.
pub(crate) struct Operations<D>(
    UnsafeCell<c::block_device_operations>,
    PhantomData<fn() -> D>,
);

// SAFETY: Once it has been made only the owner is written to, atomically, by `Operations::of`.
unsafe impl<D> Sync for Operations<D> {}

impl<D: Disk> Operations<D> {
    /// Makes the operations of a module that is not known yet.
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(Self::TABLE), PhantomData)
    }

    const TABLE: c::block_device_operations = c::block_device_operations {
        open: Some(Self::open),
        release: Some(Self::release),
        ioctl: if D::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        // A pointer of 32 bits is the address on all machines that modules are built for here.
        compat_ioctl: if D::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        // SAFETY: All zeroes is a value of this C type: no operation, and no owner.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// The operations of the queue.
    pub(super) const QUEUE: &'static c::blk_mq_ops = &c::blk_mq_ops {
        queue_rq: Some(Self::queue_rq),
        init_request: Some(Self::init_request),
        exit_request: Some(Self::exit_request),
        // SAFETY: All zeroes is a value of this C type: no operation.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// What the kernel is told: the operations, of disks whose users keep `module`, which is this one.
    pub(super) fn of(
        &'static self,
        module: &'static ThisModule,
    ) -> *const c::block_device_operations {
        let table = self.0.get();
        // SAFETY: The owner is a pointer in a static that nobody has exclusively. It is never read as anything but
        // the value written here: each registration, which comes before all that the kernel does with the table,
        // writes the same first.
        let owner = unsafe { Atomic::<usize>::from_ptr(addr_of_mut!((*table).owner).cast()) };
        owner.store(module.as_ptr() as usize, Relaxed);
        table
    }

    /// The queue has allocated a request. May sleep.
    ///
    /// # Safety
    ///
    /// `request` must be one of a queue of a [`Registration`](super::Registration), just allocated.
    unsafe extern "C" fn init_request(
        _: *mut c::blk_mq_tag_set,
        request: *mut c::request,
        _: c_uint,
        _: Node,
    ) -> c_int {
        // SAFETY: As this function's; the set's `cmd_size` is that of a `Later`.
        unsafe { Later::set_up(request) };
        0
    }

    /// The queue is about to free a request. May sleep.
    ///
    /// # Safety
    ///
    /// `request` must have been given to [`Operations::init_request`], and nobody use it any more.
    unsafe extern "C" fn exit_request(
        _: *mut c::blk_mq_tag_set,
        request: *mut c::request,
        _: c_uint,
    ) {
        // SAFETY: As this function's.
        unsafe { Later::finish(request) };
    }

    /// Takes a request from the queue. May sleep, since the queue's flag `BLK_MQ_F_BLOCKING` says so.
    ///
    /// # Safety
    ///
    /// `context` must be one of a queue of a [`Registration`](super::Registration) for `D`, and `data` hold a request of
    /// it, which nobody has started.
    unsafe extern "C" fn queue_rq(
        context: *mut c::blk_mq_hw_ctx,
        data: *const c::blk_mq_queue_data,
    ) -> c::blk_status_t {
        // SAFETY: As this function's. `queuedata` is what `Arc::into_foreign` has given, and is kept until no request
        // can come any more.
        let (request, disk) = unsafe {
            let disk = (*(*context).queue).queuedata;
            ((*data).rq, <Arc<D> as ForeignOwnable>::borrow(disk.cast()))
        };
        // SAFETY: As this function's.
        unsafe { c::blk_mq_start_request(request) };
        // SAFETY: It was just started, and nobody else ends it: the queue has no timeout.
        if let Some(request) = unsafe { Request::from_raw(request) } {
            disk.request(request);
        }
        c::BLK_STS_OK as c::blk_status_t
    }

    /// A program or a file system begins to use the disk: what it is for is kept until [`Operations::release`].
    ///
    /// # Safety
    ///
    /// `disk` must be that of a [`Registration`](super::Registration) for `D` that is there.
    unsafe extern "C" fn open(disk: *mut c::gendisk, _: c::blk_mode_t) -> c_int {
        // SAFETY: As this function's; `private_data` is what `Arc::into_foreign` has given. The registration keeps it,
        // for it does not go before the disk has been taken away, and that waits for whoever is in here (the disk's
        // `open_mutex`).
        let own = unsafe { <Arc<D> as ForeignOwnable>::borrow((*disk).private_data.cast()) };
        let kept: Arc<D> = own.into();
        kept.into_foreign();
        0
    }

    /// # Safety
    ///
    /// `disk` must be one that [`Operations::open`] has been called for once more than this.
    unsafe extern "C" fn release(disk: *mut c::gendisk) {
        // SAFETY: As this function's: it is the reference that `open` has made. The pointer is the same for all.
        drop(unsafe { <Arc<D> as ForeignOwnable>::from_foreign((*disk).private_data.cast()) });
    }

    /// # Safety
    ///
    /// `bdev` must be of a disk that is open.
    unsafe extern "C" fn ioctl(
        bdev: *mut c::block_device,
        _: c::blk_mode_t,
        command: c_uint,
        argument: c_ulong,
    ) -> c_int {
        // SAFETY: As this function's: what `open` has kept is there.
        let disk =
            unsafe { <Arc<D> as ForeignOwnable>::borrow((*(*bdev).bd_disk).private_data.cast()) };
        from_result(|| disk.ioctl(command, argument))
    }
}
