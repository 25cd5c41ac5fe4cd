// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a program is offered.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rig::verdict::{Problem, Verdict, ensure, fail, skip};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

use super::{LONG, Plain, factorial, gave, refused, rescue};
use crate::families::pci::pcie_edu::Context;
use crate::families::pci::pcie_edu::device::{Device, are_messages_had, failed};
use crate::families::pci::pcie_edu::raw::{
    self, Alarm, COMMANDS, compute, compute_odd, transfer, without_memory,
};

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
        "all commands of the type but two are refused with ENOTTY, memory that there is not with EFAULT, and an odd \
         address is one like any other",
        others,
    ),
    (
        "interface/compat",
        "programs of 32 bits",
        "COMPUTE, DMA_TRANSFER and what is refused are the same for a program of 32 bits",
        compat,
    ),
    (
        "interface/turns",
        "everybody has a turn",
        "programs that compute and transfer at the same time all have their own results",
        turns,
    ),
    (
        "interface/order",
        "everybody has a turn",
        "while one program computes or transfers again and again, another gets its turn after the one that runs",
        order,
    ),
    (
        "interface/in-turn",
        "everybody has a turn",
        "programs that wait have their results in the order in which they have come",
        in_turn,
    ),
    (
        "interface/crowd",
        "everybody has a turn",
        "of 40 programs that wait at once, half of which a signal interrupts, all have their result or EINTR",
        crowd,
    ),
    (
        "interface/interrupts",
        "one interrupt per job",
        "the kernel counts one interrupt for each COMPUTE, and two for each DMA_TRANSFER, and so does the driver; they \
         are messages where the machine has those",
        interrupts,
    ),
];

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
    for length in [0, 1, 3] {
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
    for other in of_type(0xE0).filter(|command| !COMMANDS.contains(command)) {
        let what = format!("ioctl {other:#x}");
        refused(&what, without_memory(&file, other), libc::ENOTTY)?;
    }
    gave("COMPUTE of 5 after that", compute(&file, 5), 120)?;
    gave("COMPUTE of 5 at an odd address", compute_odd(&file, 5), 120)
}

fn compat(context: &mut Context) -> Verdict {
    let file = context.device.open(0)?;
    let [computes, transfers] = COMMANDS;
    let Some(computed) = raw::compat(&file, computes, [5]) else {
        return skip("only on x86_64, where the kernel is known to have CONFIG_IA32_EMULATION");
    };
    gave("COMPUTE of 5", computed, [120])?;
    let refuses = |what: &str, command, argument, errno| match raw::compat(&file, command, argument)
    {
        Some(result) => refused(what, result, errno),
        None => Ok(()),
    };
    if let Some(transferred) = raw::compat(&file, transfers, [4096, 0xAB]) {
        gave("DMA_TRANSFER", transferred, [4096, 0xAB])?;
    }
    refuses(
        "DMA_TRANSFER of 0 bytes",
        transfers,
        [0, 0xAB],
        libc::EINVAL,
    )?;
    // The same number, with another size.
    refuses(
        "a command of 8 bytes",
        computes + (4 << 16),
        [5, 0],
        libc::ENOTTY,
    )
}

fn turns(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let programs = (0..6_u32).map(|program| {
        let file = device.open(0)?;
        Ok(thread::spawn(move || -> Verdict {
            let _alarm = rescue()?;
            for turn in 0..3 {
                let number = 1_000_000 * turn + program;
                gave("COMPUTE", compute(&file, number), factorial(number))?;
                if program < 3 {
                    gave("DMA_TRANSFER", transfer(&file, 4096, program as u8), ())?;
                }
            }
            Ok(())
        }))
    });
    let programs = programs.collect::<Verdict<Vec<_>>>()?;
    programs.into_iter().try_for_each(|program| {
        let ended = program.join();
        ended.map_err(|_| Problem::Failed("a thread has panicked".to_owned()))?
    })
}

/// A call that takes the device a while.
#[derive(Clone, Copy, Debug)]
enum Call {
    Compute,
    Transfer,
}

impl Call {
    fn done(self, file: &File) -> Verdict {
        match self {
            Call::Compute => gave("COMPUTE", compute(file, WHILE), factorial(WHILE)),
            Call::Transfer => gave("DMA_TRANSFER", transfer(file, 4096, 0xAB), ()),
        }
    }
}

/// A number whose factorial takes a device much longer than a program takes to ask for the next.
const WHILE: u32 = LONG / 10;

/// Keeps this thread on the first processor that it may use.
fn pin() -> Verdict {
    let failed = |e| Problem::Failed(format!("affinity: {e}"));
    let allowed = sched_getaffinity(None).map_err(failed)?;
    let one = (0..CpuSet::MAX_CPU).find(|number| allowed.is_set(*number));
    let mut only = CpuSet::new();
    only.set(one.unwrap_or_default());
    sched_setaffinity(None, &only).map_err(failed)
}

