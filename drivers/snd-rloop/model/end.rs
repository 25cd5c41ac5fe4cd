// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Ends of a cable: the state of each, its position, and its counters.

use core::ops::Range;

use crate::lib::model::ring::distance;
use crate::lib::model::stream::{Buffer, Direction, Pointers, Setup, Wake};

mod losses;
mod notify;
mod receive;

pub(super) use receive::copy_frames;

/// The port of a cable that an end is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The playback end.
    Playback,
    /// The capture end of this number, from 0.
    Capture(usize),
}

impl Port {
    /// The direction of the end's stream.
    pub fn direction(self) -> Direction {
        match self {
            Self::Playback => Direction::Playback,
            Self::Capture(_) => Direction::Capture,
        }
    }
}

/// The state of an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndState {
    /// Nobody has opened it.
    #[default]
    Closed,
    /// Opened, but not set up.
    Open,
    /// It has parameters and a buffer, and does not run.
    Prepared,
    /// It runs: its position moves.
    Running,
    /// It will go on from its position.
    Paused,
}

/// The counters of an end, since the card was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were played into the cable, or delivered to the capture end.
    pub moved: u64,
    /// Playback: of these, those that no reader was there for.
    pub unheard: u64,
    /// Capture: of these, silence because nothing was played (with a delay: while they went into
    /// the cable).
    pub silence: u64,
    /// Playback: frames that were written only after their play time, when the readers had got
    /// silence in their place. Capture: frames that were thrown away because the program did not
    /// take them in time.
    pub lost: u64,
    /// Xruns: times that the stream ran dry (playback) or full (capture) and was stopped for it.
    pub xruns: u64,
    /// Wake-ups for a period or a drain.
    pub wakeups: u64,
    /// Of these, those that came so late that the next was due as well.
    pub late: u64,
}

/// One end of a cable.
#[derive(Debug)]
pub struct End<B> {
    /// The end's state.
    pub state: EndState,
    /// The program's access to it; some from `prepare` until the parameters are dropped.
    pub setup: Option<Setup>,
    /// The position: frames since `prepare` that have been moved.
    pub position: u64,
    /// The counters.
    pub counters: Counters,
    /// How often the timer has served this end, since the card was made.
    pub served: u64,
    /// The buffer; some from `prepare` until `Cable::take_buffer`, used only while running.
    pub(super) buffer: Option<B>,
    /// The position that was last reported to ALSA.
    pub(super) reported_position: u64,
    /// The anchor: one position by ALSA's count (`hw_ptr`) and by ours, to translate its pointers.
    pub(super) anchor: (u64, u64),
    /// The next position at which a period ends.
    pub(super) boundary: u64,
    /// The position at which what was written ends, once the stream drains.
    pub(super) drain: Option<u64>,
    /// Whether the end of the drain has been reported to ALSA.
    pub(super) drain_notified: bool,
    /// The stop of which ALSA is still to be notified, for this reason.
    pub(super) pending_stop: Option<Wake>,
    /// Capture: frames came in faster than they could be moved. What was lost has been counted, and
    /// the position must not be reported before the xrun.
    pub(super) overrun: bool,
    /// Whether the cable is free-running: the end moves as the programs at both ends do.
    pub(super) free_running: bool,
    /// The lag in frames. Capture: how far it is behind what goes into the cable. Playback: how far
    /// the reader that is furthest behind will be.
    pub(super) lag: u64,
    /// The time at which ALSA was last notified (ns).
    pub(super) notified_at: u64,
    /// The time for which ALSA may not be notified during a drain (ns).
    pub(super) drain_timeout: u64,
    /// The gap: positions that are accounted for as lost, or (playback) that the readers got as
    /// silence.
    pub(super) gap: Range<u64>,
}

/// The number of frames with which a reader gets one more when the delay is shortened: so few that
/// a program that keeps up with its card has no xrun, even with two periods in its buffer.
pub const CATCH_UP: u64 = 8;

