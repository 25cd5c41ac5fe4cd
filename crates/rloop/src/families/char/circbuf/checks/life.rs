// SPDX-License-Identifier: MIT OR Apache-2.0

//! Buffers come and go; those that are used stay.

use std::fs;

use rig::verdict::{Problem, Verdict, ensure, fail};
use rustix::fs::{FileType, Mode, stat};

use super::{Plain, gives, is};
use crate::families::char::circbuf::device::{For, Made, failed};
use crate::families::char::circbuf::{Context, DRIVER, NODE};

pub const CHECKS: &[Plain] = &[
    (
        "life/node",
        "as the C model",
        "the node is a character device that everybody may read and write",
        node,
    ),
    (
        "life/module-stays",
        "a module in use stays",
        "each open file counts as a user of the module, so that it can't be unloaded",
        module_stays,
    ),
    (
        "life/busy",
        "a buffer in use stays",
        "one that is open can be neither disabled nor removed (EBUSY), and afterwards can",
        busy,
    ),
    (
        "life/again",
        "made at run time",
        "a buffer that is disabled and enabled again is empty",
        again,
    ),
];

fn node(_: &mut Context) -> Verdict {
    match stat(NODE) {
        Ok(stat) => {
            let kind = FileType::from_raw_mode(stat.st_mode);
            ensure(kind == FileType::CharacterDevice, || {
                format!("it is a {kind:?}")
            })?;
            let mode = Mode::from_raw_mode(stat.st_mode);
            ensure(mode.bits() == 0o666, || {
                format!("its mode is {:o}", mode.bits())
            })
        }
        Err(error) => fail(format!("stat: {error}")),
    }
}

/// How many users the module has.
fn users() -> Verdict<u64> {
    let path = format!("/sys/module/{DRIVER}/refcnt");
    let text = fs::read_to_string(&path);
    let text = text.map_err(|e| Problem::Failed(format!("{path}: {e}")))?;
    match text.trim().parse() {
        Ok(users) => Ok(users),
        Err(error) => fail(format!("{path}: {error}")),
    }
}

fn module_stays(context: &mut Context) -> Verdict {
    let before = users()?;
    let files = [
        context.device.open(For::Reading, 0)?,
        context.device.open(For::Writing, 0)?,
    ];
    is("users of the module", users()?, before + 2)?;
    drop(files);
    is("users of the module", users()?, before)
}

fn busy(_: &mut Context) -> Verdict {
    let made = Made::of_size(10)?;
    let file = made.device.open(For::Reading, 0)?;
    match made.set("enable", "0") {
        Ok(()) => return fail("it was disabled under an open file"),
        Err(problem) => ensure(problem.to_string().contains("os error 16"), || {
            format!("it was refused with {problem}")
        })?,
    }
    gives("rmdir", fs::remove_dir(made.dir()), libc::EBUSY)?;
    ensure(made.device.is_there(), || "the node is gone".to_owned())?;
    drop(file);
    made.remove()
}

fn again(_: &mut Context) -> Verdict {
    use std::io::Write as _;
    let made = Made::of_size(10)?;
    let mut file = made.device.nonblocking()?;
    super::moves("a write", file.write(&[1; 10]), 10)?;
    drop(file);
    made.set("enable", "0")?;
    ensure(!made.device.is_there(), || {
        "the node is still there".to_owned()
    })?;
    made.set("enable", "1")?;
    let file = made.device.nonblocking()?;
    let stats = super::super::sys::stats(&file);
    let stats = stats.map_err(|e| failed("ioctl", &made.device.node(), &e))?;
    ensure(stats == [10, 0, 10, 0, 0], || format!("it gave {stats:?}"))?;
    drop(file);
    made.remove()
}
