// SPDX-License-Identifier: MIT OR Apache-2.0

//! A disk that is taken away on demand, whatever is done with it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rig::run::Context as _;
use rig::verdict::{Verdict, Within as _, ensure};

use super::faults::{made, sector, waiting};
use super::{Plain, done, gives, holds, joined, pattern, says, write};
use crate::families::block::vblk::Context;
use crate::families::block::vblk::buffer::Aligned;
use crate::families::block::vblk::device::Made;
use crate::families::block::vblk::mounted::{Mounted, make_ext4};
use crate::families::block::vblk::sys::stats;

pub const CHECKS: &[Plain] = &[
    (
        "faults/unplug",
        "a device can go at any time",
        "a disk that is taken away fails what hangs and what comes, gives its memory back, and its name can be used again",
        unplug,
    ),
    (
        "faults/unplug-coming",
        "a device can go at any time",
        "a disk that is unplugged as it comes, before it has its node, is taken away, or that says ENODEV",
        unplug_coming,
    ),
    (
        "faults/unplug-mounted",
        "a device can go at any time",
        "a file system on a disk that is taken away gives errors, and can be unmounted",
        unplug_mounted,
    ),
    (
        "faults/unplug-busy",
        "a device can go at any time",
        "a disk can be taken away while four threads use it; each gets an error and ends",
        unplug_busy,
    ),
];

fn unplug(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    write(&file, 0, &pattern(0, 1 << 20, 1))?;
    device.fault("hang", "read all always")?;
    let other = device.direct()?;
    let reader = thread::spawn(move || {
        let came = sector(&other, 0);
        gives("a read that hung", came, libc::EIO)
    });
    waiting(device, 1)?;
    device.fault("unplug", "1")?;
    joined(reader)?;
    let came = file.write_at(&Aligned::zeroes(512), 0);
    ensure(came.is_err(), || format!("a write gave {came:?}"))?;
    says(device, "pages", 0)?;
    ensure(!device.is_there(), || "the node is still there".to_owned())?;
    // With the old file still open.
    done("ioctl", stats(&file))?;
    made.set("enable", "0").within(|| "disable".to_owned())?;
    made.set("enable", "1").within(|| "enable".to_owned())?;
    holds(&device.direct()?, 0, &[0; 4096])?;
    drop(file);
    made.remove()
}

fn unplug_coming(context: &mut Context) -> Verdict {
    let made = made()?;
    let early = made.unplugged_coming()?;
    context.note(format!(
        "it was unplugged {early} times before it had its node"
    ));
    made.remove()
}

fn unplug_mounted(_: &mut Context) -> Verdict {
    let made = Made::new(&[("write_cache", "1")])?;
    let device = &made.device;
    make_ext4(device)?;
    let mounted = Mounted::ext4(device, "")?;
    let file = done("create", File::create(mounted.path("file")))?;
    done("write", file.write_all_at(&[1; 100_000], 0))?;
    device.fault("unplug", "1")?;
    let came = file.sync_all();
    ensure(came.is_err(), || {
        "fsync succeeds on a disk that has gone".to_owned()
    })?;
    drop(file);
    mounted.unmount()?;
    says(device, "pages", 0)?;
    made.remove()
}

fn unplug_busy(_: &mut Context) -> Verdict {
    for round in 0..10 {
        let made = made()?;
        let device = &made.device;
        device.fault("jitter", if round % 2 == 0 { "0" } else { "500" })?;
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let file = device.direct();
                thread::spawn(move || {
                    let (file, bytes) = (file?, pattern(0, 16_384, number));
                    let until = Instant::now() + Duration::from_secs(20);
                    while Instant::now() < until {
                        if write(&file, number << 20, &bytes).is_err() {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(30));
        device.fault("unplug", "1")?;
        for thread in threads {
            let ended = joined(thread)?;
            ensure(ended, || {
                "a write goes on on a disk that has gone".to_owned()
            })?;
        }
        says(device, "pages", 0)?;
    }
    Ok(())
}
