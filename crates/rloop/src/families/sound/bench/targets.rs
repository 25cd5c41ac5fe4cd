// SPDX-License-Identifier: MIT OR Apache-2.0

//! What snd-rloop is to reach, against snd-aloop in the same boot, and whether it did.

use super::figures::{Cost, Load, Loaded, Mode, Run, Subject};
use crate::families::sound::loopback::Driver;
use rig::figure::Figure;

/// How a target was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It was.
    Met,
    /// It was not.
    Missed,
    /// It can't be told from this run.
    Open,
}

impl Reached {
    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Open => "not judged",
        }
    }
}

/// A target, and what came.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What is wanted.
    pub want: &'static str,
    /// Whether it was reached.
    pub reached: Reached,
    /// By how much, and why not.
    pub came: String,
}

/// The smallest period that a loop must be able to use, in frames.
const SMALLEST: u64 = 16;
/// A frame at 48 kHz, in µs.
const FRAME_US: f64 = 1e6 / 48_000.0;
/// No more of the cost with wake-ups than this is left without them.
const NEAR_ZERO: f64 = 0.01;
/// Timer interrupts per second that may be the machine's own, or as many as its own differ by.
const STRAY: f64 = 1.0;

/// Judges `run`.
pub fn judge(run: &Run) -> Vec<Target> {
    let find = |driver| run.subjects.iter().find(|s| s.driver == driver);
    let Some(rloop) = find(Driver::SndRloop) else {
        return Vec::new();
    };
    let aloop = find(Driver::SndAloop);
    let mut targets = Vec::new();
    targets.extend(position(rloop));
    targets.extend(buffer(run, rloop));
    targets.extend(delay(rloop));
    if let Some(load) = &rloop.load {
        let other = aloop.and_then(|a| a.load.as_ref()).and_then(Figure::value);
        match load.value() {
            Some(load) => {
                targets.push(per_wakeup(rloop, aloop, load, other));
                if load.loads.iter().any(|l| l.mode == Mode::Late) {
                    targets.push(not_above(load, other));
                    targets.push(shared(load, other));
                }
                targets.push(near_zero(load));
                targets.push(nobody_waits(load));
            }
            None => targets.push(open("CPU per cable-second", load)),
        }
    }
    targets
}

fn target(want: &'static str, met: bool, came: String) -> Target {
    Target {
        want,
        reached: if met { Reached::Met } else { Reached::Missed },
        came,
    }
}

fn open<T>(want: &'static str, figure: &Figure<T>) -> Target {
    let came = match figure {
        Figure::Measured(_) => String::new(),
        Figure::Skipped(why) | Figure::Failed(why) => why.clone(),
    };
    Target {
        want,
        reached: Reached::Open,
        came,
    }
}

fn position(rloop: &Subject) -> Option<Target> {
    let want = "position steps of 1 frame at most, beside what a reading takes";
    let figure = rloop.position.as_ref()?;
    let Some(p) = figure.value() else {
        return Some(open(want, figure));
    };
    Some(target(
        want,
        p.excess <= 1.0,
        format!(
            "the largest step is {} frame{}, {:.2} more than passed between its two readings",
            p.largest_step,
            if p.largest_step == 1 { "" } else { "s" },
            p.excess
        ),
    ))
}

fn buffer(run: &Run, rloop: &Subject) -> Option<Target> {
    let want =
        "a buffer of 2 × 16 frames is sustained where the machine's own scheduling allows it";
    let figure = rloop.buffer.as_ref()?;
    let Some(b) = figure.value() else {
        return Some(open(want, figure));
    };
    let came = b
        .smallest
        .map_or("no buffer was sustained".to_owned(), |n| {
            format!("2 × {n} frames ran {} s, bit-exact", run.seconds)
        });
    if b.smallest.is_some_and(|n| n <= SMALLEST) {
        return Some(target(want, true, came));
    }
    let period_us = SMALLEST as f64 * FRAME_US;
    let noise = run.noise.as_ref().and_then(Figure::value);
    Some(match noise {
        Some(noise) if noise.late_us.max >= period_us => Target {
            want,
            reached: Reached::Open,
            came: format!(
                "{came}; this machine's sleeps end up to {:.0} µs late, and a period of 16 frames has {period_us:.0} µs",
                noise.late_us.max
            ),
        },
        Some(_) => target(want, false, came),
        None => Target {
            want,
            reached: Reached::Open,
            came: format!("{came}; the machine's own scheduling noise was not measured"),
        },
    })
}

