// SPDX-License-Identifier: MIT OR Apache-2.0
//! What cables cost: instructions, wake-ups and timer interrupts, beyond what the guest does when it is idle.

use std::collections::BTreeMap;

use super::counts::{Cables, Load, Mode, Window};
use super::parts::Part;
use super::symbols::Symbols;

/// What tells a program that a period has ended. The first calls the second, unless the compiler has made one of them.
const WAKEUPS: [&str; 2] = [
    "snd_pcm_period_elapsed",
    "snd_pcm_period_elapsed_under_stream_lock",
];
/// What an interrupt of the timer calls.
const INTERRUPT: &str = "hrtimer_interrupt";

/// What the kernel did, per second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Work {
    /// Instructions of each part, as in [`Part::ALL`].
    pub(super) parts: [f64; Part::ALL.len()],
    /// Ends of a period that were told.
    pub(super) wakeups: f64,
    /// Timer interrupts.
    pub(super) interrupts: f64,
}

impl Work {
    /// In a window.
    fn of(window: &Window, symbols: &Symbols) -> Self {
        let (mut work, mut wakeups) = (Self::default(), [0; 2]);
        for block in &window.blocks {
            // What programs do is not the kernel's.
            let Some(symbol) = symbols.find(block.address) else {
                continue;
            };
            work.parts[Part::of(symbol) as usize] += block.instructions as f64 / window.seconds;
            if symbol.is_at(block.address) {
                if symbol.name == INTERRUPT {
                    work.interrupts += block.times as f64 / window.seconds;
                }
                if let Some(which) = WAKEUPS.iter().position(|name| *name == symbol.name) {
                    wakeups[which] += block.times;
                }
            }
        }
        work.wakeups = wakeups[0].max(wakeups[1]) as f64 / window.seconds;
        work
    }

    /// All instructions.
    pub(super) fn instructions(&self) -> f64 {
        self.parts.iter().sum()
    }

    fn with(&self, other: &Self, what: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            parts: std::array::from_fn(|part| what(self.parts[part], other.parts[part])),
            wakeups: what(self.wakeups, other.wakeups),
            interrupts: what(self.interrupts, other.interrupts),
        }
    }

    fn mean(all: &[Self]) -> Self {
        let count = all.len().max(1) as f64;
        let sum = all
            .iter()
            .fold(Self::default(), |a, b| a.with(b, |a, b| a + b));
        sum.with(&sum, |sum, _| sum / count)
    }
}

/// What cables cost.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cost {
    pub(super) cables: Cables,
    /// Beyond what is done when none runs.
    work: Work,
}

impl Cost {
    /// Instructions for each end of a period that is due, as many as there are parts.
    pub(super) fn parts(&self) -> [f64; Part::ALL.len()] {
        self.work
            .parts
            .map(|instructions| instructions / self.cables.due())
    }

    /// The same in all.
    pub(super) fn for_each_end(&self) -> f64 {
        self.work.instructions() / self.cables.due()
    }

    /// Instructions per second of a cable.
    pub(super) fn for_a_cable(&self) -> f64 {
        self.work.instructions() / self.cables.count as f64
    }

    /// Instructions for each wake-up that there was.
    pub(super) fn for_a_wakeup(&self) -> f64 {
        self.work.instructions() / self.work.wakeups
    }

    /// What part of the ends that were due was told.
    pub(super) fn told(&self) -> f64 {
        self.work.wakeups / self.cables.due()
    }

    /// Timer interrupts per second of a cable.
    pub(super) fn interrupts(&self) -> f64 {
        self.work.interrupts / self.cables.count as f64
    }
}

/// What a run has come to.
#[derive(Debug, PartialEq)]
pub(super) struct Costs {
    /// The least and the most that an idle guest does, in instructions per second.
    pub(super) idle: (f64, f64),
    /// Of all cables that ran.
    costs: Vec<Cost>,
}

impl Costs {
    /// Of all windows of a run.
    pub(super) fn new(windows: &[Window], symbols: &Symbols) -> Self {
        let is_idle = |window: &&Window| window.load == Load::Idle;
        let idles = windows.iter().filter(is_idle);
        let idles: Vec<Work> = idles.map(|window| Work::of(window, symbols)).collect();
        let idle = Work::mean(&idles);
        let cost = |window: &Window| match &window.load {
            Load::Idle => None,
            Load::Cables(cables) => Some(Cost {
                cables: cables.clone(),
                work: Work::of(window, symbols).with(&idle, |all, idle| all - idle),
            }),
        };
        let least = idles.iter().map(Work::instructions).reduce(f64::min);
        let most = idles.iter().map(Work::instructions).reduce(f64::max);
        Self {
            idle: (least.unwrap_or(0.0), most.unwrap_or(0.0)),
            costs: windows.iter().filter_map(cost).collect(),
        }
    }

