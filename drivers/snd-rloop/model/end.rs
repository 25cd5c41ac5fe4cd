// SPDX-License-Identifier: GPL-2.0-only

//! One end of a cable: what ALSA keeps about its stream, where it is, and what it has counted.

use core::ops::Range;

use crate::lib::model::layout::{moves, spans};
use crate::lib::model::ring::distance;
use crate::lib::model::stream::{Buffer, Direction, Pointers, Setup, Wake};

/// Where a stream is plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The playback end.
    Playback,
    /// The capture end of this number, from 0.
    Capture(usize),
}

impl Port {
    /// Which way it faces.
    pub fn direction(self) -> Direction {
        match self {
            Self::Playback => Direction::Playback,
            Self::Capture(_) => Direction::Capture,
        }
    }
}

/// What an end is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndState {
    /// Nobody has opened it.
    #[default]
    Closed,
    /// Opened, but it has no say in the parameters.
    Open,
    /// It has parameters and a buffer, and stands still.
    Prepared,
    /// It moves.
    Running,
    /// It will go on from where it stopped.
    Paused,
}

/// Counted since the card was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were played into the cable, or delivered to the reader.
    pub moved: u64,
    /// Playback: of these, the ones that no reader was there for.
    pub unheard: u64,
    /// Capture: as many of these were silence because nothing was played (with a delay: while they
    /// went into the cable).
    pub silence: u64,
    /// Playback: frames that were written only after their play time, when the running readers had
    /// been given silence in their place. Capture: frames that were thrown away because the
    /// reader did not take them in time.
    pub lost: u64,
    /// Times that the stream ran dry (playback) or full (capture) and was stopped for it.
    pub xruns: u64,
    /// Wake-ups for a period or a drain.
    pub wakeups: u64,
    /// Of these, the ones that came so late that the next was due as well.
    pub late: u64,
}

/// One end of a cable.
#[derive(Debug)]
pub struct End<B> {
    /// What it is doing.
    pub state: EndState,
    /// What it has chosen; there from prepare until it lets go.
    pub setup: Option<Setup>,
    /// Frames since prepare that have been moved.
    pub position: u64,
    /// Sums.
    pub counters: Counters,
    /// There from prepare until [`Cable::take_buffer`]; used only while running.
    pub(super) buffer: Option<B>,
    /// The position that ALSA was last told.
    pub(super) reported_position: u64,
    /// One position by ALSA's count and by ours, to translate its pointers.
    pub(super) anchor: (u64, u64),
    /// The next position at which a period ends.
    pub(super) boundary: u64,
    /// Where what was written ends, once the stream drains.
    pub(super) drain: Option<u64>,
    /// Whether ALSA has been told that the drain has ended.
    pub(super) drain_notified: bool,
    /// ALSA is to stop it, for this reason.
    pub(super) pending_stop: Option<Wake>,
    /// Capture: frames came in faster than they could be moved. What was lost has been counted, and ALSA must
    /// not learn the position before the xrun.
    pub(super) overrun: bool,
    /// The cable has no clock: the end moves as the programs at both ends do.
    pub(super) free_running: bool,
    /// Capture: how many frames it is behind what goes into the cable. Playback: how many the reader
    /// that is furthest behind will be.
    pub(super) lag: u64,
    /// When ALSA was last told something.
    pub(super) notified_at: u64,
    /// For how many nanoseconds a drain may hear nothing.
    pub(super) drain_timeout: u64,
    /// Positions that are accounted for as lost, or (playback) given to the reader as silence.
    pub(super) gap: Range<u64>,
}

/// When the delay is shortened, a reader gets one frame more in so many: as little as a program that
/// keeps up with its card can take without an xrun, even with two periods in its buffer.
pub const CATCH_UP: u64 = 8;

