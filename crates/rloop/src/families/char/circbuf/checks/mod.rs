// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is checked of a pipe that one can see into.

use std::fs::File;
use std::io::{self, Read as _};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rig::check::{self, Check};
use rig::verdict::{Verdict, ensure, fail};

use super::Context;

mod allocations;
mod calls;
mod control;
mod faults;
mod kinds;
mod life;
mod memory;
mod ready;
mod through;
mod wakeup;

/// A check that is a function.
type Plain = check::Plain<Context>;

/// All checks.
pub fn all() -> Vec<Check<Context>> {
    let usual = [
        calls::CHECKS,
        control::CHECKS,
        through::CHECKS,
        ready::CHECKS,
        wakeup::CHECKS,
        memory::CHECKS,
        kinds::CHECKS,
        life::CHECKS,
    ];
    let mut checks: Vec<Check<Context>> = usual.concat().iter().map(Check::from).collect();
    for check in &mut checks {
        check.quick = ["calls", "control"].contains(&check.group());
    }
    checks.extend(allocations::CHECKS.iter().map(|plain| Check {
        kind: check::Kind::Allocations,
        ..Check::from(plain)
    }));
    checks.extend(faults::CHECKS.iter().map(|plain| Check {
        kind: check::Kind::Faults,
        ..Check::from(plain)
    }));
    checks
}

/// Whether a call has failed with this errno.
fn gives<T: std::fmt::Debug>(what: &str, result: io::Result<T>, errno: i32) -> Verdict {
    let came = result.as_ref().err().and_then(io::Error::raw_os_error);
    ensure(came == Some(errno), || {
        let due = io::Error::from_raw_os_error(errno);
        format!("{what} gave {result:?}, due is {due}")
    })
}

/// Whether a call has moved so many bytes.
fn moves(what: &str, result: io::Result<usize>, bytes: usize) -> Verdict {
    ensure(matches!(result, Ok(moved) if moved == bytes), || {
        format!("{what} gave {result:?}, due is {bytes}")
    })
}

/// Whether two numbers are the same.
fn is(what: &str, came: u64, due: u64) -> Verdict {
    ensure(came == due, || format!("{what} is {came}, due is {due}"))
}

/// So many bytes, each of which says where it stands.
fn numbered(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n % 251) as u8).collect()
}

/// The result of a thread.
fn joined<T>(thread: JoinHandle<Verdict<T>>) -> Verdict<T> {
    match thread.join() {
        Ok(verdict) => verdict,
        Err(_) => fail("a thread has panicked"),
    }
}

/// Reads what `writers` write, until all of `read` has come, or they have ended and nothing is left: who fails must not be
/// waited for. How many bytes came. The file must not wait.
fn read_from<T>(file: &mut File, read: &mut [u8], writers: &[JoinHandle<T>]) -> Verdict<usize> {
    let mut came = 0;
    while came < read.len() {
        let over = writers.iter().all(JoinHandle::is_finished);
        match file.read(&mut read[came..]) {
            Ok(more) => came += more,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                return fail(format!("read: {error}"));
            }
            Err(_) if over => break,
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(came)
}

/// Waits until `done`, and fails with `what` where that lasts long.
fn eventually(what: &str, mut done: impl FnMut() -> Verdict<bool>) -> Verdict {
    let end = Instant::now() + Duration::from_secs(20);
    while !done()? {
        ensure(Instant::now() < end, || what.to_owned())?;
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
