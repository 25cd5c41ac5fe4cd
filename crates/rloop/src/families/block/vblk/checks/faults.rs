// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults on demand: each does what it says, is counted, and ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rig::verdict::{Verdict, ensure};

use super::{Plain, done, gives, holds, joined, pattern, read, says, write};
use crate::families::block::vblk::Context;
use crate::families::block::vblk::buffer::Aligned;
use crate::families::block::vblk::device::{Device, Made};
use crate::families::block::vblk::sys::{Erase, erase, stats};
use crate::kernel::faults::wrong;

pub const CHECKS: &[Plain] = &[
    (
        "faults/errors",
        "faults on demand",
        "requests of one kind in a range fail with the error that was asked for, as often as that, and are counted",
        errors,
    ),
    (
        "faults/every-error",
        "faults on demand",
        "a program gets each errno as it was asked for, ENOMEM and EBUSY as well, and the next read is good",
        every_error,
    ),
    (
        "faults/kinds",
        "faults on demand",
        "flush, discard and write-zeroes fail apart from reads and writes",
        kinds,
    ),
    (
        "faults/delay",
        "faults on demand",
        "what is delayed takes at least so long, and others don't",
        delay,
    ),
    (
        "faults/hang",
        "faults on demand",
        "a read that hangs ends when it is let go, with the right bytes; others go on meanwhile",
        hang,
    ),
    (
        "faults/hang-dead",
        "a device can go at any time",
        "what comes to a disk without power, or one that is taken away, fails, and does not hang or stand still first",
        hang_dead,
    ),
    (
        "faults/freeze",
        "faults on demand",
        "while the disk stands still nothing ends; afterwards all does",
        freeze,
    ),
    (
        "faults/silent",
        "faults on demand",
        "writes get lost and reads come with a bit inverted, as many as asked for, and nobody is told",
        silent,
    ),
    (
        "faults/plans",
        "faults on demand",
        "a range and a seed choose the requests that go wrong, and the same seed the same ones each time",
        plans,
    ),
    (
        "faults/page-cache",
        "what a program does is not what the disk sees",
        "a file read twice is one request, read directly two, and after its pages have been dropped one more",
        page_cache,
    ),
    (
        "faults/refused",
        "faults on demand",
        "what is no such fault is refused with EINVAL",
        refused,
    ),
];

pub(super) fn made() -> Verdict<Made> {
    Made::new(&[("disk_size_mb", "4")])
}

/// Reads one block at this sector.
pub(super) fn sector(file: &File, sector: u64) -> io::Result<usize> {
    file.read_at(&mut Aligned::zeroes(512), sector * 512)
}

fn errors(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    device.fault("error", "read 100-107 EIO 2")?;
    done("a read before it", sector(&file, 99))?;
    write(&file, 100 * 512, &[1; 512])?;
    for at in [100, 107] {
        gives("a read in the range", sector(&file, at), libc::EIO)?;
    }
    done("a read afterwards", sector(&file, 100))?;
    let left = device.faults()?.left("error")?;
    ensure(left == "read 100-107 EIO 0 fired 2", || {
        format!("it says {left}")
    })?;
    device.fault("error", "off")?;
    device.fault("error", "write all ENOSPC always")?;
    for _ in 0..3 {
        let came = file.write_at(&Aligned::zeroes(512), 0);
        gives("a write", came, libc::ENOSPC)?;
    }
    done("a read", sector(&file, 0))?;
    device.fault("error", "off")?;
    write(&file, 0, &[1; 512])?;
    says(device, "failed", 5)
}

fn every_error(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    for (name, errno) in [
        ("EIO", libc::EIO),
        ("ENOMEM", libc::ENOMEM),
        ("EBUSY", libc::EBUSY),
        ("ENODEV", libc::ENODEV),
        ("ENOSPC", libc::ENOSPC),
        ("EBADE", libc::EBADE),
        ("ENODATA", libc::ENODATA),
        ("ENOLINK", libc::ENOLINK),
        ("EILSEQ", libc::EILSEQ),
        ("EOPNOTSUPP", libc::EOPNOTSUPP),
        ("ETIMEDOUT", libc::ETIMEDOUT),
        ("EREMOTEIO", libc::EREMOTEIO),
    ] {
        device.fault("error", &format!("read 8 {name} 1"))?;
        gives(name, sector(&file, 8), errno)?;
        done("the next read", sector(&file, 8))?;
    }
    Ok(())
}

