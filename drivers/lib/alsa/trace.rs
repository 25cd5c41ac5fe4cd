// SPDX-License-Identifier: GPL-2.0-only

//! Tracing: what ALSA and a driver do with a stream, step by step, for dynamic debug.

use core::fmt;

use crate::lib::bindings;
use crate::lib::kernel::log;

/// Prints a line about a substream, if dynamic debug is on for this module ([`log::debug`]):
/// `hw:CARD,DEVICE,SUBDEVICE capture: …`. Any context.
///
/// # Safety
///
/// `substream` must be one of a card that is there.
pub(super) unsafe fn debug(
    substream: *mut bindings::snd_pcm_substream,
    message: fmt::Arguments<'_>,
) {
    // SAFETY: A substream has a PCM device, and that a card, for as long as it is there; none of
    // what is read ever changes.
    let (card, device, number, direction) = unsafe {
        let pcm = (*substream).pcm;
        (
            (*(*pcm).card).number,
            (*pcm).device,
            (*substream).number,
            (*substream).stream,
        )
    };
    let direction = match direction as u32 {
        bindings::SNDRV_PCM_STREAM_PLAYBACK => "playback",
        _ => "capture",
    };
    log::debug(format_args!(
        "hw:{card},{device},{number} {direction}: {message}"
    ));
}
