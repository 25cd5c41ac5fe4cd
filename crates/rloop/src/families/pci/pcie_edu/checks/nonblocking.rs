// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that must not wait.

use std::fs::File;

use rig::verdict::{Problem, Verdict, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{LONG, Plain, factorial, gave, refused};
use crate::families::pci::pcie_edu::raw::{Alarm, compute, transfer};
use crate::families::pci::pcie_edu::{Context, Device};
use std::thread;
use std::time::Duration;

pub const CHECKS: &[Plain] = &[
    (
        "nonblocking/compute",
        "O_NONBLOCK and poll for COMPUTE",
        "the first call gives EAGAIN, poll tells of the result, and the second call has it",
        computes,
    ),
    (
        "nonblocking/another",
        "O_NONBLOCK and poll for COMPUTE",
        "a call with another number gives up the first, whose result is never given for it; so does a close",
        another,
    ),
    (
        "nonblocking/busy",
        "O_NONBLOCK and poll for COMPUTE",
        "while another computes, COMPUTE gives EAGAIN at once, and poll tells when it is worth another try",
        busy,
    ),
    (
        "nonblocking/transfer",
        "O_NONBLOCK for DMA_TRANSFER",
        "while another transfers, DMA_TRANSFER gives EAGAIN; when nobody does it works",
        transfers,
    ),
];

/// What a file is ready for, of what is asked for.
fn ready(file: &File, what: PollFlags, wait: bool) -> Verdict<PollFlags> {
    let mut fds = [PollFd::new(file, what)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let most = (!wait).then_some(&now);
    match poll(&mut fds, most) {
        Ok(_) => Ok(fds[0].revents()),
        Err(error) => Err(Problem::Failed(format!("poll: {error}"))),
    }
}

/// Calls as a program does that polls, until there is a result.
fn patiently(file: &File, number: u32) -> std::io::Result<u32> {
    loop {
        match compute(file, number) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {
                let both = PollFlags::IN | PollFlags::OUT;
                if let Err(problem) = ready(file, both, true) {
                    return Err(std::io::Error::other(problem.to_string()));
                }
            }
            other => return other,
        }
    }
}

fn computes(context: &mut Context) -> Verdict {
    let file = context.device.open(libc::O_NONBLOCK)?;
    for number in [5, 12, 5] {
        let idle = ready(&file, PollFlags::IN | PollFlags::OUT, false)?;
        ensure(idle == PollFlags::OUT, || {
            format!("poll of an idle device gave {idle:?}, OUT is due")
        })?;
        refused("the first call", compute(&file, number), libc::EAGAIN)?;
        let done = ready(&file, PollFlags::IN, true)?;
        ensure(done == PollFlags::IN, || {
            format!("poll gave {done:?}, IN is due")
        })?;
        gave("the second call", compute(&file, number), factorial(number))?;
    }
    Ok(())
}

fn another(context: &mut Context) -> Verdict {
    let file = context.device.open(libc::O_NONBLOCK)?;
    let left = || Device::counted(&file, "left computations");
    let before = left()?;
    refused("COMPUTE of a lot", compute(&file, LONG), libc::EAGAIN)?;
    gave("COMPUTE of 5", patiently(&file, 5), 120)?;
    let came = left()? - before;
    ensure(came == 1, || {
        format!("a computation was given up, {came} are counted")
    })?;
    let closed = context.device.open(libc::O_NONBLOCK)?;
    refused("COMPUTE of a lot", compute(&closed, LONG), libc::EAGAIN)?;
    drop(closed);
    let came = left()? - before;
    ensure(came == 2, || {
        format!("another was given up by closing its file, {came} are counted")
    })?;
    gave("COMPUTE of 5 after that", patiently(&file, 5), 120)?;
    // One that has a result already.
    refused("COMPUTE of 6", compute(&file, 6), libc::EAGAIN)?;
    ready(&file, PollFlags::IN, true)?;
    gave("COMPUTE of 7", patiently(&file, 7), factorial(7))
}

fn busy(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let file = device.open(libc::O_NONBLOCK)?;
    let other = device.open(0)?;
    let other = thread::spawn(move || compute(&other, LONG));
    while Device::says(&file, "factorial")? != "running" {
        thread::sleep(Duration::from_millis(1));
    }
    refused("COMPUTE of 5", compute(&file, 5), libc::EAGAIN)?;
    let now = ready(&file, PollFlags::IN | PollFlags::OUT, false)?;
    ensure(now.is_empty(), || {
        format!("poll of a device that computes for another gave {now:?}")
    })?;
    gave("COMPUTE of 5", patiently(&file, 5), 120)?;
    match other.join() {
        Ok(result) => gave("the other COMPUTE", result, factorial(LONG)),
        Err(_) => Err(Problem::Failed("the other program has failed".to_owned())),
    }
}

fn transfers(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let file = device.open(libc::O_NONBLOCK)?;
    gave("DMA_TRANSFER", transfer(&file, 100, 1), ())?;
    let other = device.open(0)?;
    // It leaves the device with a transfer that takes 100 ms.
    let often = Duration::from_millis(10);
    let alarm = Alarm::new(often, often).map_err(|e| Problem::Failed(format!("a timer: {e}")))?;
    refused(
        "DMA_TRANSFER with a signal",
        transfer(&other, 4096, 1),
        libc::EINTR,
    )?;
    drop(alarm);
    refused(
        "DMA_TRANSFER behind it",
        transfer(&file, 4096, 2),
        libc::EAGAIN,
    )?;
    gave("DMA_TRANSFER that waits", transfer(&other, 4096, 3), ())
}
