// SPDX-License-Identifier: GPL-2.0-only

//! The card's stream: what leaves the converter is recorded.
//!
//! ALSA calls `trigger` and `pointer` with the stream locked and interrupts off, all else where it may sleep.

use kernel::prelude::*;
use kernel::sync::{Arc, ArcBorrow};

use crate::device::{Device, Timers, PERIODS};
use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::card::CardRef;
use crate::lib::alsa::hardware::Hardware;
use crate::lib::alsa::period_timer::PeriodTimer;
use crate::lib::alsa::stream::{Action, Stream};
use crate::lib::kernel::time::now;
use crate::lib::model::format;
use crate::lib::model::limits::{Limits, Ranges};
use crate::lib::model::stream::{Direction, Params, Setup};

/// The PCM device.
pub(crate) struct Output {
    timers: Arc<Timers>,
    limits: Limits,
}

impl Output {
    /// A PCM device that records `timers`, whose converter has so many samples per second. Any context.
    pub(crate) fn new(timers: Arc<Timers>, rate: u32) -> Self {
        let limits = Limits {
            formats: format::mask(),
            rates: Ranges::one(rate, rate),
            channels: Ranges::one(1, 1),
        };
        Self { timers, limits }
    }
}

/// An open substream.
pub(crate) struct Recording {
    timers: Arc<Timers>,
    limits: Limits,
}

impl Stream for Recording {
    type Device = Output;
    type Timer = Device;

    const HARDWARE: Hardware = Hardware::VIRTUAL;

    fn open(output: ArcBorrow<'_, Output>, _: Direction, _: u32) -> Result<Self> {
        Ok(Self {
            timers: output.timers.clone(),
            limits: output.limits,
        })
    }

    fn timer(&self) -> &PeriodTimer<Device> {
        self.timers.timer(PERIODS)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn prepare(&self, params: Params, setup: Setup, buffer: Buffer, _: &CardRef<'_>) -> Result {
        let mut converter = self.timers.handler().converter.lock();
        converter.prepare(params, setup, buffer);
        Ok(())
    }

    fn take_buffer(&self) -> Option<Buffer> {
        self.timers.handler().converter.lock().take_buffer()
    }

    fn trigger(&self, action: Action, _: &CardRef<'_>) -> Result {
        let mut converter = self.timers.handler().converter.lock();
        match action.command {
            command if !command.starts() => converter.stop(action.now),
            _ if converter.start(action.now) => {}
            _ => return Err(EIO),
        }
        match converter.next_wakeup() {
            Some(when) => self.timer().arm(when),
            None => self.timer().disarm(),
        }
        Ok(())
    }

    fn pointer(&self, notified: bool) -> (Option<u64>, u64) {
        let mut converter = self.timers.handler().converter.lock();
        (converter.pointer(now(), notified), 0)
    }
}
