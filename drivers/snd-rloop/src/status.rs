// SPDX-License-Identifier: GPL-2.0-only

//! `/proc/asound/CARD/cable#N`: what a cable is doing. See `docs/driver.md` for the keys.

use kernel::seq_file::SeqFile;
use kernel::seq_print;
use kernel::sync::Arc;

use crate::alsa::info::TextOps;
use crate::cable::Cable;
use crate::controls::RATE_SHIFT;
use crate::pure::cable::{Counters, Direction, End, State};

/// A cable and where it is plugged in.
pub(crate) struct CableStatus {
    /// What the file is about.
    pub(crate) cable: Arc<Cable>,
    /// The cable's number on the card.
    pub(crate) number: u32,
    /// The substream's number at both ends.
    pub(crate) subdevice: u32,
    /// The PCM device of the playback end.
    pub(crate) playback: u32,
    /// The PCM device of the capture end.
    pub(crate) capture: u32,
}

/// What one end is doing, copied so that nothing is printed under the lock.
struct Snapshot {
    state: &'static str,
    access: &'static str,
    period: Option<u64>,
    buffer: Option<u64>,
    position: u64,
    counters: Counters,
}

impl TextOps for CableStatus {
    fn read(&self, text: &SeqFile) {
        let (params, pitch, notify, running, playback, capture) = {
            let state = self.cable.state();
            (
                state.params(),
                state.pitch(),
                state.notify(),
                state.is_running(),
                Snapshot::new(state.end(Direction::Playback)),
                Snapshot::new(state.end(Direction::Capture)),
            )
        };

        seq_print!(text, "cable: {}\n", self.number);
        for (name, device) in [("playback", self.playback), ("capture", self.capture)] {
            seq_print!(
                text,
                "{}: device {}, subdevice {}\n",
                name,
                device,
                self.subdevice
            );
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
        seq_print!(text, "rate shift: {}\n", pitch / RATE_SHIFT);
        seq_print!(text, "notify: {}\n", if notify { "on" } else { "off" });

        playback.print(text, "playback");
        seq_print!(text, "unheard: {}\n", playback.counters.unheard);
        playback.print_losses(text);
        capture.print(text, "capture");
        seq_print!(text, "silence: {}\n", capture.counters.silence);
        capture.print_losses(text);
    }
}

impl Snapshot {
    fn new<B>(end: &End<B>) -> Self {
        Self {
            state: match end.state {
                State::Closed => "closed",
                State::Open => "open",
                State::Prepared => "prepared",
                State::Running if end.draining() => "draining",
                State::Running => "running",
                State::Paused => "paused",
            },
            access: end.setup.map_or("-", |setup| setup.access.name()),
            period: end.setup.map(|setup| setup.period),
            buffer: end.setup.map(|setup| setup.buffer),
            position: end.position,
            counters: end.counters,
        }
    }

    fn print(&self, text: &SeqFile, section: &str) {
        seq_print!(
            text,
            "\n[{}]\nstate: {}\naccess: {}\n",
            section,
            self.state,
            self.access
        );
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

    fn print_losses(&self, text: &SeqFile) {
        let counters = &self.counters;
        seq_print!(text, "lost: {}\nxruns: {}\n", counters.lost, counters.xruns);
        seq_print!(
            text,
            "wakeups: {}\nlate wakeups: {}\n",
            counters.wakeups,
            counters.late
        );
    }
}
