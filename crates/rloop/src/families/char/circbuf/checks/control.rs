// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ioctl` and `fdinfo`.

use std::io::{Read as _, Write as _};

use rig::random::Random;
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail, skip};
use rustix::io::ioctl_fionread;

use super::{Plain, gives, is, moves};
use crate::families::char::circbuf::Context;
use crate::families::char::circbuf::device::{Made, State, failed};
use crate::families::char::circbuf::sys::{self, Stats};
use crate::kernel::compat;

pub const CHECKS: &[Plain] = &[
    (
        "control/stats",
        "as the C model",
        "CIRCBUF_GET_STATS gives capacity, used, available, reads and writes, as fdinfo does",
        stats,
    ),
    (
        "control/fresh",
        "as the C model",
        "an empty buffer of 4096 bytes, and one of 16384, says so",
        fresh,
    ),
    (
        "control/fionread",
        "FIONREAD",
        "FIONREAD gives how many bytes can be read",
        fionread,
    ),
    (
        "control/unknown",
        "as the C model",
        "other numbers give ENOTTY, whatever their size and direction; no memory gives EFAULT",
        unknown,
    ),
    (
        "control/compat",
        "programs with 32 bits",
        "CIRCBUF_GET_STATS of a program with 32 bits gives the same in 20 bytes, and its other numbers ENOTTY",
        compat,
    ),
];

fn call(result: std::io::Result<Stats>) -> Verdict<Stats> {
    result.map_err(|e| Problem::Failed(format!("CIRCBUF_GET_STATS: {e}")))
}

fn stats(_: &mut Context) -> Verdict {
    let made = Made::of_size(1_000)?;
    let mut file = made.device.nonblocking()?;
    for _ in 0..3 {
        moves("a write", file.write(&[1; 100]), 100)?;
    }
    moves("a read", file.read(&mut [0; 50]), 50)?;
    let stats = call(sys::stats(&file))?;
    ensure(stats == [1_000, 250, 750, 1, 3], || {
        format!("it gave {stats:?}")
    })?;
    let state = State::of(&file)?;
    let keys = ["capacity", "used", "available", "reads", "writes"];
    for (key, value) in keys.into_iter().zip(stats) {
        is(key, state.number(key)?, value as u64)?;
    }
    Ok(())
}

fn fresh(_: &mut Context) -> Verdict {
    for (parameters, size) in [(&[][..], 4_096), (&[("buffer_size", "16384")], 16_384)] {
        let made = Made::new(parameters)?;
        let file = made.device.nonblocking()?;
        let stats = call(sys::stats(&file))?;
        ensure(stats == [size, 0, size, 0, 0], || {
            format!("a buffer of {size} bytes gave {stats:?}")
        })?;
        drop(file);
        made.remove()?;
    }
    Ok(())
}

fn fionread(_: &mut Context) -> Verdict {
    let made = Made::of_size(100)?;
    let mut file = made.device.nonblocking()?;
    for due in [0, 70, 100] {
        match ioctl_fionread(&file) {
            Ok(came) => is("FIONREAD", came, due)?,
            Err(error) => return fail(format!("FIONREAD: {error}")),
        }
        let _ = file.write(&[1; 70]);
    }
    Ok(())
}

fn unknown(context: &mut Context) -> Verdict {
    let file = context.device.nonblocking()?;
    let known = sys::get_stats(size_of::<Stats>());
    gives("no memory", sys::ioctl_nowhere(&file, known), libc::EFAULT)?;
    // The same number with other sizes and directions, all numbers of its kind, and any.
    let mut random = Random::new(1);
    let sizes = (0..64).map(sys::get_stats);
    let directions = (0..4).map(|n| (known & !(3 << 30)) | (n << 30));
    let numbers = (0..256).map(|n| known & !0xff | n);
    let kinds = (0..256).map(|n| (known & !0xff00) | (n << 8));
    // But for those that the kernel answers for every file: FIOCLEX and so on, FS_IOC_GETFLAGS and so on, FIONREAD.
    let any = (0..2_000).map(|_| (random.number() as u32) | 0x8000);
    let all = sizes
        .chain(directions)
        .chain(numbers)
        .chain(kinds)
        .chain(any);
    let mut tried = 0;
    for request in all.filter(|request| *request != known) {
        let what = format!("ioctl {request:#x}");
        gives(&what, sys::ioctl_nowhere(&file, request), libc::ENOTTY)?;
        tried += 1;
    }
    context.note(format!("{tried} numbers"));
    Ok(())
}

fn compat(_: &mut Context) -> Verdict {
    let made = Made::new(&[])?;
    let mut file = made.device.nonblocking()?;
    moves("a write", file.write(b"abc"), 3)?;
    let wide = call(sys::stats(&file))?;
    let mut stats = [0; 5];
    let node = made.device.node();
    let Some(result) = compat::ioctl(&file, sys::get_stats(20), &mut stats) else {
        return skip("only on x86_64, where the kernel is known to have CONFIG_IA32_EMULATION");
    };
    result.map_err(|e| failed("ioctl of 32 bits", &node, &e))?;
    ensure(stats.map(|value| value as usize) == wide, || {
        format!("it gave {stats:?}, and {wide:?} with 64 bits")
    })?;
    let mut left = [0; 5];
    for (request, due) in [(sys::get_stats(40), libc::ENOTTY), (0xc102, libc::ENOTTY)] {
        if let Some(result) = compat::ioctl(&file, request, &mut left) {
            gives(&format!("ioctl {request:#x}"), result, due)?;
        }
    }
    if let Some(result) = compat::ioctl(&file, 0x541b, &mut left) {
        result.map_err(|e| failed("FIONREAD of 32 bits", &node, &e))?;
        is("FIONREAD", left[0].into(), 3)?;
    }
    moves("a read", file.read(&mut [0; 3]), 3)
}
