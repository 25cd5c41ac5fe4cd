// SPDX-License-Identifier: MIT OR Apache-2.0

//! A device that does what nobody has asked it for, and memory that can't be had.

use std::fs;
use std::thread;
use std::time::Duration;

use rig::verdict::{Problem, Verdict, ensure};

use super::life::works;
use super::{LONG, Plain, factorial, gave, refused};
use crate::families::pci::pcie_edu::raw::{RUN, Register, TELL, TELL_END, compute, transfer};
use crate::families::pci::pcie_edu::{Context, Device};
use crate::kernel::allocations::{Failure, Injection};

/// How often something is tried that the machine can be too slow for.
const TRIES: u32 = 5;

pub const CHECKS: &[Plain] = &[
    (
        "wrong/transfer",
        "what comes back is compared",
        "DMA_TRANSFER gives EIO if the device moves something else, and the next one is right",
        moves,
    ),
    (
        "wrong/interrupts",
        "exact results",
        "interrupts that nobody has asked for are counted, and end nothing",
        interrupts,
    ),
];

/// Those that let allocations fail.
pub const ALLOCATIONS: &[Plain] = &[(
    "wrong/no-memory",
    "exact errors",
    "each allocation of binding the device, of COMPUTE and of DMA_TRANSFER fails once: ENOMEM, and nothing is left",
    allocations,
)];

fn moves(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    let registers = context.device.registers()?;
    let mut came = Ok(());
    for _ in 0..TRIES {
        gave("DMA_TRANSFER", transfer(&file, 100, 0x11), ())?;
        // The device ignores what it is told while it transfers nothing for somebody else, of which the driver knows
        // nothing: so what it has from before comes back. Unless this is held up here until that has ended.
        registers.write(Register::Count, 0);
        registers.write(Register::Command, RUN | TELL_END);
        came = transfer(&file, 100, 0xEE);
        if came.is_err() {
            break;
        }
    }
    let what = "DMA_TRANSFER by a device that moves something else";
    refused(what, came, libc::EIO)?;
    gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())
}

fn interrupts(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    let registers = context.device.registers()?;
    let spurious = || Device::counted(&file, "spurious");
    let other = context.device.open(0)?;
    let long = thread::spawn(move || compute(&other, LONG));
    while Device::says(&file, "factorial")? != "running" {
        thread::sleep(Duration::from_millis(1));
    }
    let before = spurious()?;
    // Of a computation and a transfer, both, and one that the device has no meaning for.
    for raised in [0x1, 0x100, 0x101, 0x8000_0000] {
        registers.write(Register::Raise, raised);
        thread::sleep(Duration::from_millis(10));
    }
    let came = spurious()? - before;
    let long = long.join();
    let long = long.map_err(|_| Problem::Failed("the other program has failed".to_owned()))?;
    gave("COMPUTE meanwhile", long, factorial(LONG))?;
    ensure(came == 4, || {
        format!("4 interrupts were raised, {came} more are counted as spurious")
    })?;
    works(&context.device)
}

/// Checks that of a device that could not be bound nothing is left.
pub fn nothing_is_left(device: &Device) -> Verdict {
    let status = device.registers()?.read(Register::Status);
    ensure(status & TELL == 0, || {
        format!("the device still tells of results: its status is {status:#x}")
    })?;
    let mapped = fs::read_to_string("/proc/iomem").is_ok_and(|text| {
        let mut lines = text.lines();
        lines.any(|line| line.contains("pcie_edu"))
    });
    let (interrupts, master) = (device.interrupts()?, device.is_master()?);
    ensure(
        !mapped && interrupts.is_none() && !master && !device.node().exists(),
        || {
            format!(
                "it has registers: {mapped}, may use the bus: {master}, interrupts: {interrupts:?}"
            )
        },
    )
}

fn allocations(context: &mut Context) -> Verdict {
    let injection = Injection::new().map_err(Problem::Failed)?;
    let device = context.device.clone();
    let others = device.others();
    for other in &others {
        other.unbind()?;
    }
    device.unbind()?;
    let mut left = Ok(());
    let bound = injection.each(&context.watchdog, "binding", 1, || {
        let bound = device.try_bind();
        let failure = |errno| Failure {
            errno,
            what: format!("binding: {}", std::io::Error::from_raw_os_error(errno)),
        };
        match bound {
            Err(error) => {
                let nothing = nothing_is_left(&device);
                if left.is_ok() {
                    left = nothing;
                }
                Err(failure(match error.raw_os_error() {
                    // So says the kernel where it has no memory to say whose the registers are (`pci_request_region()`).
                    Some(libc::EBUSY) => libc::ENOMEM,
                    errno => errno.unwrap_or(0),
                }))
            }
            // Where it is bound it must work; it may have an interrupt by its pin.
            Ok(()) => device
                .comes()
                .and_then(|()| device.unbind())
                .map_err(|problem| Failure {
                    errno: 0,
                    what: problem.to_string(),
                }),
        }
    });
    device.bind()?;
    for other in &others {
        other.bind()?;
    }
    left?;
    let (failed, harmless) = bound.map_err(Problem::Failed)?;
    context.note(format!(
        "binding: {failed} allocations, {harmless} of no consequence"
    ));
    ensure(failed > 0, || "no allocation has failed".to_owned())?;
    let calls = injection.each(&context.watchdog, "calls", 1, || {
        let failure = |what: &str, error: std::io::Error| Failure {
            errno: error.raw_os_error().unwrap_or(0),
            what: format!("{what}: {error}"),
        };
        let file = device.open(0).map_err(|problem| Failure {
            errno: libc::ENOMEM,
            what: problem.to_string(),
        })?;
        compute(&file, 5).map_err(|e| failure("COMPUTE", e))?;
        transfer(&file, 4096, 0xAB).map_err(|e| failure("DMA_TRANSFER", e))
    });
    let (failed, harmless) = calls.map_err(Problem::Failed)?;
    context.note(format!(
        "calls: {failed} allocations, {harmless} of no consequence"
    ));
    ensure(failed > 0, || "no allocation has failed".to_owned())?;
    works(&device)
}