fn kinds(_: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "4"), ("write_cache", "1")])?;
    let device = &made.device;
    let file = device.direct()?;
    write(&file, 0, &[1; 4096])?;
    device.fault("error", "flush all EIO 1")?;
    device.fault("error", "discard all EIO 1")?;
    device.fault("error", "zeroes all EIO 1")?;
    holds(&file, 0, &[1; 4096])?;
    gives("fsync", file.sync_all(), libc::EIO)?;
    done("fsync", file.sync_all())?;
    gives("discard", erase(&file, Erase::Discard, 0, 4096), libc::EIO)?;
    holds(&file, 0, &[1; 4096])?;
    gives("zeroing", erase(&file, Erase::ZeroOut, 0, 4096), libc::EIO)?;
    holds(&file, 0, &[1; 4096])?;
    says(device, "failed", 3)
}

fn delay(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    device.fault("delay", "read 8 100000 2")?;
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let begin = Instant::now();
        done("a read before it", sector(&file, 7))?;
        done("a read behind it", sector(&file, 9))?;
        write(&file, 8 * 512, &[0; 512])?;
        fastest = fastest.min(begin.elapsed());
    }
    ensure(fastest < Duration::from_millis(100), || {
        format!("what is not delayed took {fastest:?}")
    })?;
    says(device, "delayed", 0)?;
    for _ in 0..2 {
        let begin = Instant::now();
        done("a read", sector(&file, 8))?;
        let took = begin.elapsed();
        ensure(took >= Duration::from_millis(100), || {
            format!("it took {took:?}")
        })?;
    }
    says(device, "delayed", 2)?;
    device.fault("delay", "off")?;
    device.fault("jitter", "2000")?;
    let bytes = pattern(0, 65_536, 1);
    for at in 0..16 {
        write(&file, at * 65_536, &bytes)?;
        holds(&file, at * 65_536, &bytes)?;
    }
    ensure(device.number("delayed")? > 20, || {
        "jitter delays nothing".to_owned()
    })
}

