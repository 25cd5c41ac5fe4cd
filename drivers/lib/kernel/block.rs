// SPDX-License-Identifier: GPL-2.0-only

//! Disks: block devices whose requests are handed to a type.
//!
//! The kernel crate has `kernel::block::mq`. But up to Linux 7.3 its requests have neither place nor memory, its disks no
//! limits but the size of blocks, no ioctl, and no owner, so that the module can be unloaded under a file system; and
//! they can't change their size or go while they are used. Here
//!
//! - whoever uses a disk keeps the module ([`Operations`] has its owner), and what the disk is for ([`Disk`]);
//! - a request is a value that is ended once, at once or later ([`Request`]), whatever becomes of it;
//! - when a disk goes ([`Registration`] is dropped) its requests have ended, and those that come later fail.
//!
//! C headers: `include/linux/blk-mq.h`, `include/linux/blkdev.h`

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::bindings as c;
use kernel::error::{from_err_ptr, to_result, VTABLE_DEFAULT_ERROR};
use kernel::ffi::{c_int, c_void};
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;
use kernel::types::{ForeignOwnable, Opaque};

use crate::lib::bindings;

mod operations;
pub(crate) mod pages;
mod request;

pub(crate) use operations::Operations;
pub(crate) use request::{Data, Operation, Request, Status};

use request::Later;

/// The size of a sector in bytes.
const SECTOR: u32 = 512;

/// What a disk does. Any number of threads may call at once.
#[vtable]
pub(crate) trait Disk: Send + Sync + Sized + 'static {
    /// Does what a request asks for, or lets that be done, and ends it. May sleep, but not until another request of
    /// this disk has been done, and not for memory that this disk could have to be written to for.
    fn request(&self, request: Request);

    /// `ioctl` of a number that the kernel does not know: does what `command` says, with `argument`, a number or the
    /// address of memory of the program's (see `kernel::uaccess`), also for a program with 32 bits. Returns what the
    /// program's call returns, which must not be negative. May sleep. Also called when the disk has gone.
    ///
    /// # Errors
    ///
    /// Given to the program; `ENOTTY` for a command that there is not.
    fn ioctl(&self, command: u32, argument: usize) -> Result<c_int> {
        let _ = (command, argument);
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// What requests of a disk can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The size of a block in bytes: a power of two from 512 to 4096.
    pub(crate) block: u32,
    /// The size of the disk in sectors of 512 bytes.
    pub(crate) sectors: u64,
    /// Whether it can only be read.
    pub(crate) read_only: bool,
    /// Whether writes are safe only after a flush, or with FUA.
    pub(crate) write_cache: bool,
    /// How many hardware queues it has; 0, or more than there are processors: one for each.
    pub(crate) queues: u32,
    /// How many requests each of them takes at once.
    pub(crate) depth: u32,
    /// The longest read or write, in sectors.
    pub(crate) most: u32,
    /// The unit of discards in bytes, a power of two; they can be of any length.
    pub(crate) discards: u32,
}

impl Limits {
    fn raw(&self) -> c::queue_limits {
        let mut features: c::blk_features_t = 0;
        if self.write_cache {
            features = bindings::rloop_block_constant_RLOOP_FEAT_WRITE_CACHE
                | bindings::rloop_block_constant_RLOOP_FEAT_FUA;
        }
        c::queue_limits {
            logical_block_size: self.block,
            physical_block_size: self.block,
            max_hw_sectors: self.most,
            max_segments: u16::MAX,
            max_segment_size: u32::MAX,
            // Each piece of memory is of whole blocks.
            dma_alignment: self.block - 1,
            max_hw_discard_sectors: u32::MAX / SECTOR,
            discard_granularity: self.discards,
            max_write_zeroes_sectors: u32::MAX / SECTOR,
            features,
            ..Default::default()
        }
    }
}

/// A number for all disks of a driver, as `/proc/devices` shows it. Dropping it gives it back.
pub(crate) struct Major {
    number: c_int,
    name: &'static CStr,
}

impl Major {
    /// Takes one that is free. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if none is, `ENOMEM`.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: The name is a string, and is copied.
        let number = unsafe { c::__register_blkdev(0, name.as_char_ptr(), None) };
        to_result(number)?;
        Ok(Self { number, name })
    }
}

