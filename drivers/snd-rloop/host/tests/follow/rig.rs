// SPDX-License-Identifier: GPL-2.0-only

//! A master, and a cable that follows it.

use driver_model::clock::{Clock, PITCH_NOMINAL};
use driver_model::ticks::Heard;
use snd_rloop_model::follow::{Follower, Tracking};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;

/// A master whose time goes faster than `CLOCK_MONOTONIC` by `ppm`.
pub(crate) struct Master {
    /// Its time of a tick in nanoseconds.
    pub(crate) resolution: u64,
    pub(crate) ppm: i64,
    /// A tick is heard of up to so many nanoseconds late.
    pub(crate) jitter: u64,
    pub(crate) seed: u64,
}

impl Master {
    pub(crate) fn new(resolution: u64, ppm: i64, jitter: u64) -> Self {
        Self {
            resolution,
            ppm,
            jitter,
            seed: 1,
        }
    }

    /// When `ticks` ticks have passed, in nanoseconds.
    pub(crate) fn when(&self, ticks: u64) -> u64 {
        let time = i128::from(ticks) * i128::from(self.resolution) * 1_000_000;
        (time / i128::from(1_000_000 + self.ppm))
            .try_into()
            .unwrap()
    }

    pub(crate) fn late(&mut self) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.seed >> 33) % (self.jitter + 1)
    }
}

/// A cable that runs and follows.
pub(crate) struct Cable {
    pub(crate) follower: Follower,
    pub(crate) clock: Clock,
    pub(crate) rate: u32,
    pub(crate) pitch: u32,
    pub(crate) seen: u64,
}

impl Cable {
    pub(crate) fn new(rate: u32, now: u64) -> Self {
        let mut follower = Follower::new(1);
        let clock = follower.start(rate, PITCH_NOMINAL, now);
        Self {
            follower,
            clock,
            rate,
            pitch: PITCH_NOMINAL,
            seen: 0,
        }
    }

    pub(crate) fn hear(&mut self, heard: Heard, now: u64) {
        self.position(now);
        let before = self.clock.position(now);
        self.follower.hear(heard, now);
        self.follower
            .steer(&mut self.clock, self.rate, self.pitch, now);
        assert_eq!(self.clock.position(now), before, "it jumps");
    }

    pub(crate) fn tick(&mut self, resolution: u64, now: u64) {
        self.hear(
            Heard::Ticks {
                count: 1,
                resolution,
            },
            now,
        );
    }

    /// The position, which never goes back.
    pub(crate) fn position(&mut self, now: u64) -> u64 {
        let position = self.clock.position(now);
        assert!(position >= self.seen, "it goes back");
        self.seen = position;
        position
    }
}

/// By how much a cable is off the count that it should have by its master's time, in nanoseconds,
/// since it was first asked: where it began to follow is where it is to stay.
#[derive(Default)]
pub(crate) struct Error(Option<f64>);

impl Error {
    pub(crate) fn at(&mut self, cable: &Cable, due: f64, now: u64) -> f64 {
        let is = cable.clock.micro_frames(now) as f64 / 1e6;
        let off = (is - due) * 1e9 / f64::from(cable.rate);
        off - *self.0.get_or_insert(off)
    }
}

pub(crate) const START: u64 = 77 * SECOND;

/// A cable that hears each tick of `master` from `START` on, for `seconds`. `check` is called with
/// the time since `START` and how far the cable is off, once it follows.
pub(crate) fn follow(
    master: &mut Master,
    rate: u32,
    seconds: u64,
    mut check: impl FnMut(u64, f64),
) -> Cable {
    let mut cable = Cable::new(rate, START);
    let mut error = Error::default();
    let mut now = START;
    for tick in 1.. {
        now = now.max(START + master.when(tick) + master.late());
        let time = now - START;
        if time > seconds * SECOND {
            break;
        }
        cable.tick(master.resolution, now);
        if cable.follower.state(now) == Tracking::Following {
            let due = time as f64 * (1e6 + master.ppm as f64) / 1e15 * f64::from(rate);
            check(time, error.at(&cable, due, now));
        }
    }
    cable
}

/// How many ppm the cable's clock goes faster than nominal over the second after `now`.
pub(crate) fn speed(cable: &Cable, now: u64) -> f64 {
    let frames = cable.clock.micro_frames(now + SECOND) - cable.clock.micro_frames(now);
    frames as f64 / f64::from(cable.rate) - 1e6
}
