// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The adjustable delay of a cable, and the delay line in which frames are meanwhile.

use core::ops::DerefMut;

use super::super::end::{End, Port};
use super::Cable;
use crate::lib::model::layout::{moves, Layout};
use crate::lib::model::stream::{Buffer, Params};

/// The number of frames that go through the delay line at a time, and that it holds more than the
/// delay.
pub(super) const DELAY_CHUNK: u64 = 1_024;

/// The longest delay in seconds.
const DELAY_MAX: u32 = 10;
/// The rate of a cable that nobody has used, in frames per second.
const RATE_DEFAULT: u32 = 48_000;
/// The largest delay line in bytes.
pub const DELAY_LINE_BYTES_MAX: usize = 64 << 20;

impl<B, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// The latency of an end in frames, from what ALSA believes to be played now to when that is
    /// heard: the delay, or as long as a reader is further behind, that. In a drain the end of the
    /// last frame is not reported before it has been heard; then it is what is left of that time. A
    /// capture end has none.
    pub fn latency(&self, port: Port) -> u64 {
        if port != Port::Playback {
            return 0;
        }
        let playback = &self.playback;
        if let Some(drain) = playback.drain.filter(|_| playback.lag > 0) {
            let left = (drain + playback.lag).saturating_sub(playback.position);
            return left.saturating_sub(drain.saturating_sub(playback.reported_position));
        }
        let delay = self.delay_line.as_ref().map_or(0, |_| self.delay());
        delay.max(playback.lag)
    }

    /// The delay in frames: by how many the capture ends are to be behind the playback end.
    pub fn delay(&self) -> u64 {
        self.delay.min(self.delay_max().into())
    }

    /// The longest delay in frames: 10 s at the cable's rate, or at that of the last playback.
    pub fn delay_max(&self) -> u32 {
        let params = self.params.or(self.played.map(|(params, _)| params));
        DELAY_MAX * params.map_or(RATE_DEFAULT, |params| params.rate)
    }

    /// Updates the playback end's lag, after which a drain ends: when the last frame has reached
    /// the last reader. One that is still to be as far behind as the delay says will be by then.
    pub(super) fn update_playback_lag(&mut self) {
        if self.delay_line.is_none() && self.playback.lag == 0 {
            return;
        }
        let delay = self.delay_line.as_ref().map_or(0, |_| self.delay());
        let captures = self.captures.iter();
        let lags = captures.filter_map(|end| end.running().and(Some(end.lag.max(delay))));
        self.playback.lag = lags.max().unwrap_or(0);
    }
}