    /// Of a driver's, served in one way.
    pub(super) fn of(&self, driver: &str, mode: Mode) -> impl Iterator<Item = &Cost> {
        let all = self.costs.iter();
        all.filter(move |cost| cost.cables.driver == driver && cost.cables.mode == mode)
    }
}

/// Functions and their instructions for each end of a period, of one at least, the most first: for those who want to know
/// where it goes.
pub(super) fn functions(windows: &[Window], symbols: &Symbols) -> String {
    let mut text = String::new();
    for window in windows {
        let (what, due) = match &window.load {
            Load::Idle => ("idle, instructions per second".to_owned(), 1.0),
            Load::Cables(cables) => (
                format!(
                    "{}, {} of {} frames, {:?}, for each end of a period",
                    cables.driver, cables.count, cables.period, cables.mode
                ),
                cables.due(),
            ),
        };
        let mut sums: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        for block in &window.blocks {
            if let Some(symbol) = symbols.find(block.address) {
                let instructions = block.instructions as f64 / window.seconds / due;
                *sums
                    .entry((Part::of(symbol).drawn().0, &symbol.name))
                    .or_default() += instructions;
            }
        }
        let mut sums: Vec<_> = sums.into_iter().filter(|(_, sum)| *sum >= 1.0).collect();
        sums.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        text.push_str(&format!("{what}:\n"));
        for ((part, name), sum) in sums {
            text.push_str(&format!("{sum:10.1}  {part:17} {name}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::instructions::counts::Block;

    #[test]
    fn what_an_idle_guest_does_and_what_programs_do_is_no_cost() {
        let symbols = Symbols::new(
            "ffff0000 T do_idle\nffff1000 T hrtimer_interrupt\nfff00000 t advance [snd_rloop]\n\
             fff10000 T snd_pcm_period_elapsed [snd_pcm]\n",
            "vmlinux.a:kernel/sched/build_policy.o:0 T do_idle\nvmlinux.a:kernel/time/hrtimer.o:0 T hrtimer_interrupt\n",
        );
        let window = |load, seconds, blocks: &[(u64, u64, u64)]| Window {
            load,
            seconds,
            blocks: blocks
                .iter()
                .map(|(address, times, instructions)| Block {
                    address: *address,
                    times: *times,
                    instructions: *instructions,
                })
                .collect(),
        };
        let load = Load::Cables(Cables {
            driver: "snd-rloop".to_owned(),
            count: 2,
            period: 256,
            rate: 256 * 100,
            mode: Mode::Late,
        });
        let windows = [
            window(
                Load::Idle,
                1.0,
                &[(0xffff_0000, 1, 1000), (0xffff_1000, 3, 30)],
            ),
            window(
                Load::Idle,
                2.0,
                &[(0xffff_0000, 1, 4000), (0xffff_1000, 6, 60)],
            ),
            window(
                load,
                2.0,
                &[
                    (0x1000, 5, 1_000_000),
                    (0xffff_0008, 1, 7000),
                    // The last is a loop in it.
                    (0xffff_1000, 806, 8060),
                    (0xffff_1008, 806, 8000),
                    (0xfff0_0000, 800, 80_000),
                    (0xfff1_0000, 600, 6000),
                ],
            ),
        ];
        let costs = Costs::new(&windows, &symbols);
        assert_eq!(costs.idle, (1030.0, 2030.0));
        let cost = costs.of("snd-rloop", Mode::Late).next().unwrap();
        // 400 ends a second.
        assert_eq!(cost.parts(), [100.0, 7.5, 20.0, 5.0, 0.0, 0.0, 0.0]);
        assert_eq!(cost.for_each_end(), 132.5);
        assert_eq!(cost.for_a_cable(), 26_500.0);
        assert_eq!(cost.told(), 0.75);
        assert_eq!(cost.interrupts(), 200.0);
        assert!((cost.for_a_wakeup() - 132.5 / 0.75).abs() < 1e-9);
        assert_eq!(costs.of("snd-rloop", Mode::Wakeups).next(), None);
        let text = functions(&windows, &symbols);
        assert!(
            text.contains("     100.0  driver            advance\n"),
            "{text}"
        );
    }
}
