// SPDX-License-Identifier: MIT OR Apache-2.0

//! What names an end of a cable, and what it can be found doing.

use std::fmt;
use std::time::Duration;

use alsa_sys as ffi;

/// Playback or capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Frames go to the card.
    Playback,
    /// Frames come from the card.
    Capture,
}

/// Where an end is: a card's device and subdevice, and the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Index of the card.
    pub card: u32,
    /// PCM device.
    pub device: u32,
    /// Subdevice.
    pub subdevice: u32,
    /// Direction.
    pub direction: Direction,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Playback => "playback",
            Direction::Capture => "capture",
        };
        write!(
            f,
            "hw:{},{},{} ({direction})",
            self.card, self.device, self.subdevice
        )
    }
}

/// State of a stream, as ALSA names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Setup,
    Prepared,
    Running,
    Xrun,
    Draining,
    Paused,
    Suspended,
    Disconnected,
}

impl State {
    pub(in crate::alsa::pcm) fn from_raw(state: ffi::snd_pcm_state_t) -> Self {
        match state {
            ffi::SND_PCM_STATE_OPEN => Self::Open,
            ffi::SND_PCM_STATE_SETUP => Self::Setup,
            ffi::SND_PCM_STATE_PREPARED => Self::Prepared,
            ffi::SND_PCM_STATE_RUNNING => Self::Running,
            ffi::SND_PCM_STATE_XRUN => Self::Xrun,
            ffi::SND_PCM_STATE_DRAINING => Self::Draining,
            ffi::SND_PCM_STATE_PAUSED => Self::Paused,
            ffi::SND_PCM_STATE_SUSPENDED => Self::Suspended,
            _ => Self::Disconnected,
        }
    }
}

/// State, position and times, read together.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// The stream's state.
    pub state: State,
    /// Frames that can be transferred.
    pub avail: u64,
    /// Frames between the program and the ear; 0 unless the stream runs or drains.
    pub delay: i64,
    /// CLOCK_MONOTONIC when `avail` was read for the first time.
    pub now: Duration,
    /// CLOCK_MONOTONIC of the start (or stop).
    pub trigger: Duration,
    /// The time that the card's frames since prepare last at the nominal rate.
    pub audio: Duration,
}