/// ALSA gives up a drain if it hears nothing for the nominal time of 1.1 buffers, or for 100 ms if that
/// is longer (`snd_pcm_drain` in `sound/core/pcm_native.c`). Half a buffer or this, in nanoseconds, is
/// safe even if a timer is late.
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

    /// An end with these choices and this buffer at `rate` frames per second.
    pub(super) fn prepared(self, setup: Setup, buffer: B, rate: u32) -> Self {
        let time = setup.buffer.saturating_mul(1_000_000_000);
        Self {
            state: EndState::Prepared,
            setup: Some(setup),
            buffer: Some(buffer),
            boundary: setup.period,
            counters: self.counters,
            free_running: self.free_running,
            drain_timeout: DRAIN_TIMEOUT_MIN.max(time.div_ceil(2 * u64::from(rate.max(1)))),
            ..Self::new()
        }
    }

    /// Whether it plays out what was written and then stops.
    pub fn draining(&self) -> bool {
        self.state == EndState::Running && self.drain.is_some()
    }

    /// Frames that have been moved and of which ALSA has not been told.
    pub(super) fn unreported(&self) -> u64 {
        self.position.saturating_sub(self.reported_position)
    }

    /// Playback: takes back the last `frames` frames. Returns how many of them the readers got as
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

    /// Capture: takes back the last `frames` frames, of which the last `silent` were silence.
    pub(super) fn rewind_capture(&mut self, frames: u64, silent: u64) {
        self.position -= frames;
        self.counters.moved -= frames;
        self.counters.silence = self.counters.silence.saturating_sub(silent);
    }

    pub(super) fn running(&self) -> Option<&B> {
        match self.state {
            EndState::Running => self.buffer.as_ref(),
            _ => None,
        }
    }

    /// The position at which ALSA finds that the stream has drained. ALSA looks only when the
    /// position has moved, so where everything has been played already, one more frame has to go.
    pub(super) fn drain_end(&self) -> Option<u64> {
        Some(self.drain?.max(self.reported_position.saturating_add(1)))
    }

    /// The position at which this end next has something to tell ALSA.
    pub(super) fn awaited(&self) -> Option<u64> {
        self.running()?;
        let boundary = self.setup?.wakeups.then_some(self.boundary);
        let heard = self.drain.map(|drain| drain.saturating_add(self.lag));
        let drain = self.drain_end().max(heard).filter(|_| !self.drain_notified);
        match (boundary, drain) {
            (Some(boundary), Some(drain)) => Some(boundary.min(drain)),
            (boundary, drain) => boundary.or(drain),
        }
    }
}

impl<B> End<B> {
    /// Capture: in how many frames of the cable, which is at `moved`, this end will have moved by `frames`. It is
    /// sooner while it catches up with a shorter delay: see [`End::receive_delayed`].
    pub(super) fn passes_in(&self, frames: u64, moved: u64, delay: u64) -> u64 {
        let surplus = self.lag.saturating_sub(delay);
        let more = |passed: u64| {
            let more = moved.saturating_add(passed) / CATCH_UP - moved / CATCH_UP;
            more.min(surplus)
        };
        if surplus == 0 {
            return frames;
        }
        // At least this many, and at most two more.
        let mut passed = (frames / (CATCH_UP + 1) * CATCH_UP).max(frames.saturating_sub(surplus));
        while passed + more(passed) < frames {
            passed += 1;
        }
        passed
    }
}

impl<B: Buffer> End<B> {
    /// When ALSA, which waits for the end of a drain, must at last hear something.
    pub(super) fn drain_deadline(&self) -> Option<u64> {
        let wakeups = self.running().and(self.setup)?.wakeups;
        let waits = wakeups && self.drain.is_some() && !self.drain_notified;
        waits.then(|| self.notified_at.saturating_add(self.drain_timeout))
    }

    /// ALSA's pointers. To be called with the stream locked only: ALSA then believes in the
    /// position that it was last told.
    pub(super) fn read_pointers(&mut self) -> Option<Pointers> {
        let pointers = self.buffer.as_ref()?.pointers();
        self.anchor = (pointers.hw, self.reported_position);
        Some(pointers)
    }

    /// The position up to which the program has written or read.
    pub(super) fn appl(&self, pointers: &Pointers) -> u64 {
        let (hw, position) = self.anchor;
        position.saturating_add_signed(distance(hw, pointers.appl, pointers.boundary))
    }

