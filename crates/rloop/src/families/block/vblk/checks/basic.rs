// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the C model's tests look at.

use std::io::IoSlice;
use std::thread;
use std::time::{Duration, Instant};

use rig::random::Random;
use rig::run::Context as _;
use rig::verdict::{Verdict, ensure};
use rustix::io::pwritev;

use super::{Plain, done, gives, holds, joined, pattern, read, same, write};
use crate::families::block::vblk::Context;
use crate::families::block::vblk::buffer::Aligned;
use crate::families::block::vblk::device::{Device, Made};
use crate::families::block::vblk::mounted::{Mounted, check_ext4, make_ext4};
use crate::families::block::vblk::sys::{self, stats};

const MIB: u64 = 1 << 20;

pub const CHECKS: &[Plain] = &[
    (
        "basic/counters",
        "as the C model",
        "direct reads and writes are counted as the requests that they are, a vector of four pages as one, and nothing else has read the disk",
        counters,
    ),
    (
        "basic/ioctl",
        "as the C model",
        "VBLK_GET_STATS has the C model's number; others give ENOTTY, and memory that is not there EFAULT",
        ioctl,
    ),
    (
        "basic/end",
        "as the C model",
        "at the end a read gives nothing and a write ENOSPC",
        end,
    ),
    (
        "basic/stress",
        "as the C model",
        "four threads write and read their quarters for 2 s, and each finds what it wrote",
        stress,
    ),
    (
        "basic/file-system",
        "as the C model",
        "ext4 on it is made, mounted, written, unmounted, mounted again, read, and found whole",
        file_system,
    ),
    (
        "basic/size",
        "as the C model",
        "a disk of 8 MiB has 8388608 bytes",
        size,
    ),
];

fn counters(_: &mut Context) -> Verdict {
    let made = Made::new(&[])?;
    let file = made.device.direct()?;
    for position in [0, MIB] {
        let bytes = pattern(position, 4096, 1);
        write(&file, position, &bytes)?;
        holds(&file, position, &bytes)?;
    }
    let bytes = pattern(2 * MIB, 16_384, 1);
    let buffer = Aligned::of(&bytes);
    // Not one after the other, or they would be one piece.
    let pieces: Vec<IoSlice<'_>> = buffer.chunks(4096).map(IoSlice::new).collect();
    let written = pwritev(&file, &pieces, 2 * MIB).map_err(Into::into);
    let written = done("pwritev", written)?;
    ensure(written == 16_384, || format!("pwritev wrote {written}"))?;
    holds(&file, 2 * MIB, &bytes)?;
    let came = done("ioctl", stats(&file))?;
    let due = [16 * MIB, 32_768, 3, 3, 48, 48];
    ensure(came == due, || format!("{came:?}, due is {due:?}"))
}

fn ioctl(context: &mut Context) -> Verdict {
    let file = context.device.direct()?;
    done("VBLK_GET_STATS", stats(&file))?;
    gives(
        "it, to nowhere",
        sys::ioctl_nowhere(&file, sys::GET_STATS),
        libc::EFAULT,
    )?;
    // Of another size, of another number, of another direction.
    for request in [0x8028_b101, 0x8030_b102, 0x4030_b101, 0xb101] {
        let came = sys::ioctl_nowhere(&file, request);
        gives(&format!("{request:#x}"), came, libc::ENOTTY)?;
    }
    Ok(())
}

fn end(_: &mut Context) -> Verdict {
    use std::os::unix::fs::FileExt as _;
    let made = Made::new(&[("disk_size_mb", "1")])?;
    let file = made.device.direct()?;
    let mut buffer = Aligned::zeroes(4096);
    let read = done("a read at the end", file.read_at(&mut buffer, MIB))?;
    ensure(read == 0, || format!("a read at the end gave {read} bytes"))?;
    gives(
        "a write at the end",
        file.write_at(&buffer, MIB),
        libc::ENOSPC,
    )?;
    let read = done(
        "a read before the end",
        file.read_at(&mut buffer, MIB - 512),
    )?;
    ensure(read == 512, || {
        format!("a read before the end gave {read} bytes")
    })
}

fn stress(context: &mut Context) -> Verdict {
    let made = Made::new(&[])?;
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let device = made.device.clone();
            thread::spawn(move || quarter(&device, number))
        })
        .collect();
    let mut all = 0;
    for thread in threads {
        all += joined(thread)?;
    }
    context.note(format!("{all} calls"));
    Ok(())
}

/// Writes and reads one to eight sectors at a time through the page cache, and looks at all in the end.
fn quarter(device: &Device, number: u64) -> Verdict<u64> {
    let file = device.open(0)?;
    let (start, sectors) = (number * 4 * MIB, 4 * MIB / 512);
    let mut shadow = vec![0; 4 * MIB as usize];
    let mut random = Random::new(number);
    let until = Instant::now() + Duration::from_secs(2);
    let mut calls = 0;
    while Instant::now() < until {
        let count = random.between(1, 8);
        let at = random.between(0, sectors - count) as usize * 512;
        let bytes = at..at + count as usize * 512;
        let position = start + at as u64;
        if random.once_in(2) {
            let new = pattern(position, bytes.len(), calls);
            write(&file, position, &new)?;
            shadow[bytes].copy_from_slice(&new);
        } else {
            holds(&file, position, &shadow[bytes])?;
        }
        calls += 1;
    }
    done("fsync", file.sync_all())?;
    let direct = device.direct()?;
    same(&read(&direct, start, shadow.len())?, &shadow, start)?;
    Ok(calls)
}

fn file_system(_: &mut Context) -> Verdict {
    let made = Made::new(&[])?;
    let device = &made.device;
    make_ext4(device)?;
    let mounted = Mounted::ext4(device, "")?;
    let bytes = pattern(0, 1_000_000, 1);
    let path = mounted.path("file");
    done("writing a file", std::fs::write(&path, &bytes))?;
    mounted.unmount()?;
    let mounted = Mounted::ext4(device, "")?;
    let came = done("reading it", std::fs::read(mounted.path("file")))?;
    same(&came, &bytes, 0)?;
    ensure(came.len() == bytes.len(), || {
        format!("it has {} bytes", came.len())
    })?;
    mounted.unmount()?;
    check_ext4(device)?;
    made.remove()
}

fn size(_: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "8")])?;
    let file = made.device.direct()?;
    let [capacity, sectors, ..] = done("ioctl", stats(&file))?;
    ensure((capacity, sectors) == (8_388_608, 16_384), || {
        format!("it has {capacity} bytes, {sectors} sectors")
    })
}