impl<B: Buffer, R: DerefMut<Target = [End<B>]>> Cable<B, R> {
    /// The layout of the delay line for these parameters and this delay (or that which is set), if
    /// another one is needed than is there. A free-running cable has no delay.
    pub fn needed_delay_line(&self, params: &Params, delay: Option<u64>) -> Option<Layout> {
        let delay = delay.unwrap_or(self.delay);
        let delay = delay.min(u64::from(DELAY_MAX * params.rate));
        let layout = Layout {
            frames: delay + DELAY_CHUNK,
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
        let there = self.delay_line.as_ref().is_some_and(fits);
        (delay > 0 && !self.free_running && !there).then_some(layout)
    }

    /// Sets the delay, with a delay line if [`Cable::needed_delay_line`] asks for one. Returns one
    /// that is no longer needed, to be dropped with the lock released.
    ///
    /// Frames that are under way arrive: with a longer delay after silence, with a shorter one
    /// sooner. Another delay line first gets these frames: the delay changes when
    /// [`Cable::continue_replacement`] returns true.
    pub fn set_delay(&mut self, delay: u64, line: Option<B>, now: u64) -> Option<B> {
        self.advance(now);
        let lag_max = self.lag_max();
        let old = match line {
            // The last end may have given up its parameters meanwhile.
            Some(_) if self.params.is_none() => line,
            Some(line) => {
                let same = |old: &B| {
                    let (old, new) = (old.layout(), line.layout());
                    (old.channels, old.sample) == (new.channels, new.sample)
                };
                let begin = match self.delay_line.as_ref().is_some_and(same) {
                    true => self
                        .delay_line_begin
                        .max(self.moved.saturating_sub(lag_max)),
                    false => self.moved,
                };
                self.replacement = Some(Replacement {
                    line,
                    delay,
                    begin,
                    copied: begin,
                    until: self.moved,
                });
                self.recount();
                return None;
            }
            None => self.delay_line.take_if(|_| delay == 0 && lag_max == 0),
        };
        self.delay = delay;
        self.recount();
        self.update_playback_lag();
        old
    }

    /// Copies some of the frames that are under way into the new delay line, as many as may be
    /// moved at a time. Returns true when nothing is left to be copied: then that line is in place,
    /// the delay that was set is in force, and the old line, if there was one, is in `old`, to be
    /// dropped with the lock released.
    pub fn continue_replacement(&mut self, old: &mut Option<B>) -> bool {
        let lag_max = self.lag_max();
        let Some(replacement) = &mut self.replacement else {
            return true;
        };
        // What all readers have got meanwhile is not needed, and may have been overwritten.
        let needed = self.moved.saturating_sub(lag_max).min(replacement.until);
        let from = replacement.copied.max(needed);
        if let Some(line) = &self.delay_line {
            let (source, target) = (line.layout(), replacement.line.layout());
            let frames = self.effort.step.checked_div(target.frame() as u64);
            let count = (replacement.until - from).min(frames.unwrap_or(1).max(1));
            moves(source, from, target, from, count, |what| {
                replacement.line.copy_from(line, what)
            });
            replacement.copied = from + count;
            if replacement.copied < replacement.until {
                return false;
            }
        }
        if let Some(Replacement {
            line, delay, begin, ..
        }) = self.replacement.take()
        {
            self.delay_line_begin = begin;
            self.delay = delay;
            *old = self.delay_line.replace(line);
        }
        self.recount();
        self.update_playback_lag();
        true
    }

    /// The lag of the reader that is furthest behind the playback end, in frames.
    fn lag_max(&self) -> u64 {
        let lags = self.captures.iter();
        let lags = lags.filter_map(|end| end.running().and(Some(end.lag)));
        lags.max().unwrap_or(0)
    }

    /// Replaces the delay line by `line`, where no reader runs that is behind the playback end.
    /// Without a `line`, takes the old one away if nobody needs it any more: it is for other
    /// parameters, or was left because frames were under way. Returns the old one, to be dropped
    /// with the lock released.
    pub fn replace_delay_line(&mut self, line: Option<B>) -> Option<B> {
        if line.is_some() {
            self.delay_line_begin = self.moved;
            let old = core::mem::replace(&mut self.delay_line, line);
            self.recount();
            return old;
        }
        let (params, idle) = (self.params, self.delay == 0 && self.lag_max() == 0);
        let old = self.delay_line.take_if(|line| {
            let layout = line.layout();
            idle || params.is_none_or(|params| {
                layout.channels != params.channels as usize
                    || layout.sample != usize::from(params.format.bytes)
            })
        });
        self.recount();
        old
    }
}

/// The replacement of a delay line: frames go into both until it has got those that are under way.
#[derive(Debug)]
pub(super) struct Replacement<B> {
    /// The new delay line.
    pub(super) line: B,
    /// The delay that it is for.
    pub(super) delay: u64,
    /// The clock's position from which on it has frames, once all have been copied.
    begin: u64,
    /// The position up to which they have been copied, and up to which they have to be.
    copied: u64,
    until: u64,
}

impl<B> Replacement<B> {
    /// Begins anew at `position`: what the old line holds from before is of no use.
    pub(super) fn restart(&mut self, position: u64) {
        (self.begin, self.copied, self.until) = (position, position, position);
    }
}
