// SPDX-License-Identifier: MIT OR Apache-2.0

//! All checks. Each names the row of the card's contract that it proves.

use rig::check::{Check, Kind};

use super::context::{Context, Limits, Plain};
use crate::alsa::pcm::Space;

mod allocations;
mod cable;
mod clock;
mod controls;
mod delay;
mod drain;
mod ends;
mod fanout;
mod faults;
mod free;
mod interrupts;
mod matrix;
mod pause;
mod pitch;
mod proc;
mod reported;
mod silence;
mod space;
mod start;
mod suspend;
mod timer_source;
mod user_elements;
mod usual;
mod volume;
mod wakeup;
mod xrun;

/// The checks that do more than look, by what they do. The last of the first takes the card away.
const OTHERS: &[(Kind, &[Plain])] = &[
    (Kind::Faults, faults::CHECKS),
    (Kind::Allocations, allocations::CHECKS),
    (Kind::Interrupts, interrupts::CHECKS),
    (Kind::Suspend, suspend::CHECKS),
];

/// All checks, in the order in which they run.
pub fn all(limits: Limits, space: Option<&Space>) -> Vec<Check<Context>> {
    let mut checks = usual::usual(limits, space);
    for (kind, others) in OTHERS {
        checks.extend(others.iter().map(|other| Check {
            kind: *kind,
            ..usual::plain(other)
        }));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_check_says_what_it_proves() {
        let limits = Limits {
            full: false,
            byte_rate: 16 << 20,
            case_bytes: 1 << 20,
        };
        let checks = all(limits, None);
        let names: HashSet<&str> = checks.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), checks.len());
        assert!(
            checks
                .iter()
                .all(|c| c.name.contains('/') && !c.about.is_empty() && !c.claim.is_empty())
        );
        assert_eq!(checks.iter().filter(|c| c.quick).count(), 6);
    }
}
