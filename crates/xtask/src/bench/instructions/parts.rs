// SPDX-License-Identifier: MIT OR Apache-2.0
//! What part of the kernel's work a function is.

use super::symbols::{Origin, Symbol};

/// A part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Driver,
    Alsa,
    Timers,
    Interrupts,
    Clock,
    Locks,
    Other,
}

impl Part {
    pub(super) const ALL: [Self; 7] = [
        Self::Driver,
        Self::Alsa,
        Self::Timers,
        Self::Interrupts,
        Self::Clock,
        Self::Locks,
        Self::Other,
    ];

    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Driver => "the driver",
            Self::Alsa => "ALSA, and waking whoever sleeps",
            Self::Timers => "timers: hrtimers, or the wheel",
            Self::Interrupts => "interrupts and the idle loop",
            Self::Clock => "reading the clock",
            Self::Locks => "locks",
            Self::Other => "other",
        }
    }

    /// Its name and its colour in pictures.
    pub(super) fn drawn(self) -> (&'static str, (u8, u8, u8)) {
        match self {
            Self::Driver => ("driver", (0x0a, 0x5c, 0xc2)),
            Self::Alsa => ("ALSA, waking", (0x1a, 0x7f, 0x37)),
            Self::Timers => ("timers", (0xd9, 0x7a, 0x1a)),
            Self::Interrupts => ("interrupts, idle", (0x8a, 0x3f, 0xa8)),
            Self::Clock => ("clock", (0x2a, 0xb5, 0xb5)),
            Self::Locks => ("locks", (0xc9, 0x2a, 0x4a)),
            Self::Other => ("other", (0x8c, 0x95, 0x9f)),
        }
    }

    /// The part that a function is.
    pub(super) fn of(symbol: &Symbol) -> Self {
        match &symbol.origin {
            Origin::Module(module) => of_module(module),
            Origin::Object(object) => of_object(object, &symbol.name),
            Origin::Unknown => Self::Other,
        }
    }
}

/// The drivers that are measured, as the kernel calls their modules.
const DRIVERS: [&str; 2] = ["snd_rloop", "snd_aloop"];

fn of_module(module: &str) -> Part {
    match module {
        _ if DRIVERS.contains(&module) => Part::Driver,
        _ if module.starts_with("snd") || module == "soundcore" => Part::Alsa,
        _ => Part::Other,
    }
}

/// Object files by how their paths begin, the first that fits. The drivers alone move memory and are in Rust, and while no
/// program runs all that an architecture does is for interrupts.
const OBJECTS: &[(&str, Part)] = &[
    ("arch/ARCH/lib/", Part::Driver),
    ("lib/string", Part::Driver),
    ("rust/", Part::Driver),
    ("sound/", Part::Alsa),
    ("kernel/time/timekeeping", Part::Clock),
    ("kernel/time/clocksource", Part::Clock),
    ("kernel/time/sched_clock", Part::Clock),
    ("kernel/time/time.", Part::Clock),
    ("kernel/time/ntp", Part::Clock),
    ("kernel/time/vsyscall", Part::Clock),
    ("arch/ARCH/kernel/tsc", Part::Clock),
    ("kernel/time/", Part::Timers),
    ("drivers/clocksource/", Part::Timers),
    ("lib/timerqueue", Part::Timers),
    ("lib/rbtree", Part::Timers),
    // How the wheel finds what is next.
    ("lib/find_bit", Part::Timers),
    ("kernel/locking/", Part::Locks),
    // The idle loop, and the account of the time that interrupts take.
    ("kernel/sched/build_policy", Part::Interrupts),
    // The rest of it wakes.
    ("kernel/sched/", Part::Alsa),
    ("fs/", Part::Alsa),
    ("arch/ARCH/", Part::Interrupts),
    ("kernel/irq/", Part::Interrupts),
    ("drivers/irqchip/", Part::Interrupts),
    ("drivers/cpuidle/", Part::Interrupts),
    ("kernel/softirq", Part::Interrupts),
    ("kernel/entry/", Part::Interrupts),
    ("kernel/context_tracking", Part::Interrupts),
    ("kernel/rcu/", Part::Interrupts),
    ("kernel/cpu", Part::Interrupts),
    // When an interrupt comes is a random number.
    ("drivers/char/random", Part::Interrupts),
];

/// What functions read the clock in files that do something else, too, by how their names begin.
const CLOCKS: &[&str] = &[
    "sched_clock",
    "local_clock",
    "arch_counter",
    "arch_timer_read",
];

fn of_object(object: &str, name: &str) -> Part {
    if CLOCKS.iter().any(|clock| name.starts_with(clock)) {
        return Part::Clock;
    }
    // One line for all architectures.
    let object = match object
        .strip_prefix("arch/")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((_, rest)) => format!("arch/ARCH/{rest}"),
        None => object.to_owned(),
    };
    let known = OBJECTS.iter().find(|(begin, _)| object.starts_with(begin));
    known.map_or(Part::Other, |(_, part)| *part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_of_the_part_that_its_file_is_of() {
        for (object, name, part) in [
            ("kernel/time/hrtimer.o", "hrtimer_interrupt", Part::Timers),
            ("kernel/time/timekeeping.o", "ktime_get", Part::Clock),
            ("kernel/time/time.o", "nsecs_to_jiffies", Part::Clock),
            ("kernel/time/timer.o", "run_timer_softirq", Part::Timers),
            (
                "kernel/sched/build_utility.o",
                "sched_clock_cpu",
                Part::Clock,
            ),
            ("kernel/sched/build_utility.o", "__wake_up", Part::Alsa),
            ("kernel/sched/build_policy.o", "do_idle", Part::Interrupts),
            (
                "drivers/clocksource/arm_arch_timer.o",
                "arch_counter_get_cntvct",
                Part::Clock,
            ),
            ("kernel/rcu/tree.o", "rcu_sched_clock_irq", Part::Interrupts),
            (
                "drivers/clocksource/arm_arch_timer.o",
                "arch_timer_handler_virt",
                Part::Timers,
            ),
            ("arch/arm64/kernel/entry.o", "el1h_64_irq", Part::Interrupts),
            ("arch/x86/kernel/tsc.o", "read_tsc", Part::Clock),
            ("arch/arm64/lib/memcpy.o", "__pi_memcpy", Part::Driver),
            ("kernel/locking/spinlock.o", "_raw_spin_lock", Part::Locks),
            ("mm/slub.o", "kfree", Part::Other),
        ] {
            assert_eq!(of_object(object, name), part, "{object}: {name}");
        }
        assert_eq!(of_module("snd_aloop"), Part::Driver);
        assert_eq!(of_module("snd_pcm"), Part::Alsa);
        assert_eq!(of_module("9p"), Part::Other);
    }
}
