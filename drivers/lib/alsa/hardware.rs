// SPDX-License-Identifier: GPL-2.0-only

//! Hardware capabilities of a PCM device, and the parameters that a stream of it has been set up
//! with.
//!
//! C header: `include/sound/pcm.h` (`struct snd_pcm_hardware`, `struct snd_pcm_runtime`)

use core::ops::RangeInclusive;
use core::ptr::addr_of;

use kernel::prelude::*;

use crate::lib::bindings;
use crate::lib::model::clock::{RATE_MAX, RATE_MIN};
use crate::lib::model::format::{self, Format};
use crate::lib::model::layout::{Access, Layout};
use crate::lib::model::limits::{Limits, CHANNELS_MAX};
use crate::lib::model::stream::Params;
use crate::lib::model::stream::Setup;

/// Flags of [`Hardware::info`].
#[allow(unused_imports, reason = "each driver needs some of them")]
pub(crate) use crate::lib::bindings::{
    SNDRV_PCM_INFO_DRAIN_TRIGGER, SNDRV_PCM_INFO_INTERLEAVED, SNDRV_PCM_INFO_MMAP,
    SNDRV_PCM_INFO_MMAP_VALID, SNDRV_PCM_INFO_NONINTERLEAVED, SNDRV_PCM_INFO_NO_PERIOD_WAKEUP,
    SNDRV_PCM_INFO_PAUSE, SNDRV_PCM_INFO_RESUME, SNDRV_PCM_INFO_SYNC_START,
};

/// The capabilities of a PCM device, whatever the stream: `struct snd_pcm_hardware`.
pub(crate) struct Hardware {
    /// Flags, `SNDRV_PCM_INFO_*`.
    pub(crate) info: u32,
    /// Sample formats, a bit mask `SNDRV_PCM_FMTBIT_*`.
    pub(crate) formats: u64,
    /// Rates in frames per second.
    pub(crate) rates: RangeInclusive<u32>,
    /// Channels: samples in a frame.
    pub(crate) channels: RangeInclusive<u32>,
    /// The largest buffer, in bytes.
    pub(crate) buffer_bytes: usize,
    /// The shortest period, in frames.
    pub(crate) period_frames: u32,
    /// The most periods in a buffer.
    pub(crate) periods: u32,
}

impl Hardware {
    /// The capabilities of a card that computes its samples: all that the model can do.
    pub(crate) const VIRTUAL: Self = Self {
        info: SNDRV_PCM_INFO_MMAP
            | SNDRV_PCM_INFO_MMAP_VALID
            | SNDRV_PCM_INFO_INTERLEAVED
            | SNDRV_PCM_INFO_NONINTERLEAVED
            | SNDRV_PCM_INFO_PAUSE
            | SNDRV_PCM_INFO_RESUME
            | SNDRV_PCM_INFO_NO_PERIOD_WAKEUP,
        formats: format::mask(),
        rates: RATE_MIN..=RATE_MAX,
        channels: 1..=CHANNELS_MAX,
        // 64 ms of the widest stream (128 channels of 64 bits) at 64 kHz.
        buffer_bytes: 4 << 20,
        period_frames: 16,
        // As in snd-aloop.
        periods: 1024,
    };
}

/// Writes the part of `from` that is within `limits` to `runtime->hw`. What is between the ranges
/// of `limits` is for rules to exclude. Any context.
pub(super) fn set_hardware(to: &mut bindings::snd_pcm_hardware, from: &Hardware, limits: &Limits) {
    to.info = from.info;
    to.formats = from.formats & limits.formats;
    to.rates = bindings::SNDRV_PCM_RATE_CONTINUOUS;
    to.rate_min = limits.rates.least().max(*from.rates.start());
    to.rate_max = limits.rates.most().min(*from.rates.end());
    to.channels_min = limits.channels.least().max(*from.channels.start());
    to.channels_max = limits.channels.most().min(*from.channels.end());
    to.buffer_bytes_max = from.buffer_bytes;
    to.period_bytes_min = from.period_frames as usize;
    to.period_bytes_max = from.buffer_bytes;
    to.periods_min = 1;
    to.periods_max = from.periods;
}

/// The parameters of a stream in `hw_params` and `sw_params`, as the model wants them. Any context.
///
/// # Errors
///
/// `EINVAL` if ALSA has set up what [`Format`] or [`Access`] does not know, or nothing.
///
/// # Safety
///
/// `runtime` must be valid, and its parameters must not change meanwhile.
pub(super) unsafe fn parameters(
    runtime: *mut bindings::snd_pcm_runtime,
) -> Result<(Params, Setup, Layout)> {
    // SAFETY: The caller promises that it is valid. No reference to the whole is made, since parts
    // of it change at any time; bindgen's accessor of a bit field would make one, so C reads it.
    let (format, access, rate, channels, period, frames, bytes, wakeups) = unsafe {
        (
            addr_of!((*runtime).format).read(),
            addr_of!((*runtime).access).read(),
            addr_of!((*runtime).rate).read(),
            addr_of!((*runtime).channels).read(),
            addr_of!((*runtime).period_size).read(),
            addr_of!((*runtime).buffer_size).read(),
            addr_of!((*runtime).dma_bytes).read(),
            bindings::rloop_pcm_wakeups(runtime),
        )
    };
    let format = Format::from_number(u32::try_from(format)?).ok_or(EINVAL)?;
    let access = u32::try_from(access)
        .ok()
        .and_then(Access::from_number)
        .ok_or(EINVAL)?;
    if channels == 0 || period == 0 || frames == 0 {
        return Err(EINVAL);
    }
    let layout = Layout {
        frames: frames as u64,
        channels: channels as usize,
        sample: usize::from(format.bytes),
        // As snd_pcm_lib_ioctl_channel_info() tells the program.
        plane: access.is_planar().then_some(bytes / channels as usize),
    };
    let params = Params {
        format,
        rate,
        channels,
    };
    let setup = Setup {
        period: period as u64,
        buffer: frames as u64,
        wakeups,
        access,
    };
    Ok((params, setup, layout))
}
