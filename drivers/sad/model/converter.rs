// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The D/A converter: which sample leaves at which tick.
//!
//! Ticks are those of one clock from the device's beginning on: the time of a tick is a function of its number
//! alone. At each the oldest sample of the FIFO leaves, or silence if there is none. So how late a
//! timer, or whoever looks, may be changes nothing in what leaves when: it is moved up to now as soon as somebody
//! looks. [`Converter::next_tick`] is when somebody has to.

use core::ops::DerefMut;

use super::fifo::{Fifo, SAMPLE_MAX};
use super::intervals::Intervals;
use super::recording::Recording;
use crate::lib::model::clock::{Clock, PITCH_NOMINAL};
use crate::lib::model::decode::decode;
use crate::lib::model::encode::encode;
use crate::lib::model::faults::Faults;
use crate::lib::model::format::{Format, FORMATS};
use crate::lib::model::stream::{Buffer, Params, Setup, Wake};

/// How many samples leave when somebody looks, at most, and how many frames of silence are recorded.
const STEP: u64 = 512;
/// How many leave, at most, when a timer goes off: one interrupt does those of all devices that are due. Fewer would let a
/// device of [`super::params::RATES`]'s highest rate stay behind, once it is, where timers are put off.
const TIMED: u64 = 128;
/// How many leave, at most, while a recording stops: linked ones are all locked until the last one has stopped.
const LAST: u64 = 16;
/// After how many samples in a row that a fault has lost a tick passes. They take no time of the clock, but the processor's.
const LOST: u64 = 512;

/// What a converter is built on.
pub trait Parts {
    /// The FIFO's memory.
    type Bytes: DerefMut<Target = [u8]>;
    /// Memory for the last intervals.
    type Intervals: DerefMut<Target = [u32]>;
    /// The buffer of whoever records.
    type Buffer: Buffer;
    /// Where samples leave to, besides.
    type Port: Port;
}

/// What a port takes: U8.
const LINEAR: &Format = &FORMATS[1];

/// A D/A converter of eight bits.
pub trait Port {
    /// Puts a sample out. Called at a tick, possibly late.
    fn put(&mut self, sample: u8);
}

/// Sums since the device was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Samples that were accepted.
    pub written: u64,
    /// Samples that have left, those that a fault has doubled twice.
    pub strobed: u64,
    /// Samples that were accepted and dropped: by a close, or because the device has gone.
    pub dropped: u64,
    /// Bytes that a writer has left at its end, of no whole sample.
    pub incomplete: u64,
    /// Intervals that a reader did not read in time.
    pub left_out: u64,
    /// Samples that a fault has lost, doubled, flipped.
    pub faults: [u64; 3],
}

/// Who is to be woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakes {
    /// Writers: there is room.
    pub writers: bool,
    /// Whoever waits for a writer's last sample to have left.
    pub closers: bool,
    /// Readers of intervals.
    pub readers: bool,
}

/// A converter, its FIFO, and who records it.
#[derive(Debug)]
pub struct Converter<P: Parts> {
    format: &'static Format,
    rate: u32,
    clock: Clock,
    /// Ticks that have been.
    ticks: u64,
    fifo: Fifo<P::Bytes>,
    intervals: Intervals<P::Intervals>,
    recording: Option<Recording<P::Buffer>>,
    port: Option<P::Port>,
    /// Samples that have been lost since the last tick.
    lost: u64,
    /// The tick up to which the timer goes on with what was due when an interval last ended.
    rest: u64,
    /// The sample that leaves again at the next tick.
    again: Option<[u8; SAMPLE_MAX]>,
    /// Open files.
    open: u64,
    /// The number of the next file.
    next_file: u64,
    /// Whether a timer is armed for the next tick, or about to be.
    ticking: bool,
    /// Nothing leaves any more.
    gone: bool,
    /// Who has looked in vain.
    waits: Wakes,
    /// The last sample that a writer had in a row has left, or was dropped, since the last tick.
    ended: bool,
    /// What is to go wrong.
    pub faults: Faults,
    /// Sums.
    pub counters: Counters,
}