    /// The position that ALSA is to be told. Where a drain ends a whole buffer after what ALSA
    /// knows, which it could not tell from no movement at all, it gets there in two steps.
    pub(super) fn reportable_position(&self, direction: Direction) -> u64 {
        let Some(buffer) = &self.buffer else {
            return self.position;
        };
        let frames = buffer.layout().frames;
        match self.drain_end() {
            None if self.free_running && direction == Direction::Playback => {
                // If it were told of the last frame that was written, ALSA would find an xrun.
                let pointers = buffer.pointers();
                let kept = frames.saturating_sub(pointers.stop_threshold) + 1;
                let most = self.appl(&pointers).saturating_sub(kept);
                self.position.min(most).max(self.reported_position)
            }
            None => self.position,
            Some(end) => {
                let position = match self.drain {
                    // No clock brings the one frame more.
                    Some(drain) if self.free_running && self.position >= drain => end,
                    // The last frame is still on its way.
                    Some(drain) if self.position < drain.saturating_add(self.lag) => {
                        self.position.min(end - 1)
                    }
                    _ => self.position.min(end),
                };
                position.min(self.reported_position.saturating_add(frames - 1))
            }
        }
    }

    /// Without a clock: when there is something to tell ALSA.
    pub(super) fn notify_at(&self, direction: Direction) -> Option<u64> {
        let (_, setup) = (self.running()?, self.setup?);
        let draining = self.drain.is_some();
        if draining && self.drain_notified {
            return None;
        }
        if self.reportable_position(direction) != self.reported_position
            && (setup.wakeups || draining)
        {
            return Some(0);
        }
        self.drain_deadline()
    }

    /// Capture, without a clock: how many frames the program has made room for. It has an xrun when
    /// it gets to know of as many as `stop_threshold`.
    pub(super) fn room(&self, buffer: &B) -> u64 {
        let pointers = buffer.pointers();
        let most = buffer.layout().frames.min(pointers.stop_threshold);
        let end = self.appl(&pointers).saturating_add(most.saturating_sub(1));
        end.saturating_sub(self.position)
    }

    /// The position up to which there is something to play.
    ///
    /// A stream that does not stop on an xrun may be written to behind ALSA's back (dmix does
    /// so), hence whatever its buffer holds is played.
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

    /// Capture: takes `frames` frames, of which the first `data` are those from a position of
    /// `source` on, the rest is silence.
    pub(super) fn receive(
        &mut self,
        source: Option<(&B, u64)>,
        data: u64,
        frames: u64,
        silence: &[u8],
    ) {
        let Some(target) = self.running() else { return };
        copy_frames(target, self.position, source, data, frames, silence);
        self.position += frames;
        self.counters.moved += frames;
    }

    /// Capture: counts `frames` frames that are not moved.
    pub(super) fn skip(&mut self, frames: u64) {
        if self.running().is_some() {
            self.position += frames;
            self.counters.moved += frames;
        }
    }

    /// Capture: all that the reader has not taken up to here is lost, since it came in faster than it could be
    /// moved. The stream has an xrun, if it stops for one.
    pub(super) fn note_overrun(&mut self) {
        let Some(buffer) = self.running() else { return };
        let (frames, pointers) = (buffer.layout().frames, buffer.pointers());
        let unread = self.appl(&pointers).max(self.gap.end);
        self.counters.lost += self.position.saturating_sub(unread);
        self.gap.end = self.position;
        if pointers.stop_threshold <= frames {
            (self.pending_stop, self.overrun) = (Some(Wake::Xrun), true);
        }
    }

