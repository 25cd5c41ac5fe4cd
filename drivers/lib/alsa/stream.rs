// SPDX-License-Identifier: GPL-2.0-only

//! The trait of a driver's PCM streams, and the trigger commands.
//!
//! C header: `include/sound/pcm.h` (`struct snd_pcm_ops`)

use kernel::prelude::*;
use kernel::sync::ArcBorrow;

use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::card::CardRef;
use crate::lib::alsa::hardware::Hardware;
use crate::lib::alsa::period_timer::{Handler, PeriodTimer};
use crate::lib::kernel::quota::Share;
use crate::lib::model::limits::Limits;
use crate::lib::model::stream::Params;
use crate::lib::model::stream::{Direction, Setup};

/// A trigger command, `SNDRV_PCM_TRIGGER_*` in `include/sound/pcm.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum TriggerCommand {
    /// START: a stream that has been prepared starts.
    Start,
    /// STOP: the stream stops, by a drop, an xrun, or the end of a drain.
    Stop,
    /// PAUSE_PUSH: a running stream stops where it is (only with `SNDRV_PCM_INFO_PAUSE`).
    PausePush,
    /// PAUSE_RELEASE: a paused stream goes on.
    PauseRelease,
    /// SUSPEND: the machine is about to sleep, or the stream's card is.
    Suspend,
    /// RESUME: a suspended stream goes on (only with `SNDRV_PCM_INFO_RESUME`).
    Resume,
    /// DRAIN: playback plays what has been written and is then stopped; a capture stream has been
    /// stopped (only with `SNDRV_PCM_INFO_DRAIN_TRIGGER`).
    Drain,
}

impl TriggerCommand {
    /// Whether the stream runs after the command. Any context.
    pub(crate) fn starts(self) -> bool {
        matches!(self, Self::Start | Self::PauseRelease | Self::Resume)
    }
}

/// What streams get that are linked: one command, together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    /// The command.
    pub(crate) command: TriggerCommand,
    /// The time at which it takes effect (ns, `CLOCK_MONOTONIC`).
    pub(crate) now: u64,
    /// The number of streams that get it, at least 1: all are locked until the last has.
    pub(crate) streams: u32,
}

/// An open substream, of `struct snd_pcm_ops`: made by `open`, dropped after `close`.
///
/// [`Stream::trigger`], [`Stream::acknowledge`], [`Stream::pointer`] and [`Stream::delay`] are
/// called with the stream locked and interrupts off (but for `prepare`, which asks for the delay,
/// too): they must not sleep, nor call ALSA. All others are called where they may sleep, with the
/// device's `open_mutex` or the stream's `buffer_mutex` held. The timer is cancelled before the
/// stream is set up again or dropped.
pub(crate) trait Stream: Sized + Send + Sync + 'static {
    /// The data that the streams of a PCM device share.
    type Device: Send + Sync + 'static;

    /// The handler of the stream's timer.
    type Timer: Handler;

    /// The capabilities of the device.
    const HARDWARE: Hardware;

    /// Opens the substream of the given direction and number, from 0. May sleep.
    ///
    /// # Errors
    ///
    /// Returned to the program.
    fn open(device: ArcBorrow<'_, Self::Device>, direction: Direction, number: u32)
        -> Result<Self>;

    /// The timer of this stream: the same at each call, and no other stream's. Any context.
    fn timer(&self) -> &PeriodTimer<Self::Timer>;

    /// The part of [`Stream::HARDWARE`] that the stream offers: the same at each call. Any context.
    fn limits(&self) -> &Limits;

    /// Whether the stream is free-running: no clock moves it, but what the programs at both ends
    /// do, which may take as long as it likes. The same at each call. Any context.
    fn free_running(&self) -> bool {
        false
    }

    /// The parameters that the stream is bound to, if any. Asked each time that a program refines
    /// its parameters; may sleep.
    fn bound(&self) -> Option<Params> {
        None
    }

    /// Claims the bandwidth of a stream of `rate` frames per second, each of `frame_bytes` bytes,
    /// for as long as it keeps its parameters (`hw_params`). May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if others have claimed too much.
    fn claim(&self, rate: u32, frame_bytes: u32) -> Result<Option<Share>> {
        let _ = (rate, frame_bytes);
        Ok(None)
    }

    /// Sets the stream up (`prepare`): its position is then 0. It does not run. May sleep.
    ///
    /// # Errors
    ///
    /// Returned to the program; the stream is then not prepared.
    fn prepare(&self, params: Params, setup: Setup, buffer: Buffer, card: &CardRef<'_>) -> Result;

    /// Gives back the buffer that [`Stream::prepare`] got, if the stream still has it, before the
    /// lease is revoked. It is dropped by the caller, since it must not be freed with interrupts
    /// off. The stream does not run. May sleep.
    fn take_buffer(&self) -> Option<Buffer>;

    /// Gives up the stream's parameters (`hw_free`, and at the begin of `hw_params`). May sleep.
    fn drop_params(&self) {}

    /// Starts or stops the stream. Only changes state: what has to wait belongs into
    /// [`Stream::take_buffer`] or `drop`. With the stream, and all that it is linked with, locked.
    ///
    /// # Errors
    ///
    /// Returned to the program; ALSA then undoes the command for the whole group.
    fn trigger(&self, action: Action, card: &CardRef<'_>) -> Result;

    /// Notes that the program has moved its position (`ack`). With the stream locked.
    fn acknowledge(&self) {}

    /// The position in the buffer in frames, or `None` for an xrun, and what [`Stream::delay`] is
    /// there (`pointer`). `notified` if ALSA asks because the stream's timer has notified it just
    /// now. With the stream locked.
    fn pointer(&self, notified: bool) -> (Option<u64>, u64);

    /// The number of frames between the stream and where they are heard, for `snd_pcm_delay()`. Any
    /// context.
    fn delay(&self) -> u64 {
        0
    }
}
