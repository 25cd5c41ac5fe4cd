// SPDX-License-Identifier: GPL-2.0-only

//! The position of a stream, by the monotonic clock and by kernel ticks.

use driver_model::clock::PITCH_NOMINAL;
use snd_rloop_model::follow::Follower;

use crate::plot::{Axis, Plot};
use crate::{MS, RATE, START};

/// A kernel tick at HZ=250, in nanoseconds.
const TICK: u64 = 4 * MS;
/// When the picture ends, and a point of it, in nanoseconds.
const LAST: u64 = 20 * MS;
const STEP: u64 = MS / 50;

/// Frames played against time: `timer_source=hrtimer` and `timer_source=jiffies`.
pub(crate) fn plot() -> Plot {
    let frames = |step: u64| -> Vec<(f64, f64)> {
        let clock = Follower::new(step).start(RATE, PITCH_NOMINAL, START);
        let times = (0..=LAST / STEP).map(|number| number * STEP);
        times
            .map(|time| {
                let position = clock.position(START + time);
                (time as f64 / MS as f64, position as f64)
            })
            .collect()
    };
    let mut plot = Plot::new(
        "Position of a stream against time: to the frame, and in steps of a kernel tick",
        Axis {
            title: "time, ms",
            to: (LAST / MS) as f64,
            step: 4.0,
        },
        Axis {
            title: "position, frames (48 kHz)",
            to: 960.0,
            step: 192.0,
        },
    );
    plot.line("captureline", &frames(TICK));
    plot.line("cableline", &frames(1));
    plot.words("cabletext", 5.0, 610.0, "snd-rloop");
    plot.words("capturetext", 12.6, 490.0, "in kernel ticks, as snd-aloop:");
    plot.words("capturetext", 12.6, 400.0, "192 frames at once");
    plot
}
