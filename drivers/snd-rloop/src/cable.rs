// SPDX-License-Identifier: GPL-2.0-only

//! A cable: what programs, controls and the timer of a master do to it.
//!
//! Its state, locks and timers are a [`SharedCable`], where the lock order is; what it listens to
//! is a [`Master`].

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::period_timer::{PeriodTimer, PeriodTimers};
use crate::lib::alsa::stream::{Action, TriggerCommand};
use crate::lib::kernel::fault_files::Faulty;
use crate::lib::kernel::lock::Guard;
use crate::lib::kernel::log;
use crate::lib::kernel::quota::Quota;
use crate::lib::kernel::time::{now, JIFFY};
use crate::lib::kernel::work::DelayedWork;
use crate::lib::model::faults::Faults;
use crate::lib::model::stream::{Params, Setup};
use crate::master::Master;
use crate::model::cable::{Touched, DELAY_LINE_BYTES_MAX};
use crate::model::end::{End, Port};
use crate::model::source::SourceText;
use crate::shared_cable::{timer_number, CableLocks, CableState, SharedCable};

/// A cable of a card. Dropping it waits for its timers and its master, so sleeps.
pub(crate) struct Cable {
    shared: Arc<SharedCable>,
    master: Pin<KBox<DelayedWork<Master>>>,
    /// The memory that the delay lines of all cables of the card may take, in bytes.
    memory: Arc<Quota>,
}

/// The most memory that the delay lines of a card take together, in bytes: the old and the new one
/// of a cable whose delay is changed are both there for a moment.
pub(crate) const CARD_BYTES_MAX: usize = 2 * DELAY_LINE_BYTES_MAX;

