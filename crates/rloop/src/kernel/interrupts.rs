// SPDX-License-Identifier: MIT OR Apache-2.0

//! `/proc/interrupts`.

use std::fs;

/// The timer interrupts of all processors since the boot; none if the file names none.
pub fn of_timers() -> Option<u64> {
    timers_in(&fs::read_to_string("/proc/interrupts").unwrap_or_default())
}

/// Those of timers in the text of the file.
fn timers_in(text: &str) -> Option<u64> {
    let processors = text.lines().next()?.split_whitespace().count();
    let counts: Vec<u64> = text
        .lines()
        .filter(|line| {
            // arm64 and x86 call it so.
            line.contains("arch_timer") || line.trim_start().starts_with("LOC:")
        })
        .map(|line| {
            line.split_whitespace()
                .skip(1)
                .take(processors)
                .filter_map(|count| count.parse::<u64>().ok())
                .sum()
        })
        .collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_interrupts_of_both_architectures() {
        let arm = "           CPU0       CPU1       \n \
                   11:       1200        300     GICv2  27 Level     arch_timer\n \
                   13:          7          0     GICv2  33 Level     uart-pl011\n\
                   IPI0:         5          5       Rescheduling interrupts\n";
        assert_eq!(timers_in(arm), Some(1500));
        let x86 = "            CPU0       CPU1       \n   0:          9          0  IO-APIC    2-edge      timer\n \
                   LOC:       1000        234   Local timer interrupts\n";
        assert_eq!(timers_in(x86), Some(1234));
        assert_eq!(timers_in("  CPU0\n 1: 5 uart\n"), None);
    }
}
