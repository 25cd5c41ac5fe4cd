// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is known of a card and its cables.

use serde::Serialize;

use crate::families::sound::loopback::Card;

/// One cable.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CableStatus {
    /// The playing end, as `device,subdevice`.
    pub playback_at: String,
    /// The recording end, as `device,subdevice`.
    pub capture_at: String,
    /// `idle`, `fixed` or `running`.
    pub state: String,
    /// What both ends share.
    pub format: Option<String>,
    /// In Hz.
    pub rate: Option<u32>,
    /// Channels.
    pub channels: Option<u32>,
    /// `timer` or `free` (snd-rloop).
    pub clock: Option<String>,
    /// By how many microseconds wake-ups may be late (snd-rloop).
    pub wakeup_slack: Option<u32>,
    /// Expiries of the cable's timer (snd-rloop).
    pub timer_expiries: Option<u64>,
    /// By how many frames what is heard is behind what is played (snd-rloop).
    pub delay: Option<u64>,
    /// Whether a player may change the parameters under an open recorder (snd-rloop).
    pub notify: Option<bool>,
    /// In millionths of the nominal rate (snd-rloop).
    pub pitch: Option<u32>,
    /// 100000 is no shift.
    pub rate_shift: Option<u32>,
    /// What the clock goes by: `hrtimer`, `jiffies`, or a timer.
    pub timer_source: Option<String>,
    /// `own`, `following`, `holdover` or `ignoring`.
    pub timer_state: Option<String>,
    /// By how many ppm the cable goes faster than nominal to follow the timer.
    pub timer_ppm: Option<f64>,
    /// Ticks of the timer.
    pub timer_ticks: Option<u64>,
    /// Times that the timer was silent, or leapt.
    pub timer_breaks: Option<u64>,
    /// The end that is played into.
    pub playback: EndStatus,
    /// The end that is recorded from, with several of them the first.
    pub capture: EndStatus,
    /// Further ends that are recorded from, on the subdevices that follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_captures: Vec<EndStatus>,
}

/// One end of a cable. What the driver does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndStatus {
    /// `closed`, `open`, `prepared`, `running`, `draining`, `paused`, `suspended`.
    pub state: String,
    /// ALSA's name.
    pub access: Option<String>,
    /// Frames.
    pub period: Option<u64>,
    /// Frames.
    pub buffer: Option<u64>,
    /// Frames since the start.
    pub position: Option<u64>,
    /// Frames since the card was made.
    pub moved: Option<u64>,
    /// Of these, played while nobody recorded (playback).
    pub unheard: Option<u64>,
    /// Frames of silence given to the recorder (capture).
    pub silence: Option<u64>,
    /// Frames that were lost.
    pub lost: Option<u64>,
    /// Xruns.
    pub xruns: Option<u64>,
    /// Period wake-ups.
    pub wakeups: Option<u64>,
    /// Period wake-ups that came late.
    pub late_wakeups: Option<u64>,
    /// How often the cable's timer has served this end (snd-rloop).
    pub served: Option<u64>,
}

impl CableStatus {
    /// All of its ends.
    pub fn ends(&self) -> impl Iterator<Item = &EndStatus> {
        let first = [&self.playback, &self.capture].into_iter();
        first.chain(&self.more_captures)
    }

    /// Whether somebody has an end of it open.
    pub fn in_use(&self) -> bool {
        self.ends().any(|end| end.state != "closed")
    }
}

impl EndStatus {
    /// What is counted since the card was made.
    pub fn counters(&self) -> [Option<u64>; 7] {
        [
            self.moved,
            self.lost,
            self.unheard,
            self.silence,
            self.xruns,
            self.wakeups,
            self.late_wakeups,
        ]
    }
}

/// A card and all of its cables.
#[derive(Clone, Debug, Serialize)]
pub struct CardStatus {
    /// The card.
    #[serde(flatten)]
    pub card: Card,
    /// Its cables.
    pub cables: Vec<CableStatus>,
}

/// A proc file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, came \"{came}\"")]
pub struct ParseError {
    /// From 1 on.
    pub line: usize,
    /// What would have been right.
    pub expected: String,
    /// What there was.
    pub came: String,
}
