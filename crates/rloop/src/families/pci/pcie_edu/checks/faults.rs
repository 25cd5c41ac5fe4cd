// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults on demand: each does what it says, is counted, and ends.

use std::fs::File;
use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rig::verdict::{Problem, Verdict, ensure, fail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::binding::Log;
use super::life::works;
use super::wrong::nothing_is_left;
use super::{Plain, gave, refused};
use crate::families::pci::pcie_edu::raw::{Alarm, compute, transfer};
use crate::families::pci::pcie_edu::{Context, DRIVER, Device};
use crate::kernel::faults::Faults;

pub const CHECKS: &[Plain] = &[
    (
        "faults/drop-compute",
        "faults on demand",
        "COMPUTE whose interrupt gets lost sleeps until a signal; then who waits behind it has its turn",
        drop_compute,
    ),
    (
        "faults/drop-transfer",
        "faults on demand",
        "DMA_TRANSFER either of whose interrupts gets lost sleeps until a signal, and the next one is right",
        drop_transfer,
    ),
    (
        "faults/freeze-compute",
        "faults on demand",
        "while no job ends COMPUTE and who waits behind it sleep, O_NONBLOCK and poll have nothing; then all go on",
        freeze_compute,
    ),
    (
        "faults/freeze-transfer",
        "faults on demand",
        "while no job ends DMA_TRANSFER sleeps, and then goes on; a signal ends it before",
        freeze_transfer,
    ),
    (
        "faults/freeze-lost",
        "faults on demand",
        "who waits behind a job whose interrupt got lost, and no job ends, has its turn when all go on",
        freeze_lost,
    ),
    (
        "faults/freeze-unbind",
        "a device can go at any time",
        "a transfer that hangs is waited for once as the device is unbound, and gives ENODEV",
        freeze_unbind,
    ),
    (
        "faults/flip",
        "faults on demand",
        "the next transfers come back wrong, EIO, as many as asked for, and are counted",
        flip,
    ),
    (
        "faults/refuse",
        "faults on demand",
        "the next times that a device is bound fail, as many as asked for, are counted, and leave nothing",
        refuse,
    ),
    (
        "faults/refused",
        "exact errors",
        "what is no such fault is refused with EINVAL",
        bad,
    ),
];

/// The faults of a device.
fn faults(device: &Device) -> Verdict<Faults> {
    Faults::of(DRIVER, &device.name)
}

/// Asks for something that is gone with the device, or by this value.
struct Asked<'a> {
    faults: &'a Faults,
    fault: &'static str,
}

impl<'a> Asked<'a> {
    fn new(faults: &'a Faults, fault: &'static str, value: &str) -> Verdict<Self> {
        faults.ask(fault, value)?;
        Ok(Self { faults, fault })
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let _ = self.faults.ask(self.fault, "0");
    }
}

/// Signals after so many milliseconds, and then each 20.
fn alarm(first: u64) -> Verdict<Alarm> {
    let (first, then) = (Duration::from_millis(first), Duration::from_millis(20));
    Alarm::new(first, then).map_err(|e| Problem::Failed(format!("a timer: {e}")))
}

/// Somebody who calls in a thread of their own, and is interrupted after so many milliseconds.
fn caller<T: Send + 'static>(
    device: &Device,
    until: u64,
    call: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
) -> Verdict<JoinHandle<Verdict<io::Result<T>>>> {
    let file = device.open(0)?;
    Ok(thread::spawn(move || {
        let _alarm = alarm(until)?;
        Ok(call(&file))
    }))
}

fn joined<T>(caller: JoinHandle<Verdict<io::Result<T>>>) -> Verdict<io::Result<T>> {
    match caller.join() {
        Ok(result) => result,
        Err(_) => fail("a thread has panicked"),
    }
}

/// Who is never woken is by this, and fails.
const NEVER: u64 = 60_000;
/// What a call takes that the device takes no time for, or 100 ms, however slow the machine.
const LATER: u64 = 1_000;

fn is(what: &str, came: &str, due: &str) -> Verdict {
    ensure(came == due, || format!("{what} is {came}, {due} is due"))
}

/// Waits until an open file says this.
fn until(file: &File, name: &str, due: &str) -> Verdict {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let came = Device::says(file, name)?;
        if came == due {
            return Ok(());
        }
        ensure(Instant::now() < end, || {
            format!("{name} is still {came}, {due} is due")
        })?;
        thread::sleep(Duration::from_millis(1));
    }
}

