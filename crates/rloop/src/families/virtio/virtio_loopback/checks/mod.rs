// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is checked of virtio devices whose other end is a program.

use rig::check::{self, Check, Kind};
use rig::verdict::{Verdict, ensure};
use std::io;

use super::Context;

mod abi;
mod lies;
mod life;
mod numbers;

/// A check that is a function.
type Plain = check::Plain<Context>;

/// All checks.
pub fn all() -> Vec<Check<Context>> {
    let all = [
        abi::CHECKS,
        numbers::CHECKS,
        life::CHECKS,
        lies::CHECKS,
        life::LAST,
    ];
    let suspended = numbers::SUSPENDED.iter().map(|plain| Check {
        kind: Kind::Suspend,
        ..Check::from(plain)
    });
    let all = all.concat();
    all.iter().map(Check::from).chain(suspended).collect()
}

/// Whether a call has failed with this errno.
fn gives<T>(what: &str, result: io::Result<T>, errno: i32) -> Verdict {
    let came = result.err();
    ensure(
        came.as_ref().and_then(io::Error::raw_os_error) == Some(errno),
        || {
            let due = io::Error::from_raw_os_error(errno);
            format!("{what} gave {came:?}, due is {due}")
        },
    )
}
