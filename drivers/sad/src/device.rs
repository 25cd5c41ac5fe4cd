// SPDX-License-Identifier: GPL-2.0-only

//! A converter with its timers, and the queues in which its users sleep.
//!
//! Lock order: the converter's lock is the innermost but for those of timers. It is an interrupt's: nothing is
//! allocated or freed with it held, and nobody sleeps.

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::period_timer::{Handler, PeriodTimers};
use crate::lib::kernel::lock::{Guard, IrqSpinLock};
use crate::lib::kernel::time::now;
use crate::lib::kernel::wait::WaitQueue;
use crate::lib::model::stream::Wake;
use crate::model::converter::{Converter, Parts, Wakes};
use crate::model::params::Config;
use crate::port::Port;

/// How many intervals between ticks are kept for readers.
const INTERVALS: usize = 1024;

/// The number of the timer that ticks.
pub(crate) const TICKS: usize = 0;
/// The number of the timer that tells ALSA of periods.
pub(crate) const PERIODS: usize = 1;

/// What a converter is built on here.
pub(crate) struct Kernel;

impl Parts for Kernel {
    type Bytes = KVVec<u8>;
    type Intervals = KVec<u32>;
    type Buffer = Buffer;
    type Port = Port;
}

/// A converter with its timers. Who has it keeps it: a card, nodes, and files that are open after both have gone.
pub(crate) type Timers = PeriodTimers<Device>;

/// What timers, files and the card's stream share.
#[pin_data]
pub(crate) struct Device {
    #[pin]
    pub(crate) converter: IrqSpinLock<Converter<Kernel>>,
    /// Those who wait for room.
    #[pin]
    pub(crate) writers: WaitQueue,
    /// Those who wait for their last sample to have left.
    #[pin]
    pub(crate) closers: WaitQueue,
    /// Those who wait for an interval.
    #[pin]
    pub(crate) readers: WaitQueue,
}

impl Device {
    /// Makes a device that nobody has opened. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(config: &Config<'_>, port: Option<Port>) -> Result<Arc<Timers>> {
        let bytes = config.buffer as usize * usize::from(config.format.bytes);
        let bytes = KVVec::from_elem(0, bytes, GFP_KERNEL)?;
        let intervals = KVec::from_elem(0, INTERVALS, GFP_KERNEL)?;
        let sound = (config.format, config.rate);
        let converter = Converter::new(sound, bytes, intervals, port, now());
        let device = try_pin_init!(Self {
            converter <- IrqSpinLock::new(converter),
            writers <- WaitQueue::new(),
            closers <- WaitQueue::new(),
            readers <- WaitQueue::new(),
        }? Error);
        Arc::pin_init(PeriodTimers::new(2, 0, device), GFP_KERNEL)
    }

    /// Lets all leave that is due, however late the timer is. May sleep.
    pub(crate) fn catch_up(&self) {
        // The lock is released between two steps.
        while self.converter.lock().catch_up(now()) {}
    }

    /// Lets nothing leave any more, and nobody wait for that. May be called more than once. May sleep.
    pub(crate) fn leave(&self) {
        self.catch_up();
        // Given up at the end, with the lock released.
        let _port = self.converter.lock().leave(now());
        for queue in [&self.writers, &self.closers, &self.readers] {
            queue.close();
        }
    }
}

/// Changes a device by `change`, and starts the ticks if that needs them. Any context.
pub(crate) fn change<T>(
    timers: &Timers,
    change: impl FnOnce(&mut Converter<Kernel>, u64) -> T,
) -> T {
    let mut converter = timers.handler().converter.lock();
    let result = change(&mut converter, now());
    // Under the lock, so that whoever changes more meanwhile has the last word.
    if let Some(when) = converter.first_tick() {
        timers.timer(TICKS).arm(when);
    }
    if let Some(when) = converter.next_wakeup() {
        timers.timer(PERIODS).arm(when);
    }
    result
}

/// All in interrupt context (in a softirq on `PREEMPT_RT`).
impl Handler for Device {
    type State = Converter<Kernel>;
    type Wakes = Wakes;

    fn lock(&self) -> Guard<'_, Converter<Kernel>> {
        self.converter.lock()
    }

    fn expired(&self, converter: &mut Converter<Kernel>, number: usize, now: u64) -> (Wake, Wakes) {
        match number {
            TICKS => (Wake::Nothing, converter.tick(now)),
            _ => (converter.wake(now), Wakes::default()),
        }
    }

    fn wake(&self, wakes: Wakes) {
        for (queue, wake) in [
            (&self.writers, wakes.writers),
            (&self.closers, wakes.closers),
            (&self.readers, wakes.readers),
        ] {
            if wake {
                queue.wake_all();
            }
        }
    }

    fn rearm(converter: &mut Converter<Kernel>, number: usize, timers: &Timers) {
        let next = match number {
            TICKS => converter.next_tick(),
            _ => converter.next_wakeup(),
        };
        if let Some(when) = next {
            timers.timer(number).arm(when);
        }
    }
}
