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

use core::marker::PhantomData;
use core::pin::Pin;
use core::ptr::null_mut;

use kernel::bindings as c;
use kernel::device::Device;
use kernel::error::{to_result, VTABLE_DEFAULT_ERROR};
use kernel::ffi::c_int;
use kernel::iov::{IovIterDest, IovIterSource};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::str::{CStr, CString};
use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::sync::Arc;
use kernel::types::Opaque;

use crate::lib::bindings;
use crate::lib::kernel::wait::WaitQueue;

mod operations;

pub(crate) use operations::Operations;

/// How a file was opened, and whether a call may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// The file can be read.
    pub(crate) readable: bool,
    /// The file can be written.
    pub(crate) writable: bool,
    /// The call must not sleep (`O_NONBLOCK`, or `RWF_NOWAIT` for this call, or a splice, whose pipe is locked).
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
    /// Lets the poller be woken with `queue`: `poll_wait()`. Does not sleep.
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
    /// Makes the node `/dev/NAME`, of a device below `parent` if there is one, which must go later: `misc_register()`.
    /// `permissions` are those of the node, unless udev has other rules. Programs may open it before this returns. May
    /// sleep.
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
