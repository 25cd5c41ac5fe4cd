// SPDX-License-Identifier: MIT OR Apache-2.0

//! What running cables cost: the processors' time and timer interrupts, per cable-second.
//!
//! The streams are started and left alone: the program sleeps, so that all that is done meanwhile
//! is the kernel's, and done in interrupts. The time is that of interrupts, hard and soft, which the
//! kernel measures if it has IRQ_TIME_ACCOUNTING, and this program's own; less what it is when no
//! stream runs. (Without that option the kernel samples it by the tick, in step with which
//! snd-aloop does its work. The idle time is no better: Linux 7.2 counts up to a tick twice whenever
//! a program wakes.)

use std::thread;
use std::time::Duration;

use procfs::{ConfigSetting, CurrentSI, KernelStats};
use rustix::time::{ClockId, clock_gettime};

use super::figures::{Cost, Load, Loaded, Mode};
use super::given::Bench;
use super::kernel_log::KernelLog;
use crate::alsa::pcm::{Config, Pcm, Stop, frames_time};
use crate::families::sound::loopback::Cable;
use crate::kernel::interrupts;
use rig::clock::{now, seconds, whole_second};
use rig::figure::Figure;
use rig::stats::round;

use rig::verdict::{Problem, Verdict, skip};

/// How many cables run at once.
const CABLES: [usize; 3] = [1, 8, 64];
/// Periods and ways of being served, on both cards alike.
const SERVED: [(u64, Mode); 6] = [
    (256, Mode::Wakeups),
    (1024, Mode::Wakeups),
    (256, Mode::Late),
    (1024, Mode::Late),
    (1024, Mode::Off),
    (1024, Mode::Looked),
];
/// In all of them, in frames.
const BUFFER: u64 = 8192;

/// Runs more and more cables.
pub fn measure(bench: &Bench<'_>) -> Verdict<Load> {
    let time = bench.part(3);
    let driver = bench.card().driver.name();
    let meter = Meter {
        measured: interrupts_are_measured(),
        log: bench.log,
    };
    let (mut idles, mut runs) = (Vec::new(), Vec::new());
    for (period, mode) in SERVED {
        // What a machine does on its own is not always the same.
        bench.say("idle");
        idles.push(meter.spent(&format!("{driver} idle"), || thread::sleep(time))?);
        let (cables, which) = match mode {
            Mode::Late => (bench.late_cables(), "whose wake-ups may be late"),
            _ => (bench.cables(), "with a clock"),
        };
        for count in CABLES {
            bench.say(&format!("{count} cables, {period} frames, {mode:?}"));
            let spent = if count > cables.len() {
                skip(format!(
                    "its cards have {} cables {which} in all",
                    cables.len()
                ))
            } else {
                run(&meter, driver, &cables[..count], (period, mode), time)
            };
            runs.push((count, period, mode, spent));
        }
    }
    let idle = Cost::mean(&idles);
    let loads = runs.into_iter().map(|(cables, period, mode, spent)| {
        let cost = spent.map(|cost| cost.less(&idle).per(cables as f64));
        Loaded {
            cables,
            period,
            mode,
            cost: Figure::from(cost),
        }
    });
    Ok(Load {
        seconds: time.as_secs(),
        idle: idle.per(1.0),
        idle_differs: round(differ(&idles), 2),
        resolution_us: 1e6 / procfs::ticks_per_second() as f64 / seconds(time),
        loads: loads.collect(),
    })
}

/// By how many timer interrupts the most and the least of `costs` differ; 0 if they are not counted.
fn differ(costs: &[Cost]) -> f64 {
    let counts = || costs.iter().filter_map(|cost| cost.interrupts);
    counts().reduce(f64::max).unwrap_or(0.0) - counts().reduce(f64::min).unwrap_or(0.0)
}

/// What `cables` cost per second, with both ends of each running.
fn run(
    meter: &Meter<'_>,
    driver: &str,
    cables: &[Cable],
    (period, mode): (u64, Mode),
    time: Duration,
) -> Verdict<Cost> {
    let config = Config {
        stop: Stop::Never,
        period_wakeup: mode.wakes(),
        ..Config::default().with_buffer(period, BUFFER / period)
    };
    if !mode.wakes() {
        let wakeups = Config {
            period_wakeup: true,
            ..config
        };
        let mut pcm = Pcm::open(cables[0].playback)?;
        if !pcm.configure(&wakeups)?.flags.no_period_wakeup {
            return skip("the card can't turn period wake-ups off");
        }
    }
    let silence = vec![0; config.buffer as usize * config.frame_bytes()];
    let mut ends = Vec::new();
    for cable in cables {
        for address in [cable.playback, cable.capture] {
            let mut pcm = Pcm::open(address)?;
            pcm.configure(&config)?;
            if pcm.is_playback() {
                pcm.write(&silence)?;
            }
            ends.push(pcm);
        }
    }
    whole_second();
    // As independent programs would: spread over a period.
    let pause = frames_time(period, config.rate) / cables.len() as u32;
    for pair in ends.chunks(2) {
        for pcm in pair {
            pcm.start()?;
        }
        thread::sleep(pause);
    }
    let what = format!(
        "{driver} cables={} period={period} rate={} mode={}",
        cables.len(),
        config.rate,
        mode.name()
    );
    if mode == Mode::Looked {
        let pause = frames_time(BUFFER / 4, config.rate);
        return looking(meter, &what, &ends, pause, time);
    }
    meter.spent(&what, || thread::sleep(time))
}