impl Drop for Major {
    fn drop(&mut self) {
        // SAFETY: It was registered by this name, and disks of that number keep it (`Registration::major`).
        unsafe { c::unregister_blkdev(self.number.unsigned_abs(), self.name.as_char_ptr()) };
    }
}

/// A minor number; dropping it gives it back.
struct Minor(c_int);

impl Minor {
    fn new() -> Result<Self> {
        // SAFETY: The function may be called wherever sleeping is allowed.
        let number = unsafe { bindings::rloop_disk_minor() };
        to_result(number)?;
        Ok(Self(number))
    }
}

impl Drop for Minor {
    fn drop(&mut self) {
        // SAFETY: It is one that `rloop_disk_minor` has given, and is given back once.
        unsafe { bindings::rloop_disk_free_minor(self.0) };
    }
}

/// Tags, by which a queue knows its requests; dropping them frees them.
///
/// # Invariants
///
/// They have been allocated.
struct Tags(Pin<KBox<Opaque<c::blk_mq_tag_set>>>);

impl Tags {
    fn new(operations: &'static c::blk_mq_ops, limits: &Limits) -> Result<Self> {
        let set = c::blk_mq_tag_set {
            ops: operations,
            nr_hw_queues: match limits.queues {
                0 => u32::MAX,
                queues => queues,
            },
            nr_maps: 1,
            queue_depth: limits.depth,
            cmd_size: size_of::<Later>() as u32,
            numa_node: c::NUMA_NO_NODE,
            // A scheduler would hand each request to a worker, as they may sleep here.
            flags: c::BLK_MQ_F_BLOCKING | c::BLK_MQ_F_NO_SCHED_BY_DEFAULT,
            ..Default::default()
        };
        let set = KBox::pin(Opaque::new(set), GFP_KERNEL)?;
        // SAFETY: The set has been filled in, is pinned, and is freed before it goes.
        to_result(unsafe { c::blk_mq_alloc_tag_set(set.get()) })?;
        // INVARIANT: Just done.
        Ok(Self(set))
    }

    /// How many hardware queues there are.
    fn queues(&self) -> u32 {
        // SAFETY: By the invariant it has been set up; this does not change any more.
        unsafe { (*self.0.get()).nr_hw_queues }
    }
}

impl Drop for Tags {
    fn drop(&mut self) {
        // SAFETY: By the invariant. Whoever has a queue of them drops that before.
        unsafe { c::blk_mq_free_tag_set(self.0.get()) };
    }
}

/// A disk that the kernel has made, with its queue. Dropping it gives it up; whoever still uses it keeps its memory.
///
/// # Invariants
///
/// It points to a `struct gendisk` of which this value has a reference.
struct Gendisk(NonNull<c::gendisk>);

impl Drop for Gendisk {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is this value's reference.
        unsafe { c::put_disk(self.0.as_ptr()) };
    }
}

/// A disk in `/dev`. Dropping it takes it away, after all requests have ended: whoever uses it gets errors from then
/// on. Requests that nobody has ended yet must be ended, or dropping it waits for that. May sleep.
///
/// # Invariants
///
/// The disk has been added, and this value alone removes it. Its `private_data` and its queue's `queuedata` are a
/// reference of the `Arc<D>` that is this value's.
pub(crate) struct Registration<D: Disk> {
    // In this order they are dropped: the disk and its queue, its tags, its numbers.
    disk: Gendisk,
    tags: Tags,
    _minor: Minor,
    _major: Arc<Major>,
    _of: PhantomData<Arc<D>>,
}

// SAFETY: A disk is not bound to the thread that has made it, and `D` is `Send` and `Sync`.
unsafe impl<D: Disk> Send for Registration<D> {}

// SAFETY: What can be done with a reference to it the block layer locks.
unsafe impl<D: Disk> Sync for Registration<D> {}