impl<P: Parts> Converter<P> {
    /// A converter of so many samples per second, whose clock starts `now`.
    pub fn new(
        (format, rate): (&'static Format, u32),
        bytes: P::Bytes,
        intervals: P::Intervals,
        port: Option<P::Port>,
        now: u64,
    ) -> Self {
        Self {
            format,
            rate,
            clock: Clock::new(rate, PITCH_NOMINAL, now),
            ticks: 0,
            fifo: Fifo::new(bytes, format.bytes.into()),
            intervals: Intervals::new(
                intervals,
                1_000_000_000_u64.checked_div(rate.into()).unwrap_or(0),
            ),
            recording: None,
            port,
            lost: 0,
            rest: 0,
            again: None,
            open: 0,
            next_file: 0,
            ticking: false,
            gone: false,
            waits: Wakes::default(),
            ended: false,
            faults: Faults::default(),
            counters: Counters::default(),
        }
    }

    /// The format of the samples.
    pub fn format(&self) -> &'static Format {
        self.format
    }

    /// The FIFO.
    pub fn fifo(&self) -> &Fifo<P::Bytes> {
        &self.fifo
    }

    /// The intervals between ticks.
    pub fn intervals(&self) -> &Intervals<P::Intervals> {
        &self.intervals
    }

    /// Samples per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// How many files are open.
    pub fn open_files(&self) -> u64 {
        self.open
    }

    /// Whether somebody records.
    pub fn is_recorded(&self) -> bool {
        self.recording.as_ref().is_some_and(|r| r.running)
    }

    /// Opens a file. Returns its number, which no other has had.
    pub fn open(&mut self, now: u64) -> u64 {
        self.advance(now);
        self.open += 1;
        self.next_file += 1;
        self.next_file
    }

