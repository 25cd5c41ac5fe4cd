// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a machine does while something goes on: the time of its processors, and how often a thread is woken.
//!
//! The time is what is not left. On each processor a thread that runs only where nobody else wants to (`SCHED_IDLE`) looks
//! at the clock all the time: when it has not come to that for longer than usual, somebody else was there, a thread or
//! an interrupt. So no processor idles meanwhile, and what it takes to begin and end that is not in it.

#![expect(unsafe_code, reason = "there is no safe sched_setscheduler")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use procfs::process;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How many looks tell how long one takes.
const LOOKS: u32 = 1_000;
/// As many times as long is longer than usual.
const LONGER: u32 = 4;

/// What a machine has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Seconds that went by.
    pub seconds: f64,
    /// Nanoseconds of all processors.
    pub time: f64,
    /// How often a thread went on that had slept.
    pub wakeups: f64,
}

impl Spent {
    /// What it is beyond what the machine does anyway.
    pub fn beyond(self, idle: Self) -> Self {
        let times = self.seconds / idle.seconds;
        Self {
            seconds: self.seconds,
            time: self.time - idle.time * times,
            wakeups: self.wakeups - idle.wakeups * times,
        }
    }
}

/// What the machine does while `act` is done, the time of `act` among it.
///
/// # Errors
/// What `act` gives, or what can't be read.
pub fn spent<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Spent)> {
    let before = sleeps()?;
    let (result, seconds, time) = left_over(act)?;
    let after = sleeps()?;
    // Who is new has not slept for this.
    let woken = after
        .iter()
        .filter_map(|(thread, count)| Some(count.saturating_sub(*before.get(thread)?)));
    let spent = Spent {
        seconds,
        time,
        wakeups: woken.sum::<u64>() as f64,
    };
    Ok((result, spent))
}

/// How often each thread of the machine has gone to sleep.
fn sleeps() -> io::Result<BTreeMap<i32, u64>> {
    let mut all = BTreeMap::new();
    let processes = process::all_processes().map_err(io::Error::other)?;
    // Some end meanwhile.
    for process in processes.flatten() {
        for task in process.tasks().into_iter().flatten().flatten() {
            let status = task.status().ok();
            let count = status.and_then(|status| status.voluntary_ctxt_switches);
            all.extend(count.map(|count| (task.tid, count)));
        }
    }
    Ok(all)
}

/// What the machine does while nothing goes on, for so long.
///
/// # Errors
/// What can't be read.
pub fn idle(time: Duration) -> io::Result<Spent> {
    let slept = spent(|| {
        thread::sleep(time);
        Ok(())
    });
    slept.map(|((), spent)| spent)
}

/// What `act` gives, the seconds that it took, and the nanoseconds that processors had no time left.
fn left_over<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<(T, f64, f64)> {
    let allowed = sched_getaffinity(None)?;
    let processors = (0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number));
    let processors: Vec<usize> = processors.collect();
    let all_are_there = Barrier::new(processors.len() + 1);
    let [begin, end] = [OnceLock::new(), OnceLock::new()];
    thread::scope(|scope| {
        let (all_are_there, begin, end) = (&all_are_there, &begin, &end);
        let soakers = processors.into_iter().map(|processor| {
            scope.spawn(move || {
                let set = last_on(processor);
                let (usual, last) = (usual(), Instant::now());
                all_are_there.wait();
                set.map(|()| soak(begin, end, last, usual * LONGER))
            })
        });
        let soakers: Vec<_> = soakers.collect();
        all_are_there.wait();
        let begun = *begin.get_or_init(Instant::now);
        let result = act();
        let seconds = (*end.get_or_init(Instant::now) - begun).as_secs_f64();
        let mut time = 0.0;
        for soaker in soakers {
            let taken = soaker.join();
            let taken = taken.map_err(|_| io::Error::other("a thread has panicked"))??;
            time += taken.as_nanos() as f64;
        }
        Ok((result?, seconds, time))
    })
}

/// This thread runs on this processor alone, and where nobody else wants to.
fn last_on(processor: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(processor);
    sched_setaffinity(None, &only)?;
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: The parameters are read, and are there meanwhile.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// How long it is from one look at the clock to the next.
fn usual() -> Duration {
    let mut last = Instant::now();
    let steps = (0..LOOKS).map(|_| {
        let now = Instant::now();
        let step = now - last;
        last = now;
        step
    });
    let shortest = steps.filter(|step| !step.is_zero()).min();
    shortest.unwrap_or(Duration::from_nanos(1))
}

/// How long others were there from `begin` to `end`, which are set meanwhile: a look that comes this late after the one
/// before, the first after `last`, says so.
fn soak(
    begin: &OnceLock<Instant>,
    end: &OnceLock<Instant>,
    mut last: Instant,
    late: Duration,
) -> Duration {
    let mut taken = Duration::ZERO;
    loop {
        // Before the look: what was done up to the end is seen in it.
        let ended = end.get();
        let now = Instant::now();
        if let Some(begin) = begin.get().filter(|_| now - last >= late) {
            let to = ended.map_or(now, |end| now.min(*end));
            taken += to.saturating_duration_since(last.max(*begin));
        }
        last = now;
        if ended.is_some() {
            return taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_does_anyway_is_left_out() {
        let idle = Spent {
            seconds: 2.0,
            time: 100.0,
            wakeups: 10.0,
        };
        let spent = Spent {
            seconds: 1.0,
            time: 1050.0,
            wakeups: 25.0,
        };
        let beyond = spent.beyond(idle);
        assert_eq!((beyond.time, beyond.wakeups), (1000.0, 20.0));
    }

    #[test]
    fn who_comes_late_has_missed_all_of_it() {
        let now = Instant::now();
        let before = |ms| now.checked_sub(Duration::from_millis(ms)).unwrap();
        let (begin, end) = (OnceLock::from(before(50)), OnceLock::from(before(20)));
        let taken = soak(&begin, &end, before(100), Duration::from_millis(1));
        assert_eq!(taken, Duration::from_millis(30));
    }

    #[test]
    fn a_thread_that_sleeps_is_woken() {
        let naps = || {
            (0..20).for_each(|_| thread::sleep(Duration::from_millis(1)));
            Ok(())
        };
        let ((), spent) = spent(naps).unwrap();
        assert!(spent.wakeups >= 20.0, "{spent:?}");
        assert!(spent.time > 0.0 && spent.seconds >= 0.02, "{spent:?}");
    }

    #[test]
    fn a_thread_that_does_not_sleep_takes_all_of_its_processor() {
        let busy = || {
            let end = Instant::now() + Duration::from_millis(50);
            while Instant::now() < end {}
            Ok(())
        };
        let ((), spent) = spent(busy).unwrap();
        // There may be others, on any processor.
        assert!(spent.time >= 0.5e9 * spent.seconds, "{spent:?}");
    }
}
