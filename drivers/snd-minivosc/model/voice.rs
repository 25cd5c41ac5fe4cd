// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! A recording of the oscillator: where it is, and what is in its buffer.
//!
//! As with every position here, it is computed from the time when somebody asks, and the frames up to it are made
//! then. Nothing runs in between, but for a timer when a period ends that somebody waits for, or enough has piled up.

use core::ops::Deref;

use crate::lib::model::clock::{Clock, PITCH_NOMINAL};
use crate::lib::model::encode::{encode, Sample};
use crate::lib::model::faults::Faults;
use crate::lib::model::layout::spans;
use crate::lib::model::ring::next_boundary;
use crate::lib::model::stream::{Buffer, Params, Setup, Timed, Wake};

use super::oscillator::{Oscillator, Settings, NAMES};

/// How many frames of few channels are made in one go, at most: 0.7 ms on a machine of 500 MIPS. A timer makes half of
/// that, as it may be one of many that go off together.
pub const STEP: u64 = 2048;
/// Bytes that are made before they go into the buffer: at least the widest frame.
const BLOCK: usize = 1024;

/// A recording that is set up, or runs.
#[derive(Debug)]
struct Take<B> {
    params: Params,
    setup: Setup,
    buffer: B,
    oscillator: Oscillator,
    /// Goes while the stream runs. It counts from 0 each time.
    clock: Option<Clock>,
    /// Frames that were due when the stream last started or stopped.
    from: u64,
    /// Frames that have been made.
    made: u64,
    /// The number of the next sample: that of the next frame, where no fault has lost or doubled some.
    number: u64,
    /// The next sample is the second of two that are the same.
    again: bool,
    /// An xrun is to come.
    xrun: bool,
    /// What ALSA was last told of them.
    told: u64,
    /// The next one at which a period ends.
    boundary: u64,
}

/// A recorder's end of the oscillator. `B` is the buffer that it fills, `W` what holds the waveform that the user has
/// given.
#[derive(Debug)]
pub struct Voice<B, W> {
    settings: Settings,
    given: W,
    /// Whether the first frame of each period, and of each turn of the buffer, is a mark.
    marks: bool,
    take: Option<Take<B>>,
    /// What is to go wrong.
    faults: Faults,
}

impl<B: Buffer, W: Deref<Target = [i32]>> Voice<B, W> {
    /// A voice that plays so, and that nobody records.
    pub fn new(settings: Settings, marks: bool, given: W) -> Self {
        Self {
            settings,
            given,
            marks,
            take: None,
            faults: Faults::default(),
        }
    }

    /// The names of the waveforms that there are: that of the user only if there is one.
    pub fn names(&self) -> &'static [&'static str] {
        match self.given.is_empty() {
            true => &NAMES[..NAMES.len() - 1],
            false => NAMES,
        }
    }

    /// What is played.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Changes what is played from `now` on.
    pub fn set(&mut self, settings: Settings, now: u64) {
        self.advance(now);
        self.settings = settings;
        if let Some(take) = &mut self.take {
            take.oscillator.set(settings, take.number);
        }
    }

    /// Sets a recording up: it begins with frame 0.
    pub fn prepare(&mut self, params: Params, setup: Setup, buffer: B) {
        self.take = Some(Take {
            params,
            setup,
            buffer,
            oscillator: Oscillator::new(self.settings, params.rate, self.given.len()),
            clock: None,
            from: 0,
            made: 0,
            number: 0,
            again: false,
            xrun: false,
            told: 0,
            boundary: setup.period,
        });
    }

    /// Gives the buffer back.
    pub fn take_buffer(&mut self) -> Option<B> {
        self.take.take().map(|take| take.buffer)
    }

    /// Starts, or goes on after a stop. Returns whether it could: it must have been set up.
    pub fn start(&mut self, now: u64) -> bool {
        let Some(take) = &mut self.take else {
            return false;
        };
        let now = self.faults.local(now);
        take.from = take.due(now);
        take.clock = Some(Clock::new(take.params.rate, PITCH_NOMINAL, now));
        take.xrun = false;
        true
    }

    /// Stops where it is (in a group all at the same frame, though a timer may have made more of one), or as far as it can
    /// come in one go, if a timer is that late. Makes nothing: linked streams are all locked until the last one has stopped,
    /// and ALSA does not ask how far they came. What is due is made when the stream goes on after a pause, or before what is
    /// played is changed.
    pub fn stop(&mut self, now: u64) {
        if let Some(take) = &mut self.take {
            take.from = take
                .due(self.faults.local(now))
                .min(take.made + take.step());
            take.clock = None;
        }
    }

    /// What is to go wrong from `now` on.
    pub fn faults(&mut self, now: u64) -> &mut Faults {
        self.advance(now);
        &mut self.faults
    }

    /// Lets the clock stand still, or go on.
    pub fn freeze(&mut self, freeze: bool, now: u64) {
        self.advance(now);
        self.faults.freeze(freeze, now);
    }

    /// Lets a recording that runs have an xrun, of which the timer tells.
    pub fn force_xrun(&mut self) {
        if let Some(take) = &mut self.take {
            take.xrun = take.clock.is_some();
        }
    }

    /// Makes frames that are due, as many as may be made in one go.
    fn advance(&mut self, now: u64) {
        let step = self.take.as_ref().map_or(0, Take::step);
        self.advance_by(step, now);
    }

    /// The same, but at most so many.
    fn advance_by(&mut self, frames: u64, now: u64) {
        let (marks, now) = (self.marks, self.faults.local(now));
        if let Some(take) = &mut self.take {
            let due = take.due(now).saturating_sub(take.made);
            take.make(due.min(frames), marks, &self.given, &mut self.faults);
        }
    }

    /// Where the recording is in its buffer, in frames; `None` if more has been made than the buffer holds since ALSA
    /// last asked. To be called by ALSA alone: the answer counts as told. ALSA that has been `notified` of a period
    /// knows that a buffer of one period has been filled where the position is the same as before.
    pub fn pointer(&mut self, now: u64, notified: bool) -> Option<u64> {
        // When it has just been notified, the timer has made what it may.
        if !notified {
            self.advance(now);
        }
        let Some(take) = &mut self.take else {
            return Some(0);
        };
        let frames = take.setup.buffer;
        let more = take.made - take.told;
        take.told = take.made;
        // Without wake-ups ALSA itself tells from the time how often the buffer has been filled.
        let known = more < frames || (notified && more == frames) || !take.setup.wakeups;
        known.then(|| take.made.checked_rem(frames).unwrap_or(0))
    }
}

