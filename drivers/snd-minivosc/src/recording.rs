// SPDX-License-Identifier: GPL-2.0-only

//! A recording: what ALSA asks of the substream, and the timer that tells ALSA of its periods.

use kernel::prelude::*;
use kernel::sync::{Arc, ArcBorrow};

use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::card::CardRef;
use crate::lib::alsa::hardware::Hardware;
use crate::lib::alsa::period_timer::{PeriodTimer, PeriodTimers};
use crate::lib::alsa::stream::{Action, Stream};
use crate::lib::kernel::fault_files::Faulty;
use crate::lib::kernel::lock::{Guard, IrqSpinLock};
use crate::lib::kernel::time::now;
use crate::lib::model::faults::Faults;
use crate::lib::model::limits::Limits;
use crate::lib::model::plan::{Plan, Plans};
use crate::lib::model::stream::{Direction, Params, Setup};
use crate::model::params::Config;
use crate::model::voice::Voice;

/// A card's oscillator.
type Oscillator = Voice<Buffer, KVVec<i32>>;
/// The same behind the lock that the operations below share with the timer.
type Locked = IrqSpinLock<Oscillator>;

/// The PCM device; and a substream of it while it is open, which needs no more.
#[derive(Clone)]
pub(crate) struct Recording {
    /// The one timer, whose handler is the oscillator.
    pub(crate) timers: Arc<PeriodTimers<Locked>>,
    limits: Limits,
}

impl Recording {
    /// A device that plays what `config` says; `given` is the user's waveform. May sleep.
    pub(crate) fn new(config: &Config<'_>, given: KVVec<i32>) -> Result<Self> {
        Ok(Self {
            timers: PeriodTimers::one(Voice::new(config.settings, config.marks, given))?,
            limits: config.limits,
        })
    }

    /// The oscillator, locked: interrupts are off until the result is dropped. Any context.
    pub(crate) fn voice(&self) -> Guard<'_, Oscillator> {
        self.timers.handler().lock()
    }
}

/// All may sleep, but what is done with the oscillator, which is locked meanwhile.
impl Faulty for Recording {
    const STREAMS: Option<&'static str> = Some("capture");

    fn plans(&self, fault: &str) -> Plans {
        match fault {
            // What gets lost takes no time, so what comes then must be found soon.
            "drop" => Plans {
                allowed: "a number of those to come (5), a range of them (3-7), or no more than half of them by a seed (1/2 42); \
                          0 for none",
                takes: Plan::is_at_most_half,
            },
            _ => Plans::ANY,
        }
    }

    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        self.timers.change(|voice, now| look(voice.faults(now)))
    }

    fn freeze(&self, freeze: bool) {
        self.timers.change(|voice, now| voice.freeze(freeze, now));
    }

    fn xrun(&self, stream: &str) -> Option<()> {
        (stream == "capture").then(|| self.timers.change(|voice, _| voice.force_xrun()))
    }
}

/// All may sleep, but for those that say something else.
impl Stream for Recording {
    type Device = Self;
    type Timer = Locked;

    const HARDWARE: Hardware = Hardware::VIRTUAL;

    fn open(device: ArcBorrow<'_, Self>, _: Direction, _: u32) -> Result<Self> {
        Ok((*device).clone())
    }

    fn timer(&self) -> &PeriodTimer<Locked> {
        self.timers.timer(0)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn prepare(&self, params: Params, setup: Setup, buffer: Buffer, _: &CardRef<'_>) -> Result {
        self.voice().prepare(params, setup, buffer);
        Ok(())
    }

    fn take_buffer(&self) -> Option<Buffer> {
        self.voice().take_buffer()
    }

    /// With the stream locked, and interrupts off.
    fn trigger(&self, action: Action, _: &CardRef<'_>) -> Result {
        let Action { command, now, .. } = action;
        let done = self.timers.change(|voice, _| match command.starts() {
            true => voice.start(now),
            false => {
                voice.stop(now);
                true
            }
        });
        done.then_some(()).ok_or(EIO)
    }

    /// With the stream locked, and interrupts off.
    fn pointer(&self, notified: bool) -> (Option<u64>, u64) {
        (self.voice().pointer(now(), notified), 0)
    }
}
