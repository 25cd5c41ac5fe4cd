// SPDX-License-Identifier: GPL-2.0-only

//! A cable that follows a master.

use driver_model::clock::PITCH_NOMINAL;
use driver_model::ticks::Heard;
use snd_rloop_model::follow::{Follower, Tracking};

use crate::plot::{Axis, Plot};
use crate::{MS, RATE, SECOND, START};

/// How much faster than nominal the master is, in millionths.
const PPM: u64 = 2_000;
/// A tick by the master's own time, in nanoseconds: 1024 frames.
const TICK: u64 = 1_024 * SECOND / RATE as u64;
/// A tick is heard of up to so many nanoseconds late.
const LATE: u64 = MS / 2;
/// When the master begins and ends, and the picture ends, in milliseconds.
const BEGIN: u64 = 1_000;
const END: u64 = 4_000;
const LAST: u64 = 5_500;

/// How far the master and the cable are ahead of a clock at the nominal rate, in milliseconds, against time.
pub(crate) fn plot() -> Plot {
    let seconds = |now: u64| (now - START) as f64 / SECOND as f64;
    let begin = START + BEGIN * MS;

    let mut follower = Follower::new(1);
    let mut clock = follower.start(RATE, PITCH_NOMINAL, START);
    let (mut ticks, mut cable, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    let mut state = Tracking::Own;
    let (mut number, mut late, mut seed) = (0, 0, 1_u64);
    for ms in 0..=LAST {
        let now = START + ms * MS;
        loop {
            let told = number * TICK;
            let heard = begin + told * 1_000_000 / (1_000_000 + PPM) + late;
            if heard > now || heard > START + END * MS {
                break;
            }
            let tick = Heard::Ticks {
                count: 1,
                resolution: TICK,
            };
            follower.hear(tick, heard);
            follower.steer(&mut clock, RATE, PITCH_NOMINAL, heard);
            let ahead = told as f64 - (heard - begin) as f64;
            ticks.push((seconds(heard), ahead / MS as f64));
            number += 1;
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            late = (seed >> 33) % LATE;
        }
        if follower.state(now) != state {
            state = follower.state(now);
            changes.push(seconds(now));
        }
        if ms % 10 == 0 {
            let frames = clock.micro_frames(now) as f64 / 1e6;
            let ahead = frames * 1e3 / f64::from(RATE) - ms as f64;
            cable.push((seconds(now), ahead));
        }
    }

    let mut plot = Plot::new(
        "Following another clock: how far a cable is ahead of a clock at the nominal rate, against time",
        Axis {
            title: "time, s",
            to: LAST as f64 / 1e3,
            step: 1.0,
        },
        Axis {
            title: "ahead of the nominal rate, ms",
            to: 10.0,
            step: 2.0,
        },
    );
    if let [following, holdover] = changes[..] {
        plot.stretch("box", 0.0, following, "own clock");
        plot.stretch("cable", following, holdover, "following");
        plot.stretch("box", holdover, LAST as f64 / 1e3, "holdover");
    }
    plot.line("cableline", &cable);
    plot.dots(&ticks);
    plot.words(
        "capturetext",
        0.2,
        6.8,
        "the master’s ticks, each up to 0.5 ms late",
    );
    plot.words("cabletext", 3.1, 1.5, "the cable: never jumps,");
    plot.words("cabletext", 3.1, 0.7, "keeps its distance to the master");
    plot
}
