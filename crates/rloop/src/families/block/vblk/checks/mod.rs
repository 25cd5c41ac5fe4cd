// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is checked of a disk that fails when told to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::thread::JoinHandle;

use rig::check::{self, Check};
use rig::verdict::{Problem, Verdict, ensure, fail};

use super::Context;
use super::buffer::Aligned;
use super::device::Device;

mod basic;
mod data;
mod faults;
mod life;
mod power;
mod random;
mod unplug;

/// A check that is a function.
type Plain = check::Plain<Context>;

/// All checks.
pub fn all() -> Vec<Check<Context>> {
    let usual = [basic::CHECKS, data::CHECKS, random::CHECKS, life::CHECKS];
    let mut checks: Vec<Check<Context>> = usual.concat().iter().map(Check::from).collect();
    for check in &mut checks {
        check.quick = check.group() == "basic";
    }
    for (kind, list) in [
        (check::Kind::Faults, faults::CHECKS),
        (check::Kind::Faults, unplug::CHECKS),
        (check::Kind::PowerCut, power::CHECKS),
    ] {
        checks.extend(list.iter().map(|plain| Check {
            kind,
            ..Check::from(plain)
        }));
    }
    checks
}

/// A call's error as a failure.
fn done<T>(what: &str, result: io::Result<T>) -> Verdict<T> {
    result.map_err(|error| Problem::Failed(format!("{what}: {error}")))
}

/// Whether a call has failed with this errno.
fn gives<T: std::fmt::Debug>(what: &str, result: io::Result<T>, errno: i32) -> Verdict {
    let came = result.as_ref().err().and_then(io::Error::raw_os_error);
    ensure(came == Some(errno), || {
        let due = io::Error::from_raw_os_error(errno);
        format!("{what} gave {result:?}, due is {due}")
    })
}

/// Whether two numbers are the same.
fn is(what: &str, came: u64, due: u64) -> Verdict {
    ensure(came == due, || format!("{what} is {came}, due is {due}"))
}

/// Whether a disk says this number of itself.
fn says(device: &Device, key: &str, due: u64) -> Verdict {
    is(key, device.number(key)?, due)
}

/// Bytes that say where they are on a disk, and which time they were written.
fn pattern(position: u64, bytes: usize, time: u64) -> Vec<u8> {
    let word = |at: u64| (position / 8 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ time;
    (0..bytes.div_ceil(8) as u64)
        .flat_map(|at| word(at).to_le_bytes())
        .take(bytes)
        .collect()
}

/// Reads so many bytes from `position` on.
fn read(file: &File, position: u64, bytes: usize) -> Verdict<Aligned> {
    let mut buffer = Aligned::zeroes(bytes);
    let what = format!("reading {bytes} bytes at {position}");
    done(&what, file.read_exact_at(&mut buffer, position))?;
    Ok(buffer)
}

/// Writes `bytes` from `position` on.
fn write(file: &File, position: u64, bytes: &[u8]) -> Verdict {
    let what = format!("writing {} bytes at {position}", bytes.len());
    done(&what, file.write_all_at(&Aligned::of(bytes), position))
}

/// Whether these bytes are there.
fn holds(file: &File, position: u64, due: &[u8]) -> Verdict {
    same(&read(file, position, due.len())?, due, position)
}

/// Whether what came from `position` on is what is due.
fn same(came: &[u8], due: &[u8], position: u64) -> Verdict {
    let wrong = came.iter().zip(due).position(|(came, due)| came != due);
    match wrong {
        None => Ok(()),
        Some(at) => fail(format!(
            "at {} there is {:#04x}, due is {:#04x}",
            position + at as u64,
            came[at],
            due[at]
        )),
    }
}

/// The result of a thread.
fn joined<T>(thread: JoinHandle<Verdict<T>>) -> Verdict<T> {
    match thread.join() {
        Ok(verdict) => verdict,
        Err(_) => fail("a thread has panicked"),
    }
}
