// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is checked of a device file that is heard.

use rig::check::{self, Check};

use super::Context;
use crate::alsa::signal::format::FORMATS;

mod close;
mod faults;
mod interrupts;
mod read;
mod sound;
mod write;

/// A check that is a function.
type Plain = check::Plain<Context>;

/// All checks.
pub fn all() -> Vec<Check<Context>> {
    let usual = [sound::CHECKS, close::CHECKS, write::CHECKS, read::CHECKS];
    let mut checks: Vec<Check<Context>> = usual.concat().iter().map(Check::from).collect();
    checks.extend(
        FORMATS
            .iter()
            .filter(|f| sound::is_taken(**f))
            .map(|format| {
                let name = format.name();
                Check {
                    name: format!("format/{name}"),
                    claim: "bit for bit",
                    about: format!("what is written as {name} is recorded bit for bit"),
                    kind: check::Kind::Usual,
                    quick: false,
                    run: Box::new(move |_| sound::in_format(name)),
                }
            }),
    );
    let others = [
        (check::Kind::Faults, faults::CHECKS),
        (check::Kind::Interrupts, interrupts::CHECKS),
    ];
    for (kind, others) in others {
        checks.extend(others.iter().map(|plain| Check {
            kind,
            ..Check::from(plain)
        }));
    }
    checks
}
