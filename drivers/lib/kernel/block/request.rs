// SPDX-License-Identifier: GPL-2.0-only

//! Requests of a disk. Any context, unless a function says something else.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{addr_of, addr_of_mut, NonNull};

use kernel::bindings as c;
use kernel::container_of;
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;

use crate::lib::bindings;

/// The bits of a request's flags in which its operation is (`REQ_OP_MASK`).
const OPERATION_BITS: u32 = 0xff;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Bytes of the disk are to be put into [`Request::data`].
    Read,
    /// Those in [`Request::data`] are to be put on the disk.
    Write,
    /// What has been written is to be made safe.
    Flush,
    /// Bytes of the disk are no longer needed.
    Discard,
    /// Bytes of the disk are to be zero.
    WriteZeroes,
    /// Something else, which no limit allows.
    Other,
}

/// How a request ends, as its program is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(c::blk_status_t);

impl Status {
    /// It was done.
    pub(crate) const OK: Self = Self(0);

    /// The status that programs see as this error, which must be negative; `EIO` if there is none for it. Any context.
    pub(crate) fn from_errno(errno: c_int) -> Self {
        // SAFETY: The function only looks into a table.
        Self(unsafe { c::errno_to_blk_status(errno) })
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Self::from_errno(error.to_errno())
    }
}

/// A request that has been started, and is to be ended: by [`Request::end`] or [`Request::end_after`]. One that is
/// dropped ends with `EIO`. The disk can't be removed before it has ended.
///
/// # Invariants
///
/// It points to a request of a [`Registration`](super::Registration)'s queue that has been started and not been ended,
/// which this value alone ends. The memory behind it is a [`Later`].
pub(crate) struct Request(NonNull<c::request>);

// SAFETY: A request is not bound to a thread.
unsafe impl Send for Request {}

// SAFETY: With a reference there are only fields to be read that don't change until it is ended.
unsafe impl Sync for Request {}

/// What the queue has memory for behind each request: the timer by which it ends later, and how.
#[repr(C)]
pub(super) struct Later {
    timer: bindings::hrtimer,
    status: c::blk_status_t,
}

impl Later {
    /// What is behind a request: `blk_mq_rq_to_pdu()`.
    fn of(request: *mut c::request) -> *mut Self {
        request.wrapping_add(1).cast()
    }

    /// Sets up the memory of a request that the queue has just allocated. May sleep.
    ///
    /// # Safety
    ///
    /// `request` must be such a request, with room for a `Later` behind it.
    pub(super) unsafe fn set_up(request: *mut c::request) {
        // SAFETY: By the precondition there is memory for it, of which nobody knows yet. The timer's callback is for
        // such a one.
        unsafe {
            bindings::hrtimer_setup(
                addr_of_mut!((*Self::of(request)).timer),
                Some(Request::late),
                c::CLOCK_MONOTONIC as c_int,
                bindings::hrtimer_mode_HRTIMER_MODE_REL,
            );
        }
    }

    /// Waits until the timer's callback has returned, so that the request's memory can be freed. May sleep.
    ///
    /// # Safety
    ///
    /// `request` must have been set up by [`Later::set_up`], and have ended.
    pub(super) unsafe fn finish(request: *mut c::request) {
        // SAFETY: As this function's.
        unsafe { bindings::hrtimer_cancel(addr_of_mut!((*Self::of(request)).timer)) };
    }
}

/// A piece of a request's memory, which programs may change at any time. It has no address for anybody.
pub(crate) struct Data<'a> {
    memory: NonNull<u8>,
    bytes: usize,
    _memory: PhantomData<&'a mut u8>,
}

impl Data<'_> {
    /// How many bytes it has left.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// The same piece once more, which leaves this one where it is.
    pub(crate) fn again(&mut self) -> Data<'_> {
        Data {
            memory: self.memory,
            bytes: self.bytes,
            _memory: PhantomData,
        }
    }

    /// Takes the next bytes out, as many as `to` has, or as there are left.
    pub(crate) fn take(&mut self, to: &mut [u8]) {
        let bytes = to.len().min(self.bytes);
        // SAFETY: So many bytes are valid for both, which do not overlap: `to` is borrowed by this function alone, and
        // the request's memory is a program's. That the program writes to it meanwhile is as for any copy from its
        // memory: what arrives is its affair.
        unsafe { bindings::rloop_copy(to.as_mut_ptr().cast(), self.memory.as_ptr().cast(), bytes) };
        self.advance(bytes);
    }

    /// Puts bytes in, as many as there are in `from`, or as there is room left.
    pub(crate) fn put(&mut self, from: &[u8]) {
        let bytes = from.len().min(self.bytes);
        // SAFETY: As in `take`: as long as `from` is borrowed nobody writes to it.
        unsafe { bindings::rloop_copy(self.memory.as_ptr().cast(), from.as_ptr().cast(), bytes) };
        self.advance(bytes);
    }

    /// Inverts the lowest bit of the next byte, and stays where it is.
    pub(crate) fn flip(&mut self) {
        if self.bytes > 0 {
            // SAFETY: There is a byte; and as in `take`.
            unsafe { *self.memory.as_ptr() ^= 1 };
        }
    }

    fn advance(&mut self, bytes: usize) {
        // SAFETY: There are at least so many.
        self.memory = unsafe { self.memory.add(bytes) };
        self.bytes -= bytes;
    }
}

