// SPDX-License-Identifier: GPL-2.0-only

//! PCM devices and their streams.
//!
//! C header: `include/sound/pcm.h`

use core::ptr::null_mut;

use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::{Arc, ArcBorrow};
use kernel::types::ForeignOwnable;

use super::bindings;
use super::buffer::Buffer;
use super::card::{put, CardRef, NewCard};
use super::hardware::Hardware;
use super::period_timer::{Handler, PeriodTimer};
use super::quota::Share;
use crate::pure::cable::Params;
use crate::pure::end::{Direction, Setup};
use crate::pure::limits::Limits;

mod operations;

use operations::Table;

/// Starts or stops a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum TriggerCommand {
    /// Start from the beginning.
    Start,
    /// Go on after a pause or a suspend.
    Resume,
    /// Stop for good.
    Stop,
    /// Stop, to go on later.
    Pause,
    /// Play what has been written, then be stopped (only where `SNDRV_PCM_INFO_DRAIN_TRIGGER` is
    /// set).
    Drain,
}

/// A stream, from its opening to its closing.
///
/// [`Stream::trigger`], [`Stream::acknowledge`] and [`Stream::pointer`] are called with the stream locked and interrupts
/// off, the others in a context that may sleep. The timer is cancelled before the stream is set up
/// again or let go, and the stream is dropped at close.
pub(crate) trait Stream: Sized + Send + Sync + 'static {
    /// What the streams of a PCM device share.
    type Device: Send + Sync + 'static;

    /// What happens when the stream's timer goes off.
    type Timer: Handler;

    /// What the stream can do.
    const HARDWARE: Hardware;

    /// A program opens the stream of the given direction and substream number.
    fn open(device: ArcBorrow<'_, Self::Device>, direction: Direction, number: u32)
        -> Result<Self>;

    /// The timer of this stream: the same at each call, and no other stream's.
    fn timer(&self) -> &PeriodTimer<Self::Timer>;

    /// What of [`Stream::HARDWARE`] the stream offers: the same at each call.
    fn limits(&self) -> &Limits;

    /// Whether it is time that moves the stream. If not, it moves when the programs at both ends do,
    /// and may take as long as it likes. The same at each call.
    fn clocked(&self) -> bool;

    /// The parameters that the stream is bound to, if any.
    fn bound(&self) -> Option<Params>;

    /// Claims what a stream of `rate` frames per second takes, each of so many bytes, for as long as it keeps
    /// its parameters.
    ///
    /// # Errors
    ///
    /// `EBUSY` if others have claimed too much.
    fn claim(&self, rate: u32, frame_bytes: u32) -> Result<Share>;

    /// The stream is set up, and its position is 0.
    fn prepare(&self, params: Params, setup: Setup, buffer: Buffer, card: &CardRef<'_>) -> Result;

    /// Gives up the buffer that [`Stream::prepare`] got. The stream is not running.
    fn retract(&self);

    /// The stream gives up its parameters.
    fn release(&self);

    /// Starts or stops the stream at the time `now`. Streams that are started or stopped together
    /// get the same `now`.
    fn trigger(&self, command: TriggerCommand, now: u64, card: &CardRef<'_>) -> Result;

    /// The program has moved its position. Called with the stream locked.
    fn acknowledge(&self);

    /// The position in the buffer in frames, or `None` for an xrun. ALSA may ask because the stream's timer has
    /// `notified` it just now.
    fn pointer(&self, notified: bool) -> Option<u64>;

    /// How many frames pass between the stream and where they are heard, for `snd_pcm_delay()`. Any
    /// context.
    fn delay(&self) -> u64;
}

/// Makes a PCM device with so many substreams for playback and for capture.
///
/// `id` is its id (at most 63 bytes) and name (79). It goes with the card.
///
/// # Errors
///
/// `EBUSY` if the card has a device of that number, `ENOMEM`.
pub(crate) fn create<S: Stream>(
    card: &mut NewCard,
    id: &CStr,
    number: u32,
    substreams: [u32; 2],
    device: Arc<S::Device>,
) -> Result {
    let mut pcm = null_mut();
    let number = c_int::try_from(number)?;
    let [playback, capture] = substreams;
    let (playback, capture) = (c_int::try_from(playback)?, c_int::try_from(capture)?);
    // SAFETY: The card is valid, and ALSA copies the id. `pcm` is written to on success.
    to_result(unsafe {
        bindings::snd_pcm_new(
            card.as_raw(),
            id.as_char_ptr(),
            number,
            playback,
            capture,
            &mut pcm,
        )
    })?;

    // SAFETY: `pcm` has just been made, and the card is still being put together (a `NewCard`,
    // borrowed mutably), so nobody else sees it. The operations are those of streams whose device is an `S::Device`; `private_data`
    // stays valid until `private_free` is called, which is after the last stream has been closed.
    unsafe {
        put(&mut (*pcm).name, id.to_str().unwrap_or_default());
        (*pcm).private_data = device.into_foreign().cast();
        (*pcm).private_free = Some(free::<S>);
        for direction in [
            bindings::SNDRV_PCM_STREAM_PLAYBACK,
            bindings::SNDRV_PCM_STREAM_CAPTURE,
        ] {
            bindings::snd_pcm_set_ops(pcm, direction as c_int, Table::<S>::OPS);
        }
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

/// # Safety
///
/// `pcm` must be one that [`create`] has made for `S`, at its end.
unsafe extern "C" fn free<S: Stream>(pcm: *mut bindings::snd_pcm) {
    // SAFETY: `private_data` comes from `into_foreign`, and ALSA calls this once, at the end.
    drop(unsafe { Arc::<S::Device>::from_foreign((*pcm).private_data.cast()) });
}