/// The least [`End::drain_timeout`], in nanoseconds. ALSA gives up a drain if it is not notified
/// for the nominal time of 1.1 buffers, or for 100 ms if that is longer (`snd_pcm_drain()` in
/// `sound/core/pcm_native.c`). Half a buffer or this is safe even if a timer is late by the greatest
/// `wakeup_slack`.
const DRAIN_TIMEOUT_MIN: u64 = 40_000_000;

impl<B> Default for End<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B> End<B> {
    /// An end that nobody has opened.
    pub fn new() -> Self {
        Self {
            state: EndState::Closed,
            setup: None,
            position: 0,
            counters: Counters::default(),
            served: 0,
            buffer: None,
            reported_position: 0,
            anchor: (0, 0),
            boundary: 0,
            drain: None,
            drain_notified: false,
            pending_stop: None,
            overrun: false,
            free_running: false,
            lag: 0,
            notified_at: 0,
            drain_timeout: DRAIN_TIMEOUT_MIN,
            gap: 0..0,
        }
    }

    /// The end, prepared with this setup and buffer at `rate` frames per second.
    pub(super) fn prepared(self, setup: Setup, buffer: B, rate: u32) -> Self {
        let time = setup.buffer.saturating_mul(1_000_000_000);
        Self {
            state: EndState::Prepared,
            setup: Some(setup),
            buffer: Some(buffer),
            boundary: setup.period,
            counters: self.counters,
            served: self.served,
            free_running: self.free_running,
            drain_timeout: DRAIN_TIMEOUT_MIN.max(time.div_ceil(2 * u64::from(rate.max(1)))),
            ..Self::new()
        }
    }

    /// Whether it drains: it plays what was written and then stops.
    pub fn draining(&self) -> bool {
        self.state == EndState::Running && self.drain.is_some()
    }

    /// Playback: rewinds the last `frames` frames. Returns how many of them the readers got as
    /// silence.
    pub(super) fn rewind_playback(&mut self, frames: u64) -> u64 {
        let end = self.position;
        self.position -= frames;
        self.counters.moved -= frames;
        let first = match self.drain {
            Some(drain) => drain,
            None if self.gap.end == end => self.gap.start,
            None => end,
        };
        self.gap = self.gap.start.min(self.position)..self.gap.end.min(self.position);
        end.saturating_sub(first).min(frames)
    }

    /// Capture: rewinds the last `frames` frames, of which the last `silent` were silence.
    pub(super) fn rewind_capture(&mut self, frames: u64, silent: u64) {
        self.position -= frames;
        self.counters.moved -= frames;
        self.counters.silence = self.counters.silence.saturating_sub(silent);
    }

    /// The buffer, if the end runs.
    pub(super) fn running(&self) -> Option<&B> {
        match self.state {
            EndState::Running => self.buffer.as_ref(),
            _ => None,
        }
    }
}

impl<B: Buffer> End<B> {
    /// Reads ALSA's pointers, and sets the anchor. With the stream locked only: ALSA then believes
    /// in the position that was last reported to it.
    pub(super) fn read_pointers(&mut self) -> Option<Pointers> {
        let pointers = self.buffer.as_ref()?.pointers();
        self.anchor = (pointers.hw, self.reported_position);
        Some(pointers)
    }

    /// The position up to which the program has written or read, by [`Pointers::appl`].
    pub(super) fn appl(&self, pointers: &Pointers) -> u64 {
        let (hw, position) = self.anchor;
        position.saturating_add_signed(distance(hw, pointers.appl, pointers.boundary))
    }

    /// The position up to which there is something to play.
    ///
    /// A stream that does not stop on an xrun may be written to behind ALSA's back (dmix does so),
    /// hence whatever its buffer holds is played.
    pub(super) fn written(&self, buffer: &B) -> u64 {
        let pointers = buffer.pointers();
        match self.drain {
            Some(end) => end,
            // Nobody else knows how far it is.
            None if self.free_running => self.appl(&pointers),
            None if pointers.stop_threshold > buffer.layout().frames => u64::MAX,
            None => self.appl(&pointers),
        }
    }
}