    /// Closes a file. What it has written stays.
    pub fn close(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Adds samples of the file `file`: all, or as many as there is room for unless they are to stay `together`.
    /// Returns how many bytes were taken; if not all, whoever waits for room is woken when there is.
    pub fn write(&mut self, file: u64, bytes: &[u8], together: bool, now: u64) -> usize {
        self.advance(now);
        if self.gone {
            return 0;
        }
        let taken = self.fifo.push(file, bytes, together);
        let sample = usize::from(self.format.bytes);
        self.counters.written += taken.checked_div(sample).unwrap_or(0) as u64;
        if bytes.len() - taken >= sample {
            self.waits.writers = true;
        }
        taken
    }

    /// Whether a writer that waits may go on. If not, it is woken when it may.
    pub fn has_room(&mut self, now: u64) -> bool {
        self.advance(now);
        let room = self.fifo.has_room();
        self.waits.writers |= !room;
        room
    }

    /// Whether all that the file `file` has written has left. If not, it is woken when it has.
    pub fn has_left(&mut self, file: u64, now: u64) -> bool {
        self.advance(now);
        let left = !self.fifo.holds(file);
        self.waits.closers |= !left;
        left
    }

    /// Drops what is left of what the file `file` has written.
    pub fn drop_rest(&mut self, file: u64, now: u64) {
        self.advance(now);
        self.counters.dropped += self.fifo.drop_rest(Some(file));
        self.ended = true;
    }

    /// The next interval for a reader at `cursor`. If there is none yet, the reader is woken when there is.
    pub fn interval(&mut self, cursor: &mut u64) -> Option<u32> {
        let Some((interval, left_out)) = self.intervals.read(cursor) else {
            self.waits.readers = true;
            return None;
        };
        self.counters.left_out += left_out;
        Some(interval)
    }

    /// Whether there is an interval for a reader at `cursor`. If not, the reader is woken when there is.
    pub fn has_interval(&mut self, cursor: u64) -> bool {
        let has = cursor < self.intervals.total();
        self.waits.readers |= !has;
        has
    }

    /// Drops all that is left: the device has gone. Returns its port, which another may have now.
    pub fn leave(&mut self, now: u64) -> Option<P::Port> {
        self.advance(now);
        self.gone = true;
        self.counters.dropped += self.fifo.drop_rest(None);
        self.port.take()
    }

    /// When the timer is to go off for the next tick; `None` if nothing needs it: no file is open, and no sound is
    /// left, or the clock stands still. Then the timer rests, and the time until the next tick is no interval.
    pub fn next_tick(&mut self) -> Option<u64> {
        let needed = !self.gone && (self.open > 0 || self.fifo.used() > 0 || self.again.is_some());
        let next = self.faults.when(self.clock.when(self.ticks + 1));
        let next = next.filter(|_| needed);
        self.ticking = next.is_some();
        if !self.ticking {
            self.intervals.pause();
        }
        next
    }

    /// As [`Converter::next_tick`], but `None` as well if the timer is armed already.
    pub fn first_tick(&mut self) -> Option<u64> {
        match self.ticking {
            true => None,
            false => self.next_tick(),
        }
    }

    /// The timer has gone off for a tick. Returns who is to be woken. If ticks are late, the next may be due already.
    pub fn tick(&mut self, now: u64) -> Wakes {
        // To go on with what was due already ends no interval.
        if self.ticks >= self.rest {
            self.intervals.tick(now);
            self.rest = self.due(now);
        }
        self.advance_by(TIMED, now);
        let room = self.fifo.has_room();
        let wakes = Wakes {
            writers: self.waits.writers && room,
            closers: self.waits.closers && self.ended,
            readers: self.waits.readers,
        };
        self.waits.writers &= !wakes.writers;
        self.waits.closers &= !wakes.closers;
        self.waits.readers = false;
        self.ended = false;
        wakes
    }

    /// Lets the clock stand still, or go on.
    pub fn freeze(&mut self, freeze: bool, now: u64) {
        self.advance(now);
        self.faults.freeze(freeze, now);
    }

    /// Sets a recording up: it begins with frame 0.
    pub fn prepare(&mut self, params: Params, setup: Setup, buffer: P::Buffer) {
        self.recording = Some(Recording::new(params, setup, buffer));
    }

    /// Gives the buffer back.
    pub fn take_buffer(&mut self) -> Option<P::Buffer> {
        self.recording.take().map(|recording| recording.buffer)
    }

    /// Starts the recording, or goes on with it. Returns whether it could: it must have been set up.
    pub fn start(&mut self, now: u64) -> bool {
        let due = self.due(now);
        let Some(recording) = &mut self.recording else {
            return false;
        };
        recording.running = true;
        // What is due is not recorded, however long nobody has looked. It leaves later: this may be one of many starts.
        recording.from = due;
        true
    }

    /// Stops the recording where it is, or before that if ticks are late: of what is due the first few samples leave and are
    /// recorded, the others leave later and are not.
    pub fn stop(&mut self, now: u64) {
        self.advance_by(LAST, now);
        if let Some(recording) = &mut self.recording {
            recording.running = false;
        }
    }

    /// Where the recording is in its buffer, in frames; `None` if more has been recorded than the buffer holds
    /// since ALSA last asked. To be called by ALSA alone: the answer counts as told. ALSA that has been `notified` of a
    /// period knows that a buffer of one period has been filled where the position is the same as before.
    pub fn pointer(&mut self, now: u64, notified: bool) -> Option<u64> {
        // Who has been notified asks from the timer's interrupt.
        self.advance_by(if notified { TIMED } else { STEP }, now);
        self.recording
            .as_mut()
            .map_or(Some(0), |recording| recording.pointer(notified))
    }

    /// When ALSA is to be told that a period has ended, or enough has piled up to be recorded.
    pub fn next_wakeup(&self) -> Option<u64> {
        let recording = self.recording.as_ref().filter(|r| r.running)?;
        let ticks = recording.until_wakeup(STEP / 2);
        let ticks = self.ticks.max(recording.from) + ticks;
        self.faults.when(self.clock.when(ticks))
    }

    /// The timer of the recording has gone off. Returns what ALSA is to be told.
    pub fn wake(&mut self, now: u64) -> Wake {
        self.advance_by(TIMED, now);
        self.recording
            .as_mut()
            .map_or(Wake::Nothing, Recording::wake)
    }

    /// Lets what is due by `now` leave, as much as may in one go. Returns whether more is due.
    pub fn catch_up(&mut self, now: u64) -> bool {
        self.advance(now);
        self.ticks < self.due(now)
    }

    /// Lets what is due by `now` leave, as much as may in one go.
    fn advance(&mut self, now: u64) {
        self.advance_by(STEP, now);
    }

    /// The same, but at most so many samples, and then at most [`STEP`] frames of silence, which take next to no time.
    fn advance_by(&mut self, samples: u64, now: u64) {
        let due = self.due(now);
        // What a fault loses leaves at no tick, but has to be looked at. If that is very much a tick passes, whoever looks and
        // whenever.
        for _ in 0..samples {
            if self.ticks >= due {
                return;
            }
            match self.next_sample() {
                Some(Some(sample)) => {
                    self.strobe(sample);
                    self.ticks += 1;
                    self.lost = 0;
                }
                Some(None) => {
                    self.lost += 1;
                    if self.lost == LOST {
                        self.silence(self.ticks + 1);
                    }
                }
                None => return self.silence(due),
            }
        }
    }

    /// How many ticks there should have been.
    fn due(&self, now: u64) -> u64 {
        self.clock.position(self.faults.local(now))
    }

    /// The sample that leaves at the next tick, if there is any: none within if a fault has lost it.
    fn next_sample(&mut self) -> Option<Option<[u8; SAMPLE_MAX]>> {
        if let Some(sample) = self.again.take() {
            return Some(Some(sample));
        }
        let (mut sample, ended) = self.fifo.pop()?;
        self.ended |= ended;
        if self.faults.flip.next_is_wrong() {
            self.counters.faults[2] += 1;
            sample[usize::from(self.format.bytes) / 2] ^= 1;
        }
        Some(match self.faults.run(1).1 {
            0 => {
                self.counters.faults[0] += 1;
                None
            }
            1 => Some(sample),
            _ => {
                self.counters.faults[1] += 1;
                self.again = Some(sample);
                Some(sample)
            }
        })
    }

    /// A sample leaves.
    fn strobe(&mut self, sample: [u8; SAMPLE_MAX]) {
        self.counters.strobed += 1;
        if let Some(port) = &mut self.port {
            port.put(encode(LINEAR, decode(self.format, &sample), 0)[0]);
        }
        let tick = self.ticks;
        let recording = self.recording.as_mut();
        if let Some(recording) = recording.filter(|r| r.running && r.from <= tick) {
            // In the format in which it was written it is recorded bit for bit.
            if recording.format() == self.format {
                recording.record(1, &sample);
            } else {
                let level = decode(self.format, &sample);
                let sample = encode(recording.format(), level, recording.frames);
                recording.record(1, &sample);
            }
        }
    }

    /// Nothing leaves until the tick `due`, or so long as is recorded in one go. If nobody records it, there is nothing to
    /// be done for it.
    fn silence(&mut self, due: u64) {
        let mut end = due;
        if let Some(recording) = self.recording.as_mut().filter(|r| r.running) {
            let from = self.ticks.max(recording.from);
            end = due.min(from + STEP);
            let silence = recording.format().silence;
            recording.record(end.saturating_sub(from), &silence);
        }
        self.ticks = end;
        self.lost = 0;
    }
}
