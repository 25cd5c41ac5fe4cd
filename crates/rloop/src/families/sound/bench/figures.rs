// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a run has found out: all that the table, the page and JSON are made from.

use serde::{Deserialize, Serialize};

use crate::families::sound::loopback::Driver;
use rig::figure::Figure;
use rig::stats::Spread;

/// One run of `rloop bench`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What it is called in the report.
    pub title: String,
    /// Where it ran.
    pub machine: Machine,
    /// How long the long measurements take, in seconds.
    pub seconds: u64,
    /// How late a sleep ends, where that was measured.
    pub noise: Option<Figure<Noise>>,
    /// Each driver's cards.
    pub subjects: Vec<Subject>,
}

/// What the figures depend on beside the card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The running kernel.
    pub kernel: String,
    /// As in `uname -m`.
    pub architecture: String,
    /// As the firmware calls it.
    pub model: String,
    /// Processors that can be used.
    pub processors: usize,
    /// The kernel's ticks per second (`CONFIG_HZ`).
    pub hz: u32,
    /// What the kernel takes its time from.
    pub clock: String,
    /// How the kernel schedules this program.
    pub policy: String,
}

/// The machine's own scheduling noise: how late sleeps of 1 ms end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// What measured it.
    pub by: String,
    /// In µs.
    pub late_us: Spread,
}

/// The cards of one driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Their driver.
    pub driver: Driver,
    /// Their ids.
    pub cards: Vec<String>,
    /// Their cables in all.
    pub cables: usize,
    /// How a position moves.
    pub position: Option<Figure<Position>>,
    /// How late a program is woken.
    pub jitter: Vec<Jittered>,
    /// What buffer is served.
    pub buffer: Option<Figure<Buffer>>,
    /// How long a frame is under way.
    pub delay: Option<Figure<Delay>>,
    /// What it costs.
    pub load: Option<Figure<Load>>,
    /// How exact the pitch is, for each of the card's elements.
    pub pitch: Vec<Pitched>,
    /// How fast a cable without a clock is.
    pub throughput: Option<Figure<Throughput>>,
}

/// How the position of a running stream moves, read as fast as can be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// How often it was read.
    pub readings: usize,
    /// What a reading takes, in µs; the median.
    pub call_us: f64,
    /// The smallest step from one position to the next, in frames.
    pub least_step: u64,
    /// The largest.
    pub largest_step: u64,
    /// By how many frames the largest step exceeds the time that passed between its two readings.
    pub excess: f64,
    /// Root of the mean square of the distance from a line through all readings, in frames.
    pub rms: f64,
    /// The largest distance from that line, in frames.
    pub farthest: f64,
    /// A part of it: ms, and frames above the line.
    pub curve: Vec<(f64, f64)>,
}

/// Wake-ups at one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Jittered {
    /// In frames.
    pub period: u64,
    /// What came of it.
    pub jitter: Figure<Jitter>,
}

/// How late a program is woken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Jitter {
    /// Periods that have passed.
    pub periods: usize,
    /// How often the program was woken for them.
    pub wakeups: u64,
    /// For each period: when the program was woken with it in the buffer, after it was due; µs.
    pub late_us: Spread,
}

/// Loops with two periods in each buffer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Buffer {
    /// The smallest period that ran all the time, bit-exact; none if none did.
    pub smallest: Option<u64>,
    /// What was tried, from the smallest on.
    pub tries: Vec<Try>,
}

/// One loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// In frames.
    pub period: u64,
    /// What kept it from running all the time; none if nothing did.
    pub trouble: Option<String>,
}

/// How long a frame is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delay {
    /// From the player to the recorder, in frames, less what passed between their starts.
    pub frames: Spread,
    /// By how many frames the starts surely differ, whatever the calls took.
    pub surely: f64,
    /// How exactly the moments of the starts are known, in frames; the median.
    pub known_to: f64,
    /// How many starts had so many frames' delay: the lower bound of a class, and their number.
    pub classes: Vec<(f64, usize)>,
}

/// What running cables cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// How long each was measured, in seconds.
    pub seconds: u64,
    /// What the machine does when no stream runs, on average: measured before each kind of load.
    pub idle: Cost,
    /// By how many timer interrupts per second the most and the least of these measurements differ.
    pub idle_differs: f64,
    /// The smallest time that the kernel's counters show, per cable-second, at one cable; µs.
    pub resolution_us: f64,
    /// What so many cables cost more than that.
    pub loads: Vec<Loaded>,
}

/// How the streams of a load are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A wake-up after each period.
    Wakeups,
    /// The same, by cards whose wake-ups may be late: with a `wakeup_slack`, or snd-aloop.
    Late,
    /// None (NO_PERIOD_WAKEUP), and nobody looks.
    Off,
    /// None, and the program asks both ends for their positions four times per buffer.
    Looked,
}

/// The cost of so many cables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    /// How many, each with both ends running.
    pub cables: usize,
    /// In frames.
    pub period: u64,
    /// How they are served.
    pub mode: Mode,
    /// Per cable-second.
    pub cost: Figure<Cost>,
}

/// Time and interrupts, per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The processors' time, in µs; none where the kernel doesn't say.
    pub cpu_us: Option<f64>,
    /// Timer interrupts; none where the kernel doesn't say.
    pub interrupts: Option<f64>,
}

/// One element that sets the pitch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pitched {
    /// Its name.
    pub element: String,
    /// What came of it.
    pub pitch: Figure<Pitch>,
}

/// How exact the pitch is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pitch {
    /// Whether a greater value makes it faster; in snd-aloop it makes it slower.
    pub greater_is_faster: bool,
    /// The settings that were tried.
    pub settings: Vec<Setting>,
    /// From the write of the element to the change of the speed, in µs.
    pub effect_us: Spread,
}

/// One setting of the pitch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The element's value.
    pub value: i32,
    /// By how much the rate differs from what that says, in ppm.
    pub error_ppm: f64,
}

/// How fast sound goes when nothing but its two ends holds it up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// The period at both ends, in frames.
    pub period: u64,
    /// The buffer at both ends, in frames.
    pub buffer: u64,
    /// How many times as fast as it sounds, on a cable without a clock.
    pub times: f64,
    /// The same by a pipe that holds as much as both buffers.
    pub pipe_times: f64,
}

impl Throughput {
    /// What an hour of sound takes.
    pub fn seconds_for_an_hour(&self) -> f64 {
        3600.0 / self.times
    }
}