fn delay(rloop: &Subject) -> Option<Target> {
    let want = "the same loop delay at each start, to 1 frame and what the calls take";
    let figure = rloop.delay.as_ref()?;
    let Some(d) = figure.value() else {
        return Some(open(want, figure));
    };
    Some(target(
        want,
        d.surely <= 1.0,
        format!(
            "{} starts surely differ by {:.2} frames (by {:.2} if each start happened in the middle of its call, which takes up to ±{:.2} frames)",
            d.frames.count,
            d.surely,
            d.frames.width(),
            d.known_to
        ),
    ))
}

/// The cost of the load that `is` says, if it is known.
fn cost(load: &Load, cables: usize, period: u64, mode: Mode) -> Option<&Cost> {
    load.loads
        .iter()
        .find(|l| (l.cables, l.period, l.mode) == (cables, period, mode))
        .and_then(|l| l.cost.value())
}

/// For how many of its periods a program is woken, as a part of one: a card may let some pass.
fn woken(subject: Option<&Subject>, period: u64) -> f64 {
    let find = |s: &Subject| s.jitter.iter().find(|j| j.period == period).cloned();
    let part = subject.and_then(find).and_then(|found| {
        let jitter = found.jitter.value()?;
        (jitter.wakeups > 0).then(|| jitter.wakeups as f64 / jitter.periods as f64)
    });
    part.unwrap_or(1.0)
}

fn per_wakeup(
    rloop: &Subject,
    aloop: Option<&Subject>,
    load: &Load,
    other: Option<&Load>,
) -> Target {
    let want =
        "CPU time per wake-up at most twice snd-aloop's at equal periods, 1.2 times with one cable";
    let allowed = |loaded: &Loaded| {
        let times = if loaded.cables == 1 { 1.2 } else { 2.0 };
        times * woken(Some(rloop), loaded.period) / woken(aloop, loaded.period)
    };
    compared(want, load, other, Mode::Wakeups, allowed)
}

fn not_above(load: &Load, other: Option<&Load>) -> Target {
    let want = "CPU time per cable-second not above snd-aloop's at equal periods, where wake-ups may be late";
    compared(want, load, other, Mode::Late, |_| 1.0)
}

/// Compares CPU time per cable-second: snd-rloop's may be so many times snd-aloop's as `allowed` says.
fn compared(
    want: &'static str,
    load: &Load,
    other: Option<&Load>,
    mode: Mode,
    allowed: impl Fn(&Loaded) -> f64,
) -> Target {
    let (mut said, mut missed, mut seen) = (Vec::new(), false, false);
    for loaded in load.loads.iter().filter(|l| l.mode == mode) {
        let theirs = other.and_then(|o| cost(o, loaded.cables, loaded.period, loaded.mode));
        let ours = loaded.cost.value();
        let (Some(ours), Some(theirs)) =
            (ours.and_then(|c| c.cpu_us), theirs.and_then(|c| c.cpu_us))
        else {
            continue;
        };
        let unsure = load.resolution_us / loaded.cables as f64;
        let allowed = allowed(loaded);
        let above = ours > theirs * allowed + unsure;
        missed |= above;
        seen |= ours.max(theirs) >= unsure;
        said.push(format!(
            "{} of {} frames: {} and {} µs{}",
            cables(loaded.cables),
            loaded.period,
            in_steps(ours, unsure),
            in_steps(theirs, unsure),
            if above {
                format!(
                    " ({:.1} times, allowed {allowed:.1})",
                    ours / theirs.max(unsure)
                )
            } else {
                String::new()
            }
        ));
    }
    if said.is_empty() {
        return Target {
            want,
            reached: Reached::Open,
            came: "there is no CPU time of both cards to compare".to_owned(),
        };
    }
    counted(want, seen, !missed, &said, load)
}

