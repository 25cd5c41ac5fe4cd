// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's table of a file's operations, and a trampoline for each.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::ptr::addr_of_mut;

use kernel::bindings as c;
use kernel::container_of;
use kernel::error::{from_result, to_result};
use kernel::ffi::{c_int, c_long, c_uint, c_ulong};
use kernel::iov::{IovIterDest, IovIterSource};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::types::{ForeignOwnable, Opaque};

use super::{Closer, File, Mode, Node, Opened, Poller};
use crate::lib::bindings;

/// The operations of files of the type `F`, to be made a `static` of the module: the kernel still looks at them when
/// the last file has been released and all else of the device has gone.
pub(crate) struct Operations<F>(UnsafeCell<c::file_operations>, PhantomData<fn() -> F>);

// SAFETY: Once it has been made only the owner is written to, atomically, by `Operations::of`.
unsafe impl<F> Sync for Operations<F> {}

impl<F: File> Operations<F> {
    /// Makes the operations of a module that is not known yet.
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(Self::TABLE), PhantomData)
    }

    const TABLE: c::file_operations = c::file_operations {
        open: Some(Self::open),
        release: Some(Self::release),
        read_iter: if F::HAS_READ {
            Some(Self::read_iter)
        } else {
            None
        },
        write_iter: if F::HAS_WRITE {
            Some(Self::write_iter)
        } else {
            None
        },
        splice_read: if F::HAS_READ {
            Some(Self::splice_read)
        } else {
            None
        },
        splice_write: if F::HAS_WRITE {
            Some(Self::splice_write)
        } else {
            None
        },
        poll: if F::HAS_POLL { Some(Self::poll) } else { None },
        unlocked_ioctl: if F::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        compat_ioctl: if F::HAS_COMPAT_IOCTL {
            Some(Self::compat_ioctl)
        } else {
            None
        },
        show_fdinfo: if F::HAS_SHOW {
            Some(Self::show_fdinfo)
        } else {
            None
        },
        fsync: if F::HAS_SYNC { Some(Self::fsync) } else { None },
        // SAFETY: All zeroes is a value of this C type: no operation, and no owner.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// What the kernel is told: the operations, of files that keep `module`, which is this one.
    pub(super) fn of(&'static self, module: &'static ThisModule) -> *const c::file_operations {
        let table = self.0.get();
        // SAFETY: The owner is a pointer in a static that nobody has exclusively. It is never read as anything but
        // the value written here: each registration, which comes before all that the kernel does with the table,
        // writes the same first.
        let owner = unsafe { Atomic::<usize>::from_ptr(addr_of_mut!((*table).owner).cast()) };
        owner.store(module.as_ptr() as usize, Relaxed);
        table
    }

    /// What [`Operations::open`] has made for a file.
    ///
    /// # Safety
    ///
    /// `file` must have been opened by [`Operations::open`], and not be released before `'a` ends.
    unsafe fn opened<'a>(file: *mut c::file) -> &'a Opened<F> {
        // SAFETY: `open` has made `private_data` a pointer to an `Opened<F>`, which lives until `release`. It is only
        // ever borrowed in between.
        unsafe { &*(*file).private_data.cast() }
    }

    /// # Safety
    ///
    /// `file` must be valid.
    unsafe fn mode(file: *mut c::file) -> Mode {
        // SAFETY: As this function's.
        Mode::of(unsafe { bindings::rloop_file_mode(file.cast_const().cast()) })
    }

    /// # Safety
    ///
    /// `file` must be a file of `inode` that is being opened, the node being that of a [`Registration`] for `F`.
    unsafe extern "C" fn open(inode: *mut c::inode, file: *mut c::file) -> c_int {
        // SAFETY: `misc_open()` has made `private_data` a pointer to the `struct miscdevice`, and keeps it registered
        // during this call by its mutex. It is part of a `Node`, which is only ever borrowed.
        let node: &Node<F> = unsafe {
            let misc = (*file).private_data.cast::<c::miscdevice>();
            &*container_of!(Opaque::cast_from(misc.cast_const()), Node<F>, misc)
        };
        from_result(|| {
            // SAFETY: As this function's.
            let mode = unsafe { Self::mode(file) };
            let opened = KBox::try_pin_init(
                try_pin_init!(Opened {
                    shared: node.shared.clone(),
                    file <- F::open(&node.shared.node, mode),
                }? Error),
                GFP_KERNEL,
            )?;
            // SAFETY: The file is being opened, so nobody else uses it.
            unsafe { (*file).private_data = opened.into_foreign().cast() };
            // SAFETY: As above. The function only sets that the file has no position; it does not fail.
            to_result(unsafe { c::stream_open(inode, file) })?;
            // SAFETY: As above.
            unsafe { bindings::rloop_file_heeds_nowait(file.cast()) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must have been opened by [`Operations::open`], and its last user must be releasing it.
    unsafe extern "C" fn release(_: *mut c::inode, file: *mut c::file) -> c_int {
        // SAFETY: `open` has made `private_data` by `into_foreign`, and this is called once, at the end.
        let opened: Pin<KBox<Opened<F>>> =
            unsafe { ForeignOwnable::from_foreign((*file).private_data.cast()) };
        // SAFETY: These look at the current thread only.
        let closer = match unsafe { bindings::rloop_closed_by_kernel() } {
            true => Closer::Kernel,
            // SAFETY: As above.
            false if unsafe { bindings::rloop_closed_by_kill() } => Closer::Killed,
            false => Closer::Program,
        };
        // SAFETY: The file is still valid.
        opened.file.release(unsafe { Self::mode(file) }, closer);
        0
    }

    /// # Safety
    ///
    /// `iocb` must be for a file that [`Operations::open`] has opened, and `iter` valid, both during the call.
    unsafe extern "C" fn read_iter(iocb: *mut c::kiocb, iter: *mut c::iov_iter) -> isize {
        // SAFETY: As this function's.
        let (opened, mode) = unsafe { Self::call(iocb) };
        // SAFETY: As this function's; whoever reads hands over a destination.
        let to = unsafe { IovIterDest::from_raw(iter) };
        answer(opened.there().and_then(|file| file.read(to, mode)))
    }

    /// # Safety
    ///
    /// As [`Operations::read_iter`].
    unsafe extern "C" fn write_iter(iocb: *mut c::kiocb, iter: *mut c::iov_iter) -> isize {
        // SAFETY: As this function's.
        let (opened, mode) = unsafe { Self::call(iocb) };
        // SAFETY: As this function's; whoever writes hands over a source.
        let from = unsafe { IovIterSource::from_raw(iter) };
        answer(opened.there().and_then(|file| file.write(from, mode)))
    }

    /// # Safety
    ///
    /// `file` must be open for reading, its operations being these, `position` and `pipe` be valid, and the pipe's mutex
    /// be held, or the pipe be nobody else's.
    unsafe extern "C" fn splice_read(
        file: *mut c::file,
        position: *mut c::loff_t,
        pipe: *mut c::pipe_inode_info,
        size: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: As this function's; these operations have a `read_iter`.
        unsafe { bindings::rloop_splice_read(file.cast(), position, pipe.cast(), size, flags) }
    }

    /// # Safety
    ///
    /// `file` must be open for writing, its operations being these, and `position` and `pipe` be valid.
    unsafe extern "C" fn splice_write(
        pipe: *mut c::pipe_inode_info,
        file: *mut c::file,
        position: *mut c::loff_t,
        size: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: As this function's; these operations have a `write_iter`.
        unsafe { bindings::rloop_splice_write(pipe.cast(), file.cast(), position, size, flags) }
    }

    /// # Safety
    ///
    /// `iocb` must be for a file that [`Operations::open`] has opened and that is not released before `'a` ends.
    unsafe fn call<'a>(iocb: *mut c::kiocb) -> (&'a Opened<F>, Mode) {
        // SAFETY: As this function's.
        unsafe {
            let mode = Mode::of(bindings::rloop_call_mode(iocb.cast_const().cast()));
            (Self::opened((*iocb).ki_filp), mode)
        }
    }

    /// # Safety
    ///
    /// `file` must have been opened by [`Operations::open`] and not be released meanwhile, and `table` be valid.
    unsafe extern "C" fn poll(file: *mut c::file, table: *mut c::poll_table) -> c_uint {
        // SAFETY: As this function's. The reference is used for `Poller` as one that lasts until the release.
        let opened = unsafe { Self::opened(file) };
        let poller = Poller {
            file,
            table,
            _time: PhantomData,
        };
        // SAFETY: As this function's.
        let ready = opened.file.poll(&poller, unsafe { Self::mode(file) });
        // Looked at when the queues are known: they are woken after the device has gone.
        if opened.there().is_err() {
            return bindings::rloop_poll_constant_RLOOP_POLL_GONE
                | bindings::rloop_poll_constant_RLOOP_POLL_IN
                | bindings::rloop_poll_constant_RLOOP_POLL_OUT;
        }
        let mut events = 0;
        if ready.readable {
            events |= bindings::rloop_poll_constant_RLOOP_POLL_IN;
        }
        if ready.writable {
            events |= bindings::rloop_poll_constant_RLOOP_POLL_OUT;
        }
        events
    }

    /// # Safety
    ///
    /// `file` must have been opened by [`Operations::open`] and not be released meanwhile.
    unsafe extern "C" fn ioctl(file: *mut c::file, command: c_uint, argument: c_ulong) -> c_long {
        // SAFETY: As this function's.
        let (opened, mode) = unsafe { (Self::opened(file), Self::mode(file)) };
        let file = opened.there();
        value(file.and_then(|file| file.ioctl(command, argument, mode)))
    }

    /// # Safety
    ///
    /// As [`Operations::ioctl`].
    unsafe extern "C" fn compat_ioctl(
        file: *mut c::file,
        command: c_uint,
        argument: c_ulong,
    ) -> c_long {
        // SAFETY: As this function's.
        let (opened, mode) = unsafe { (Self::opened(file), Self::mode(file)) };
        let file = opened.there();
        // A pointer of 32 bits is the address, on all machines that modules are built for here (`compat_ptr()`).
        let argument = argument & u32::MAX as usize;
        value(file.and_then(|file| file.compat_ioctl(command, argument, mode)))
    }

    /// # Safety
    ///
    /// `file` must have been opened by [`Operations::open`] and not be released meanwhile, and `text` be valid.
    unsafe extern "C" fn show_fdinfo(text: *mut c::seq_file, file: *mut c::file) {
        // SAFETY: As this function's.
        let (opened, text) = unsafe { (Self::opened(file), SeqFile::from_raw(text)) };
        opened.file.show(text);
    }

    /// # Safety
    ///
    /// `file` must have been opened by [`Operations::open`] and not be released meanwhile.
    unsafe extern "C" fn fsync(
        file: *mut c::file,
        _first: c::loff_t,
        _last: c::loff_t,
        _data_only: c_int,
    ) -> c_int {
        // SAFETY: As this function's.
        let opened = unsafe { Self::opened(file) };
        from_result(|| {
            opened.there()?.sync()?;
            Ok(0)
        })
    }
}

/// Maps how many bytes were moved to the return value of a file operation.
fn answer(result: Result<usize>) -> isize {
    value(result.map(|size| isize::try_from(size).unwrap_or(isize::MAX)))
}

/// Maps a result to the return value of a file operation.
fn value(result: Result<isize>) -> isize {
    result.unwrap_or_else(|error| error.to_errno() as isize)
}
