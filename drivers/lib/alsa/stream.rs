// SPDX-License-Identifier: GPL-2.0-only

//! What a driver's PCM streams are to ALSA, as a trait.
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
    /// Whether the stream runs after the command.
    pub(crate) fn starts(self) -> bool {
        matches!(self, Self::Start | Self::PauseRelease | Self::Resume)
    }
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

    /// Whether the stream is free-running: no clock moves it, but what the programs at both ends do,
    /// which may take as long as it likes. The same at each call.
    fn free_running(&self) -> bool {
        false
    }

    /// The parameters that the stream is bound to, if any.
    fn bound(&self) -> Option<Params> {
        None
    }

    /// Claims what a stream of `rate` frames per second takes, each of so many bytes, for as long as it keeps
    /// its parameters.
    ///
    /// # Errors
    ///
    /// `EBUSY` if others have claimed too much.
    fn claim(&self, rate: u32, frame_bytes: u32) -> Result<Option<Share>> {
        let _ = (rate, frame_bytes);
        Ok(None)
    }

    /// The stream is set up, and its position is 0.
    fn prepare(&self, params: Params, setup: Setup, buffer: Buffer, card: &CardRef<'_>) -> Result;

    /// Gives up the buffer that [`Stream::prepare`] got. The stream is not running.
    fn take_buffer(&self);

    /// The stream gives up its parameters.
    fn drop_params(&self) {}

    /// Starts or stops the stream at the time `now`. Streams that are started or stopped together
    /// get the same `now`.
    fn trigger(&self, command: TriggerCommand, now: u64, card: &CardRef<'_>) -> Result;

    /// The program has moved its position. Called with the stream locked.
    fn acknowledge(&self) {}

    /// The position in the buffer in frames, or `None` for an xrun. ALSA may ask because the stream's timer has
    /// `notified` it just now.
    fn pointer(&self, notified: bool) -> Option<u64>;

    /// How many frames pass between the stream and where they are heard, for `snd_pcm_delay()`. Any
    /// context.
    fn delay(&self) -> u64 {
        0
    }
}
