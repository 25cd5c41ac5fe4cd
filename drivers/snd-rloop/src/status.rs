// SPDX-License-Identifier: GPL-2.0-only

//! The file `/proc/asound/CARD/cable#N`: what a cable is doing. See `docs/using/snd-rloop.md` for the
//! keys. All functions may sleep unless they say something else.

use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::seq_print;

use crate::cable_ends::CableEnds;
use crate::lib::alsa::control::Substream;
use crate::lib::alsa::proc::Text;
use crate::lib::kernel::time::now;
use crate::lib::model::clock::{rate_shift, RATE_MAX};
use crate::model::end::{Counters, End, EndState, Port};
use crate::model::follow::{Follower, Tracking};

/// The proc file of a cable.
pub(crate) struct CableStatus {
    number: u32,
    ends: CableEnds,
    /// By how many microseconds its wake-ups may be late.
    slack: u32,
}

impl CableStatus {
    /// The file of the cable `number` of a card, whose wake-ups may be `slack` microseconds late.
    pub(crate) fn new(number: u32, ends: CableEnds, slack: u32) -> Self {
        Self {
            number,
            ends,
            slack,
        }
    }
}

/// A snapshot of one end, taken so that nothing is printed under the lock.
struct EndSnapshot {
    state: &'static str,
    access: &'static str,
    period: Option<u64>,
    buffer: Option<u64>,
    position: u64,
    counters: Counters,
    served: u64,
}

impl Text for CableStatus {
    fn read(&self, text: &SeqFile) {
        let cable = &self.ends.cable;
        let Ok(mut captures) = KVec::with_capacity(cable.captures() as usize, GFP_KERNEL) else {
            return seq_print!(text, "out of memory\n");
        };
        let source = cable.master().work().source();
        let (follower, follows, params, pitch, notify, free_running, delay, running, playback) = {
            cable.inspect(|state| {
                for number in 0..cable.captures() as usize {
                    // There is room for all of them.
                    let _ = captures
                        .push_within_capacity(EndSnapshot::new(state.end(Port::Capture(number))));
                }
                (
                    *state.follower(),
                    state.follows(now()),
                    state.params(),
                    state.pitch(),
                    state.notify(),
                    state.is_free_running(),
                    state.delay(),
                    state.is_running(),
                    EndSnapshot::new(state.end(Port::Playback)),
                )
            })
        };

        seq_print!(text, "cable: {}\n", self.number);
        let substreams = [
            ("playback", self.ends.playback),
            ("capture", self.ends.capture),
        ];
        for (name, Substream { device, subdevice }) in substreams {
            seq_print!(text, "{name}: device {device}, subdevice {subdevice}\n");
        }
        match params {
            Some(params) => {
                seq_print!(
                    text,
                    "state: {}\n",
                    if running { "running" } else { "fixed" }
                );
                seq_print!(text, "format: {}\n", params.format.name);
                seq_print!(text, "rate: {}\n", params.rate);
                seq_print!(text, "channels: {}\n", params.channels);
            }
            None => seq_print!(text, "state: idle\nformat: -\nrate: -\nchannels: -\n"),
        }
        seq_print!(
            text,
            "clock: {}\n",
            if free_running { "free" } else { "timer" }
        );
        seq_print!(text, "timer source: {}\n", format_args!("{source}"));
        print_timer(
            text,
            &follower,
            follows,
            params.map_or(RATE_MAX, |params| params.rate),
        );
        seq_print!(text, "wakeup slack: {}\n", self.slack);
        seq_print!(text, "timer expiries: {}\n", cable.expiries());
        seq_print!(text, "delay: {}\n", delay);
        seq_print!(text, "pitch: {pitch}\n");
        seq_print!(text, "rate shift: {}\n", rate_shift(pitch));
        seq_print!(text, "notify: {}\n", if notify { "on" } else { "off" });

        seq_print!(text, "\n[playback]\n");
        playback.print(text);
        seq_print!(text, "unheard: {}\n", playback.counters.unheard);
        playback.print_losses(text);
        for (number, capture) in captures.iter().enumerate() {
            match number {
                0 => seq_print!(text, "\n[capture]\n"),
                _ => seq_print!(text, "\n[capture {number}]\n"),
            }
            capture.print(text);
            seq_print!(text, "silence: {}\n", capture.counters.silence);
            capture.print_losses(text);
        }
    }
}

/// Prints how a cable with this rate follows its timer.
fn print_timer(text: &SeqFile, follower: &Follower, state: Tracking, rate: u32) {
    let state = match state {
        Tracking::Own => "own",
        Tracking::Ignoring => "ignoring",
        Tracking::Following => "following",
        Tracking::Holdover => "holdover",
    };
    seq_print!(text, "timer state: {state}\n");
    match follower.deviation(rate) {
        Some(ppb) => {
            let (sign, ppb) = (if ppb < 0 { "-" } else { "" }, ppb.unsigned_abs());
            let (ppm, ppb) = (ppb / 1_000, ppb % 1_000);
            seq_print!(text, "timer ppm: {sign}{ppm}.{ppb:03}\n");
        }
        None => seq_print!(text, "timer ppm: -\n"),
    }
    let (ticks, breaks) = (follower.ticks(), follower.breaks());
    seq_print!(text, "timer ticks: {ticks}\ntimer breaks: {breaks}\n");
}

impl EndSnapshot {
    /// Takes the snapshot, under the cable's lock.
    fn new<B>(end: &End<B>) -> Self {
        Self {
            state: match end.state {
                EndState::Closed => "closed",
                EndState::Open => "open",
                EndState::Prepared => "prepared",
                EndState::Running if end.draining() => "draining",
                EndState::Running => "running",
                EndState::Paused => "paused",
            },
            access: end.setup.map_or("-", |setup| setup.access.name()),
            period: end.setup.map(|setup| setup.period),
            buffer: end.setup.map(|setup| setup.buffer),
            position: end.position,
            counters: end.counters,
            served: end.served,
        }
    }

    /// Prints state, access, period, buffer, position and frames moved.
    fn print(&self, text: &SeqFile) {
        seq_print!(text, "state: {}\naccess: {}\n", self.state, self.access);
        for (name, frames) in [("period", self.period), ("buffer", self.buffer)] {
            match frames {
                Some(frames) => seq_print!(text, "{}: {}\n", name, frames),
                None => seq_print!(text, "{}: -\n", name),
            }
        }
        seq_print!(
            text,
            "position: {}\nmoved: {}\n",
            self.position,
            self.counters.moved
        );
    }

    /// Prints what was lost and late.
    fn print_losses(&self, text: &SeqFile) {
        let counters = &self.counters;
        seq_print!(text, "lost: {}\nxruns: {}\n", counters.lost, counters.xruns);
        seq_print!(
            text,
            "wakeups: {}\nlate wakeups: {}\n",
            counters.wakeups,
            counters.late
        );
        seq_print!(text, "served: {}\n", self.served);
    }
}
