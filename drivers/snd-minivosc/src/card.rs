// SPDX-License-Identifier: GPL-2.0-only

//! The card: one PCM device with one substream, for capture.

use kernel::c_str;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::{Arc, ArcBorrow};

use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::card::{Card, CardRef, NewCard};
use crate::lib::alsa::hardware::{self, Hardware};
use crate::lib::alsa::pcm;
use crate::lib::alsa::period_timer::{Handler, PeriodTimer, PeriodTimers};
use crate::lib::alsa::stream::{Stream, TriggerCommand};
use crate::lib::kernel::lock::IrqSpinLock;
use crate::lib::kernel::parent::Parent;
use crate::lib::kernel::time::now;
use crate::lib::model::clock::{RATE_MAX, RATE_MIN};
use crate::lib::model::format;
use crate::lib::model::limits::{Limits, CHANNELS_MAX};
use crate::lib::model::stream::{Direction, Params, Setup, Wake};
use crate::model::params::Config;
use crate::model::voice::Voice;

/// An oscillator card, which goes when this value does.
pub(crate) struct Oscillator {
    // In this order: the card goes before its parent does.
    _card: Card,
    _parent: Parent,
}

impl Oscillator {
    /// Makes a card below `parent`, and registers it. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` or `ENODEV` if it can't have the number that it is to have, `ENOMEM`.
    pub(crate) fn new(
        module: &'static ThisModule,
        parent: Parent,
        config: &Config<'_>,
    ) -> Result<Self> {
        let id = CString::try_from_fmt(fmt!("{}", config.id))?;
        let mut card = NewCard::new(&parent, config.index, &id, module)?;
        card.set_names("snd-minivosc", config.name);
        let voice = Voice::new(config.settings, config.marks);
        let shared = try_pin_init!(Shared {
            voice <- IrqSpinLock::new(voice),
        }? Error);
        let device = Arc::new(
            Device {
                timers: Arc::pin_init(PeriodTimers::new(1, shared), GFP_KERNEL)?,
                limits: config.limits,
            },
            GFP_KERNEL,
        )?;
        let name = CString::try_from_fmt(fmt!("{}", config.name))?;
        pcm::create::<Recording>(&mut card, &name, 0, [0, 1], device)?;
        Ok(Self {
            _card: card.register()?,
            _parent: parent,
        })
    }
}

/// The voice, and the timer that wakes whoever records it.
type Timers = PeriodTimers<Shared>;

/// What the timer and the stream's operations share.
#[pin_data]
pub(crate) struct Shared {
    #[pin]
    voice: IrqSpinLock<Voice<Buffer>>,
}

impl Handler for Shared {
    fn expired(&self, _: usize, now: u64) -> Wake {
        self.voice.lock().wake(now)
    }

    fn rearm(&self, number: usize, timers: &Timers, earliest: u64) {
        // Under the lock, so that a stop or a start meanwhile has the last word.
        let voice = self.voice.lock();
        if let Some(when) = voice.next_wakeup() {
            timers.timer(number).arm(when.max(earliest));
        }
    }
}

/// The PCM device.
struct Device {
    timers: Arc<Timers>,
    limits: Limits,
}

/// An open substream.
struct Recording {
    timers: Arc<Timers>,
    limits: Limits,
}

impl Stream for Recording {
    type Device = Device;
    type Timer = Shared;

    const HARDWARE: Hardware = Hardware {
        info: hardware::SNDRV_PCM_INFO_MMAP
            | hardware::SNDRV_PCM_INFO_MMAP_VALID
            | hardware::SNDRV_PCM_INFO_INTERLEAVED
            | hardware::SNDRV_PCM_INFO_NONINTERLEAVED
            | hardware::SNDRV_PCM_INFO_PAUSE
            | hardware::SNDRV_PCM_INFO_RESUME
            | hardware::SNDRV_PCM_INFO_NO_PERIOD_WAKEUP,
        formats: format::mask(),
        rates: RATE_MIN..=RATE_MAX,
        channels: 1..=CHANNELS_MAX,
        buffer_bytes: 4 << 20,
        period_frames: 16,
        periods: 1024,
    };

    fn open(device: ArcBorrow<'_, Device>, _: Direction, _: u32) -> Result<Self> {
        Ok(Self {
            timers: device.timers.clone(),
            limits: device.limits,
        })
    }

    fn timer(&self) -> &PeriodTimer<Shared> {
        self.timers.timer(0)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn prepare(&self, params: Params, setup: Setup, buffer: Buffer, _: &CardRef<'_>) -> Result {
        let mut voice = self.timers.handler().voice.lock();
        voice.prepare(params, setup, buffer);
        Ok(())
    }

    fn take_buffer(&self) {
        let buffer = self.timers.handler().voice.lock().take_buffer();
        // Not to be freed with interrupts off.
        drop(buffer);
    }

    fn trigger(&self, command: TriggerCommand, now: u64, _: &CardRef<'_>) -> Result {
        let mut voice = self.timers.handler().voice.lock();
        match command {
            command if command.starts() => {
                if !voice.start(now) {
                    return Err(EIO);
                }
            }
            _ => voice.stop(now),
        }
        match voice.next_wakeup() {
            Some(when) => self.timer().arm(when),
            None => self.timer().disarm(),
        }
        Ok(())
    }

    fn pointer(&self, _: bool) -> Option<u64> {
        self.timers.handler().voice.lock().pointer(now())
    }
}