impl Request {
    /// # Safety
    ///
    /// As the type's invariants say; `request` must have been started just now.
    pub(super) unsafe fn from_raw(request: *mut c::request) -> Option<Self> {
        // INVARIANT: By the precondition.
        Some(Self(NonNull::new(request)?))
    }

    fn flags(&self) -> u32 {
        // SAFETY: By the invariants it is valid; its flags stay as they are until it is ended.
        unsafe { (*self.0.as_ptr()).cmd_flags }
    }

    /// What it asks for.
    pub(crate) fn operation(&self) -> Operation {
        match self.flags() & OPERATION_BITS {
            c::req_op_REQ_OP_READ => Operation::Read,
            c::req_op_REQ_OP_WRITE => Operation::Write,
            c::req_op_REQ_OP_FLUSH => Operation::Flush,
            c::req_op_REQ_OP_DISCARD => Operation::Discard,
            c::req_op_REQ_OP_WRITE_ZEROES => Operation::WriteZeroes,
            _ => Operation::Other,
        }
    }

    /// Whether a write is to be safe when it ends (`REQ_FUA`).
    pub(crate) fn is_fua(&self) -> bool {
        self.flags() & (1 << c::req_flag_bits___REQ_FUA) != 0
    }

    /// Where it begins, in sectors of 512 bytes: `blk_rq_pos()`. A flush begins nowhere.
    pub(crate) fn sector(&self) -> u64 {
        // SAFETY: By the invariants it is valid, and this stays as it is until it is ended.
        unsafe { (*self.0.as_ptr()).__sector }
    }

    /// Of how many bytes of the disk it is: `blk_rq_bytes()`.
    pub(crate) fn bytes(&self) -> u32 {
        // SAFETY: As in `sector`.
        unsafe { (*self.0.as_ptr()).__data_len }
    }

    /// Hands the memory of a read or a write to `each`, piece by piece in the disk's order, until one fails. `each` may
    /// sleep if the caller may.
    ///
    /// # Errors
    ///
    /// The first of `each`.
    pub(crate) fn data<F: FnMut(Data<'_>) -> Result>(&self, each: F) -> Result {
        struct Context<F> {
            each: F,
            result: Result,
        }

        /// # Safety
        ///
        /// `context` must be a `Context<F>` that nobody else uses, and `memory` have so many bytes during the call.
        unsafe extern "C" fn piece<F: FnMut(Data<'_>) -> Result>(
            context: *mut c_void,
            memory: *mut c_void,
            bytes: c_uint,
        ) {
            // SAFETY: As this function's.
            let context = unsafe { &mut *context.cast::<Context<F>>() };
            let Some(memory) = NonNull::new(memory.cast()) else {
                return;
            };
            if context.result.is_ok() {
                context.result = (context.each)(Data {
                    memory,
                    bytes: bytes as usize,
                    _memory: PhantomData,
                });
            }
        }

        let mut context = Context {
            each,
            result: Ok(()),
        };
        // SAFETY: By the invariants the request is valid, and its bios are until it is ended. The function calls
        // `piece` with the context only during this call, with memory that it has mapped.
        unsafe {
            bindings::rloop_request_each(
                self.0.as_ptr().cast(),
                Some(piece::<F>),
                addr_of_mut!(context).cast(),
            );
        }
        context.result
    }

    /// Ends it: `blk_mq_end_request()`. Any context.
    pub(crate) fn end(self, status: Status) {
        let this = ManuallyDrop::new(self);
        // SAFETY: By the invariants it was started, and only this value, which is gone now, ends it.
        unsafe { c::blk_mq_end_request(this.0.as_ptr(), status.0) };
    }

    /// Ends it in so many nanoseconds, from a timer's interrupt. Any context.
    pub(crate) fn end_after(self, nanoseconds: u64, status: Status) {
        let this = ManuallyDrop::new(self);
        let later = Later::of(this.0.as_ptr());
        let delay = i64::try_from(nanoseconds).unwrap_or(i64::MAX);
        // SAFETY: By the invariants there is a `Later`, which is this request's alone until it is ended. Its timer was
        // set up with the queue, and is not armed: each time it goes off it ends the request. Its callback may not have
        // returned from the time before, on another processor, which arming it again allows; before the memory is freed
        // that is waited for.
        unsafe {
            (*later).status = status.0;
            bindings::hrtimer_start_range_ns(
                addr_of_mut!((*later).timer),
                delay,
                0,
                bindings::hrtimer_mode_HRTIMER_MODE_REL,
            );
        }
    }

    /// The callback of the timer of a request.
    ///
    /// # Safety
    ///
    /// `timer` must be that of a [`Later`] behind a request that was started and has not been ended.
    unsafe extern "C" fn late(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: As this function's: the request is in front of it. It is ended once, and the timer is not touched
        // after that.
        unsafe {
            let later = container_of!(timer, Later, timer);
            let status = addr_of!((*later).status).read();
            let request = later.cast::<c::request>().wrapping_sub(1);
            c::blk_mq_end_request(request, status);
        }
        bindings::hrtimer_restart_HRTIMER_NORESTART
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let status = Status::from(EIO);
        // SAFETY: By the invariants it was started and not ended, and nobody knows it after this.
        unsafe { c::blk_mq_end_request(self.0.as_ptr(), status.0) };
    }
}