impl<B: Buffer, W: Deref<Target = [i32]>> Timed for Voice<B, W> {
    /// When something is to be told, or made: for when the timer is to be armed.
    fn next_wakeup(&self) -> Option<u64> {
        let take = self.take.as_ref()?;
        let clock = take.clock?;
        if take.xrun {
            return Some(0);
        }
        let piled = take.made + take.pile();
        let next = match take.setup.wakeups {
            true => piled.min(take.boundary),
            false => piled,
        };
        // A period that ended right before a pause is told of after it, at once.
        self.faults.when(clock.when(next.saturating_sub(take.from)))
    }

    /// The timer has gone off. Returns what ALSA is to be told.
    fn wake(&mut self, now: u64) -> Wake {
        let most = self.take.as_ref().map_or(0, |take| take.step() / 2);
        self.advance_by(most, now);
        let Some(take) = &mut self.take else {
            return Wake::Nothing;
        };
        if take.clock.is_some() && take.xrun {
            take.xrun = false;
            return Wake::Xrun;
        }
        if take.clock.is_none() || !take.setup.wakeups || take.made < take.boundary {
            return Wake::Nothing;
        }
        take.boundary = next_boundary(take.made, take.setup.period);
        Wake::Period
    }
}

impl<B: Buffer> Take<B> {
    /// How many frames there should be.
    fn due(&self, now: u64) -> u64 {
        let clock = self.clock.as_ref();
        self.from + clock.map_or(0, |clock| clock.position(now))
    }

    /// How many frames are made in one go, at most: fewer if they are wide.
    fn step(&self) -> u64 {
        STEP / (1 + u64::from(self.params.channels) / 16)
    }

    /// How many frames may be due before they are made: 5 ms of them, so that little is left to be made when a period
    /// ends and a program waits for it. Half of a step at most, so that a look after a late timer can make all. A timer
    /// that was late goes off again at once.
    fn pile(&self) -> u64 {
        u64::from(self.params.rate / 200)
            .max(256)
            .min(self.step() / 2)
    }

    /// Makes the next `frames` frames: the same sample in all channels. A block at a time, which ends where the buffer
    /// does: then it is one span.
    fn make(&mut self, mut frames: u64, marks: bool, given: &[i32], faults: &mut Faults) {
        let layout = *self.buffer.layout();
        // Where channels are apart, a span has a row for each, and all are alike.
        let unit = match layout.planes() {
            Some(_) => layout.sample,
            None => layout.frame(),
        };
        let mut block = [0; BLOCK];
        let most = (BLOCK as u64).checked_div(unit as u64).unwrap_or(0);
        while frames > 0 {
            let place = self.made.checked_rem(layout.frames).unwrap_or(0);
            let count = frames.min(most).min(layout.frames - place);
            if count == 0 {
                break;
            }
            for (place, frame) in (self.made..self.made + count).zip(block.chunks_mut(unit)) {
                let sample = self.next_sample(place, faults, marks, given);
                repeat(frame, &sample[..layout.sample.min(sample.len())]);
            }
            spans(&layout, self.made, count, |span| {
                self.buffer.fill(span, &block[..count as usize * unit])
            });
            let buffer = &self.buffer;
            faults.flip.each_wrong(count, |before, count| {
                for frame in place + before..place + before + count {
                    buffer.flip(layout.byte_of(frame));
                }
            });
            self.made += count;
            frames -= count;
        }
    }

    /// The sample of the frame `place`.
    fn next_sample(
        &mut self,
        place: u64,
        faults: &mut Faults,
        marks: bool,
        given: &[i32],
    ) -> Sample {
        if !self.again {
            // All at once: what gets lost takes no time.
            while let (_, true) = faults.drop.next_run(1) {
                let (lost, _) = faults.drop.run(u64::MAX);
                self.number = self.number.wrapping_add(lost);
            }
            faults.drop.pass(1);
        }
        let number = self.number;
        if !self.again && faults.double.next_is_wrong() {
            self.again = true;
        } else {
            self.again = false;
            self.number = number.wrapping_add(1);
        }
        let format = self.params.format;
        match marks {
            true if place.checked_rem(self.setup.buffer) == Some(0) => encode(format, i32::MAX, 0),
            true if place.checked_rem(self.setup.period) == Some(0) => encode(format, i32::MIN, 0),
            _ => self.oscillator.sample(number, format, given),
        }
    }
}

/// Fills `frame` with a sample, over and over.
fn repeat(frame: &mut [u8], sample: &[u8]) {
    let mut done = sample.len().min(frame.len());
    frame[..done].copy_from_slice(&sample[..done]);
    while done > 0 && done < frame.len() {
        let more = done.min(frame.len() - done);
        frame.copy_within(..more, done);
        done += more;
    }
}
