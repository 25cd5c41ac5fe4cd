// SPDX-License-Identifier: GPL-2.0-only

//! Character devices: nodes in `/dev` whose files are values of a type.
//!
//! The kernel crate has `kernel::miscdevice`. But up to Linux 7.3 its files don't keep the module, so that it can be
//! unloaded under an open one; they can't be polled, spliced or told not to wait; and nothing is said of a device
//! that goes while files are open. Here
//!
//! - an open file keeps the module ([`Operations`] has its owner);
//! - what files of a node share ([`File::Node`]) lives as long as the last of them, or the node;
//! - when the node goes ([`Registration`] is dropped), open files stay, but each call gets `ENODEV`, and
//!   [`File::gone`] wakes who sleeps in one.
//!
//! Files are streams: they have no position, and can't be sought (`ESPIPE`).
//!
//! The shape is that of `kernel::miscdevice`: a trait whose methods are what a file can do, a constant table, and a
//! documented trampoline for each operation. Another operation is a method with a default and a line in the table.
//!
//! C headers: `include/linux/miscdevice.h`, `include/linux/fs.h`

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::ptr::{addr_of_mut, null_mut};

use kernel::bindings as c;
use kernel::container_of;
use kernel::device::Device;
use kernel::error::{from_result, to_result, VTABLE_DEFAULT_ERROR};
use kernel::ffi::{c_int, c_long, c_uint, c_ulong};
use kernel::iov::{IovIterDest, IovIterSource};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::str::{CStr, CString};
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};
use kernel::sync::Arc;
use kernel::types::{ForeignOwnable, Opaque};

use crate::lib::bindings;
use crate::lib::kernel::wait::WaitQueue;

/// How a file was opened, and whether a call may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// The file can be read.
    pub(crate) readable: bool,
    /// The file can be written.
    pub(crate) writable: bool,
    /// The call must not sleep (`O_NONBLOCK`, or `RWF_NOWAIT` for this call).
    pub(crate) nonblocking: bool,
}

impl Mode {
    /// What `RLOOP_MODE_…` say.
    fn of(bits: u32) -> Self {
        let has = |bit| bits & bit != 0;
        Self {
            readable: has(bindings::rloop_mode_constant_RLOOP_MODE_READABLE),
            writable: has(bindings::rloop_mode_constant_RLOOP_MODE_WRITABLE),
            nonblocking: has(bindings::rloop_mode_constant_RLOOP_MODE_NONBLOCKING),
        }
    }
}

/// Who closes the last descriptor of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closer {
    /// A program, by a call or by its end.
    Program,
    /// A program that a signal ends.
    Killed,
    /// A thread of the kernel, for a program that has gone: it must not be kept for long.
    Kernel,
}

/// What can be done with a file without sleeping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    /// It can be read.
    pub(crate) readable: bool,
    /// It can be written.
    pub(crate) writable: bool,
}

