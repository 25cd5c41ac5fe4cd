// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a disk keeps, and what that takes.

use rig::verdict::{Verdict, ensure};

use super::{Plain, done, gives, holds, is, pattern, read, says, write};
use crate::families::block::vblk::Context;
use crate::families::block::vblk::device::Made;
use crate::families::block::vblk::sys::{Erase, erase};

const MIB: u64 = 1 << 20;

pub const CHECKS: &[Plain] = &[
    (
        "data/zeroed",
        "fresh memory is zeroed",
        "a fresh disk is all zeroes, also where memory was used before",
        zeroed,
    ),
    (
        "data/on-demand",
        "pages on demand",
        "a fresh disk of 1 GiB takes no pages, 8 MiB that are written take so many, and a discard gives them back",
        on_demand,
    ),
    (
        "data/erase",
        "discard, write-zeroes",
        "what is discarded or zeroed reads as zeroes, to the byte, and nothing beside it does",
        erased,
    ),
    (
        "data/blocks",
        "block sizes 512-4096",
        "blocks of each size can be written, and no half of one",
        blocks,
    ),
    (
        "data/large",
        "whole requests",
        "4 MiB at once are what they were, at any place",
        large,
    ),
    (
        "data/limits",
        "what sysfs says",
        "cache, FUA, discard, block sizes and queues are those that were asked for",
        limits,
    ),
    (
        "data/read-only",
        "read-only",
        "a disk that is read-only can't be written (EPERM), and can be read",
        read_only,
    ),
];

fn zeroed(_: &mut Context) -> Verdict {
    // Memory that is free afterwards and is not zeroes.
    drop(std::hint::black_box(vec![0xa5_u8; 24 << 20]));
    let made = Made::new(&[])?;
    let file = made.device.direct()?;
    // A page of which one block is written is there as a whole.
    write(&file, 8192, &[0xff; 512])?;
    let all = read(&file, 0, 16 << 20)?;
    let wrong = all.iter().enumerate().find(|(at, byte)| {
        let due = if (8192..8704).contains(at) { 0xff } else { 0 };
        **byte != due
    });
    ensure(wrong.is_none(), || format!("at and of the value {wrong:?}"))
}

fn on_demand(_: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "1024")])?;
    let device = &made.device;
    let file = device.direct()?;
    says(device, "pages", 0)?;
    // Reading takes none.
    holds(&file, 1023 * MIB, &vec![0; MIB as usize])?;
    says(device, "pages", 0)?;
    for at in 0..8 {
        write(&file, at * 100 * MIB, &pattern(at, MIB as usize, 1))?;
    }
    says(device, "pages", 8 * MIB / 4096)?;
    done("discard", erase(&file, Erase::Discard, 0, 1024 * MIB))?;
    says(device, "pages", 0)?;
    holds(&file, 100 * MIB, &vec![0; MIB as usize])
}

fn erased(_: &mut Context) -> Verdict {
    for cache in ["0", "1"] {
        let made = Made::new(&[("disk_size_mb", "1"), ("write_cache", cache)])?;
        let file = made.device.direct()?;
        for how in [Erase::Discard, Erase::ZeroOut] {
            for (first, sectors) in [(0, 1), (7, 2), (8, 8), (3, 30), (16, 1), (5, 2), (2, 2000)] {
                let mut due = pattern(0, MIB as usize, 2);
                write(&file, 0, &due)?;
                let (start, bytes) = (first * 512, sectors * 512);
                let what = format!("{how:?} of {sectors} sectors at {first}");
                done(&what, erase(&file, how, start, bytes))?;
                due[start as usize..(start + bytes) as usize].fill(0);
                holds(&file, 0, &due)?;
                done("fsync", file.sync_all())?;
                holds(&file, 0, &due)?;
            }
        }
    }
    Ok(())
}

fn blocks(_: &mut Context) -> Verdict {
    use std::os::unix::fs::FileExt as _;

    use crate::families::block::vblk::buffer::Aligned;
    for block in [512_usize, 1024, 2048, 4096] {
        let made = Made::new(&[("block_size", &block.to_string()), ("disk_size_mb", "1")])?;
        let file = made.device.direct()?;
        for name in ["queue/logical_block_size", "queue/physical_block_size"] {
            let said = made.device.attribute(name)?;
            ensure(said == block.to_string(), || {
                format!("{name} is {said}, not {block}")
            })?;
        }
        for number in [0, 1, 5, MIB / block as u64 - 1] {
            let position = number * block as u64;
            let bytes = pattern(position, block, 3);
            write(&file, position, &bytes)?;
            holds(&file, position, &bytes)?;
        }
        let buffer = Aligned::zeroes(block);
        let half = file.write_at(&buffer[..block / 2], 0);
        gives(
            &format!("a write of {} bytes", block / 2),
            half,
            libc::EINVAL,
        )?;
        let half = file.write_at(&buffer, block as u64 / 2);
        gives(&format!("a write at {}", block / 2), half, libc::EINVAL)?;
        drop(file);
        made.remove()?;
    }
    Ok(())
}

fn large(_: &mut Context) -> Verdict {
    for cache in ["0", "1"] {
        let made = Made::new(&[("write_cache", cache)])?;
        let file = made.device.direct()?;
        for position in [0, 512, 4096 * 3 + 1024, 11 * MIB + 3584] {
            let bytes = pattern(position, 4 * MIB as usize, position);
            write(&file, position, &bytes)?;
            holds(&file, position, &bytes)?;
        }
    }
    Ok(())
}

fn limits(_: &mut Context) -> Verdict {
    for (cache, said, fua) in [("0", "write through", "0"), ("1", "write back", "1")] {
        let made = Made::new(&[("write_cache", cache), ("queues", "1")])?;
        let device = &made.device;
        for (name, due) in [
            ("queue/write_cache", said),
            ("queue/fua", fua),
            ("queue/discard_granularity", "4096"),
            ("queue/rotational", "0"),
            ("ro", "0"),
            ("size", "32768"),
        ] {
            let came = device.attribute(name)?;
            ensure(came == due, || format!("{name} is {came}, due is {due}"))?;
        }
        let queues = std::fs::read_dir(format!("/sys/block/{}/mq", device.name));
        is("queues", done("mq", queues)?.count() as u64, 1)?;
    }
    let made = Made::new(&[])?;
    let queues = std::fs::read_dir(format!("/sys/block/{}/mq", made.device.name));
    let queues = done("mq", queues)?.count();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    ensure(queues >= processors, || {
        format!("{queues} queues for {processors} processors")
    })
}

fn read_only(_: &mut Context) -> Verdict {
    use std::os::unix::fs::FileExt as _;

    use crate::families::block::vblk::buffer::Aligned;
    let made = Made::new(&[("read_only", "1"), ("disk_size_mb", "1")])?;
    let node = made.device.node();
    // Opening it is not refused.
    let file = made.device.direct()?;
    let block = Aligned::zeroes(512);
    gives("a write", file.write_at(&block, 0), libc::EPERM)?;
    let file = done("open", std::fs::File::open(&node))?;
    holds(&file, 0, &[0; 4096])?;
    let said = made.device.attribute("ro")?;
    ensure(said == "1", || format!("ro is {said}"))
}