    /// Capture: takes what is due when `frames` frames have gone into the delay line `line` from
    /// position `first` on, so as to be `delay` frames behind. There is nothing in it from before
    /// position `begin`.
    ///
    /// If it has been less, it gets silence first. If it has been more, it gets one frame more for
    /// every [`CATCH_UP`]: nothing is left out. What need not be `kept` is only counted.
    pub(super) fn receive_delayed(
        &mut self,
        (line, begin): (&B, u64),
        (first, frames): (u64, u64),
        delay: u64,
        silence: &[u8],
        kept: bool,
    ) {
        if self.running().is_none() {
            return;
        }
        let wait = delay.saturating_sub(self.lag).min(frames);
        let more = (first + frames) / CATCH_UP - first / CATCH_UP;
        let more = more.min((self.lag + wait).saturating_sub(delay));

        let count = frames - wait + more;
        let early = (self.lag + begin).saturating_sub(first).min(count);
        let from = (first + early).saturating_sub(self.lag);
        self.lag = self.lag + wait - more;
        if !kept {
            return self.skip(wait + count);
        }
        self.receive(None, 0, wait + early, silence);
        self.receive(Some((line, from)), count - early, count - early, silence);
    }

    /// Capture: inverts a bit in each of the frames from `position` on.
    pub(super) fn flip(&self, position: u64, frames: u64) {
        let Some(buffer) = self.running() else { return };
        let layout = buffer.layout();
        for frame in position..position.saturating_add(frames.min(layout.frames)) {
            if let Some(slot) = frame.checked_rem(layout.frames) {
                buffer.flip(layout.byte_of(slot));
            }
        }
    }

    /// Playback: the position up to which the program has written. What it wrote too late is counted.
    /// With the stream locked.
    pub(super) fn note_written(&mut self) -> Option<u64> {
        let pointers = self.read_pointers()?;
        let written = self.appl(&pointers);
        self.note_late(written);
        Some(written)
    }

    /// Playback: frames that were given to the readers as silence and have been written since are
    /// lost.
    pub(super) fn note_late(&mut self, written: u64) {
        let late = written.min(self.gap.end).saturating_sub(self.gap.start);
        self.counters.lost += late;
        self.gap.start += late;
    }

    /// Playback: the next `frames` frames are about to be given to the readers, those after
    /// `written` as silence.
    pub(super) fn note_gap(&mut self, written: u64, frames: u64) {
        if self.drain.is_some() || written == u64::MAX {
            return;
        }
        self.note_late(written);
        let next = self.position + frames;
        if self.gap.start == self.gap.end {
            self.gap.start = written.clamp(self.position, next);
        }
        self.gap.end = next;
    }

    /// Counts an xrun, if it was one that the stream stopped for.
    pub(super) fn note_xrun(&mut self, direction: Direction) {
        let (Some(pointers), Some(buffer)) = (self.read_pointers(), &self.buffer) else {
            return;
        };
        if self.free_running {
            return;
        }
        let frames = buffer.layout().frames;
        let appl = self.appl(&pointers);
        match direction {
            Direction::Playback => {
                self.note_late(appl);
                let room = (self.position + frames).saturating_sub(appl);
                self.counters.xruns += u64::from(room >= pointers.stop_threshold);
            }
            Direction::Capture => {
                let unread = self.position.saturating_sub(appl);
                if unread >= pointers.stop_threshold {
                    self.counters.xruns += 1;
                    self.counters.lost += self.position.saturating_sub(appl.max(self.gap.end));
                    self.gap.end = self.position;
                }
            }
        }
    }
}

/// Puts `frames` frames from position `to` on into `target`: the first `data` are those from a
/// position of `source` on, the rest is silence.
pub(super) fn copy_frames<B: Buffer>(
    target: &B,
    to: u64,
    source: Option<(&B, u64)>,
    data: u64,
    frames: u64,
    silence: &[u8],
) {
    // What would be overwritten at once need not be moved.
    let skip = frames.saturating_sub(target.layout().frames);
    let (to, rest) = (to + skip, frames - skip);
    let kept = data.saturating_sub(skip);
    if let Some((source, from)) = source {
        let (from, layout) = (from + skip, source.layout());
        moves(layout, from, target.layout(), to, kept, |what| {
            target.copy_from(source, what)
        });
    }
    spans(target.layout(), to + kept, rest - kept, |span| {
        target.fill(span, silence)
    });
}
