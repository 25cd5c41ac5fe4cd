// SPDX-License-Identifier: GPL-2.0-only

//! The adjustable delay of a cable: how long it is, and the line in which frames are meanwhile.

use core::ops::DerefMut;

use super::super::end::{Buffer, End};
use super::super::layout::{moves, Layout};
use super::{Cable, Params};

/// How many frames go through the delay line at a time.
pub(super) const LINE_STEP: u64 = 1_024;

/// The longest delay in seconds.
const DELAY_MAX: u32 = 10;
/// The rate of a cable that nobody has used.
const RATE_DEFAULT: u32 = 48_000;
/// The largest delay line in bytes.
pub const LINE_BYTES_MAX: usize = 64 << 20;

impl<B, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// By how many frames the readers are to be behind the player.
    pub fn delay(&self) -> u64 {
        self.delay.min(self.delay_max().into())
    }

    /// The longest delay in frames: 10 s at the cable's rate, or at that of the last player.
    pub fn delay_max(&self) -> u32 {
        let params = self.params.or(self.played.map(|(params, _)| params));
        DELAY_MAX * params.map_or(RATE_DEFAULT, |params| params.rate)
    }

    /// A drain ends when the last frame has reached the last reader: one that is still to be as far
    /// behind as the delay says will be by then.
    pub(super) fn note_lag(&mut self) {
        let delay = self.line.as_ref().map_or(0, |_| self.delay());
        let readers = self.captures.iter();
        let lags = readers.filter_map(|end| end.running().and(Some(end.lag.max(delay))));
        self.playback.lag = lags.max().unwrap_or(0);
    }
}

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// The layout of the delay line for these parameters and this delay (or that which is set), if
    /// another one is needed than is there. Without a clock there is no delay.
    pub fn line_for(&self, params: &Params, delay: Option<u64>) -> Option<Layout> {
        let delay = delay.unwrap_or(self.delay);
        let delay = delay.min(u64::from(DELAY_MAX * params.rate));
        let layout = Layout {
            frames: delay + LINE_STEP,
            channels: params.channels as usize,
            sample: usize::from(params.format.bytes),
            plane: None,
        };
        let fits = |line: &B| {
            let there = line.layout();
            there.frame() == layout.frame()
                && there.sample == layout.sample
                && there.frames >= layout.frames
        };
        let there = self.line.as_ref().is_some_and(fits);
        (delay > 0 && !self.free && !there).then_some(layout)
    }

    /// How many of the next `frames` frames can be moved at a time. Not more than a step, or what was
    /// to be heard would be overwritten in the line before; but if nobody has looked for a long time,
    /// then what will be overwritten in all readers' buffers by the rest need not be right.
    ///
    /// Returns whether they have to be right.
    pub(super) fn line_step(&self, frames: u64) -> (u64, bool) {
        if self.line.is_none() {
            return (frames, true);
        }
        let buffers = self.captures.iter().filter_map(|end| end.running());
        let kept = buffers.map(|buffer| buffer.layout().frames).max();
        match frames.checked_sub(kept.unwrap_or(0)) {
            Some(surplus @ LINE_STEP..) => (surplus, false),
            _ => (frames.min(LINE_STEP), true),
        }
    }

    /// Sets the delay from `now` on, with a line if [`Cable::line_for`] asks for one. Returns what is
    /// no longer needed.
    ///
    /// What is under way arrives: with a longer delay after silence, with a shorter one sooner.
    pub fn set_delay(&mut self, delay: u64, line: Option<B>, now: u64) -> Option<B> {
        self.advance(now);
        self.delay = delay;
        let under_way = self.is_under_way();
        let old = match line {
            // Whoever was to use it may have let go meanwhile.
            Some(_) if self.params.is_none() => line,
            Some(_) => self.lay(line),
            None => self.line.take_if(|_| delay == 0 && !under_way),
        };
        self.note_lag();
        old
    }

    /// Whether a reader is behind the player.
    fn is_under_way(&self) -> bool {
        let mut readers = self.captures.iter();
        readers.any(|end| end.running().is_some() && end.lag > 0)
    }

    /// Lays another delay line, if there is one, with what is under way. Returns the old one.
    pub fn lay(&mut self, line: Option<B>) -> Option<B> {
        let params = self.params;
        let Some(new) = line else {
            // A line that nobody needs any more may be one for other parameters, or have been left
            // because something was under way.
            let idle = self.delay == 0 && !self.is_under_way();
            return self.line.take_if(|line| {
                let layout = line.layout();
                idle || params.is_none_or(|params| {
                    layout.channels != params.channels as usize
                        || layout.sample != usize::from(params.format.bytes)
                })
            });
        };
        let lags = self.captures.iter();
        let lags = lags.filter_map(|end| end.running().and(Some(end.lag)));
        let under_way = lags.max().unwrap_or(0);
        let begin = core::mem::replace(&mut self.line_begin, self.moved);
        let same = |old: &&B| {
            let (old, new) = (old.layout(), new.layout());
            (old.channels, old.sample) == (new.channels, new.sample)
        };
        if let Some(old) = self.line.as_ref().filter(same) {
            let layout = old.layout();
            let kept = layout.frames.min(under_way);
            self.line_begin = begin.max(self.moved.saturating_sub(kept));
            let (from, count) = (self.line_begin, self.moved - self.line_begin);
            moves(layout, from, new.layout(), from, count, |what| {
                new.copy_from(old, what)
            });
        }
        self.line.replace(new)
    }
}