impl Cable {
    /// Makes a cable with `captures` capture ends, none of them open, on the card with the number
    /// `card`, whose clock goes by `source`, whose wake-ups may be `slack` nanoseconds late, and
    /// whose delay line is charged to `memory`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        captures: u32,
        card: u32,
        source: SourceText,
        slack: u64,
        memory: Arc<Quota>,
    ) -> Result<Self> {
        let mut ends = KVec::new();
        for _ in 0..captures {
            ends.push(End::new(), GFP_KERNEL)?;
        }
        let count = ends.len() + 1;
        let timers = PeriodTimers::new(count, slack, CableLocks::new(ends));
        let shared = Arc::pin_init(timers, GFP_KERNEL)?;
        shared.lock().set_source(source.source().step(JIFFY), now());
        Ok(Self {
            master: KBox::pin_init(Master::new(shared.clone(), card, source), GFP_KERNEL)?,
            shared,
            memory,
        })
    }

    /// The master, to which the cable listens. Any context.
    pub(crate) fn master(&self) -> &DelayedWork<Master> {
        &self.master
    }

    /// The timer of an end, which must be there. Any context.
    pub(crate) fn timer(&self, port: Port) -> &PeriodTimer<CableLocks> {
        self.shared.timer(timer_number(port))
    }

    /// How often the cable's timer has expired, since the card was made. Any context.
    pub(crate) fn expiries(&self) -> u64 {
        self.shared.expiries()
    }

    /// The number of capture ends. Any context.
    pub(crate) fn captures(&self) -> u32 {
        self.shared.count() as u32 - 1
    }

    /// Whether the cable is free-running: it has no clock. Any context.
    pub(crate) fn is_free_running(&self) -> bool {
        self.shared.lock().is_free_running()
    }

    /// Makes the cable free-running, or clocked. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if an end is open.
    pub(crate) fn set_free_running(&self, free_running: bool) -> Result {
        match self
            .shared
            .change(|state, _| state.set_free_running(free_running))
        {
            true => Ok(()),
            false => Err(EBUSY),
        }
    }

    /// Notes that a program has moved its position, at a free-running cable: frames move. With the
    /// stream locked.
    pub(crate) fn acknowledge(&self, port: Port) {
        let mut state = self.shared.lock();
        state.acknowledge(now());
        self.shared.arm(&state, Touched::Position(port));
    }

    /// The locked state of the cable, in which frames may be due that have not been moved. Any
    /// context.
    pub(crate) fn last_state(&self) -> Guard<'_, CableState> {
        self.shared.lock()
    }

    /// Calls `inspect` with the state, with every frame moved that is due, and the cable locked.
    /// May sleep, though `inspect` must not.
    pub(crate) fn inspect<T>(&self, inspect: impl FnOnce(&CableState) -> T) -> T {
        self.shared.change(|state, _| inspect(state))
    }

    /// Notes that a program has opened an end. May sleep.
    pub(crate) fn open(&self, port: Port) {
        self.master.open();
        self.shared.lock().open(port);
    }

    /// Notes that a program has closed an end. May sleep.
    pub(crate) fn close(&self, port: Port) {
        self.shared.lock().close(port);
        self.master.close();
    }

    /// The parameters that another end has fixed, if any. Any context.
    pub(crate) fn bound(&self, port: Port) -> Option<Params> {
        self.shared.lock().bound(port)
    }

    /// Sets up an end, which does not run. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if another end has been prepared with other parameters, the capture ends have too
    /// many channels together, or the delay is too long (each with a line for dynamic debug);
    /// `ENOMEM`.
    pub(crate) fn prepare(
        &self,
        port: Port,
        params: Params,
        setup: Setup,
        buffer: Buffer,
    ) -> Result {
        let _guard = self.shared.handler().delay_line.lock();
        let line = self.new_delay_line(&params, None)?;
        let (prepared, old) = self.shared.change(|state, _| {
            let prepared = state.prepare(port, params, setup, buffer);
            // Otherwise it is not needed, and not to be freed with interrupts off.
            let old = match prepared {
                Ok(()) => state.replace_delay_line(line),
                Err(_) => line,
            };
            (prepared, old)
        });
        drop(old);
        prepared.map_err(|refusal| {
            log::debug(format_args!("{port:?} of {params} refused: {refusal}"));
            EINVAL
        })
    }

    /// Gives back the buffer of an end that does not run. May sleep.
    pub(crate) fn take_buffer(&self, port: Port) -> Option<Buffer> {
        self.shared.change(|state, _| state.take_buffer(port))
    }

    /// Gives up the parameters of an end, and with those of the last one what the cable's were. May
    /// sleep.
    pub(crate) fn drop_params(&self, port: Port) {
        // Not to be freed with interrupts off.
        let lines = self.shared.change(|state, _| state.drop_params(port));
        drop(lines);
    }

    /// Allocates a delay line, if there has to be another one. With `delay_line` locked. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it would be larger than [`DELAY_LINE_BYTES_MAX`], `ENOMEM`.
    fn new_delay_line(&self, params: &Params, delay: Option<u64>) -> Result<Option<Buffer>> {
        let Some(layout) = self.last_state().needed_delay_line(params, delay) else {
            return Ok(None);
        };
        if layout.bytes() > DELAY_LINE_BYTES_MAX {
            log::debug(format_args!(
                "refused: the delay takes more than {DELAY_LINE_BYTES_MAX} bytes for {params}"
            ));
            return Err(EINVAL);
        }
        Buffer::zeroed(layout, &self.memory).map(Some)
    }

    /// Sets the delay: by how many frames the capture ends are to be behind the playback end. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is too long for the parameters that the cable has, `ENOMEM` if there is no
    /// memory for it, or the card's cables have taken too much.
    pub(crate) fn set_delay(&self, delay: u64) -> Result {
        let _guard = self.shared.handler().delay_line.lock();
        let params = self.last_state().params();
        let line = match params {
            Some(params) => self.new_delay_line(&params, Some(delay))?,
            None => None,
        };
        let mut old = self
            .shared
            .change(|state, now| state.set_delay(delay, line, now));
        // Frames that are under way get into the new line in steps, while frames go on into both.
        while !self
            .shared
            .change(|state, _| state.continue_replacement(&mut old))
        {}
        drop(old);
        Ok(())
    }

    /// Starts or stops an end. Only changes state: what has to wait is done when the stream is set
    /// up again or closed. With the stream locked.
    ///
    /// # Errors
    ///
    /// `EIO` if the end has not been prepared.
    pub(crate) fn trigger(&self, port: Port, action: Action) -> Result {
        let Action { command, now, .. } = action;
        let mut state = self.shared.lock();
        match command {
            TriggerCommand::Start | TriggerCommand::PauseRelease | TriggerCommand::Resume => {
                state.share_effort(action.streams);
                if !state.start(port, now) {
                    return Err(EIO);
                }
            }
            TriggerCommand::Stop => state.stop(port, now),
            TriggerCommand::PausePush | TriggerCommand::Suspend => state.pause(port, now),
            TriggerCommand::Drain if port == Port::Playback => state.drain(now),
            // A capture end has stopped, and its program reads what is left.
            TriggerCommand::Drain => {}
        }
        if command == TriggerCommand::Start && port == Port::Playback {
            self.timer(port).request_drain_check();
        }
        self.shared.arm(&state, Touched::State(port));
        Ok(())
    }

    /// Sets the pitch, in millionths of the nominal rate, at once. May sleep.
    pub(crate) fn set_pitch(&self, pitch: u32) {
        self.shared.change(|state, now| state.set_pitch(pitch, now));
    }

    /// Sets whether the playback end may change the parameters under open capture ends. May sleep.
    pub(crate) fn set_notify(&self, notify: bool) {
        self.shared.change(|state, _| state.set_notify(notify));
    }

    /// The position of an end in its buffer, in frames, or `None` for an xrun; and what
    /// [`Cable::latency`] is there. `notified` if ALSA asks because the end's timer has notified it
    /// just now. With its stream locked.
    pub(crate) fn pointer(&self, port: Port, notified: bool) -> (Option<u64>, u64) {
        let mut state = self.shared.lock();
        let position = state.pointer(port, (!notified).then(now));
        self.shared.arm(&state, Touched::Position(port));
        (position, state.latency(port))
    }

    /// The number of frames between an end and where they are heard: at the playback end those that
    /// are under way. Any context.
    pub(crate) fn latency(&self, port: Port) -> u64 {
        self.shared.lock().latency(port)
    }
}

impl Faulty for Cable {
    const STREAMS: Option<&'static str> =
        Some("playback, capture, or capture and the number of a reader");

    fn faults<R>(&self, change: impl FnOnce(&mut Faults) -> R) -> R {
        self.shared.change(|state, _| change(&mut state.faults))
    }

    fn freeze(&self, freeze: bool) {
        self.shared.change(|state, now| state.freeze(freeze, now));
    }

    fn xrun(&self, stream: &str) -> Option<()> {
        let port = match stream {
            "playback" => Port::Playback,
            "capture" => Port::Capture(0),
            _ => Port::Capture(stream.strip_prefix("capture")?.parse().ok()?),
        };
        self.shared.change(|state, _| {
            state.ports().find(|other| *other == port)?;
            state.force_xrun(port);
            Some(())
        })
    }
}
