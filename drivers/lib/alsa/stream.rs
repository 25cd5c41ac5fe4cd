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
    fn clocked(&self) -> bool {
        true
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
    fn retract(&self);

    /// The stream gives up its parameters.
    fn release(&self) {}

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
