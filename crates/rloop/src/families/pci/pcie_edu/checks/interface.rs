// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a program is offered.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rig::verdict::{Verdict, ensure, fail};

use super::{Plain, factorial, gave, refused};
use crate::families::pci::pcie_edu::Context;
use crate::families::pci::pcie_edu::device::failed;
use crate::families::pci::pcie_edu::raw::{COMMANDS, compute, transfer, without_memory};

pub const CHECKS: &[Plain] = &[
    (
        "interface/node",
        "the node",
        "everybody may read and write it, and it is a stream without places",
        node,
    ),
    (
        "interface/liveness",
        "the liveness register",
        "what is written is read as its complement",
        liveness,
    ),
    (
        "interface/liveness-length",
        "the liveness register",
        "writes of other than 4 bytes and reads of less are refused with EINVAL",
        liveness_length,
    ),
    (
        "interface/compute",
        "COMPUTE",
        "the factorials of 0 to 40, and of the largest number that is quick, modulo 2^32",
        computes,
    ),
    (
        "interface/transfer",
        "DMA_TRANSFER",
        "transfers of 1 to 4096 bytes come back right",
        transfers,
    ),
    (
        "interface/transfer-length",
        "DMA_TRANSFER",
        "transfers of 0 bytes, 4097 and more are refused with EINVAL",
        transfer_length,
    ),
    (
        "interface/refused",
        "exact errors",
        "commands that there are not are refused with ENOTTY, memory that there is not with EFAULT",
        others,
    ),
    (
        "interface/interrupts",
        "one interrupt per job",
        "the kernel counts one interrupt for each COMPUTE, and two for each DMA_TRANSFER",
        interrupts,
    ),
    (
        "interface/time",
        "no time but the device's",
        "a way of DMA_TRANSFER takes at most 50 µs longer than the device does, but for what this machine wakes late",
        time,
    ),
];

/// How long the device takes for a way of a transfer.
const WAY: Duration = Duration::from_millis(100);
/// How much longer the driver may take.
const LONGER: Duration = Duration::from_micros(50);

fn node(context: &mut Context) -> Verdict {
    let node = context.device.node();
    let about = fs::metadata(&node).map_err(|e| failed("stat", &node, &e))?;
    let mode = about.permissions().mode() & 0o7777;
    ensure(mode == 0o666, || {
        format!("its permissions are {mode:o}, 666 are due")
    })?;
    let mut file = context.device.open(0)?;
    refused("lseek", file.seek(SeekFrom::Start(4)), libc::ESPIPE)
}

fn liveness(context: &mut Context) -> Verdict {
    let mut file = context.device.open(0)?;
    for value in [0x1234_5678_u32, 0, u32::MAX, 1] {
        gave("write", file.write(&value.to_ne_bytes()), 4)?;
        // More than is there.
        let mut bytes = [0; 8];
        gave("read", file.read(&mut bytes), 4)?;
        let [a, b, c, d, ..] = bytes;
        let came = u32::from_ne_bytes([a, b, c, d]);
        ensure(came == !value, || {
            format!("{value:#x} was written, {came:#x} read")
        })?;
    }
    Ok(())
}

fn liveness_length(context: &mut Context) -> Verdict {
    let mut file = context.device.open(0)?;
    for length in [0, 1, 3, 5, 8] {
        let what = format!("a write of {length} bytes");
        refused(&what, file.write(&vec![0; length]), libc::EINVAL)?;
    }
    for length in [1, 3] {
        let what = format!("a read of {length} bytes");
        refused(&what, file.read(&mut vec![0; length]), libc::EINVAL)?;
    }
    Ok(())
}

fn computes(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    for number in (0..=40).chain([1_000_000]) {
        let what = format!("COMPUTE of {number}");
        gave(&what, compute(&file, number), factorial(number))?;
    }
    Ok(())
}

fn transfers(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    for (length, pattern) in [(4096, 0xAB), (1, 0), (7, 0xFF), (4095, 0x55), (4096, 0xAB)] {
        let what = format!("DMA_TRANSFER of {length} bytes of {pattern:#x}");
        gave(&what, transfer(&file, length, pattern), ())?;
    }
    Ok(())
}

fn transfer_length(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    for length in [0, 4097, 1 << 20, u32::MAX] {
        let what = format!("DMA_TRANSFER of {length} bytes");
        refused(&what, transfer(&file, length, 1), libc::EINVAL)?;
    }
    Ok(())
}

fn others(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    for command in COMMANDS {
        let what = format!("ioctl {command:#x} without memory");
        refused(&what, without_memory(&file, command), libc::EFAULT)?;
        // Other directions, another size, and the neighbours.
        for other in [
            command & !0xC000_0000,
            command ^ 0x4000_0000,
            command ^ 0x0008_0000,
            command + 2,
            command ^ 0x0100,
        ] {
            let what = format!("ioctl {other:#x}");
            refused(&what, without_memory(&file, other), libc::ENOTTY)?;
        }
    }
    gave("COMPUTE of 5 after that", compute(&file, 5), 120)
}

fn interrupts(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let file = device.open(0)?;
    // Whatever was left behind has ended after this.
    gave("COMPUTE of 1", compute(&file, 1), 1)?;
    let count = || match device.interrupts()? {
        Some((count, _)) => Ok(count),
        None => fail("/proc/interrupts has no line for it"),
    };
    let before = count()?;
    for number in 0..20 {
        gave("COMPUTE", compute(&file, number), factorial(number))?;
    }
    let between = count()?;
    for _ in 0..3 {
        gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())?;
    }
    let after = count()?;
    let (computing, moving) = (between - before, after - between);
    let line = device.interrupts()?.map(|(_, line)| line);
    let kind = match line.is_some_and(|line| line.contains("MSI") || line.contains("V2M")) {
        true => "messages",
        false => "by its pin",
    };
    context.note(format!(
        "{computing} interrupts for 20 computations, {moving} for 3 transfers, {kind}"
    ));
    ensure((computing, moving) == (20, 6), || {
        format!("{computing} interrupts for 20 computations, {moving} for 3 transfers")
    })
}

fn time(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let begin = Instant::now();
        gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())?;
        best = best.min(begin.elapsed());
    }
    let longer = (best / 2).saturating_sub(WAY);
    let late = context.machine.worst;
    context.note(format!(
        "each way {:.1} µs longer than the device's 100 ms, of 10 transfers the best",
        longer.as_nanos() as f64 / 1e3
    ));
    ensure(longer <= LONGER + late, || {
        format!(
            "each way took {longer:?} longer than the device does, {LONGER:?} are allowed, and {late:?}, which is what \
             this machine wakes late"
        )
    })
}
