// SPDX-License-Identifier: GPL-2.0-only

//! PCM devices: made of a [`Stream`] type.
//!
//! C header: `include/sound/pcm.h`

use core::ptr::null_mut;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Arc;
use kernel::types::ForeignOwnable;

use crate::lib::alsa::card::{write_str, NewCard};
use crate::lib::alsa::stream::Stream;
use crate::lib::bindings;

mod open_stream;
mod operations;

use operations::OpsTable;

/// Makes a PCM device, `snd_pcm_new()`, with so many substreams for playback and for capture (0 for
/// none). May sleep.
///
/// `id` is its id (at most 63 bytes) and name (79), `number` its number on the card, from 0. The
/// card frees it with itself; `device` is what its streams share.
///
/// # Errors
///
/// `EBUSY` if the card has a device of that number, `ENOMEM`.
pub(crate) fn create<S: Stream>(
    card: &mut NewCard,
    id: &str,
    number: u32,
    substreams: [u32; 2],
    device: Arc<S::Device>,
) -> Result {
    let most = substreams[0].max(substreams[1]);
    pr_info!("creating PCM device {number} with {most} subdevices\n");
    // One for each direction.
    card.minors += substreams
        .map(|count| u32::from(count > 0))
        .iter()
        .sum::<u32>();
    let name = CString::try_from_fmt(fmt!("{id}"))?;
    let mut pcm = null_mut();
    let number = c_int::try_from(number)?;
    let [playback, capture] = substreams;
    let (playback, capture) = (c_int::try_from(playback)?, c_int::try_from(capture)?);
    // SAFETY: The card is valid, and ALSA copies the id. `pcm` is written to on success.
    to_result(unsafe {
        bindings::snd_pcm_new(
            card.as_raw(),
            name.as_char_ptr(),
            number,
            playback,
            capture,
            &mut pcm,
        )
    })?;

    // SAFETY: `pcm` has just been made, and the card is still being put together (a `NewCard`,
    // borrowed mutably), so nobody else sees it.
    write_str(unsafe { &mut (*pcm).name }, id);
    // SAFETY: As above. `private_data` is the driver's, and stays valid until ALSA calls
    // `private_free`, which is after the last stream has been closed.
    unsafe {
        (*pcm).private_data = device.into_foreign().cast();
        (*pcm).private_free = Some(free::<S>);
    }
    for direction in [
        bindings::SNDRV_PCM_STREAM_PLAYBACK,
        bindings::SNDRV_PCM_STREAM_CAPTURE,
    ] {
        // SAFETY: As above. The operations are those of streams whose device is an `S::Device`, as
        // `private_data` is, and the table is a constant.
        unsafe { bindings::snd_pcm_set_ops(pcm, direction as c_int, OpsTable::<S>::OPS) };
    }
    // SAFETY: As above. Buffers are of the type VMALLOC, for which there is no device; nothing is
    // allocated before a stream asks for it.
    unsafe {
        bindings::snd_pcm_lib_preallocate_pages_for_all(
            pcm,
            bindings::SNDRV_DMA_TYPE_VMALLOC as c_int,
            null_mut(),
            0,
            0,
        );
    }
    Ok(())
}

/// `snd_pcm.private_free`: gives up what the device's streams shared.
///
/// # Safety
///
/// `pcm` must be one that [`create`] has made for `S` and that is being freed.
unsafe extern "C" fn free<S: Stream>(pcm: *mut bindings::snd_pcm) {
    // SAFETY: `private_data` comes from `into_foreign`, and ALSA calls this once, when it frees the
    // device and no substream of it is open any more.
    drop(unsafe { Arc::<S::Device>::from_foreign((*pcm).private_data.cast()) });
}
