// SPDX-License-Identifier: GPL-2.0-only

//! Tracing: what ALSA and a driver do with a stream, step by step, for dynamic debug.

use core::fmt;

use crate::lib::bindings;

/// Prints a line about a substream, if dynamic debug is on for this module
/// ([`crate::lib::kernel::log::debug`]): `hw:CARD,DEVICE,SUBDEVICE capture: …`. Any context.
///
/// # Safety
///
/// `substream` must be one of a card that is there.
pub(super) unsafe fn debug(
    substream: *mut bindings::snd_pcm_substream,
    message: fmt::Arguments<'_>,
) {
    // SAFETY: A substream has a PCM device, and that a card, for as long as it is there. The
    // function hands the other pointer to `%pA`, which reads a `fmt::Arguments`, and keeps nothing.
    unsafe { bindings::rloop_pcm_debug(substream, core::ptr::from_ref(&message).cast()) };
}
