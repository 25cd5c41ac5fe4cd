// SPDX-License-Identifier: MIT OR Apache-2.0

//! Disks come, change and go; those that are used stay.

use std::fs;

use rig::verdict::{Problem, Verdict, ensure, fail};

use super::{Plain, done, gives, holds, is, pattern, read, says, write};
use crate::families::block::vblk::device::Made;
use crate::families::block::vblk::mounted::{Mounted, make_ext4};
use crate::families::block::vblk::sys::stats;
use crate::families::block::vblk::{Context, DRIVER};

const MIB: u64 = 1 << 20;

pub const CHECKS: &[Plain] = &[
    (
        "life/module-stays",
        "a module in use stays",
        "each open file and each file system counts as a user of the module, so that it can't be unloaded",
        module_stays,
    ),
    (
        "life/busy",
        "a disk in use stays",
        "one that is open or mounted can be neither disabled nor removed (EBUSY), and afterwards can",
        busy,
    ),
    (
        "life/again",
        "made at run time",
        "a disk that is disabled and enabled again is all zeroes",
        again,
    ),
    (
        "life/resize",
        "resize",
        "a disk that is used grows and shrinks; what stays is kept, and what comes is zeroes",
        resize,
    ),
    (
        "life/settings",
        "made at run time",
        "nothing but the size can be changed while it is enabled, and no setting to what is not allowed",
        settings,
    ),
    (
        "life/many",
        "made at run time",
        "thirty disks at once, each with its own bytes, and all memory is given back",
        many,
    ),
];

/// How many users the module has.
fn users() -> Verdict<u64> {
    let path = format!("/sys/module/{DRIVER}/refcnt");
    let text = done(&path, fs::read_to_string(&path))?;
    let users = text.trim().parse();
    users.map_err(|error| Problem::Failed(format!("{path}: {error}")))
}

/// Whether a setting is refused with this errno.
fn refused(made: &Made, file: &str, value: &str, errno: i32) -> Verdict {
    match made.set(file, value) {
        Ok(()) => fail(format!("{file}={value} was taken")),
        Err(problem) => ensure(
            problem.to_string().contains(&format!("os error {errno})")),
            || format!("{file}={value} was refused with {problem}"),
        ),
    }
}

fn module_stays(context: &mut Context) -> Verdict {
    let before = users()?;
    let file = context.device.open(0)?;
    is("users of the module", users()?, before + 1)?;
    let removed = rustix::system::delete_module(c"vblk", libc::O_NONBLOCK);
    gives("unloading it", removed.map_err(Into::into), libc::EAGAIN)?;
    drop(file);
    is("users of the module", users()?, before)
}

fn busy(_: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "8")])?;
    let file = made.device.direct()?;
    refused(&made, "enable", "0", libc::EBUSY)?;
    drop(file);
    make_ext4(&made.device)?;
    let before = users()?;
    let mounted = Mounted::ext4(&made.device, "")?;
    is("users of the module", users()?, before + 1)?;
    refused(&made, "enable", "0", libc::EBUSY)?;
    mounted.unmount()?;
    made.remove()
}

fn again(_: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "1")])?;
    write(&made.device.direct()?, 0, &pattern(0, 8192, 1))?;
    made.set("enable", "0")?;
    ensure(!made.device.is_there(), || {
        "the node is still there".to_owned()
    })?;
    made.set("enable", "1")?;
    holds(&made.device.direct()?, 0, &[0; 8192])?;
    made.remove()
}

fn resize(_: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "2")])?;
    let device = &made.device;
    let file = device.direct()?;
    let bytes = pattern(0, 2 * MIB as usize, 1);
    write(&file, 0, &bytes)?;
    let has = |mib: u64| {
        is("capacity_bytes", done("ioctl", stats(&file))?[0], mib * MIB)?;
        let sectors = device.attribute("size")?;
        ensure(sectors == (mib * 2048).to_string(), || {
            format!("size is {sectors}")
        })
    };
    made.set("disk_size_mb", "3")?;
    has(3)?;
    holds(&file, 0, &bytes)?;
    holds(&file, 2 * MIB, &vec![0; MIB as usize])?;
    made.set("disk_size_mb", "1")?;
    has(1)?;
    says(device, "pages", 256)?;
    ensure(read(&file, MIB, 4096).is_err(), || {
        "there is something behind the end".to_owned()
    })?;
    made.set("disk_size_mb", "2")?;
    has(2)?;
    holds(&file, 0, &bytes[..MIB as usize])?;
    holds(&file, MIB, &vec![0; MIB as usize])
}

fn settings(_: &mut Context) -> Verdict {
    let made = Made::new(&[])?;
    for (file, value) in [
        ("block_size", "4096"),
        ("write_cache", "1"),
        ("read_only", "1"),
        ("queues", "1"),
    ] {
        refused(&made, file, value, libc::EBUSY)?;
    }
    refused(&made, "disk_size_mb", "0", libc::EINVAL)?;
    made.set("enable", "0")?;
    for (file, value) in [
        ("disk_size_mb", "524289"),
        ("block_size", "256"),
        ("write_cache", "2"),
        ("queues", "65"),
        ("enable", "maybe"),
    ] {
        refused(&made, file, value, libc::EINVAL)?;
    }
    made.remove()
}

fn many(_: &mut Context) -> Verdict {
    let disks: Vec<Made> = (0..30)
        .map(|number| Made::named(&format!("many{number}"), &[("disk_size_mb", "1")]))
        .collect::<Verdict<_>>()?;
    for (number, made) in disks.iter().enumerate() {
        write(
            &made.device.direct()?,
            4096,
            &pattern(0, 4096, number as u64),
        )?;
    }
    for (number, made) in disks.into_iter().enumerate() {
        holds(
            &made.device.direct()?,
            4096,
            &pattern(0, 4096, number as u64),
        )?;
        made.remove()?;
    }
    Ok(())
}