fn drop_compute(context: &mut Context) -> Verdict {
    let device = &context.device;
    let file = device.open(0)?;
    let faults = faults(device)?;
    let before = Device::counted(&file, "dropped")?;
    let _asked = Asked::new(&faults, "drop", "1")?;
    let first = caller(device, LATER, |file| compute(file, 5))?;
    until(&file, "dropped", &(before + 1).to_string())?;
    is("drop", &faults.left("drop")?, "0")?;
    // Behind it, and not told of anything but that it has given up.
    let second = caller(device, NEVER, |file| compute(file, 6))?;
    refused("COMPUTE of 5", joined(first)?, libc::EINTR)?;
    gave("COMPUTE of 6 behind it", joined(second)?, 720)?;
    works(device)
}

fn drop_transfer(context: &mut Context) -> Verdict {
    /// How often the interrupt of the way back is tried to be lost, for which the machine can be too slow.
    const TRIES: u32 = 5;
    let device = &context.device;
    let file = device.open(0)?;
    let faults = faults(device)?;
    let before = Device::counted(&file, "dropped")?;
    let _asked = Asked::new(&faults, "drop", "1")?;
    let there = caller(device, LATER, |file| transfer(file, 4096, 1))?;
    refused("DMA_TRANSFER, the way there", joined(there)?, libc::EINTR)?;
    is("drop", &faults.left("drop")?, "0")?;
    gave("DMA_TRANSFER after that", transfer(&file, 4096, 2), ())?;
    let mut came = Ok(());
    for _ in 0..TRIES {
        let begun = Device::counted(&file, "transfers")?;
        let back = caller(device, LATER, |file| transfer(file, 4096, 1))?;
        until(&file, "transfers", &(begun + 2).to_string())?;
        let _asked = Asked::new(&faults, "drop", "1")?;
        came = joined(back)?;
        if came.is_err() {
            is("drop", &faults.left("drop")?, "0")?;
            break;
        }
    }
    refused("DMA_TRANSFER, the way back", came, libc::EINTR)?;
    let lost = Device::counted(&file, "dropped")? - before;
    ensure(lost == 2, || {
        format!("2 interrupts were lost, {lost} are counted")
    })?;
    works(device)
}

fn freeze_compute(context: &mut Context) -> Verdict {
    let device = &context.device;
    let file = device.open(libc::O_NONBLOCK)?;
    let faults = faults(device)?;
    let asked = Asked::new(&faults, "freeze", "1")?;
    is("freeze", &faults.left("freeze")?, "1")?;
    let given_up = caller(device, LATER, |file| compute(file, 5))?;
    until(&file, "factorial", "running")?;
    let sleeping = caller(device, NEVER, |file| compute(file, 6))?;
    refused("COMPUTE with a signal", joined(given_up)?, libc::EINTR)?;
    until(&file, "factorial", "left")?;
    refused("COMPUTE of 7", compute(&file, 7), libc::EAGAIN)?;
    let mut fds = [PollFd::new(&file, PollFlags::IN | PollFlags::OUT)];
    let time = Timespec {
        tv_sec: 0,
        tv_nsec: 300_000_000,
    };
    let polled = poll(&mut fds, Some(&time)).map(|_| fds[0].revents());
    ensure(polled == Ok(PollFlags::empty()), || {
        format!("poll gave {polled:?}, nothing is due")
    })?;
    ensure(!sleeping.is_finished(), || {
        "COMPUTE behind one that does not end has returned".to_owned()
    })?;
    drop(asked);
    is("freeze", &faults.left("freeze")?, "0")?;
    gave("COMPUTE of 6", joined(sleeping)?, 720)?;
    works(device)
}

fn freeze_transfer(context: &mut Context) -> Verdict {
    let device = &context.device;
    let file = device.open(libc::O_NONBLOCK)?;
    let faults = faults(device)?;
    let asked = Asked::new(&faults, "freeze", "1")?;
    let sleeping = caller(device, NEVER, |file| transfer(file, 4096, 0xAB))?;
    // The device itself has ended that long before.
    thread::sleep(Duration::from_millis(LATER));
    is("transfer", &Device::says(&file, "transfer")?, "running")?;
    refused("DMA_TRANSFER", transfer(&file, 1, 1), libc::EAGAIN)?;
    drop(asked);
    gave("DMA_TRANSFER that slept", joined(sleeping)?, ())?;
    let asked = Asked::new(&faults, "freeze", "1")?;
    let given_up = caller(device, LATER, |file| transfer(file, 4096, 0xAB))?;
    refused("DMA_TRANSFER with a signal", joined(given_up)?, libc::EINTR)?;
    is("transfer", &Device::says(&file, "transfer")?, "left")?;
    drop(asked);
    works(device)
}