impl<D: Disk> Registration<D> {
    /// Makes the disk `/dev/NAME`, whose requests are `of`'s affair from here on. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is such a disk, `EINVAL` for a name of more than 31 bytes or for limits that the kernel does not take,
    /// `ENOMEM`.
    pub(crate) fn new(
        operations: &'static Operations<D>,
        module: &'static ThisModule,
        major: Arc<Major>,
        name: &CStr,
        limits: &Limits,
        of: Arc<D>,
    ) -> Result<Self> {
        let minor = Minor::new()?;
        let tags = Tags::new(Operations::<D>::QUEUE, limits)?;
        let mut raw = limits.raw();
        let own: *mut c_void = of.into_foreign().cast();
        // Until the disk is added nobody else has it.
        let undo = kernel::types::ScopeGuard::new(|| {
            // SAFETY: It comes from `into_foreign`, and nobody uses it any more.
            drop(unsafe { <Arc<D> as ForeignOwnable>::from_foreign(own.cast()) });
        });
        // SAFETY: The tags are allocated, and outlive the queue: they are dropped after the disk. The limits are
        // copied.
        let disk = unsafe {
            bindings::rloop_disk_alloc(
                tags.0.get().cast(),
                core::ptr::from_mut(&mut raw).cast(),
                own,
            )
        };
        let disk = from_err_ptr(disk)?.cast();
        // INVARIANT: It is new, with one reference.
        let disk = Gendisk(NonNull::new(disk).ok_or(ENOMEM)?);
        let raw = disk.0.as_ptr();
        // SAFETY: The disk is new, and nobody else knows of it.
        unsafe {
            (*raw).major = major.number;
            (*raw).first_minor = minor.0;
            (*raw).minors = 1;
            (*raw).flags |= c::GENHD_FL_NO_PART as c_int;
            (*raw).fops = operations.of(module);
            (*raw).private_data = own;
            let name = name.to_bytes_with_nul();
            let room = (*raw).disk_name.get_mut(..name.len());
            for (to, from) in room.ok_or(EINVAL)?.iter_mut().zip(name) {
                *to = *from;
            }
            c::set_disk_ro(raw, limits.read_only);
            c::set_capacity_and_notify(raw, limits.sectors);
        }
        let none = core::ptr::null_mut();
        // SAFETY: The disk is set up; its operations are a static of the module, and are those of disks for `D`, which
        // is what its pointers are to.
        to_result(unsafe { c::device_add_disk(none, raw, none.cast()) })?;
        undo.dismiss();
        // INVARIANT: Just added; the reference is this value's from here on.
        Ok(Self {
            disk,
            tags,
            _minor: minor,
            _major: major,
            _of: PhantomData,
        })
    }

    /// How many users it has, be they programs or file systems. Any context.
    pub(crate) fn users(&self) -> u32 {
        // SAFETY: By the invariants of `Gendisk` it is valid.
        unsafe { bindings::rloop_disk_openers(self.disk.0.as_ptr().cast()) }
    }

    /// How many hardware queues it has. Any context.
    pub(crate) fn queues(&self) -> u32 {
        self.tags.queues()
    }

    /// Changes its size, and tells those who watch devices. Requests that have come before may be beyond the new end.
    /// May sleep.
    pub(crate) fn resize(&self, sectors: u64) {
        // SAFETY: By the invariants it is valid and has been added.
        unsafe { c::set_capacity_and_notify(self.disk.0.as_ptr(), sectors) };
    }

    /// Tells the block layer that the disk has been pulled out: who uses it gets errors from here on, and a file system
    /// on it is shut down. May sleep, and waits for what a file system does for that: requests must end.
    pub(crate) fn die(&self) {
        // SAFETY: As in `resize`.
        unsafe { c::blk_mark_disk_dead(self.disk.0.as_ptr()) };
    }
}

impl<D: Disk> Drop for Registration<D> {
    fn drop(&mut self) {
        let disk = self.disk.0.as_ptr();
        // SAFETY: By the invariants it was added, and is removed once. When this returns all requests have ended, no
        // other comes, nobody is in `open`, and nobody opens it any more.
        let own = unsafe {
            c::del_gendisk(disk);
            (*disk).private_data
        };
        // SAFETY: By the invariants this is the registration's reference. Programs that have the disk open have their
        // own.
        drop(unsafe { <Arc<D> as ForeignOwnable>::from_foreign(own.cast()) });
    }
}
