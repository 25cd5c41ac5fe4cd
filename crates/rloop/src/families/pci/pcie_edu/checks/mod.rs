// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is checked of a PCI device.

use std::io;
use std::time::Duration;

use rig::check::{self, Check, Kind};
use rig::verdict::{Problem, Verdict, ensure};

use super::Context;
use super::raw::Alarm;

mod binding;
mod faults;
mod interface;
mod life;
mod nonblocking;
mod signals;
mod wrong;

/// A check that is a function.
type Plain = check::Plain<Context>;

/// All checks.
pub fn all() -> Vec<Check<Context>> {
    let lists = [
        interface::CHECKS,
        nonblocking::CHECKS,
        signals::CHECKS,
        life::CHECKS,
        binding::CHECKS,
        wrong::CHECKS,
    ];
    let checks = lists.concat();
    let quick = |check: &Check<Context>| check.group() == "interface";
    let checks = checks.iter().map(Check::from);
    let of_faults = faults::CHECKS.iter().map(|check| Check {
        kind: Kind::Faults,
        ..Check::from(check)
    });
    let of_allocations = wrong::ALLOCATIONS.iter().map(|check| Check {
        kind: Kind::Allocations,
        ..Check::from(check)
    });
    checks
        .chain(of_faults)
        .chain(of_allocations)
        .map(|check| Check {
            quick: quick(&check),
            ..check
        })
        .collect()
}

/// Signals to the caller after a minute, and each second from then on: who is never woken is by these, and fails.
fn rescue() -> Verdict<Alarm> {
    let alarm = Alarm::new(Duration::from_secs(60), Duration::from_secs(1));
    alarm.map_err(|e| Problem::Failed(format!("a timer: {e}")))
}

/// A number whose factorial takes a device a second or so.
const LONG: u32 = 500_000_000;

/// Checks how a call has failed.
fn refused<T: std::fmt::Debug>(what: &str, result: io::Result<T>, errno: i32) -> Verdict {
    let came = result.as_ref().err().and_then(io::Error::raw_os_error);
    ensure(came == Some(errno), || {
        let due = io::Error::from_raw_os_error(errno);
        format!("{what} gave {result:?}, {due} is due")
    })
}

/// Checks what a call has returned.
pub fn gave<T: std::fmt::Debug + PartialEq>(what: &str, result: io::Result<T>, due: T) -> Verdict {
    ensure(result.as_ref().is_ok_and(|came| *came == due), || {
        format!("{what} gave {result:?}, {due:?} is due")
    })
}

/// The factorial of `number`, modulo 2³².
pub fn factorial(number: u32) -> u32 {
    // Of 34 and more there are 32 twos in it.
    (1..=number.min(34)).fold(1, u32::wrapping_mul)
}