/// A target of CPU time, which can't be told if none was `seen`: all of it was less than a step of the kernel's counter.
fn counted(want: &'static str, seen: bool, met: bool, said: &[String], load: &Load) -> Target {
    let said = said.join("; ");
    if seen {
        return target(want, met, said);
    }
    Target {
        want,
        reached: Reached::Open,
        came: format!(
            "{said}: too little to be counted in {} s, in steps of {:.0} µs",
            load.seconds, load.resolution_us
        ),
    }
}

/// `us` as counted in steps of `step`: less than that may as well be nothing.
fn in_steps(us: f64, step: f64) -> String {
    if us.abs() < step {
        format!("less than {step:.0}")
    } else {
        format!("{us:.0}")
    }
}

fn cables(count: usize) -> String {
    if count == 1 {
        "1 cable".to_owned()
    } else {
        format!("{count} cables")
    }
}

fn shared(load: &Load, other: Option<&Load>) -> Target {
    let want = "at most twice snd-aloop's timer interrupts, where wake-ups may be late";
    let (mut said, mut met) = (Vec::new(), true);
    let stray = STRAY.max(load.idle_differs);
    for loaded in load.loads.iter().filter(|l| l.mode == Mode::Late) {
        let theirs = other.and_then(|o| cost(o, loaded.cables, loaded.period, loaded.mode));
        let ours = loaded.cost.value();
        let (Some(ours), Some(theirs)) = (
            ours.and_then(|c| c.interrupts),
            theirs.and_then(|c| c.interrupts),
        ) else {
            continue;
        };
        met &= ours <= 2.0 * theirs + stray / loaded.cables as f64;
        said.push(format!(
            "{} of {} frames: {ours:.2} and {theirs:.2} per cable-second",
            cables(loaded.cables),
            loaded.period
        ));
    }
    if said.is_empty() {
        return Target {
            want,
            reached: Reached::Open,
            came: "there are no timer interrupts of both cards to compare".to_owned(),
        };
    }
    target(want, met, said.join("; "))
}

fn near_zero(load: &Load) -> Target {
    let want = "next to no CPU time without period wake-ups (NO_PERIOD_WAKEUP)";
    let (mut said, mut met, mut seen) = (Vec::new(), true, false);
    for off in load.loads.iter().filter(|l| l.mode == Mode::Off) {
        let on = cost(load, off.cables, off.period, Mode::Wakeups).and_then(|c| c.cpu_us);
        let (Some(us), Some(on)) = (off.cost.value().and_then(|c| c.cpu_us), on) else {
            continue;
        };
        let unsure = load.resolution_us / off.cables as f64;
        met &= us <= (on * NEAR_ZERO).max(unsure);
        seen |= us.max(on) >= unsure;
        said.push(format!(
            "{}: {} µs instead of {}",
            cables(off.cables),
            in_steps(us, unsure),
            in_steps(on, unsure)
        ));
    }
    if said.is_empty() {
        return Target {
            want,
            reached: Reached::Open,
            came: "the kernel does not say what time it takes".to_owned(),
        };
    }
    counted(want, seen, met, &said, load)
}

fn nobody_waits(load: &Load) -> Target {
    let want = "no timer interrupt that nobody waits for";
    let (mut said, mut met) = (Vec::new(), true);
    let stray = STRAY.max(load.idle_differs);
    for loaded in &load.loads {
        let asked = match loaded.mode {
            // Both ends asked for one after each period.
            Mode::Wakeups | Mode::Late => 2.0 * 48_000.0 / loaded.period as f64,
            Mode::Off => 0.0,
            Mode::Looked => continue,
        };
        let Some(came) = loaded.cost.value().and_then(|c| c.interrupts) else {
            continue;
        };
        let extra = came - asked;
        met &= extra <= stray / loaded.cables as f64;
        if loaded.mode == Mode::Off || extra > stray / loaded.cables as f64 {
            said.push(format!(
                "{} of {} frames: {:.2} per cable-second, {asked:.0} asked for",
                cables(loaded.cables),
                loaded.period,
                came.max(0.0)
            ));
        }
    }
    if said.is_empty() {
        return Target {
            want,
            reached: Reached::Open,
            came: "the kernel does not count timer interrupts by name".to_owned(),
        };
    }
    said.push(format!(
        "those of the idle machine differ by {:.2} a second",
        load.idle_differs
    ));
    target(want, met, said.join("; "))
}