fn freeze_lost(context: &mut Context) -> Verdict {
    let device = &context.device;
    let file = device.open(0)?;
    let faults = faults(device)?;
    for transfers in [false, true] {
        let call = move |file: &File| match transfers {
            true => transfer(file, 4096, 1),
            false => compute(file, 5).map(drop),
        };
        let before = Device::counted(&file, "dropped")?;
        let frozen = Asked::new(&faults, "freeze", "1")?;
        let _lost = Asked::new(&faults, "drop", "1")?;
        let first = caller(device, LATER, call)?;
        until(&file, "dropped", &(before + 1).to_string())?;
        let second = caller(device, NEVER, call)?;
        refused("the first", joined(first)?, libc::EINTR)?;
        // Nothing else tells the second, but its signal, by which it would have its turn, too.
        let begin = Instant::now();
        drop(frozen);
        gave("the second", joined(second)?, ())?;
        let took = begin.elapsed();
        ensure(took < Duration::from_millis(NEVER / 2), || {
            format!("the second had its turn after {took:?}")
        })?;
    }
    works(device)
}

fn freeze_unbind(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let mut took = Duration::MAX;
    for _ in 0..3 {
        let mut log = Log::begin()?;
        let file = device.open(0)?;
        let faults = faults(&device)?;
        let _asked = Asked::new(&faults, "freeze", "1")?;
        let sleeping = caller(&device, NEVER, |file| transfer(file, 4096, 0xAB))?;
        until(&file, "transfer", "running")?;
        let before = Device::counted(&file, "left transfers")?;
        let begin = Instant::now();
        device.unbind()?;
        took = took.min(begin.elapsed());
        let after = Device::counted(&file, "left transfers");
        let may = device.is_master();
        let woken = joined(sleeping);
        device.bind()?;
        refused("DMA_TRANSFER that hangs", woken?, libc::ENODEV)?;
        ensure(!may?, || {
            "it might use the bus after it was unbound".to_owned()
        })?;
        let left = after? - before;
        ensure(left == 1, || {
            format!("1 way of a transfer was left, {left} are counted")
        })?;
        let said = log.with("a transfer has not ended").len();
        ensure(said == 1, || {
            format!("the log has {said} lines about it, one is due")
        })?;
        // The next device is another.
        is("freeze", &faults.left("freeze")?, "0")?;
        works(&device)?;
    }
    context.note(format!("unbound after {} ms", took.as_millis()));
    // A second, and not twice or three times that.
    let due = Duration::from_millis(900)..Duration::from_millis(1_950);
    ensure(due.contains(&took), || {
        format!("it was unbound after {took:?}, a second is due")
    })
}

fn flip(context: &mut Context) -> Verdict {
    let device = &context.device;
    let file = device.open(0)?;
    let faults = faults(device)?;
    let before = Device::counted(&file, "flipped")?;
    let _asked = Asked::new(&faults, "flip", "2")?;
    for left in ["1", "0"] {
        refused("DMA_TRANSFER", transfer(&file, 100, 0xAB), libc::EIO)?;
        is("flip", &faults.left("flip")?, left)?;
    }
    gave("DMA_TRANSFER after that", transfer(&file, 100, 0xAB), ())?;
    let came = Device::counted(&file, "flipped")? - before;
    ensure(came == 2, || {
        format!("2 transfers came back wrong, {came} are counted")
    })
}

fn refuse(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let file = device.open(0)?;
    let before = Device::counted(&file, "refused")?;
    drop(file);
    // Of others there are traces.
    let others = device.others();
    for other in &others {
        other.unbind()?;
    }
    let faults = Faults::of(DRIVER, "")?;
    let asked = Asked::new(&faults, "refuse", "2")?;
    device.unbind()?;
    let mut verdict = Ok(());
    for left in ["1", "0"] {
        let bound = device.try_bind();
        verdict = verdict
            .and_then(|()| refused("binding", bound, libc::EIO))
            .and_then(|()| is("refuse", &faults.left("refuse")?, left))
            .and_then(|()| nothing_is_left(&device));
    }
    drop(asked);
    device.bind()?;
    for other in &others {
        other.bind()?;
    }
    verdict?;
    let file = device.open(0)?;
    let came = Device::counted(&file, "refused")? - before;
    ensure(came == 2, || {
        format!("binding was refused 2 times, {came} are counted")
    })?;
    works(&device)
}

fn bad(context: &mut Context) -> Verdict {
    let faults = faults(&context.device)?;
    faults.refuse_no_plans(&["drop", "flip"])?;
    faults.refuse(&[("freeze", "2")])?;
    Faults::of(DRIVER, "")?.refuse_no_plans(&["refuse"])
}