/// An open file.
///
/// All methods may sleep, with no lock held that the caller knows of, but [`File::open`] and [`File::gone`] should not
/// for long: meanwhile no other node is opened. Any number of threads may call them at once.
#[vtable]
pub(crate) trait File: Send + Sync + Sized + 'static {
    /// What the files of a node share.
    type Node: Send + Sync + 'static;

    /// A program opens the node.
    fn open(node: &Self::Node, mode: Mode) -> impl PinInit<Self, Error>;

    /// The last descriptor is closed; the file is dropped afterwards. Also called after the node has gone.
    fn release(&self, mode: Mode, closer: Closer) {
        let _ = (mode, closer);
    }

    /// Reads into `to`, at most `to.len()` bytes. Returns how many.
    ///
    /// # Errors
    ///
    /// Given to the program.
    fn read(&self, to: &mut IovIterDest<'_>, mode: Mode) -> Result<usize> {
        let _ = (to, mode);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Writes what is in `from`. Returns how many bytes were taken, which may be less than were read from `from`.
    ///
    /// # Errors
    ///
    /// Given to the program.
    fn write(&self, from: &mut IovIterSource<'_>, mode: Mode) -> Result<usize> {
        let _ = (from, mode);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Says what can be done without sleeping, after it has told `poller` of the queues that are woken when that
    /// changes. Without this method files are always ready. Must not sleep.
    fn poll<'a>(&'a self, poller: &Poller<'a>, mode: Mode) -> Ready {
        let _ = (poller, mode);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `fsync` and `fdatasync`.
    ///
    /// # Errors
    ///
    /// Given to the program.
    fn sync(&self) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ioctl`: does what `command` says, with `argument`, a number or the address of memory of the program's (see
    /// `kernel::uaccess`). Returns what the program's call returns, which must not be negative.
    ///
    /// # Errors
    ///
    /// Given to the program; `ENOTTY` for a command that there is not.
    fn ioctl(&self, command: u32, argument: usize, mode: Mode) -> Result<isize> {
        let _ = (command, argument, mode);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// As [`File::ioctl`], of a program with 32 bits, whose structures may have other sizes, and so commands other
    /// numbers. Without this method such a program has no `ioctl`.
    ///
    /// # Errors
    ///
    /// As [`File::ioctl`].
    fn compat_ioctl(&self, command: u32, argument: usize, mode: Mode) -> Result<isize> {
        let _ = (command, argument, mode);
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Says in `/proc/PID/fdinfo/FD` what there is to be said of a file, in lines `KEY:\tVALUE`. Also called after
    /// the node has gone.
    fn show(&self, text: &SeqFile) {
        let _ = text;
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The node has gone: from now on calls get `ENODEV`. Must close all queues that a call can sleep in
    /// ([`WaitQueue::close`]).
    fn gone(node: &Self::Node);
}

/// Whoever polls a file. It may do so for as long as `'a`, which lasts until the file is released.
pub(crate) struct Poller<'a> {
    file: *mut c::file,
    table: *mut c::poll_table,
    /// A poller for some time is none for less.
    _time: PhantomData<fn(&'a ()) -> &'a ()>,
}

impl<'a> Poller<'a> {
    /// Lets the poller be woken with `queue`.
    pub(crate) fn watch(&self, queue: &'a WaitQueue) {
        // SAFETY: The file and the table are those that `poll` was called with, and this value doesn't outlive
        // the call. The queue lives until the file is released, and so stays where it is, being pinned. Nobody
        // polls for longer: `poll()`, `select()` and the like hold the file, and an epoll instance lets go of it
        // before its `release` is called (`eventpoll_release()` in `__fput()`).
        unsafe {
            bindings::rloop_poll_wait(self.file.cast(), queue.as_raw().cast(), self.table.cast());
        }
    }
}

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
            Some(c::copy_splice_read)
        } else {
            None
        },
        splice_write: if F::HAS_WRITE {
            Some(c::iter_file_splice_write)
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
    fn of(&'static self, module: &'static ThisModule) -> *const c::file_operations {
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

/// What a node and its open files share.
struct Shared<F: File> {
    node: F::Node,
    /// 1 once the node has gone. (6.18 has no atomic `bool`.)
    gone: Atomic<u32>,
}

/// What an open file's `private_data` points to.
#[pin_data]
struct Opened<F: File> {
    // Before what it may refer to.
    #[pin]
    file: F,
    shared: Arc<Shared<F>>,
}

impl<F: File> Opened<F> {
    /// The file, if its node has not gone.
    fn there(&self) -> Result<&F> {
        match self.shared.gone.load(Acquire) {
            0 => Ok(&self.file),
            _ => Err(ENODEV),
        }
    }
}

/// What a registration keeps where it is.
#[pin_data]
struct Node<F: File> {
    #[pin]
    misc: Opaque<c::miscdevice>,
    shared: Arc<Shared<F>>,
    /// The device's name, to which `misc` points.
    _name: CString,
}

/// A node in `/dev`. Dropping it takes the node away; files that are open stay, but can only be closed.
///
/// # Invariants
///
/// The `misc` of the node is registered, and this value alone deregisters it.
pub(crate) struct Registration<F: File>(Pin<KBox<Node<F>>>);

// SAFETY: A node is not bound to the thread that has made it, and `F::Node` is `Send` and `Sync`.
unsafe impl<F: File> Send for Registration<F> {}

// SAFETY: There is nothing to be done with a reference to it but to look at the `F::Node`, which is `Sync`.
unsafe impl<F: File> Sync for Registration<F> {}

impl<F: File> Registration<F> {
    /// Makes the node `/dev/NAME`, of a device below `parent` if there is one, which must go later. `permissions` are
    /// those of the node, unless udev has other rules. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is such a node, `EBUSY` if the kernel has no number left for it, `ENOMEM`.
    pub(crate) fn new(
        operations: &'static Operations<F>,
        module: &'static ThisModule,
        name: &CStr,
        permissions: u16,
        parent: Option<&Device>,
        node: F::Node,
    ) -> Result<Self> {
        let shared = Shared {
            node,
            gone: Atomic::new(0),
        };
        let shared = Arc::new(shared, GFP_KERNEL)?;
        let name = CString::try_from_fmt(fmt!("{}", name))?;
        let misc = c::miscdevice {
            minor: c::MISC_DYNAMIC_MINOR as c_int,
            // It is on the heap, and stays where it is when the string is moved.
            name: name.as_char_ptr(),
            fops: operations.of(module),
            // A `Device` is a `struct device`, which the misc device's own holds a reference of.
            parent: parent.map_or(null_mut(), |parent| {
                core::ptr::from_ref(parent).cast_mut().cast()
            }),
            mode: permissions,
            ..Default::default()
        };
        let node = KBox::pin_init(
            pin_init!(Node {
                misc: Opaque::new(misc),
                shared,
                _name: name,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: It is set up, is pinned, and is deregistered before it goes; the operations are a static of the
        // module, and are those of nodes for `F`.
        to_result(unsafe { c::misc_register(node.misc.get()) })?;
        // INVARIANT: Just registered.
        Ok(Self(node))
    }
}

impl<F: File> Drop for Registration<F> {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is registered, and it is deregistered once. After this no file is opened.
        unsafe { c::misc_deregister(self.0.misc.get()) };
        // Release, and before the queues are closed: who is woken by that finds it so.
        self.0.shared.gone.store(1, Release);
        F::gone(&self.0.shared.node);
    }
}
