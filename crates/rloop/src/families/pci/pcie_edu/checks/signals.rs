// SPDX-License-Identifier: MIT OR Apache-2.0

//! Signals while a program waits for the device, which can't be stopped.

use std::io;
use std::time::Duration;

use rig::verdict::{Problem, Verdict, ensure};

use super::{LONG, Plain, factorial, gave, refused};
use crate::families::pci::pcie_edu::raw::{Alarm, compute, transfer};
use crate::families::pci::pcie_edu::{Context, Device};

pub const CHECKS: &[Plain] = &[
    (
        "signals/compute",
        "a signal at any time",
        "a signal during COMPUTE ends it with EINTR, and the next COMPUTE has its own result",
        computing,
    ),
    (
        "signals/transfer",
        "a signal at any time",
        "a signal on either way of DMA_TRANSFER ends it with EINTR, and the next one is right",
        transferring,
    ),
    (
        "signals/storm",
        "a signal at any time",
        "a program that gets 100 signals a second has each result right, however often it has to ask",
        storm,
    ),
];

/// Signals after `first` ms, and each `then`: one that comes before the call ends nothing.
fn alarm(first: u64, then: u64) -> Verdict<Alarm> {
    let (first, then) = (Duration::from_millis(first), Duration::from_millis(then));
    Alarm::new(first, then).map_err(|e| Problem::Failed(format!("a timer: {e}")))
}

fn computing(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    let left = || Device::counted(&file, "left computations");
    let before = left()?;
    for _ in 0..3 {
        let alarm = alarm(20, 20)?;
        refused("COMPUTE of a lot", compute(&file, LONG), libc::EINTR)?;
        drop(alarm);
        gave("COMPUTE of 5", compute(&file, 5), 120)?;
    }
    let came = left()? - before;
    ensure(came == 3, || {
        format!("3 computations were left behind, {came} are counted")
    })
}

fn transferring(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    let left = || Device::counted(&file, "left transfers");
    let before = left()?;
    // There, and back, which take 100 ms each.
    for when in [20, 150] {
        let alarm = alarm(when, 20)?;
        let what = format!("DMA_TRANSFER with a signal after {when} ms");
        refused(&what, transfer(&file, 4096, 0x11), libc::EINTR)?;
        drop(alarm);
        gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())?;
        gave("DMA_TRANSFER", transfer(&file, 1, 0x11), ())?;
    }
    let came = left()? - before;
    ensure(came == 2, || {
        format!("2 ways of transfers were left behind, {came} are counted")
    })
}

fn storm(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    let _alarm = alarm(10, 10)?;
    let mut interrupted = 0;
    for number in 0..200 {
        // Some take longer than it is from one signal to the next, and are never done.
        let number = number * 10_000;
        for _ in 0..50 {
            match compute(&file, number) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => interrupted += 1,
                result => {
                    gave(&format!("COMPUTE of {number}"), result, factorial(number))?;
                    break;
                }
            }
        }
    }
    let transferred = transfer(&file, 10, 1);
    refused("DMA_TRANSFER", transferred, libc::EINTR)?;
    context.note(format!("{interrupted} calls were interrupted"));
    ensure(interrupted > 0, || "no call was interrupted".to_owned())
}
