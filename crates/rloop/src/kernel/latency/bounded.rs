// SPDX-License-Identifier: MIT OR Apache-2.0

//! A limit, and whether a load keeps to it.

use std::time::Duration;

use rig::run::Context;
use rig::verdict::{Problem, Verdict, ensure, fail};

use super::cyclictest::Cyclictest;
use super::irqsoff::{Longest, Tracer};

/// The longest time with interrupts off that a driver may cause. The most urgent program may come to wait for two such
/// times.
pub const LIMIT: Duration = Duration::from_millis(1);
/// How long each load lasts.
const TIME: Duration = Duration::from_secs(3);

/// Measures while `load` runs, which is told for how long it should. If that keeps interrupts off for longer than `limit`,
/// or the most urgent program waiting for twice as long, then once more to tell whose timers went off.
///
/// # Errors
/// That it does, with where it was; what `load` says; a reason to skip where it can't be measured.
pub fn bounded<C: Context>(
    context: &mut C,
    limit: Duration,
    mut load: impl FnMut(&mut C, Duration) -> Verdict,
) -> Verdict {
    let (longest, latest) = measure(context, &mut load, false)?;
    let problem = match judge(context, limit, &longest, latest) {
        Err(Problem::Failed(problem)) => problem,
        judged => return judged,
    };
    // What went wrong in the other run is no excuse for this one.
    match measure(context, &mut load, true) {
        Ok((again, _)) => fail(format!(
            "{problem}; in another run, which wrote timers down: {:?}, {}",
            again.time, again.place
        )),
        Err(other) => fail(format!("{problem}; in another run: {other}")),
    }
}

/// Measures once: for how long interrupts were off, and how late a program woke.
fn measure<C>(
    context: &mut C,
    load: &mut impl FnMut(&mut C, Duration) -> Verdict,
    timers: bool,
) -> Verdict<(Longest, Duration)> {
    let tracer = Tracer::new(timers).map_err(Problem::Failed)?;
    let cyclictest = Cyclictest::start(TIME + Duration::from_secs(1))?;
    tracer.restart().map_err(Problem::Failed)?;
    let loaded = load(context, TIME);
    let longest = tracer.longest().map_err(Problem::Failed);
    let latest = cyclictest.latest();
    loaded?;
    Ok((longest?, latest?))
}

fn judge(
    context: &mut impl Context,
    limit: Duration,
    longest: &Longest,
    latest: Duration,
) -> Verdict {
    let Longest { time, place } = longest;
    context.note(format!(
        "interrupts off for at most {time:?}, a program of priority 95 woke at most {latest:?} late"
    ));
    ensure(*time <= limit, || {
        format!("interrupts were off for {time:?}: {place}")
    })?;
    ensure(latest <= limit * 2, || {
        format!(
            "a program of priority 95 woke {latest:?} late, and interrupts were off for {time:?}: {place}"
        )
    })
}