/// Counts the turns that one program has while another waits for one, on the one processor that both have: there a
/// program that has its result goes on, and asks again, before another has found that the device is free.
fn turns_meanwhile(device: &Device, call: Call) -> Verdict<u64> {
    /// The other has as many at most.
    const MOST: u64 = 20;
    let (often, once) = (device.open(0)?, device.open(0)?);
    let (turns, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let again = scope.spawn(|| -> Verdict {
            pin()?;
            while !ended.load(Ordering::Relaxed) && turns.load(Ordering::Relaxed) < MOST {
                call.done(&often)?;
                turns.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let other = scope.spawn(|| -> Verdict<u64> {
            pin()?;
            // In the middle of one of the other's turns.
            while turns.load(Ordering::Relaxed) < 2 {
                thread::sleep(Duration::from_millis(1));
            }
            let before = turns.load(Ordering::Relaxed);
            call.done(&once)?;
            Ok(turns.load(Ordering::Relaxed) - before)
        });
        let came = other.join();
        ended.store(true, Ordering::Relaxed);
        let again = again.join();
        let panicked = || Problem::Failed("a thread has panicked".to_owned());
        again.map_err(|_| panicked())??;
        came.map_err(|_| panicked())?
    })
}

fn order(context: &mut Context) -> Verdict {
    for call in [Call::Compute, Call::Transfer] {
        for _ in 0..3 {
            let turns = turns_meanwhile(&context.device, call)?;
            context.note(format!("{call:?}: after {turns} turns of the other"));
            // That which ran, and what the other has had before this was told of its result.
            ensure(turns <= 3, || {
                format!("{call:?}: the other has had {turns} turns before this had one")
            })?;
        }
    }
    Ok(())
}

/// Waits until a thread of this process sleeps, or has ended.
fn sleeps(thread: i32) -> Verdict {
    let path = format!("/proc/self/task/{thread}/stat");
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(&path).is_ok_and(|text| !text.contains(") S ")) {
        ensure(Instant::now() < end, || "COMPUTE does not sleep".to_owned())?;
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn in_turn(context: &mut Context) -> Verdict {
    const PROGRAMS: usize = 6;
    let device = &context.device;
    let ended = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let mut programs = Vec::new();
        for program in 0..PROGRAMS {
            let file = device.open(0)?;
            let (sender, receiver) = mpsc::channel();
            let ended = &ended;
            programs.push(scope.spawn(move || -> Verdict {
                // All on one, where who has a result runs before the next one has theirs.
                pin()?;
                let _alarm = rescue()?;
                let _ = sender.send(gettid().as_raw_nonzero().get());
                Call::Compute.done(&file)?;
                ended
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(program);
                Ok(())
            }));
            if let Ok(thread) = receiver.recv() {
                sleeps(thread)?;
            }
        }
        programs.into_iter().try_for_each(|program| {
            let ended = program.join();
            ended.map_err(|_| Problem::Failed("a thread has panicked".to_owned()))?
        })
    })?;
    let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure(ended.iter().copied().eq(0..PROGRAMS), || {
        format!(
            "{PROGRAMS} came, in the order of whose numbers results are due, and had theirs in that of {ended:?}"
        )
    })
}

fn crowd(context: &mut Context) -> Verdict {
    const PROGRAMS: u32 = 40;
    let device = context.device.clone();
    // They come while it is busy.
    let busy = device.open(libc::O_NONBLOCK)?;
    refused("COMPUTE of a lot", compute(&busy, LONG), libc::EAGAIN)?;
    let programs = (0..PROGRAMS).map(|program| {
        let file = device.open(0)?;
        Ok(thread::spawn(move || -> Verdict<u32> {
            let interrupted = program % 2 == 1;
            // Who is never woken is by this, and fails.
            let first = Duration::from_millis(if interrupted { 100 } else { 60_000 });
            let _alarm = Alarm::new(first, Duration::from_millis(20))
                .map_err(|e| Problem::Failed(format!("a timer: {e}")))?;
            match compute(&file, program) {
                Err(error) if interrupted && error.kind() == io::ErrorKind::Interrupted => Ok(1),
                came => gave("COMPUTE", came, factorial(program)).map(|()| 0),
            }
        }))
    });
    let programs = programs.collect::<Verdict<Vec<_>>>()?;
    let interrupted: u32 = programs
        .into_iter()
        .map(|program| {
            let ended = program.join();
            ended.map_err(|_| Problem::Failed("a thread has panicked".to_owned()))?
        })
        .sum::<Verdict<u32>>()?;
    context.note(format!("{interrupted} were interrupted"));
    ensure(interrupted > 0, || "nobody was interrupted".to_owned())
}

/// All commands of a type, with the sizes that structures have most often.
fn of_type(kind: u32) -> impl Iterator<Item = u32> {
    let directions =
        (0..4).flat_map(|direction| [0, 1, 4, 8, 12, 16].map(|size| (direction, size)));
    directions.flat_map(move |(direction, size)| {
        (0..256).map(move |number| (direction << 30) | (size << 16) | (kind << 8) | number)
    })
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
    let counters = || {
        let count = |name| Device::counted(&file, name);
        let computations = count("computations")?;
        Ok::<_, Problem>([count("interrupts")?, computations, count("transfers")?])
    };
    let (before, at_first) = (count()?, counters()?);
    for number in 0..20 {
        gave("COMPUTE", compute(&file, number), factorial(number))?;
    }
    let between = count()?;
    for _ in 0..3 {
        gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())?;
    }
    let (after, at_last) = (count()?, counters()?);
    let (computing, moving) = (between - before, after - between);
    let kind = match device.has_messages() {
        true => "messages",
        false => "by its pin",
    };
    context.note(format!(
        "{computing} interrupts for 20 computations, {moving} for 3 transfers, {kind}"
    ));
    ensure(device.has_messages() || !are_messages_had(), || {
        "its interrupts come by its pin, though this machine has messages".to_owned()
    })?;
    ensure((computing, moving) == (20, 6), || {
        format!("{computing} interrupts for 20 computations, {moving} for 3 transfers")
    })?;
    let own = at_last.iter().zip(&at_first);
    let own: Vec<u64> = own.map(|(last, first)| last - first).collect();
    ensure(own == [26, 20, 6], || {
        format!(
            "the driver has counted interrupts, computations and ways of transfers: {own:?}, [26, 20, 6] are due"
        )
    })
}
