// SPDX-License-Identifier: GPL-2.0-only

//! Frames.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::lib::bindings;

/// An owned `struct sk_buff`; dropping it frees it as one that is lost. Any context.
///
/// # Invariants
///
/// It points to a frame that nobody else owns.
pub(crate) struct Packet(NonNull<bindings::sk_buff>);

// SAFETY: A frame is not bound to a thread.
unsafe impl Send for Packet {}

// SAFETY: `&self` methods only read what nobody changes but by the owner.
unsafe impl Sync for Packet {}

/// What became of a frame that was handed to another device.
pub(crate) enum Forwarded {
    /// It can be received there.
    Yes(Packet),
    /// That device is down.
    Down(Packet),
    /// It was longer than that device takes, which has counted it.
    TooLong,
}

impl Packet {
    /// A frame that the kernel gives away. Any context.
    ///
    /// # Safety
    ///
    /// `raw` must be valid, and the caller's own.
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: By the precondition.
        Self(raw)
    }

    /// The frame, which is the caller's from now on. Any context.
    pub(super) fn into_raw(self) -> *mut bindings::sk_buff {
        ManuallyDrop::new(self).0.as_ptr()
    }

    /// How many bytes it has, with its header if it is one that is sent. Any context.
    pub(crate) fn len(&self) -> u32 {
        // SAFETY: By the invariant it is valid; the function reads one number.
        unsafe { bindings::rloop_skb_length(self.0.as_ptr()) }
    }

    /// Another frame of the same bytes, `skb_clone()`; `None` if there is no memory. Any context.
    pub(crate) fn double(&self) -> Option<Self> {
        // SAFETY: By the invariant it is valid. INVARIANT: What comes is new, and nobody's but ours.
        NonNull::new(unsafe { bindings::rloop_skb_clone(self.0.as_ptr()) }).map(Self)
    }

    /// The frame with the lowest bit of its last byte inverted, and a checksum that was right before. If there is no
    /// memory for that, the frame as it was. Whether it was inverted. Any context.
    pub(crate) fn flip(self) -> (Self, bool) {
        // SAFETY: By the invariant it is valid, and nobody else changes it meanwhile. No frame is empty.
        match NonNull::new(unsafe { bindings::rloop_skb_flip(self.0.as_ptr()) }) {
            // INVARIANT: The copy is new, and nobody's but ours.
            Some(copy) => (Self(copy), true),
            None => (self, false),
        }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is ours, and it is not used after this.
        unsafe { bindings::rloop_skb_free(self.0.as_ptr()) };
    }
}
