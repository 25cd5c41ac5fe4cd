// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where it runs: what figures depend on beside the card.

use std::fs;

use procfs::process::Process;

use super::figures::Machine;
use rig::clock::tick_hz;

/// This machine.
pub fn here() -> Machine {
    let uname = rustix::system::uname();
    let text = |value: &std::ffi::CStr| value.to_string_lossy().into_owned();
    Machine {
        kernel: text(uname.release()),
        architecture: text(uname.machine()),
        model: model(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        hz: tick_hz(),
        clock: first_of(&["/sys/devices/system/clocksource/clocksource0/current_clocksource"])
            .unwrap_or_else(|| "unknown clock".to_owned()),
        policy: match priority() {
            0 => "SCHED_OTHER".to_owned(),
            n => format!("real-time priority {n}"),
        },
    }
}

/// This program's real-time priority; 0 if it has none.
pub fn priority() -> u32 {
    Process::myself()
        .and_then(|p| p.stat())
        .ok()
        .and_then(|stat| stat.rt_priority)
        .unwrap_or(0)
}

fn model() -> String {
    first_of(&[
        "/sys/firmware/devicetree/base/model",
        "/sys/class/dmi/id/product_name",
    ])
    .unwrap_or_else(|| "unknown machine".to_owned())
}

fn first_of(files: &[&str]) -> Option<String> {
    files.iter().find_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        let text = text.trim_matches(['\0', '\n', ' ']);
        (!text.is_empty()).then(|| text.to_owned())
    })
}