pub(super) fn waiting(device: &Device, count: u64) -> Verdict {
    let end = Instant::now() + Duration::from_secs(20);
    while device.number("held")? != count {
        ensure(Instant::now() < end, || {
            format!("{count} requests don't wait")
        })?;
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Whether a thread ends within 20 s.
fn ends<T>(thread: &thread::JoinHandle<T>) -> bool {
    let limit = Instant::now() + Duration::from_secs(20);
    while !thread.is_finished() && Instant::now() < limit {
        thread::sleep(Duration::from_millis(5));
    }
    thread.is_finished()
}

fn hang(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    let bytes = pattern(4096, 512, 1);
    write(&file, 4096, &bytes)?;
    device.fault("hang", "read 8 2-2")?;
    holds(&file, 4096, &bytes)?;
    let (other, due) = (device.direct()?, bytes.clone());
    let reader = thread::spawn(move || holds(&other, 4096, &due));
    waiting(device, 1)?;
    holds(&file, 4096, &bytes)?;
    device.fault("hang", "read 8 always")?;
    let other = device.direct()?;
    let beside = thread::spawn(move || holds(&other, 0, &[0; 512]));
    let ended = ends(&beside);
    thread::sleep(Duration::from_millis(100));
    ensure(!reader.is_finished(), || "the read did not hang".to_owned())?;
    device.fault("hang", "off")?;
    joined(reader)?;
    joined(beside)?;
    ensure(ended, || "a read beside it hung as well".to_owned())?;
    says(device, "held", 0)
}

fn hang_dead(_: &mut Context) -> Verdict {
    let made = self::made()?;
    let device = &made.device;
    for (fault, begin, end) in [("hang", "any all always", "off"), ("freeze", "1", "0")] {
        device.fault(fault, begin)?;
        device.fault("powercut", "1")?;
        let other = device.direct()?;
        let reader = thread::spawn(move || {
            let came = sector(&other, 0);
            gives("a read without power", came, libc::EIO)
        });
        let ended = ends(&reader);
        if fault == "hang" {
            let left = device.faults()?.left(fault)?;
            ensure(left == "any all always fired 0", || {
                format!("a rule was for it: {left}")
            })?;
        }
        device.fault(fault, end)?;
        joined(reader)?;
        ensure(ended, || {
            format!("with {fault} it waited until that was off")
        })?;
        device.fault("power", "1")?;
    }
    drop(made);
    // Each thread is let go, and comes again, while the disk goes.
    for _ in 0..20 {
        let made = self::made()?;
        let device = &made.device;
        device.fault("freeze", "1")?;
        let users: Vec<_> = (0..4)
            .map(|_| {
                let file = device.direct();
                thread::spawn(move || {
                    let file = file?;
                    let came = (0..50).map(|_| sector(&file, 0));
                    // A disk that has gone has no bytes: its end is at 0.
                    let good = came.filter(|came| !matches!(came, Ok(0) | Err(_))).count();
                    ensure(good == 0, || format!("{good} reads went on"))
                })
            })
            .collect();
        waiting(device, 4)?;
        device.fault("unplug", "1")?;
        users.into_iter().try_for_each(joined)?;
    }
    Ok(())
}

fn freeze(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    device.fault("freeze", "1")?;
    let writers: Vec<_> = (0..3)
        .map(|number| {
            let device = device.clone();
            thread::spawn(move || {
                let file = device.direct()?;
                write(&file, number * 4096, &pattern(0, 4096, number))?;
                holds(&file, number * 4096, &pattern(0, 4096, number))
            })
        })
        .collect();
    waiting(device, 3)?;
    // What hangs by a rule stays where all stands still.
    device.fault("hang", "off")?;
    says(device, "held", 3)?;
    device.fault("freeze", "0")?;
    writers.into_iter().try_for_each(joined)?;
    says(device, "held", 0)
}

fn silent(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    write(&file, 0, &[1; 512])?;
    device.fault("drop", "2")?;
    for _ in 0..3 {
        holds(&file, 0, &[1; 512])?;
        write(&file, 0, &[2; 512])?;
    }
    holds(&file, 0, &[2; 512])?;
    device.fault("flip", "1")?;
    let mut due = [2; 512];
    due[0] = 3;
    holds(&file, 0, &due)?;
    holds(&file, 0, &[2; 512])?;
    says(device, "dropped", 2)?;
    says(device, "flipped", 1)
}

fn plans(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    write(&file, 0, &[2; 512])?;
    // Whether each of so many reads fails, or comes with a bit inverted.
    let read = |reads: usize| -> Vec<bool> {
        let mut block = Aligned::zeroes(512);
        let mut one = || file.read_at(&mut block, 0).is_err() || block[0] != 2;
        (0..reads).map(|_| one()).collect()
    };
    let left = |due: &str| -> Verdict {
        let left = device.faults()?.left("flip")?;
        ensure(left == due, || format!("{left} is left, {due} is due"))
    };
    for plan in ["3-7", "1/10 42", "1/10 42", "1/10 43"] {
        let due = wrong(plan, 100);
        ensure(due.contains(&true), || format!("{plan} chooses none"))?;
        // A rule counts those that it speaks of in the same way.
        for (fault, value) in [("flip", plan), ("error", &format!("read 0-7 EIO {plan}"))] {
            device.fault("flip", "0")?;
            device.fault("error", "off")?;
            device.fault(fault, value)?;
            let came = read(100);
            ensure(came == due, || {
                format!("{fault} {value}: {came:?} came, {due:?} is due")
            })?;
        }
    }
    device.fault("error", "off")?;
    device.fault("flip", "3-7")?;
    left("3-7")?;
    read(1);
    left("2-6")?;
    read(2);
    left("4")?;
    read(9);
    left("0")?;
    device.fault("flip", "1/10 42")?;
    read(9);
    left("1/10 42")
}

fn page_cache(_: &mut Context) -> Verdict {
    let made = made()?;
    let file = made.device.open(0)?;
    let direct = made.device.direct()?;
    let reads = || done("ioctl", stats(&file)).map(|stats| stats[2]);
    let before = reads()?;
    read(&file, 0, 4096)?;
    read(&file, 0, 4096)?;
    ensure(reads()? == before + 1, || {
        "two buffered reads are not one request".to_owned()
    })?;
    read(&direct, 1 << 20, 4096)?;
    read(&direct, 1 << 20, 4096)?;
    ensure(reads()? == before + 3, || {
        "two direct reads are not two requests".to_owned()
    })?;
    done(
        "drop_caches",
        std::fs::write("/proc/sys/vm/drop_caches", "1"),
    )?;
    read(&file, 0, 4096)?;
    ensure(reads()? == before + 4, || {
        "a read of dropped pages is not one request".to_owned()
    })
}

fn refused(_: &mut Context) -> Verdict {
    let made = made()?;
    let bad = [
        ("error", "read all EIO"),
        ("error", "read all EFOO 1"),
        ("error", "read 9-8 EIO 1"),
        ("error", "flush 0-8 EIO 1"),
        ("delay", "read all 0 1"),
        ("hang", "read all x"),
        ("powercut", "-1"),
        ("power", "0"),
        ("torn", "2"),
        ("error", "read all EIO 1/10"),
        ("freeze", "2"),
        ("unplug", "0"),
    ];
    let faults = made.device.faults()?;
    faults.refuse_no_plans(&["drop", "flip"])?;
    faults.refuse(&bad)?;
    let there = faults.file("double").exists();
    ensure(!there, || "a disk has nothing that comes twice".to_owned())
}
