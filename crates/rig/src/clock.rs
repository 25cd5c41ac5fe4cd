// SPDX-License-Identifier: MIT OR Apache-2.0

//! The clock that everything is measured by: CLOCK_MONOTONIC.

use std::time::Duration;

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

/// The time now.
pub fn now() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

/// A time of the clock as a number of seconds.
pub fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Sleeps until `time`.
pub fn sleep_until(time: Duration) {
    let request = Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    };
    // A signal may end it early.
    while clock_nanosleep_absolute(rustix::thread::ClockId::Monotonic, &request).is_err() {}
}

/// Sleeps until a whole second begins, so that each measurement meets the same phase of the tick.
pub fn whole_second() {
    sleep_until(Duration::from_secs(now().as_secs() + 1));
}

/// The kernel's ticks per second: what the coarse clock advances with.
pub fn tick_hz() -> u32 {
    let tick = duration(clock_getres(ClockId::MonotonicCoarse));
    (1.0 / tick.as_secs_f64().max(1e-9)).round() as u32
}

fn duration(t: Timespec) -> Duration {
    Duration::new(
        u64::try_from(t.tv_sec).unwrap_or(0),
        u32::try_from(t.tv_nsec).unwrap_or(0),
    )
}