/// The same with a program that looks every `pause`.
fn looking(
    meter: &Meter<'_>,
    what: &str,
    ends: &[Pcm],
    pause: Duration,
    time: Duration,
) -> Verdict<Cost> {
    let mut looked: Verdict = Ok(());
    let cost = meter.spent(what, || {
        let end = now() + time;
        while now() < end && looked.is_ok() {
            thread::sleep(pause.min(end.saturating_sub(now())));
            looked = ends
                .iter()
                .try_for_each(|pcm| pcm.avail().map(|_| ()))
                .map_err(Problem::from);
        }
    })?;
    looked.map(|()| cost)
}

/// Reads the kernel's counters.
struct Meter<'a> {
    /// Whether the kernel measures the time of interrupts.
    measured: bool,
    log: Option<&'a KernelLog>,
}

impl Meter<'_> {
    /// What the machine does per second while `wait` runs; the kernel's log calls it `what`.
    fn spent(&self, what: &str, wait: impl FnOnce()) -> Verdict<Cost> {
        whole_second();
        let (before, from) = (self.read()?, now());
        self.say(&format!("begin {what}"))?;
        wait();
        self.say("end")?;
        let (after, to) = (self.read()?, now());
        Ok(after.since(&before, seconds(to.saturating_sub(from))))
    }

    fn say(&self, what: &str) -> Verdict {
        self.log.map_or(Ok(()), |log| log.say(what))
    }

    fn read(&self) -> Verdict<Counters> {
        let unreadable = |e| Problem::Skipped(format!("/proc/stat: {e}"));
        let stat = KernelStats::current().map_err(unreadable)?;
        let ticks = stat.total.irq.unwrap_or(0) + stat.total.softirq.unwrap_or(0);
        let own = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Counters {
            busy: self.measured.then(|| {
                ticks as f64 / procfs::ticks_per_second() as f64
                    + own.tv_sec as f64
                    + own.tv_nsec as f64 * 1e-9
            }),
            interrupts: interrupts::of_timers(),
        })
    }
}

impl Mode {
    fn wakes(self) -> bool {
        matches!(self, Self::Wakeups | Self::Late)
    }

    /// In the kernel's log.
    fn name(self) -> &'static str {
        match self {
            Self::Wakeups => "wakeups",
            Self::Late => "late",
            Self::Off => "off",
            Self::Looked => "looked",
        }
    }
}

impl Cost {
    fn less(&self, other: &Self) -> Self {
        let less = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
        Self {
            cpu_us: less(self.cpu_us, other.cpu_us),
            interrupts: less(self.interrupts, other.interrupts),
        }
    }

    fn mean(all: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> Option<f64>| {
            let sum: Option<f64> = all.iter().map(of).sum();
            sum.map(|sum| sum / all.len() as f64)
        };
        Self {
            cpu_us: mean(|cost| cost.cpu_us),
            interrupts: mean(|cost| cost.interrupts),
        }
    }

    fn per(&self, count: f64) -> Self {
        Self {
            cpu_us: self.cpu_us.map(|us| round(us / count, 1)),
            interrupts: self.interrupts.map(|n| round(n / count, 2)),
        }
    }
}

/// What the kernel counts.
struct Counters {
    /// Seconds that processors spent in interrupts and in this program; none if that is not measured.
    busy: Option<f64>,
    interrupts: Option<u64>,
}

impl Counters {
    fn since(&self, before: &Self, seconds: f64) -> Cost {
        Cost {
            cpu_us: (|| Some((self.busy? - before.busy?) / seconds * 1e6))(),
            interrupts: (|| Some((self.interrupts? - before.interrupts?) as f64 / seconds))(),
        }
    }
}

/// Whether the kernel measures the time of interrupts.
fn interrupts_are_measured() -> bool {
    procfs::kernel_config().is_ok_and(|config| {
        matches!(
            config.get("CONFIG_IRQ_TIME_ACCOUNTING"),
            Some(ConfigSetting::Yes)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_what_comes_beyond_that_of_an_idle_machine() {
        let at = |busy, interrupts| Counters {
            busy: Some(busy),
            interrupts: Some(interrupts),
        };
        let cost = at(3.0, 700).since(&at(2.0, 100), 10.0);
        assert!((cost.cpu_us.unwrap() - 100_000.0).abs() < 1e-3);
        assert_eq!(cost.interrupts, Some(60.0));
        let idle = at(2.1, 200).since(&at(2.0, 100), 10.0);
        let cost = cost.less(&idle).per(8.0);
        assert_eq!((cost.cpu_us, cost.interrupts), (Some(11_250.0), Some(6.25)));
        let mean = Cost::mean(&[idle, at(2.1, 400).since(&at(2.0, 100), 10.0)]);
        assert_eq!(mean.interrupts, Some(20.0));
        let more = at(2.0, 400).since(&at(2.0, 100), 10.0);
        assert_eq!(differ(&[more, idle, more]), 20.0);
        assert_eq!(differ(&[]), 0.0);
    }

    #[test]
    fn what_the_kernel_does_not_say_is_no_figure() {
        let none = Counters {
            busy: None,
            interrupts: None,
        };
        let cost = none.since(&none, 1.0);
        assert_eq!((cost.cpu_us, cost.interrupts), (None, None));
    }
}
