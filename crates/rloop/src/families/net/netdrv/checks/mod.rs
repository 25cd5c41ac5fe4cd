// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is checked of two network cards and the wire between them.

use std::io;

use rig::check::{self, Check};
use rig::verdict::{Verdict, ensure};

use super::Context;

mod faults;
mod frames;
mod life;
mod rings;
mod spaces;

/// A check that is a function.
type Plain = check::Plain<Context>;

/// All checks.
pub fn all() -> Vec<Check<Context>> {
    let usual = [life::CHECKS, frames::CHECKS, rings::CHECKS, spaces::CHECKS];
    let mut checks: Vec<Check<Context>> = usual.concat().iter().map(Check::from).collect();
    for check in &mut checks {
        check.quick = check.group() == "life";
    }
    checks.extend(faults::CHECKS.iter().map(|plain| Check {
        kind: check::Kind::Faults,
        ..Check::from(plain)
    }));
    checks
}

/// Whether two things are the same.
fn is<T: PartialEq + std::fmt::Debug>(what: &str, came: T, due: T) -> Verdict {
    ensure(came == due, || {
        format!("{what} is {came:?}, due is {due:?}")
    })
}

/// Whether a call has failed with this errno.
fn gives<T: std::fmt::Debug>(what: &str, result: io::Result<T>, errno: i32) -> Verdict {
    let came = result.as_ref().err().and_then(io::Error::raw_os_error);
    ensure(came == Some(errno), || {
        let due = io::Error::from_raw_os_error(errno);
        format!("{what} gave {result:?}, due is {due}")
    })
}
